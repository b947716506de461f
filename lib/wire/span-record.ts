/**
 * The span that is being read, as numbers: one record serves every span of a process, so that
 * decoding makes no object per span. Protobuf and JSON readers fill it; a `TraceSink` reads it.
 *
 * Which attributes matter comes in as data. Attribute `i` of the binding has slot `i`; bit `i` of
 * `seen` says that it is there with a value its type and range allow, bit `i` of `bad` that it is
 * there with another. An attribute that comes twice counts as it came last.
 */
import { assert } from '#lib/base/assert.ts';
import { ByteStringTable } from './byte-string-table.ts';

/** `ints` is a list of integers; `bytes` takes bytes, or a string that holds them as base64. */
export type BoundType = 'int' | 'number' | 'string' | 'ints' | 'bytes';

export interface BoundAttribute {
  readonly key: string;
  readonly type: BoundType;
  /** Inclusive range of numbers, or of a list's members. */
  readonly min: number;
  readonly max: number;
}

export interface SpanBinding {
  readonly attributes: readonly BoundAttribute[];
  /** Any key that starts with this sets `marked`. */
  readonly markerPrefix: string;
  /** The key of the attribute that makes the span's name irrelevant, if there is one. */
  readonly insteadOfName?: string;
}

const TYPE_CODES: Readonly<Record<BoundType, number>> = {
  int: 0,
  number: 1,
  string: 2,
  ints: 3,
  bytes: 4,
};
const INT = 0;
const NUMBER = 1;
const STRING = 2;
const INTS = 3;
const BYTES = 4;
/** Bits of an integer, so that a set of slots is one. */
const MAX_SLOTS = 32;

export class SpanRecord {
  /** The body; string ranges point into it. */
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  /** Halves of the span's times, signed: V8 keeps such integers in fields without boxing them. */
  #startHigh = 0;
  #startLow = 0;
  #endHigh = 0;
  #endLow = 0;
  nameStart = 0;
  nameBytes = 0;
  seen = 0;
  bad = 0;
  /** Bit `i`: the bytes of slot `i` are written as base64. */
  base64 = 0;
  /** Did any key start with the binding's marker prefix? */
  marked = false;
  /**
   * The id of the shape that the span was read by, -1 without. Spans with equal ids have the same
   * attributes in place, and equal strings (the name only where no attribute stands for it).
   */
  shape = -1;
  /** Bit `i`: where slot `i` is there, the name does not matter. */
  readonly insteadOfName: number;
  /** Numbers, by slot. */
  readonly values = new Float64Array(MAX_SLOTS);
  /** Byte ranges of strings and bytes, by slot. */
  readonly starts = new Int32Array(MAX_SLOTS);
  readonly lengths = new Int32Array(MAX_SLOTS);
  /** Lists, by slot. */
  readonly lists: number[][];
  readonly binding: SpanBinding;
  readonly #keys: ByteStringTable;
  readonly #types: Uint8Array;
  readonly #min: Float64Array;
  readonly #max: Float64Array;
  readonly #prefix: Uint8Array;
  /** Does the slot's key start with the prefix? */
  readonly #marking: Uint8Array;

  constructor(binding: SpanBinding) {
    const { attributes } = binding;
    assert(attributes.length <= MAX_SLOTS, `at most ${MAX_SLOTS} attributes can be bound`);
    this.binding = binding;
    this.#keys = new ByteStringTable(attributes.length);
    for (const { key } of attributes) this.#keys.internText(key);
    assert(this.#keys.size === attributes.length, 'a bound attribute is named twice');
    this.#types = Uint8Array.from(attributes, ({ type }) => TYPE_CODES[type]);
    this.#min = Float64Array.from(attributes, ({ min }) => min);
    this.#max = Float64Array.from(attributes, ({ max }) => max);
    this.#prefix = new TextEncoder().encode(binding.markerPrefix);
    this.#marking = Uint8Array.from(attributes, ({ key }) =>
      key.startsWith(binding.markerPrefix) ? 1 : 0,
    );
    this.lists = attributes.map(() => []);
    const insteadOfName = attributes.findIndex(({ key }) => key === binding.insteadOfName);
    this.insteadOfName = insteadOfName < 0 ? 0 : 1 << insteadOfName;
  }

  get startHigh(): number {
    return this.#startHigh >>> 0;
  }
  set startHigh(value: number) {
    this.#startHigh = value | 0;
  }
  get startLow(): number {
    return this.#startLow >>> 0;
  }
  set startLow(value: number) {
    this.#startLow = value | 0;
  }
  get endHigh(): number {
    return this.#endHigh >>> 0;
  }
  set endHigh(value: number) {
    this.#endHigh = value | 0;
  }
  get endLow(): number {
    return this.#endLow >>> 0;
  }
  set endLow(value: number) {
    this.#endLow = value | 0;
  }

  use(bytes: Uint8Array, view: DataView): void {
    this.bytes = bytes;
    this.view = view;
  }

  reset(): void {
    this.#startLow = 0;
    this.#startHigh = 0;
    this.#endLow = 0;
    this.#endHigh = 0;
    this.nameBytes = 0;
    this.seen = 0;
    this.bad = 0;
    this.marked = false;
    this.shape = -1;
  }

  /** The slot of a key, or -1 where it is not bound; takes note of the marker prefix. */
  slotOf(keyStart: number, keyBytes: number): number {
    const slot = this.#keys.find(this.view, keyStart, keyBytes);
    if (!this.marked) {
      this.marked =
        slot >= 0 ? this.#marking[slot] === 1 : this.#startsWithPrefix(keyStart, keyBytes);
    }
    return slot;
  }

  /** The slot of a key, or -1; takes note of nothing. */
  findSlot(keyStart: number, keyBytes: number): number {
    return this.#keys.find(this.view, keyStart, keyBytes);
  }

  isText(slot: number): boolean {
    return this.#types[slot] === STRING;
  }

  /** May the slot be any integer of a range? */
  allows(slot: number, min: number, max: number): boolean {
    return this.#types[slot]! <= NUMBER && this.#min[slot]! <= min && this.#max[slot]! >= max;
  }

  setInteger(slot: number, value: number): void {
    const type = this.#types[slot]!;
    if (type <= NUMBER && value >= this.#min[slot]! && value <= this.#max[slot]!) {
      this.values[slot] = value;
      this.#good(slot);
    } else {
      this.setOther(slot);
    }
  }

  /** A double; integer attributes take one that has no fraction. */
  setDouble(slot: number, value: number): void {
    if (this.#types[slot] === INT && !Number.isInteger(value)) this.#wrong(slot);
    // Adding zero turns -0 into 0.
    else this.setInteger(slot, value + 0);
  }

  setString(slot: number, start: number, byteCount: number): void {
    if (this.#types[slot] === STRING) {
      this.starts[slot] = start;
      this.lengths[slot] = byteCount;
      this.#good(slot);
    } else {
      this.setBytes(slot, start, byteCount, true);
    }
  }

  /** Bytes as such (protobuf), or a string that has them as base64. */
  setBytes(slot: number, start: number, byteCount: number, base64: boolean): void {
    if (this.#types[slot] !== BYTES) {
      this.#wrong(slot);
      return;
    }
    this.starts[slot] = start;
    this.lengths[slot] = byteCount;
    this.base64 = base64 ? this.base64 | (1 << slot) : this.base64 & ~(1 << slot);
    this.#good(slot);
  }

  /** Starts a list; a `pushMember` for each member follows, NaN for one that is no number. */
  beginList(slot: number): void {
    if (this.#types[slot] !== INTS) {
      this.setOther(slot);
      return;
    }
    this.lists[slot]!.length = 0;
    this.#good(slot);
  }

  pushMember(slot: number, value: number): void {
    if (this.#types[slot] !== INTS) return;
    if (Number.isInteger(value) && value >= this.#min[slot]! && value <= this.#max[slot]!) {
      this.lists[slot]!.push(value + 0);
    } else {
      this.#wrong(slot);
    }
  }

  /** A value of a type that no attribute takes. */
  setOther(slot: number): void {
    this.#wrong(slot);
  }

  /** An empty value is no value. */
  setEmpty(slot: number): void {
    this.seen &= ~(1 << slot);
    this.bad &= ~(1 << slot);
  }

  #good(slot: number): void {
    this.seen |= 1 << slot;
    this.bad &= ~(1 << slot);
  }

  #wrong(slot: number): void {
    this.bad |= 1 << slot;
    this.seen &= ~(1 << slot);
  }

  #startsWithPrefix(start: number, byteCount: number): boolean {
    const prefix = this.#prefix;
    if (byteCount < prefix.length) return false;
    for (let i = 0; i < prefix.length; i++) {
      if (this.bytes[start + i] !== prefix[i]) return false;
    }
    return true;
  }
}
