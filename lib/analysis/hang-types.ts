/** Hangs in the report (report-types.ts): who stands still, since when, who waits for whom. */

/** What a worker did last before progress stopped, and what it should have done next. */
export interface HangWorker {
  readonly worker: string;
  /** The last event that it completed; null: none in memory. */
  readonly last: {
    readonly step: number;
    readonly stage: string;
    readonly layer: number;
    readonly microbatch: number;
    readonly endUnixNs: string;
  } | null;
  /** The event that comes next; null: it was done with the step. */
  readonly next: {
    readonly stage: string;
    readonly layer: number;
    readonly microbatch: number;
  } | null;
  /** Workers whose sends it waits for. */
  readonly waitsFor: readonly string[];
}

/** Progress stopped while a step was in flight, or a worker fell silent while others went on. */
export interface Hang {
  readonly kind: 'hang' | 'silent';
  readonly domain: number;
  /** The step that was in flight. */
  readonly step: number;
  /** The last end of any event before. */
  readonly sinceUnixNs: string;
  /** The first end after; null: it goes on. */
  readonly untilUnixNs: string | null;
  readonly durationNs: number;
  /** The usual duration of a step. */
  readonly usualNs: number | null;
  /** The first fault of the chain; null: cannot be told. */
  readonly worker: string | null;
  /**
   * `no-progress`: it has its input and produced nothing. `no-receive`: everything was sent to it, and
   * it received nothing. `silent`: no events of it. `unknown`: nobody stands out.
   */
  readonly reason: 'no-progress' | 'no-receive' | 'silent' | 'unknown';
  /** How many workers wait, directly or through others, for that worker. */
  readonly waiting: number;
  readonly workers: readonly HangWorker[];
}
