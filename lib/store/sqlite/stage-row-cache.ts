/**
 * Decoded rows of `stage_rollups`, kept for the next question. A picture of the last minute reads the
 * same buckets again every few seconds, and decompressing and decoding is most of its work.
 *
 * A row is used again only where its stamp is the same: the length, the checksum and the first bytes as they
 * are stored. So nothing needs to be told of late events or of rows that are made anew, and the bytes of rows
 * that are known need not be read at all. What is damaged after it was read is found by the next thread that
 * reads it. Without sketches, which are most of a row.
 */
import type { StageRollupContent } from '#lib/table/stage-rollup-codec.ts';

/** What a thread may keep: about 20 KB a row, so all rows that one picture may read. */
const MAX_BYTES = 64 << 20;

/**
 * Rows that one of so many latest readings used make no room for others: a reading of more rows than
 * fit would else throw out each of them just before it is wanted again.
 */
const RECENT_READINGS = 8;

/** Objects and views around the numbers of one row. */
const ROW_OVERHEAD_BYTES = 1500;

interface Kept {
  readonly stamp: string;
  readonly content: StageRollupContent;
  readonly sizeBytes: number;
  usedIn: number;
}

export class StageRowCache {
  readonly #maxBytes: number;
  /** By row id, the one that was used longest ago first. */
  readonly #rows = new Map<bigint, Kept>();
  #bytes = 0;
  #reading = 0;

  constructor(maxBytes: number = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get sizeBytes(): number {
    return this.#bytes;
  }

  /** Another reading of any number of rows begins. */
  startReading(): void {
    this.#reading++;
  }

  /** What `decode` made of the row before, or makes now; not to be changed. `stamp`: `stampOf` its bytes. */
  content(id: bigint, stamp: string, decode: () => StageRollupContent): StageRollupContent {
    const known = this.#rows.get(id);
    if (known !== undefined) {
      this.#rows.delete(id);
      if (known.stamp === stamp) {
        known.usedIn = this.#reading;
        this.#rows.set(id, known);
        return known.content;
      }
      this.#bytes -= known.sizeBytes;
    }
    const content = decode();
    const sizeBytes = contentBytes(content) + ROW_OVERHEAD_BYTES;
    if (!this.#makeRoom(sizeBytes)) return content;
    this.#rows.set(id, { stamp, content, sizeBytes, usedIn: this.#reading });
    this.#bytes += sizeBytes;
    return content;
  }

  #makeRoom(sizeBytes: number): boolean {
    if (sizeBytes > this.#maxBytes) return false;
    for (const [oldest, { sizeBytes: freed, usedIn }] of this.#rows) {
      if (this.#bytes + sizeBytes <= this.#maxBytes) return true;
      if (usedIn > this.#reading - RECENT_READINGS) return false;
      this.#rows.delete(oldest);
      this.#bytes -= freed;
    }
    return true;
  }
}

function contentBytes({ cells, slices }: StageRollupContent): number {
  return columnBytes(cells) + (slices === null ? 0 : columnBytes(slices));
}

function columnBytes(columns: object): number {
  let bytes = 0;
  for (const column of Object.values(columns)) {
    if (ArrayBuffer.isView(column)) bytes += column.byteLength;
  }
  return bytes;
}
