/**
 * Interned byte strings: equal runs of bytes share one small integer, and looking one up builds no
 * string. Words are hashed and compared at a time; the last word overlaps the one before it, so that
 * only what lies inside the run is read.
 */

/** Short runs are looked for first where the last run with the same end and length was. */
const HINTS = 256;
const MAX_HINTED_BYTES = 32;

export class ByteStringTable {
  readonly maxEntries: number;
  size = 0;
  /** Open addressing: id + 1, or 0 for a free place; never more than half full. */
  #places: Int32Array;
  #hashes: Int32Array;
  #starts: Int32Array;
  #lengths: Int32Array;
  readonly #hints = new Int32Array(HINTS);
  #arena = new Uint8Array(256);
  #arenaView = new DataView(this.#arena.buffer);
  #arenaBytes = 0;

  constructor(maxEntries: number) {
    this.maxEntries = maxEntries;
    this.#places = new Int32Array(64);
    this.#hashes = new Int32Array(32);
    this.#starts = new Int32Array(32);
    this.#lengths = new Int32Array(32);
  }

  /** The bytes that are kept, for bounds on memory. */
  get arenaBytes(): number {
    return this.#arenaBytes;
  }

  /** The id of `bytes[start .. start + length)`, or -1; `view` is over the same bytes. */
  find(view: DataView, start: number, length: number): number {
    if (length < 4 || length > MAX_HINTED_BYTES) return this.#lookUp(view, start, length);
    const lastWord = view.getInt32(start + length - 4, true);
    const hint = Math.imul(lastWord ^ length, 0x9e3779b1) >>> 24;
    const guess = this.#hints[hint]!;
    if (this.#lengths[guess] === length && this.#is(guess, view, start, length)) return guess;
    const id = this.#lookUp(view, start, length);
    if (id >= 0) this.#hints[hint] = id;
    return id;
  }

  /**
   * The length of run `id` where the bytes from `start` on begin with it, else -1. The view must hold
   * as many bytes as the longest run has, from `start` on, or the answer is -1.
   */
  prefixLength(id: number, view: DataView, start: number): number {
    const length = this.#lengths[id]!;
    if (start + length > view.byteLength) return -1;
    return this.#is(id, view, start, length) ? length : -1;
  }

  lengthOf(id: number): number {
    return this.#lengths[id]!;
  }

  /** The bytes of run `id`, valid until the next one is added. */
  bytesOf(id: number): Uint8Array {
    const start = this.#starts[id]!;
    return this.#arena.subarray(start, start + this.#lengths[id]!);
  }

  #is(id: number, view: DataView, start: number, length: number): boolean {
    return equal(view, start, this.#arenaView, this.#starts[id]!, length);
  }

  #lookUp(view: DataView, start: number, length: number): number {
    const hash = hashOf(view, start, length);
    const places = this.#places;
    const mask = places.length - 1;
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const id = places[place]! - 1;
      if (id < 0) return -1;
      if (
        this.#hashes[id] === hash &&
        this.#lengths[id] === length &&
        this.#is(id, view, start, length)
      ) {
        return id;
      }
    }
  }

  /** Like `find`, but adds the run where it is new; -1 where the table is full. */
  intern(bytes: Uint8Array, view: DataView, start: number, length: number): number {
    const known = this.find(view, start, length);
    if (known >= 0) return known;
    if (this.size >= this.maxEntries) return -1;
    this.#grow(length);
    const id = this.size++;
    this.#arena.set(bytes.subarray(start, start + length), this.#arenaBytes);
    this.#hashes[id] = hashOf(view, start, length);
    this.#starts[id] = this.#arenaBytes;
    this.#lengths[id] = length;
    this.#arenaBytes += length;
    this.#place(id);
    return id;
  }

  internText(text: string): number {
    const bytes = new TextEncoder().encode(text);
    return this.intern(bytes, new DataView(bytes.buffer), 0, bytes.length);
  }

  #place(id: number): void {
    const mask = this.#places.length - 1;
    let place = this.#hashes[id]! & mask;
    while (this.#places[place] !== 0) place = (place + 1) & mask;
    this.#places[place] = id + 1;
  }

  #grow(length: number): void {
    if (this.#arenaBytes + length > this.#arena.length) {
      const arena = new Uint8Array(Math.max(this.#arenaBytes + length, this.#arena.length * 2));
      arena.set(this.#arena);
      this.#arena = arena;
      this.#arenaView = new DataView(arena.buffer);
    }
    if (this.size < this.#hashes.length) return;
    const capacity = this.size * 2;
    this.#hashes = grown(this.#hashes, capacity);
    this.#starts = grown(this.#starts, capacity);
    this.#lengths = grown(this.#lengths, capacity);
    this.#places = new Int32Array(capacity * 2);
    for (let id = 0; id < this.size; id++) this.#place(id);
  }
}

function grown(from: Int32Array, capacity: number): Int32Array {
  const to = new Int32Array(capacity);
  to.set(from);
  return to;
}

/** Four lanes for long runs: the multiplications of one do not wait for those of another. */
function hashOf(view: DataView, start: number, length: number): number {
  let hash = length;
  if (length >= 4) {
    const last = start + length - 4;
    let at = start;
    if (length >= 36) {
      let a = 1;
      let b = 2;
      let c = 3;
      let d = 4;
      for (; at + 16 <= last; at += 16) {
        a = Math.imul(a, 0x01000193) ^ view.getInt32(at, true);
        b = Math.imul(b, 0x01000193) ^ view.getInt32(at + 4, true);
        c = Math.imul(c, 0x01000193) ^ view.getInt32(at + 8, true);
        d = Math.imul(d, 0x01000193) ^ view.getInt32(at + 12, true);
      }
      hash = mixed(mixed(mixed(mixed(hash, a), b), c), d);
    }
    for (; at < last; at += 4) hash = mixed(hash, view.getInt32(at, true));
    hash = Math.imul(hash ^ view.getInt32(last, true), 0x85ebca6b);
  } else {
    for (let i = 0; i < length; i++) hash = Math.imul(hash ^ view.getUint8(start + i), 0x01000193);
  }
  return hash ^ (hash >>> 16);
}

function mixed(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
}

/** Signed 64-bit reads: optimised code compares them in registers. */
function equal(a: DataView, aStart: number, b: DataView, bStart: number, length: number): boolean {
  if (length >= 8) {
    const last = length - 8;
    for (let i = 0; i < last; i += 8) {
      if (a.getBigInt64(aStart + i, true) !== b.getBigInt64(bStart + i, true)) return false;
    }
    return a.getBigInt64(aStart + last, true) === b.getBigInt64(bStart + last, true);
  }
  for (let i = 0; i < length; i++) {
    if (a.getUint8(aStart + i) !== b.getUint8(bStart + i)) return false;
  }
  return true;
}
