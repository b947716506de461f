/** Entry of the live thread: messages in, one cycle after another, figures out. */
import { parentPort, workerData } from 'node:worker_threads';
import type {
  CommittedMessage,
  ConsumedMessage,
  RollupsMessage,
  SamplingMessage,
} from '#collector/messages.ts';
import { ClockWatch } from '#collector/observe/clock-watch.ts';
import { GarbageWatch, giveBackStart } from '#lib/base/garbage-watch.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { openTelemetryReader, storedFileIdentity } from '#lib/store/open-store.ts';
import { NoDatabaseError } from '#lib/store/store-errors.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import { LiveEngine } from './live-engine.ts';
import type { FromLive, LiveThreadData, ToLive } from './live-messages.ts';

/** The period never grows beyond this: a picture older than that is no longer live. */
const MAX_PERIOD_MS = 15_000;

const TOTALS_EVERY_MS = 2000;

/** A hang is named within so long after the silence is long enough, whatever a cycle costs. */
const HANGS_EVERY_MS = 1000;

/** The same trouble is told once in this time. */
const WARN_EVERY_MS = 60_000;

/** Columns of the figures and buckets of one cycle, which are dead after it. */
const GARBAGE_BYTES = 32 * 2 ** 20;

const { settings, port } = workerData as LiveThreadData;
const main = parentPort!;
/** Events are compared with its time: a clock that jumps must not make all of them old, or future. */
const clock = new ClockWatch({ wallMs: Date.now, monotonicMs: () => performance.now() });
const unpacker = new PackedUnpacker();
const engine = new LiveEngine(settings, { unpacker, cpuMs });
const garbage = new GarbageWatch(GARBAGE_BYTES);
let reader: TelemetryReader | null = null;
let knowsStart = false;
let identity: string | null = null;
let totalsReadMs = 0;
let periodMs = settings.periodMs;
let stopping = false;
let timer: NodeJS.Timeout | undefined;
let cycling: Promise<void> = Promise.resolve();
let lastWarningMs = Number.NEGATIVE_INFINITY;

port.on('message', (message: CommittedMessage) => {
  try {
    engine.take(message, clock.believedUnixMs());
  } catch (error) {
    warn('events could not be taken into the live view', error);
  }
  port.postMessage({ type: 'consumed', messages: 1 } satisfies ConsumedMessage);
});

main.on('message', (message: ToLive) => {
  if (message.type === 'watched') {
    engine.setWatched(message.deployment, message.watched);
    // Who has just come should not wait for the next turn.
    if (message.watched && !stopping) schedule(0);
    return;
  }
  stopping = true;
  clearTimeout(timer);
  clearInterval(hangTimer);
  void cycling.then(async () => {
    await reader?.close();
    port.close();
    tell({ type: 'stopped' });
    main.close();
  });
});

const hangTimer = setInterval(lookForHangs, HANGS_EVERY_MS);
giveBackStart();
tell({ type: 'ready' });
schedule(periodMs);

function schedule(delayMs: number): void {
  clearTimeout(timer);
  timer = setTimeout(() => {
    cycling = cycling.then(turn);
  }, delayMs);
}

async function turn(): Promise<void> {
  if (stopping) return;
  const startedMs = performance.now();
  const startedCpuMs = cpuMs();
  try {
    await readStore();
    const outcome = engine.cycle(clock.believedUnixMs());
    for (const update of outcome.updates) tell({ type: 'update', update });
    for (const deployment of outcome.evicted) tell({ type: 'evicted', deployment });
    if (outcome.rollups !== null) port.postMessage(outcome.rollups);
    if (outcome.sampling !== null) {
      port.postMessage({ type: 'sampling', every: outcome.sampling } satisfies SamplingMessage);
    }
    await rebuildOne();
  } catch (error) {
    warn('a live cycle failed', error);
  }
  garbage.look();
  const cycleMs = performance.now() - startedMs;
  periodMs = nextPeriod(cpuMs() - startedCpuMs);
  tell({ type: 'stats', stats: engine.stats(cycleMs, periodMs) });
  if (!stopping) schedule(Math.max(0, periodMs - cycleMs));
}

function lookForHangs(): void {
  try {
    const updates = engine.lookForHangs(clock.believedUnixMs());
    for (const update of updates) tell({ type: 'update', update });
  } catch (error) {
    warn('hangs could not be looked for', error);
  }
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/**
 * A cycle may take a fifth of a core; the period shrinks back slowly, so that it does not flap. Time in
 * which other programs had the core is no cost of it.
 */
function nextPeriod(cycleMs: number): number {
  const { periodMs: shortest, targetCycleMs } = settings;
  const wanted = cycleMs <= targetCycleMs ? shortest : (cycleMs / targetCycleMs) * shortest;
  const eased = wanted > periodMs ? wanted : Math.max(wanted, periodMs * 0.8);
  return Math.min(MAX_PERIOD_MS, Math.max(shortest, eased));
}

async function readStore(): Promise<void> {
  const nowMs = clock.believedUnixMs();
  if (nowMs - totalsReadMs < TOTALS_EVERY_MS && knowsStart) return;
  totalsReadMs = nowMs;
  // An open connection would go on reading a file that was deleted or replaced.
  const current = storedFileIdentity({ store: settings.store, data: settings.dataDir });
  if (current !== identity) {
    await reader?.close();
    reader = null;
    identity = current;
  }
  try {
    const opened =
      reader ??
      (await openTelemetryReader({
        store: settings.store,
        data: settings.dataDir,
        unpacker,
      }));
    reader = opened;
    if (!knowsStart) {
      engine.setStored((await opened.deployments()).map((row) => row.deployment));
      await engine.rebuild.addMissing(opened);
      knowsStart = true;
    }
    engine.setTotals(await opened.ingestTotals());
  } catch (error) {
    if (!(error instanceof NoDatabaseError)) throw error;
  }
}

async function rebuildOne(): Promise<void> {
  // What is being missed now comes before what was missed.
  if (reader === null || engine.overloaded || !engine.rebuild.pending) return;
  const rows = await engine.rebuild.next(reader, (deployment, minute) =>
    engine.isClosed(deployment, minute),
  );
  if (rows === null) return;
  port.postMessage({ type: 'rollups', ...rows, late: [] } satisfies RollupsMessage);
}

function tell(message: FromLive): void {
  main.postMessage(message);
}

function warn(what: string, error: unknown): void {
  const nowMs = performance.now();
  if (nowMs - lastWarningMs < WARN_EVERY_MS) return;
  lastWarningMs = nowMs;
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  tell({ type: 'warning', message: `${what}: ${reason}` });
}
