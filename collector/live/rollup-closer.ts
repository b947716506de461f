/**
 * Closes the 1 s buckets of one deployment once no more events are awaited for them, from the events
 * in memory, and adds them up to buckets of 10 s and 60 s.
 *
 *     … closed │ bucket │ bucket │      awaited       │ newest event
 *              └ closedUntil     └ newest - maxLag
 *
 * Figures of a bucket need the steps around it whole, so events are assembled over a margin.
 */
import { type Rollups, rollupBuckets } from '#lib/analysis/rollup-buckets.ts';
import type { ReusedRoom } from '#lib/base/column-room.ts';
import { floorTo, NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { LiveClocks } from '#lib/live/live-clocks.ts';
import type { LiveWindow } from '#lib/live/live-window.ts';
import { assemble } from '#lib/model/assemble.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { type IngestMark, IngestMarks, SecondsAfter } from '#lib/table/ingest-marks.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { bucketsWithData } from './buckets-with-data.ts';
import { RollupCascade } from './rollup-cascade.ts';

const SECOND = BigInt(NS_PER_S);
export const MINUTE = 60n * SECOND;

/** Margins to try, widest first: a pause of up to 10 s between two steps is observed time. */
const MARGINS_S = [10n, 5n, 2n, 1n];

/** Workers' clocks differ, so that a step's events of one may lie outside of another's. */
const MIN_ALONE_MARGIN_NS = 250_000_000n;

/** Dirty minutes that are remembered: a day and more. */
const MAX_DIRTY = 2000;

/** So many buckets are closed together: a margin of 1 s on both sides of one would treble the work. */
const BUCKETS_AT_ONCE = 5n;

export class RollupCloser {
  readonly #deployment: string;
  readonly #maxEvents: number;
  readonly #room: ReusedRoom;
  readonly #cascade = new RollupCascade();
  #closedUntil: UnixNanos | null = null;
  /** Minutes of which only some steps were looked at. */
  readonly #partial = new Set<bigint>();
  /** Minutes whose rollups must be made from the store instead. */
  readonly #dirty = new Set<bigint>();
  /** Does the store have earlier events, which the first buckets would need? */
  readonly #continues: boolean;
  readonly #late = new IngestMarks();

  constructor(deployment: string, maxEvents: number, continues: boolean, room: ReusedRoom) {
    this.#deployment = deployment;
    this.#maxEvents = maxEvents;
    this.#room = room;
    this.#continues = continues;
  }

  get closedUntil(): UnixNanos | null {
    return this.#closedUntil;
  }

  /** Counts rows that start before what is closed, and marks their minutes for a rebuild. */
  noticeLate(table: EventTable): void {
    if (this.#closedUntil === null) return;
    const closedNs = Number(this.#closedUntil - table.baseUnixNs);
    const seconds = new SecondsAfter(table.baseUnixNs);
    let lastMinute = -1n;
    for (let i = 0; i < table.length; i++) {
      const startNs = table.startNs[i]!;
      if (startNs >= closedNs) continue;
      this.#late.add(this.#deployment, 'late', seconds.at(startNs), 1);
      const minute = floorTo(table.baseUnixNs + BigInt(startNs), MINUTE);
      if (minute === lastMinute) continue;
      lastMinute = minute;
      this.#dirty.add(minute);
    }
  }

  /** The same for packed steps: those that start before what is closed count whole. */
  noticeLateSteps(table: PackedTable): void {
    if (this.#closedUntil === null) return;
    const closedNs = Number(this.#closedUntil - table.baseUnixNs);
    const seconds = new SecondsAfter(table.baseUnixNs);
    for (let row = 0; row < table.length; row++) {
      const startNs = table.startNs[row]!;
      if (startNs >= closedNs) continue;
      this.#late.add(this.#deployment, 'late', seconds.at(startNs), table.stepEvents[row]!);
      const start = unixNanos(table.baseUnixNs + BigInt(Math.floor(startNs)));
      const end = unixNanos(table.baseUnixNs + BigInt(Math.ceil(table.endNs[row]!)));
      this.markDirty(start, end);
    }
  }

  /** Events in memory of the span are lost to the buckets: they are made from the store. */
  markDirty(fromUnixNs: UnixNanos, toUnixNs: UnixNanos): void {
    const last = floorTo(toUnixNs, MINUTE);
    for (
      let m: bigint = floorTo(fromUnixNs, MINUTE), n = 0;
      m <= last && n < 120;
      m += MINUTE, n++
    ) {
      if (this.#dirty.size >= MAX_DIRTY) return;
      this.#dirty.add(m);
    }
  }

  /** Late events since the last call. */
  takeLate(): IngestMark[] {
    return this.#late.take();
  }

  /** Dirty minutes that are closed, each once. */
  takeDirtyMinutes(): bigint[] {
    const ready = [...this.#dirty].filter(
      (minute) => this.#closedUntil !== null && minute + MINUTE <= this.#closedUntil,
    );
    for (const minute of ready) this.#dirty.delete(minute);
    return ready;
  }

  /** Closed minutes of which only some steps were looked at, each once. */
  takePartialMinutes(): bigint[] {
    const ready = [...this.#partial].filter(
      (minute) => this.#closedUntil !== null && minute + MINUTE <= this.#closedUntil,
    );
    for (const minute of ready) this.#partial.delete(minute);
    return ready;
  }

  /** All dirty minutes, closed or not: the deployment leaves the memory. */
  takeAllDirtyMinutes(): bigint[] {
    const all = [...this.#dirty];
    this.#dirty.clear();
    return all;
  }

  /**
   * Closes buckets that end at or before `untilUnixNs`, oldest first, of about `maxEvents` events at
   * a time; `more` says that there is a next portion. `eager` closes single buckets too. `aloneNs`
   * is not null where steps stand alone, because those around them are not looked at: how long the
   * longest is, and no more than that is needed around the buckets. Buckets are of aligned time.
   */
  close(
    window: LiveWindow,
    untilUnixNs: UnixNanos,
    eager: boolean,
    aloneNs: number | null,
    clocks: LiveClocks,
  ): { readonly rollups: Rollups; readonly more: boolean } {
    const until = floorTo(untilUnixNs, SECOND);
    let from = this.#begin(window);
    if (from === null || until <= from) return { rollups: NOTHING, more: false };
    const next = window.firstFrom(unixNanos(from));
    if (next === null || next >= until) {
      // A pause can be observed time only between events on both sides of it.
      if (next === null) this.#closedUntil = unixNanos(until);
      if (next === null || next - from > MARGINS_S[0]! * SECOND) {
        return { rollups: NOTHING, more: false };
      }
    } else if (next - from > MARGINS_S[0]! * SECOND) {
      from = floorTo(next, SECOND) - MARGINS_S[0]! * SECOND;
    }
    if (!eager && until - from < BUCKETS_AT_ONCE * SECOND) return { rollups: NOTHING, more: false };
    const { to, marginNs } = this.#portion(window, from, until, aloneNs);
    if (aloneNs !== null) this.#partial.add(floorTo(unixNanos(from), MINUTE));
    const tables = window.tables({
      fromUnixNs: unixNanos(from - marginNs),
      toUnixNs: unixNanos(to + marginNs),
    });
    const span = { fromUnixNs: unixNanos(from), toUnixNs: unixNanos(to) };
    this.#room.empty();
    const assembled = assemble(clocks.align(tables, span), this.#deployment, this.#room);
    const closed = bucketsWithData(
      rollupBuckets(assembled, span.fromUnixNs, span.toUnixNs, NS_PER_S),
    );
    this.#closedUntil = unixNanos(to);
    return { rollups: this.#cascade.add(closed, unixNanos(to)), more: to < until };
  }

  #begin(window: LiveWindow): bigint | null {
    if (this.#closedUntil !== null) return this.#closedUntil;
    const oldest = window.oldestUnixNs;
    if (oldest === null) return null;
    const first = floorTo(oldest, SECOND);
    this.#closedUntil = unixNanos(first);
    this.#cascade.begin(unixNanos(first), !this.#continues);
    if (this.#continues) this.#dirty.add(floorTo(first, MINUTE));
    return first;
  }

  /** How far one portion goes, and the widest margin that it has room for. */
  #portion(
    window: LiveWindow,
    from: bigint,
    until: bigint,
    aloneNs: number | null,
  ): { to: bigint; marginNs: bigint } {
    const least = aloneNs === null ? SECOND : BigInt(Math.ceil(aloneNs)) + MIN_ALONE_MARGIN_NS;
    const count = (to: bigint, marginNs: bigint): number =>
      window.count({ fromUnixNs: unixNanos(from - marginNs), toUnixNs: unixNanos(to + marginNs) });
    let to = until - from > MINUTE ? from + MINUTE : until;
    while (to - from > SECOND && count(to, least) > this.#maxEvents) {
      to = from + floorTo((to - from) / 2n + SECOND - 1n, SECOND);
    }
    if (aloneNs !== null) return { to, marginNs: least };
    const marginS = MARGINS_S.find((s) => count(to, s * SECOND) <= this.#maxEvents) ?? 1n;
    return { to, marginNs: marginS * SECOND };
  }
}

const NOTHING: Rollups = { workers: [], deployments: [] };
