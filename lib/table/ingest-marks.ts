/**
 * When events took place that were refused, changed, late or there before: counts by deployment,
 * reason and second, for marks on a timeline. The counters beside them have no time.
 */
import type { UnixNanos } from '#lib/base/units.ts';
import type { RejectReason } from './reject-reasons.ts';

export interface IngestMark {
  /** '' where unknown. */
  readonly deployment: string;
  readonly reason: RejectReason;
  /** Second since the epoch in which the events start; null: not known, so that of their receipt. */
  readonly unixS: number | null;
  readonly events: number;
}

/** Entries that are kept apart; what more there is counts without its second. */
const MAX_SECONDS = 4096;
/** The key of a second that is not known. */
const UNKNOWN = -1;
const NS_PER_S = 1_000_000_000n;

interface Entry {
  readonly deployment: string;
  readonly reason: RejectReason;
  readonly unixS: number;
  events: number;
}

/** Adds marks up. Bounded: by 4096 seconds, and one entry more for each deployment and reason. */
export class IngestMarks {
  #entries = new Map<string, Map<RejectReason, Map<number, Entry>>>();
  #seconds = 0;
  /** Most events come in the second of the one before. */
  #last: Entry | null = null;

  add(deployment: string, reason: RejectReason, unixS: number | null, events: number): void {
    const key = unixS ?? UNKNOWN;
    const last = this.#last;
    if (
      last !== null &&
      last.unixS === key &&
      last.reason === reason &&
      last.deployment === deployment
    ) {
      last.events += events;
      return;
    }
    const entry = this.#entry(deployment, reason, key);
    entry.events += events;
    this.#last = entry;
  }

  addAll(marks: Iterable<IngestMark>): void {
    for (const { deployment, reason, unixS, events } of marks) {
      this.add(deployment, reason, unixS, events);
    }
  }

  get isEmpty(): boolean {
    return this.#last === null;
  }

  get events(): number {
    return this.list().reduce((sum, { events }) => sum + events, 0);
  }

  list(): IngestMark[] {
    const marks: IngestMark[] = [];
    for (const reasons of this.#entries.values()) {
      for (const seconds of reasons.values()) {
        for (const { deployment, reason, unixS, events } of seconds.values()) {
          marks.push({ deployment, reason, unixS: unixS === UNKNOWN ? null : unixS, events });
        }
      }
    }
    return marks;
  }

  /** What there is; nothing is left. */
  take(): IngestMark[] {
    const marks = this.list();
    this.#entries = new Map();
    this.#seconds = 0;
    this.#last = null;
    return marks;
  }

  #entry(deployment: string, reason: RejectReason, unixS: number): Entry {
    let reasons = this.#entries.get(deployment);
    if (reasons === undefined) {
      reasons = new Map();
      this.#entries.set(deployment, reasons);
    }
    let seconds = reasons.get(reason);
    if (seconds === undefined) {
      seconds = new Map();
      reasons.set(reason, seconds);
    }
    const known = seconds.get(unixS);
    if (known !== undefined) return known;
    if (unixS !== UNKNOWN && this.#seconds >= MAX_SECONDS) {
      return this.#entry(deployment, reason, UNKNOWN);
    }
    if (unixS !== UNKNOWN) this.#seconds++;
    const made = { deployment, reason, unixS, events: 0 };
    seconds.set(unixS, made);
    return made;
  }
}

/** The second since the epoch of times that count from a base. */
export class SecondsAfter {
  readonly #baseS: number;
  readonly #restNs: number;

  constructor(baseUnixNs: UnixNanos) {
    this.#baseS = Number(baseUnixNs / NS_PER_S);
    this.#restNs = Number(baseUnixNs % NS_PER_S);
  }

  at(offsetNs: number): number {
    return this.#baseS + Math.floor((this.#restNs + offsetNs) / 1e9);
  }
}
