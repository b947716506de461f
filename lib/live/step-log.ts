/**
 * When the newest steps of a deployment began and ended, and how many events they have: from it the
 * live report chooses whole steps, also where so few are looked at that most spans of time hold none.
 */
import { type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import type { TimeWindow } from './time-window.ts';

interface LoggedStep {
  readonly domain: number;
  startUnixNs: bigint;
  endUnixNs: bigint;
  events: number;
}

/** Of one step in one table, after the table's base. */
interface Part {
  readonly domain: number;
  readonly step: number;
  startNs: number;
  endNs: number;
  events: number;
}

/** Steps that are remembered; more fit no live window. */
const MAX_STEPS = 4096;

export class StepLog {
  /** By domain and step, in order of first sight. */
  readonly #steps = new Map<string, LoggedStep>();

  get size(): number {
    return this.#steps.size;
  }

  /** Events without a step do not count. */
  add(table: EventTable): void {
    const { domain, step, startNs, durationNs } = table;
    this.#addParts(table, (row, part) => {
      if (part === null) {
        return { domain: domain[row]!, step: step[row]!, events: 0, ...NOTHING };
      }
      part.startNs = Math.min(part.startNs, startNs[row]!);
      part.endNs = Math.max(part.endNs, startNs[row]! + durationNs[row]!);
      part.events++;
      return part;
    });
  }

  addPacked(table: PackedTable): void {
    const { domain, step, startNs, endNs, stepEvents } = table;
    this.#addParts(table, (row, part) => {
      if (part === null) {
        return { domain: domain[row]!, step: step[row]!, events: 0, ...NOTHING };
      }
      part.startNs = Math.min(part.startNs, startNs[row]!);
      part.endNs = Math.max(part.endNs, endNs[row]!);
      part.events += stepEvents[row]!;
      return part;
    });
  }

  forgetBefore(instant: UnixNanos): void {
    for (const [key, { endUnixNs }] of this.#steps) {
      if (endUnixNs < instant) this.#steps.delete(key);
    }
  }

  /**
   * From the first start to the last end of the newest whole steps: those that end by `reported` and
   * are not the newest of their domain (`newestMayGoOn`). As many as have `maxEvents` events
   * together, at least one; null where there is none.
   */
  newestWhole(reported: UnixNanos, maxEvents: number, newestMayGoOn: boolean): TimeWindow | null {
    const newest = new Map<number, LoggedStep>();
    for (const step of this.#steps.values()) {
      const known = newest.get(step.domain);
      if (known === undefined || step.startUnixNs > known.startUnixNs) {
        newest.set(step.domain, step);
      }
    }
    const whole = [...this.#steps.values()]
      .filter((step) => step.endUnixNs <= reported)
      .filter((step) => !newestMayGoOn || newest.get(step.domain) !== step)
      .sort((a, b) => (a.endUnixNs > b.endUnixNs ? -1 : 1));
    let events = 0;
    let from: bigint | null = null;
    let to = 0n;
    for (const step of whole) {
      events += step.events;
      if (from !== null && events > maxEvents) break;
      if (from === null || step.startUnixNs < from) from = step.startUnixNs;
      if (step.endUnixNs > to) to = step.endUnixNs;
    }
    return from === null ? null : { fromUnixNs: unixNanos(from), toUnixNs: unixNanos(to) };
  }

  /** The newest end by domain. */
  newestEnds(): Map<number, UnixNanos> {
    const ends = new Map<number, UnixNanos>();
    for (const { domain, endUnixNs } of this.#steps.values()) {
      const known = ends.get(domain);
      if (known === undefined || endUnixNs > known) ends.set(domain, unixNanos(endUnixNs));
    }
    return ends;
  }

  /** The longest step that is remembered, in nanoseconds. */
  get longestNs(): number {
    let longest = 0n;
    for (const { startUnixNs, endUnixNs } of this.#steps.values()) {
      if (endUnixNs - startUnixNs > longest) longest = endUnixNs - startUnixNs;
    }
    return Number(longest);
  }

  /** `grow` makes a step's part of the table (null) or widens it by a row. */
  #addParts(
    table: Pick<EventTable, 'length' | 'baseUnixNs' | 'domain' | 'step'>,
    grow: (row: number, part: Part | null) => Part,
  ): void {
    const parts = new Map<string, Part>();
    let last: Part | null = null;
    for (let row = 0; row < table.length; row++) {
      const step = table.step[row]!;
      if (step < 0) continue;
      // Neighbours mostly share their step: skip the look-up.
      if (last === null || last.step !== step || last.domain !== table.domain[row]) {
        const key: string = `${table.domain[row]}/${step}`;
        last = parts.get(key) ?? grow(row, null);
        parts.set(key, last);
      }
      grow(row, last);
    }
    for (const [key, part] of parts) this.#note(key, part, table.baseUnixNs);
  }

  #note(key: string, { domain, startNs, endNs, events }: Part, baseUnixNs: bigint): void {
    const startUnixNs = baseUnixNs + BigInt(Math.floor(startNs));
    const endUnixNs = baseUnixNs + BigInt(Math.ceil(endNs));
    const known = this.#steps.get(key);
    if (known !== undefined) {
      known.events += events;
      if (startUnixNs < known.startUnixNs) known.startUnixNs = startUnixNs;
      if (endUnixNs > known.endUnixNs) known.endUnixNs = endUnixNs;
      return;
    }
    this.#steps.set(key, { domain, startUnixNs, endUnixNs, events });
    if (this.#steps.size <= MAX_STEPS) return;
    for (const oldest of this.#steps.keys()) {
      this.#steps.delete(oldest);
      break;
    }
  }
}

const NOTHING = { startNs: Number.POSITIVE_INFINITY, endNs: Number.NEGATIVE_INFINITY } as const;
