/**
 * The clocks of one deployment while it is looked at: what transfers of the last minutes say, and the
 * alignment that is in use.
 *
 *     every second:  new transfers ─▶ limits of the last two minutes
 *                          └─ does the alignment in use still hold for them?   yes: it stays
 *                                                                              no: drawn anew
 *
 * An alignment that is drawn anew each second would move all times by some microseconds each time,
 * within its bounds, and every figure with them. So it is kept until a transfer contradicts it, a new
 * bucket of limits begins (clocks drift), or twice as many limits are known, which matters at the
 * start. It keeps the reference that it had.
 */
import { type UnixNanos, unixNanos } from '#lib/base/units.ts';
import {
  type AlignedEvents,
  alignTables,
  type ClockFacts,
  ClockTransfers,
} from '#lib/model/align-events.ts';
import { alignClocks, type ClockAlignment, type DomainClock } from '#lib/model/clock-alignment.ts';
import { ClockBounds } from '#lib/model/clock-bounds.ts';
import { correctionAt } from '#lib/model/clock-correction.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { TimeWindow } from './time-window.ts';

/** Limits are kept for so long. */
const KEPT_NS = 120_000_000_000n;

export class LiveClocks {
  readonly #deployment: string;
  #bounds = new ClockBounds();
  #alignment: ClockAlignment | null = null;
  #bucket = -1n;
  /** Transfers so far (looks overlap, so some count again), and when the alignment was drawn. */
  #transfers = 0;
  #transfersWhenDrawn = 0;
  #isContradicted = false;

  constructor(deployment: string) {
    this.#deployment = deployment;
  }

  /** Learns from the steps inside the window and aligns: what the live report is made of. */
  look(tables: readonly EventTable[], window: TimeWindow): AlignedEvents {
    const transfers = ClockTransfers.findInside(tables, this.#deployment, window);
    if (transfers === null) return { tables, clock: null };
    this.#transfers += transfers.addTo(this.#bounds);
    this.#forget(window.toUnixNs);
    let alignment = this.#alignment;
    if (alignment === null || this.#isDue(window.toUnixNs)) {
      alignment = this.#draw(window.toUnixNs);
    }
    let aligned = transfers.align(tables, alignment);
    if (aligned.clock!.violationsAfter > 0 && !this.#isContradicted) {
      aligned = transfers.align(tables, this.#draw(window.toUnixNs));
      // What no alignment of these limits puts in order is not tried again and again.
      this.#isContradicted = aligned.clock!.violationsAfter > 0;
    }
    return { tables: aligned.tables, clock: factsIn(aligned.clock!, window) };
  }

  /** Aligns as the last look did; the first one to ask learns from its own events. */
  align(tables: readonly EventTable[], window: TimeWindow): readonly EventTable[] {
    if (this.#alignment === null) return this.look(tables, window).tables;
    return alignTables(tables, this.#alignment);
  }

  #isDue(newest: UnixNanos): boolean {
    return this.#bucketOf(newest) > this.#bucket || this.#transfers > 2 * this.#transfersWhenDrawn;
  }

  #draw(newest: UnixNanos): ClockAlignment {
    const reference = this.#alignment?.referenceDomain ?? null;
    const drawn = alignClocks(this.#bounds.part(), reference === null ? {} : { reference });
    this.#alignment = drawn;
    this.#transfersWhenDrawn = this.#transfers;
    this.#bucket = this.#bucketOf(newest);
    this.#isContradicted = false;
    return drawn;
  }

  #bucketOf(instant: UnixNanos): bigint {
    return instant / BigInt(this.#bounds.bucketNs);
  }

  /** Once a bucket. Names of hosts that are gone are forgotten with their limits. */
  #forget(newest: UnixNanos): void {
    if (this.#bucketOf(newest) <= this.#bucket) return;
    this.#bounds.forgetBefore(unixNanos(newest > KEPT_NS ? newest - KEPT_NS : 0n));
    const kept = new ClockBounds(this.#bounds.bucketNs);
    kept.merge(this.#bounds.part());
    this.#bounds = kept;
  }
}

/** How far the clock that is furthest ahead is moved back. */
export function movedBackNs(clock: ClockFacts | null): number {
  return Math.max(0, ...(clock?.alignment.domains ?? []).map(({ offsetNs }) => -offsetNs));
}

/** Offsets in the middle of the window that is shown, instead of that of the last minutes. */
function factsIn(facts: ClockFacts, { fromUnixNs, toUnixNs }: TimeWindow): ClockFacts {
  const middle = unixNanos((fromUnixNs + toUnixNs) / 2n);
  const domains = facts.alignment.domains.map((clock) => clockAt(clock, middle));
  return { ...facts, alignment: { ...facts.alignment, domains } };
}

function clockAt(clock: DomainClock, instant: UnixNanos): DomainClock {
  const { correction, offsetNs, lowNs, highNs } = clock;
  if (correction === null) return clock;
  const atNs = Math.round(correctionAt(correction, instant, 0));
  const laterNs = atNs - offsetNs;
  return {
    ...clock,
    offsetNs: atNs,
    lowNs: lowNs === null ? null : lowNs + laterNs,
    highNs: highNs === null ? null : highNs + laterNs,
  };
}
