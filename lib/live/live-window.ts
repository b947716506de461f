/**
 * The newest seconds of one deployment's events, kept by start time in slots of 250 ms, so that a
 * part of the time can be taken out without looking at every event.
 *
 *     slot      …  7171830021   7171830022   7171830023  …    start / 250 ms
 *     pieces       [t t t]      [t t]        [t]              tables whose rows start in the slot
 *
 * Small pieces of a slot are joined now and then, because senders' batches come in hundreds.
 */

import type { UnixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { joinTables } from './join-tables.ts';
import { partitionTable } from './partition-table.ts';
import type { TimeWindow } from './time-window.ts';

export const SLOT_NS = 250_000_000n;

/** So many pieces of a slot are joined to one; larger ones are left alone. */
const MAX_PIECES = 24;
const JOIN_BELOW_ROWS = 8192;

interface Slot {
  pieces: EventTable[];
  events: number;
}

export class LiveWindow {
  readonly #slots = new Map<bigint, Slot>();
  #events = 0;

  /** Events that are kept. */
  get events(): number {
    return this.#events;
  }

  /** Adds the rows of a table; all of them must be of this window's deployment. */
  add(table: EventTable): void {
    if (table.length === 0) return;
    const baseSlot = table.baseUnixNs / SLOT_NS;
    const baseInSlotNs = Number(table.baseUnixNs % SLOT_NS);
    const slotNs = Number(SLOT_NS);
    // Keys count from the first slot, which may lie before the base.
    let firstStartNs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < table.length; i++) {
      if (table.startNs[i]! < firstStartNs) firstStartNs = table.startNs[i]!;
    }
    const firstKey = Math.floor((firstStartNs + baseInSlotNs) / slotNs);
    const parts = partitionTable(
      table,
      (row) => Math.floor((table.startNs[row]! + baseInSlotNs) / slotNs) - firstKey,
    );
    for (const [key, part] of parts) this.#addPiece(baseSlot + BigInt(firstKey + key), part);
  }

  #addPiece(number: bigint, piece: EventTable): void {
    const slot = this.#slots.get(number) ?? { pieces: [], events: 0 };
    this.#slots.set(number, slot);
    slot.pieces.push(piece);
    slot.events += piece.length;
    this.#events += piece.length;
    if (slot.pieces.length <= MAX_PIECES) return;
    const small = slot.pieces.filter((table) => table.length < JOIN_BELOW_ROWS);
    if (small.length < MAX_PIECES / 2) return;
    const large = slot.pieces.filter((table) => table.length >= JOIN_BELOW_ROWS);
    slot.pieces = [...large, joinTables(small)];
  }

  /** Tables with every event that starts in the window, and some that start up to a slot outside. */
  tables(window: TimeWindow): EventTable[] {
    const found: EventTable[] = [];
    for (const number of this.#numbers(window)) found.push(...this.#slots.get(number)!.pieces);
    return found;
  }

  /** Events in the slots that `tables` would give. */
  count(window: TimeWindow): number {
    let events = 0;
    for (const number of this.#numbers(window)) events += this.#slots.get(number)!.events;
    return events;
  }

  #numbers(window: TimeWindow): bigint[] {
    if (window.fromUnixNs >= window.toUnixNs) return [];
    const first = window.fromUnixNs / SLOT_NS;
    const last = (window.toUnixNs - 1n) / SLOT_NS;
    // Whichever is fewer to look at: the slots that exist, or those of the window.
    if (last - first >= BigInt(this.#slots.size)) {
      return [...this.#slots.keys()].filter((n) => n >= first && n <= last).sort(byValue);
    }
    const numbers: bigint[] = [];
    for (let n = first; n <= last; n++) if (this.#slots.has(n)) numbers.push(n);
    return numbers;
  }

  /** Start of the oldest slot; null when empty. */
  get oldestUnixNs(): UnixNanos | null {
    let oldest: bigint | null = null;
    for (const number of this.#slots.keys()) {
      if (oldest === null || number < oldest) oldest = number;
    }
    return oldest === null ? null : ((oldest * SLOT_NS) as UnixNanos);
  }

  /** Start of the first slot that reaches past the instant; null when there is none. */
  firstFrom(instant: UnixNanos): UnixNanos | null {
    let first: bigint | null = null;
    for (const number of this.#slots.keys()) {
      const start = number * SLOT_NS;
      if (start + SLOT_NS > instant && (first === null || start < first)) first = start;
    }
    return first as UnixNanos | null;
  }

  /** Forgets the slots that end at or before the instant; says how many events went. */
  dropBefore(instant: UnixNanos): number {
    const first = instant / SLOT_NS;
    let dropped = 0;
    for (const [number, slot] of this.#slots) {
      if (number >= first) continue;
      dropped += slot.events;
      this.#slots.delete(number);
    }
    this.#events -= dropped;
    return dropped;
  }

  /**
   * Forgets the slots that start at or after the instant. Says how many events went, and the span
   * from the first such slot to the end of the last.
   */
  dropFrom(instant: UnixNanos): { readonly events: number; readonly span: TimeWindow | null } {
    let events = 0;
    let first: bigint | null = null;
    let last = 0n;
    for (const [number, slot] of this.#slots) {
      if (number * SLOT_NS < instant) continue;
      events += slot.events;
      if (first === null || number < first) first = number;
      if (number > last) last = number;
      this.#slots.delete(number);
    }
    this.#events -= events;
    if (first === null) return { events, span: null };
    const fromUnixNs = (first * SLOT_NS) as UnixNanos;
    return { events, span: { fromUnixNs, toUnixNs: ((last + 1n) * SLOT_NS) as UnixNanos } };
  }

  /** Forgets oldest slots until at most `maxEvents` are left (the newest slot always stays). */
  dropToFit(maxEvents: number): number {
    if (this.#events <= maxEvents) return 0;
    const numbers = [...this.#slots.keys()].sort(byValue);
    let dropped = 0;
    for (const number of numbers.slice(0, -1)) {
      if (this.#events - dropped <= maxEvents) break;
      dropped += this.#slots.get(number)!.events;
      this.#slots.delete(number);
    }
    this.#events -= dropped;
    return dropped;
  }
}

function byValue(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
