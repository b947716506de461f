/**
 * The main thread's end of the live thread. Keeps, for each deployment, the last event of every kind
 * and the newest points, so that a reader that was away gets exactly what it missed.
 *
 * A point moves the epoch; the other kinds replace each other and go out with the epoch of the
 * newest point. Epochs start at the wall clock of their making, so that an epoch of an earlier
 * process is never taken for one of this.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { LiveEvent, Overview, TrendPoint } from '#lib/api/live-event.ts';
import { EpochRing } from '#lib/base/epoch-ring.ts';
import type { FromLive, LiveStats, LiveThreadData, LiveUpdate, ToLive } from './live-messages.ts';
import { LIVE_DEFAULTS, type LiveSettings } from './live-settings.ts';

/** Two minutes of points; who was away for longer loads the history. */
const RING_POINTS = 120;

/** A new reader gets so many: buckets of the history close up to half a minute late. */
const POINTS_AFTER_RESET = 60;

const MAX_RESTART_DELAY_MS = 30_000;

export interface LiveOptions extends Partial<LiveSettings> {
  readonly store: string;
  readonly dataDir: string;
  /** The live thread died and was started again: the ingest thread must send to this port now. */
  readonly onPort?: (port: MessagePort) => void;
  /** Something that an operator should read in the log. */
  readonly onWarning?: (message: string) => void;
  /** Another entry than live-thread.ts: tests put one in that fails. */
  readonly threadFile?: URL;
}

export type SendLive = (epoch: number, event: LiveEvent) => void;

export interface LiveHub {
  /** For the ingest thread: takes `CommittedMessage`, gives `ConsumedMessage` and `RollupsMessage`. */
  readonly port: MessagePort;
  /** Deployments in memory, sorted. */
  deployments(): string[];
  /**
   * Calls `send` at once with what a reader that saw `lastEventId` needs (missed points, or `reset`,
   * then the last of every other kind), then with everything new. Returns the way to stop.
   */
  subscribe(deployment: string, lastEventId: number | null, send: SendLive): () => void;
  /** Newest figures of each deployment that sent any. */
  latestOverviews(): ReadonlyMap<string, Overview>;
  stats(): LiveStats | null;
  /** Ends the thread; buckets that are open are rebuilt at the next start. */
  stop(): Promise<void>;
}

/** Resolves when the live thread listens. */
export async function startLive(options: LiveOptions): Promise<LiveHub> {
  const hub = new Hub(options);
  await hub.start();
  return hub;
}

interface Channel {
  readonly baseEpoch: number;
  readonly ring: EpochRing<TrendPoint>;
  readonly last: Map<'overview' | 'strip' | 'heatmap', LiveEvent>;
  readonly subscribers: Set<SendLive>;
}

class Hub implements LiveHub {
  readonly #options: LiveOptions;
  readonly #channels = new Map<string, Channel>();
  readonly #known = new Set<string>();
  readonly #overviews = new Map<string, Overview>();
  #worker: Worker | undefined;
  #port: MessagePort | undefined;
  #stats: LiveStats | null = null;
  #stopping = false;
  #wasReady = false;
  #readyAtMs = 0;
  #stopped: (() => void) | undefined;
  #restartDelayMs = 1000;
  #restartTimer: NodeJS.Timeout | undefined;
  #lastBaseEpoch = 0;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  get port(): MessagePort {
    if (this.#port === undefined) throw new Error('the live thread is not started');
    return this.#port;
  }

  start(): Promise<void> {
    const { onPort: _onPort, onWarning: _onWarning, threadFile, ...given } = this.#options;
    const { port1, port2 } = new MessageChannel();
    const settings: LiveSettings = { ...LIVE_DEFAULTS, ...given };
    const entry = threadFile ?? new URL('./live-thread.ts', import.meta.url);
    const worker = new Worker(entry, {
      workerData: { settings, port: port2 } satisfies LiveThreadData,
      transferList: [port2],
      name: 'live',
      resourceLimits: { maxYoungGenerationSizeMb: 24 },
    });
    this.#worker = worker;
    this.#port = port1;
    return new Promise((resolve, reject) => {
      worker.on('message', (message: FromLive) => {
        if (message.type === 'ready') resolve();
        this.#receive(message);
      });
      worker.on('error', (error) => {
        const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
        reject(new Error(reason));
        this.#options.onWarning?.(`the live thread failed: ${reason}`);
      });
      worker.on('exit', () => {
        reject(new Error('the live thread ended'));
        this.#ended(worker);
      });
    });
  }

  deployments(): string[] {
    return [...this.#known].sort();
  }

  latestOverviews(): ReadonlyMap<string, Overview> {
    return this.#overviews;
  }

  stats(): LiveStats | null {
    return this.#stats;
  }

  subscribe(deployment: string, lastEventId: number | null, send: SendLive): () => void {
    const channel = this.#channel(deployment);
    this.#greet(deployment, channel, lastEventId, send);
    channel.subscribers.add(send);
    if (channel.subscribers.size === 1) this.#watch(deployment, true);
    return () => {
      if (!channel.subscribers.delete(send) || channel.subscribers.size > 0) return;
      this.#watch(deployment, false);
      // A name that nobody ever sent telemetry for must not stay in memory.
      if (!this.#known.has(deployment)) this.#channels.delete(deployment);
    };
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restartTimer);
    const worker = this.#worker;
    if (worker !== undefined) {
      const stopped = new Promise<void>((resolve) => {
        this.#stopped = resolve;
      });
      worker.postMessage({ type: 'stop' } satisfies ToLive);
      const timer = setTimeout(() => void worker.terminate(), 2000);
      await stopped;
      clearTimeout(timer);
    }
    this.#port?.close();
    this.#channels.clear();
  }

  #greet(deployment: string, channel: Channel, lastEventId: number | null, send: SendLive): void {
    const { ring, baseEpoch } = channel;
    const isOurs = lastEventId !== null && lastEventId >= baseEpoch;
    const missed = isOurs ? ring.changesSince(lastEventId - baseEpoch) : 'reset';
    const epoch = baseEpoch + ring.epoch;
    if (missed === 'reset') {
      send(epoch, { kind: 'reset', deployment });
    }
    const recent = Math.max(0, ring.epoch - POINTS_AFTER_RESET);
    const points = missed === 'reset' ? ring.changesSince(recent) : missed;
    for (const { epoch: at, change } of points === 'reset' ? [] : points) {
      send(baseEpoch + at, { kind: 'point', deployment, ...change });
    }
    for (const event of channel.last.values()) send(epoch, event);
  }

  #channel(deployment: string): Channel {
    const known = this.#channels.get(deployment);
    if (known !== undefined) return known;
    // Two channels made in the same millisecond, one after the other evicted, still differ.
    this.#lastBaseEpoch = Math.max(Date.now(), this.#lastBaseEpoch + 1);
    const channel: Channel = {
      baseEpoch: this.#lastBaseEpoch,
      ring: new EpochRing(RING_POINTS),
      last: new Map(),
      subscribers: new Set(),
    };
    this.#channels.set(deployment, channel);
    return channel;
  }

  #receive(message: FromLive): void {
    switch (message.type) {
      case 'update':
        this.#publish(message.update);
        return;
      case 'evicted':
        this.#evict(message.deployment);
        return;
      case 'stats':
        this.#stats = message.stats;
        return;
      case 'warning':
        this.#options.onWarning?.(message.message);
        return;
      case 'ready':
        this.#wasReady = true;
        this.#readyAtMs = Date.now();
        return;
      case 'stopped':
        return;
    }
  }

  #publish({ deployment, overview, points, strip, heatmap }: LiveUpdate): void {
    // Who asked for a deployment that nobody knows may be gone again.
    if (overview.state === 'empty' && !this.#channels.has(deployment)) return;
    if (overview.state !== 'empty') {
      this.#known.add(deployment);
      this.#overviews.set(deployment, overview);
    }
    const channel = this.#channel(deployment);
    for (const point of points) {
      const epoch = channel.baseEpoch + channel.ring.push(point);
      this.#send(channel, epoch, { kind: 'point', deployment, ...point });
    }
    const epoch = channel.baseEpoch + channel.ring.epoch;
    for (const event of [overview, strip, heatmap]) {
      if (event === null) continue;
      channel.last.set(event.kind, event);
      this.#send(channel, epoch, event);
    }
  }

  #send(channel: Channel, epoch: number, event: LiveEvent): void {
    for (const send of channel.subscribers) send(epoch, event);
  }

  #evict(deployment: string): void {
    this.#known.delete(deployment);
    this.#overviews.delete(deployment);
    const channel = this.#channels.get(deployment);
    if (channel !== undefined && channel.subscribers.size === 0) this.#channels.delete(deployment);
  }

  #watch(deployment: string, watched: boolean): void {
    this.#worker?.postMessage({ type: 'watched', deployment, watched } satisfies ToLive);
  }

  #ended(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#port?.close();
    this.#stopped?.();
    // A thread that never came up is an error of `startLive`, not something to try again.
    if (this.#stopping || !this.#wasReady) return;
    // One that ran well for a while starts its back-off anew; one that dies at once does not.
    if (Date.now() - this.#readyAtMs > MAX_RESTART_DELAY_MS) this.#restartDelayMs = 1000;
    const delayMs = this.#restartDelayMs;
    this.#restartDelayMs = Math.min(MAX_RESTART_DELAY_MS, delayMs * 2);
    this.#options.onWarning?.(`the live thread ended; it is started again in ${delayMs / 1000} s`);
    this.#restartTimer = setTimeout(() => this.#restart(), delayMs);
  }

  #restart(): void {
    this.start().then(
      () => {
        this.#options.onPort?.(this.port);
        for (const [deployment, channel] of this.#channels) {
          if (channel.subscribers.size > 0) this.#watch(deployment, true);
        }
      },
      // Its end is followed by the next try.
      () => undefined,
    );
  }
}
