/**
 * The newest seconds of one deployment's events, kept by start time in slots of 250 ms, so that a
 * part of the time can be taken out without looking at every event.
 *
 *     slot      …  7171830021   7171830022   7171830023  …    start / 250 ms
 *     pieces       [t t t]      [t t]        [t]              tables whose rows start in the slot
 *
 * Small pieces of a slot are joined now and then, because senders' batches come in hundreds. Packed
 * steps lie in the slot in which they start, and are unpacked when somebody asks for their events.
 */

import type { UnixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { PackedTable, StepUnpacker } from '#lib/table/packed-table.ts';
import { concatPacked, selectSteps } from '#lib/table/packed-tables.ts';
import { joinTables } from './join-tables.ts';
import { partitionTable } from './partition-table.ts';
import type { TimeWindow } from './time-window.ts';

export const SLOT_NS = 250_000_000n;

/** So many pieces of a slot are joined to one; larger ones are left alone. */
const MAX_PIECES = 24;
const JOIN_BELOW_ROWS = 8192;

/** Payloads of a slot are brought together once there are so many tables. */
const MAX_PACKED_PIECES = 16;

interface Slot {
  pieces: EventTable[];
  packed: PackedTable[];
  events: number;
}

export class LiveWindow {
  readonly #slots = new Map<bigint, Slot>();
  readonly #unpacker: StepUnpacker;
  #events = 0;
  #longestPackedNs = 0;

  constructor(unpacker: StepUnpacker) {
    this.#unpacker = unpacker;
  }

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

  /** Adds packed steps, all of this window's deployment, as they are. */
  addPacked(table: PackedTable): void {
    const rowsBySlot = new Map<bigint, number[]>();
    for (let row = 0; row < table.length; row++) {
      const startNs = table.startNs[row]!;
      const number = (table.baseUnixNs + BigInt(Math.floor(startNs))) / SLOT_NS;
      const rows = rowsBySlot.get(number);
      if (rows === undefined) rowsBySlot.set(number, [row]);
      else rows.push(row);
      this.#longestPackedNs = Math.max(this.#longestPackedNs, table.endNs[row]! - startNs);
    }
    for (const [number, rows] of rowsBySlot) {
      const slot = this.#slot(number);
      slot.packed.push(selectSteps(table, Uint32Array.from(rows)));
      // Together they hold what they need; apart each would keep a whole message's bytes alive.
      if (slot.packed.length >= MAX_PACKED_PIECES) slot.packed = [concatPacked(slot.packed)];
      for (const row of rows) {
        slot.events += table.stepEvents[row]!;
        this.#events += table.stepEvents[row]!;
      }
    }
  }

  #slot(number: bigint): Slot {
    const known = this.#slots.get(number);
    if (known !== undefined) return known;
    const made: Slot = { pieces: [], packed: [], events: 0 };
    this.#slots.set(number, made);
    return made;
  }

  #addPiece(number: bigint, piece: EventTable): void {
    const slot = this.#slot(number);
    slot.pieces.push(piece);
    slot.events += piece.length;
    this.#events += piece.length;
    if (slot.pieces.length <= MAX_PIECES) return;
    const small = slot.pieces.filter((table) => table.length < JOIN_BELOW_ROWS);
    if (small.length < MAX_PIECES / 2) return;
    const large = slot.pieces.filter((table) => table.length >= JOIN_BELOW_ROWS);
    slot.pieces = [...large, joinTables(small)];
  }

  /**
   * Tables with every event that starts in the window, and some that do not: they start up to a slot
   * outside, or belong to a packed step that reaches into it.
   */
  tables(window: TimeWindow): EventTable[] {
    const found: EventTable[] = [];
    for (const number of this.#numbers(window)) found.push(...this.#slots.get(number)!.pieces);
    for (const steps of this.#packedIn(window)) found.push(this.#unpacker.unpack(steps));
    return found;
  }

  /** The packed steps with a part in the window, which may have begun before it. */
  #packedIn(window: TimeWindow): PackedTable[] {
    const found: PackedTable[] = [];
    const fromUnixNs = (window.fromUnixNs - BigInt(Math.ceil(this.#longestPackedNs))) as UnixNanos;
    for (const number of this.#numbers({ fromUnixNs, toUnixNs: window.toUnixNs })) {
      for (const table of this.#slots.get(number)!.packed) {
        const fromNs = Number(window.fromUnixNs - table.baseUnixNs);
        const toNs = Number(window.toUnixNs - table.baseUnixNs);
        const rows: number[] = [];
        for (let row = 0; row < table.length; row++) {
          if (table.endNs[row]! > fromNs && table.startNs[row]! < toNs) rows.push(row);
        }
        if (rows.length === table.length) found.push(table);
        else if (rows.length > 0) found.push(selectSteps(table, Uint32Array.from(rows)));
      }
    }
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
