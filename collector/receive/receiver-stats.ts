/** What the receivers count, for /metrics. Totals since the start of the process. */
import type { IngestOutcome } from '#collector/messages.ts';
import type { Signal } from '#lib/ingest/decoded.ts';
import type { ByteBudget } from './byte-budget.ts';

export type Transport = 'http' | 'grpc';
export const SIGNALS: readonly Signal[] = ['traces', 'metrics', 'logs'];
export const TRANSPORTS: readonly Transport[] = ['http', 'grpc'];

/** Why a request did not get a success. The first three may be sent again as they are. */
export const REFUSALS = [
  /** The byte budget is used up. */
  'over_budget',
  /** It waited at the door for as long as its sender does, or too many waited. */
  'overloaded',
  /** The store cannot take data now, or the collector is stopping. */
  'unavailable',
  'malformed',
  'unsupported',
  'too_large',
  'timeout',
  /** The sender went away before its answer. */
  'aborted',
  /** An error of ours; the request is lost. */
  'failed',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** Refusals that say when to send again. */
export const AGAIN_LATER = ['over_budget', 'overloaded', 'unavailable'] as const;

export interface SignalCounts {
  /** Requests answered with success, partial success included. */
  readonly acceptedRequests: number;
  /** Spans, metric points or log records that were stored (log records: counted). */
  readonly acceptedItems: number;
  /** Items refused by partial success. */
  readonly rejectedItems: number;
  /** Items of requests that were stored before. */
  readonly duplicateItems: number;
  readonly refusedRequests: Readonly<Record<Refusal, number>>;
  /** Bytes of bodies after decompression. */
  readonly bodyBytes: number;
}

type Mutable = {
  -readonly [K in keyof SignalCounts]: K extends 'refusedRequests'
    ? Record<Refusal, number>
    : SignalCounts[K];
};

export class ReceiverStats {
  readonly budget: ByteBudget;
  readonly #counts = new Map<string, Mutable>();
  /** Requests for paths or methods that OTLP does not have. */
  unroutedRequests = 0;

  constructor(budget: ByteBudget) {
    this.budget = budget;
  }

  /** Bytes that requests hold now, of `budget.totalBytes`. */
  get inFlightBytes(): number {
    return this.budget.usedBytes;
  }

  /** Live view. */
  counts(signal: Signal, transport: Transport): SignalCounts {
    return this.#entry(signal, transport);
  }

  refuse(signal: Signal, transport: Transport, refusal: Refusal): void {
    this.#entry(signal, transport).refusedRequests[refusal]++;
  }

  /** Requests refused for this reason, over all signals and transports. */
  total(refusal: Refusal): number {
    let sum = 0;
    for (const { refusedRequests } of this.#counts.values()) sum += refusedRequests[refusal];
    return sum;
  }

  /** Counts an outcome of the ingest service. */
  settle(signal: Signal, transport: Transport, bodyBytes: number, outcome: IngestOutcome): void {
    const entry = this.#entry(signal, transport);
    entry.bodyBytes += bodyBytes;
    if (outcome.status !== 'stored') {
      entry.refusedRequests[outcome.status]++;
      return;
    }
    entry.acceptedRequests++;
    entry.rejectedItems += outcome.rejectedCount;
    const stored = outcome.received - outcome.rejectedCount;
    if (outcome.duplicate) entry.duplicateItems += stored;
    else entry.acceptedItems += stored;
  }

  #entry(signal: Signal, transport: Transport): Mutable {
    const key = `${transport}/${signal}`;
    let entry = this.#counts.get(key);
    if (entry === undefined) {
      entry = {
        acceptedRequests: 0,
        acceptedItems: 0,
        rejectedItems: 0,
        duplicateItems: 0,
        refusedRequests: Object.fromEntries(REFUSALS.map((name) => [name, 0])) as Record<
          Refusal,
          number
        >,
        bodyBytes: 0,
      };
      this.#counts.set(key, entry);
    }
    return entry;
  }
}
