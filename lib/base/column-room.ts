/**
 * Where columns that one computation needs for a while come from. Fresh memory is dear: the system
 * clears it page by page, and each few tens of megabytes start a garbage collection. Work that is done
 * again and again on columns of about the same length takes them from one room that it empties in
 * between.
 */
import { releaseMemory } from './release-memory.ts';

export interface ColumnRoom {
  /** Values are not set: whatever was there before. */
  float64(length: number): Float64Array;
  int32(length: number): Int32Array;
  uint32(length: number): Uint32Array;
  uint16(length: number): Uint16Array;
  uint8(length: number): Uint8Array;
}

/** Columns of their own, for what outlives the computation. */
export const FRESH_ROOM: ColumnRoom = {
  float64: (length) => new Float64Array(length),
  int32: (length) => new Int32Array(length),
  uint32: (length) => new Uint32Array(length),
  uint16: (length) => new Uint16Array(length),
  uint8: (length) => new Uint8Array(length),
};

const FIRST_BLOCK_BYTES = 1 << 20;
/** Columns start on a cache line. */
const ALIGNMENT_BYTES = 64;

/** One large piece of memory from which columns are cut one after the other. */
export class ReusedRoom implements ColumnRoom {
  #block = new ArrayBuffer(0);
  /** Blocks that were too small, until the room is emptied. */
  #outgrown: ArrayBuffer[] = [];
  /** What the first block is to hold. */
  #expectedBytes = 0;
  #used = 0;
  /** Bytes cut since it was emptied, from all blocks. */
  #total = 0;

  /** All columns that came from it may be overwritten from now on. */
  empty(): void {
    // From the second round on, everything fits into one block.
    if (this.#total > this.#block.byteLength) {
      const neededBytes = this.#total;
      this.release();
      this.#block = new ArrayBuffer(neededBytes * 1.125);
    }
    this.#used = 0;
    this.#total = 0;
  }

  /**
   * The same, and the memory goes back at once: for work that comes seldom, or now much, now little.
   * Columns that came from the room are empty from now on.
   */
  release(): void {
    this.#expectedBytes = this.#total * 1.125;
    for (const block of [...this.#outgrown, this.#block]) releaseMemory({ buffer: block });
    this.#outgrown = [];
    this.#block = new ArrayBuffer(0);
    this.#used = 0;
    this.#total = 0;
  }

  float64(length: number): Float64Array {
    const at = this.#cut(length * 8);
    return new Float64Array(this.#block, at, length);
  }

  int32(length: number): Int32Array {
    const at = this.#cut(length * 4);
    return new Int32Array(this.#block, at, length);
  }

  uint32(length: number): Uint32Array {
    const at = this.#cut(length * 4);
    return new Uint32Array(this.#block, at, length);
  }

  uint16(length: number): Uint16Array {
    const at = this.#cut(length * 2);
    return new Uint16Array(this.#block, at, length);
  }

  uint8(length: number): Uint8Array {
    const at = this.#cut(length);
    return new Uint8Array(this.#block, at, length);
  }

  #cut(byteLength: number): number {
    const bytes = Math.ceil(byteLength / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    this.#total += bytes;
    if (this.#used + bytes > this.#block.byteLength) {
      const leastBytes = Math.max(bytes, 2 * this.#block.byteLength, FIRST_BLOCK_BYTES);
      if (this.#block.byteLength > 0) this.#outgrown.push(this.#block);
      this.#block = new ArrayBuffer(Math.max(leastBytes, this.#expectedBytes));
      this.#expectedBytes = 0;
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += bytes;
    return at;
  }
}
