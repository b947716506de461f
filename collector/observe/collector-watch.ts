/**
 * Puts together what is wrong with the collector now: the store's own state, how long requests
 * wait, the clock. The receivers ask it whether a request may come in, `/readyz` and `/metrics`
 * what to tell.
 */
import type { IngestService } from '#collector/ingest/ingest-client.ts';
import type { IngestState } from '#collector/ingest/thread-messages.ts';
import type { FrontDoor, Refused } from '#collector/receive/front-door.ts';
import { OVERLOAD_RETRY_S } from '#collector/receive/front-door.ts';
import type { ReceiverStats } from '#collector/receive/receiver-stats.ts';
import type { Condition, ConditionName } from '#lib/api/condition.ts';
import { ClockWatch, jumpText } from './clock-watch.ts';
import type { ConditionBoard } from './condition-board.ts';

export interface CollectorWatchOptions {
  readonly board: ConditionBoard;
  readonly stats: ReceiverStats;
  /** undefined until the store is open. */
  readonly ingest: () => Pick<IngestService, 'queueWaitMs' | 'state'> | undefined;
  readonly door: () => FrontDoor | undefined;
  readonly clock?: ClockWatch;
  /** Requests stay outside while the oldest inside waits longer; default 2 s. */
  readonly maxQueueWaitMs?: number;
  /** An overload is over when none was seen for so long; default 5 s. */
  readonly overloadOverMs?: number;
}

/** Senders time out after 10 s: what came in is answered long before. */
export const MAX_QUEUE_WAIT_MS = 2000;
const OVERLOAD_OVER_MS = 5000;
const LOOK_EVERY_MS = 1000;

export class CollectorWatch {
  readonly #options: CollectorWatchOptions;
  readonly #clock: ClockWatch;
  #storeCondition: ConditionName | undefined;
  #overloadSeenAtMs = Number.NEGATIVE_INFINITY;
  #refusedBefore = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CollectorWatchOptions) {
    this.#options = options;
    this.#clock =
      options.clock ?? new ClockWatch({ wallMs: Date.now, monotonicMs: () => performance.now() });
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** `onState` of the ingest service. */
  storeState(state: IngestState): void {
    const { board } = this.#options;
    const name = conditionOf(state);
    if (this.#storeCondition !== undefined && this.#storeCondition !== name) {
      board.end(this.#storeCondition);
    }
    this.#storeCondition = name;
    if (name !== undefined && state.status !== 'ok') {
      board.begin(name, state.reason, state.sinceUnixMs);
    }
  }

  /** Why no request should come in now; null: it may. */
  pressure(): Refused | null {
    const ingest = this.#options.ingest();
    const state = ingest?.state();
    if (state !== undefined && state.status !== 'ok') {
      const name = conditionOf(state);
      return {
        status: 'unavailable',
        message: `the store cannot take data now (${name}); send again later`,
        retryAfterS: OVERLOAD_RETRY_S,
      };
    }
    const queueWaitMs = ingest?.queueWaitMs() ?? 0;
    if (queueWaitMs <= (this.#options.maxQueueWaitMs ?? MAX_QUEUE_WAIT_MS)) return null;
    return {
      status: 'overloaded',
      message: 'requests wait too long for the disk; send again later',
      retryAfterS: OVERLOAD_RETRY_S,
    };
  }

  conditions(): readonly Condition[] {
    return this.#options.board.active();
  }

  /** Once a second; tests call it. */
  look(): void {
    this.#lookAtClock();
    this.#lookAtLoad();
  }

  #lookAtClock(): void {
    const { board } = this.#options;
    const jump = this.#clock.look();
    if (jump === null) board.end('clock');
    else board.begin('clock', jumpText(jump), jump.sinceUnixMs);
  }

  #lookAtLoad(): void {
    const { board, door, stats } = this.#options;
    const waiting = door()?.waiting ?? 0;
    const refused = stats.total('over_budget') + stats.total('overloaded');
    const isLoad = waiting > 0 && this.pressure()?.status !== 'unavailable';
    if (isLoad || refused > this.#refusedBefore) {
      this.#overloadSeenAtMs = performance.now();
      const detail =
        `more comes than can be stored (${waiting} requests wait outside, ` +
        `${refused} were told to come again)`;
      board.begin('overload', detail);
    } else {
      const quietMs = performance.now() - this.#overloadSeenAtMs;
      if (quietMs > (this.#options.overloadOverMs ?? OVERLOAD_OVER_MS)) board.end('overload');
    }
    this.#refusedBefore = refused;
  }
}

function conditionOf(state: IngestState): ConditionName | undefined {
  if (state.status === 'ok') return undefined;
  if (state.status === 'fatal' || state.name === 'closed') return 'store-stopped';
  return state.name;
}
