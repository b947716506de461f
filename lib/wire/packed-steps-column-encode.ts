/** The bytes of one column of a packed step: tries both forms and every width, keeps the cheapest. */
import { DELTA, MAX_WIDTH_BITS, PATCHED } from './packed-steps-format.ts';

/** What one patch takes, about: the gap, and an outlier's high bits. */
const PATCH_BITS = 24;

/** A patch that is a negative number beyond it could not be read exactly. */
const MAX_PATCHED_SPREAD = 2 ** 52;

export class ByteSink {
  #bytes = new Uint8Array(1024);
  #length = 0;

  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  fixed(value: bigint, byteCount: number): void {
    for (let i = 0; i < byteCount; i++) this.byte(Number((value >> BigInt(8 * i)) & 255n));
  }

  double(value: number): void {
    this.#reserve(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  varint(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.byte((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    this.byte(rest);
  }

  zigzag(value: number): void {
    this.varint(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.varint(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Values of `width` bits, one behind the other, lowest bit first. */
  bits(values: readonly number[], width: number): void {
    let pending = 0;
    let have = 0;
    for (const value of values) {
      let rest = value;
      for (let left = width; left > 0; left -= 16) {
        const take = Math.min(16, left);
        pending |= (rest % 65536) << have;
        rest = Math.floor(rest / 65536);
        for (have += take; have >= 8; have -= 8) {
          this.byte(pending & 255);
          pending >>>= 8;
        }
      }
    }
    if (have > 0) this.byte(pending & 255);
  }

  #reserve(byteCount: number): void {
    const needed = this.#length + byteCount;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

export interface ColumnPlan {
  /** About what it takes. */
  readonly bits: number;
  write(out: ByteSink): void;
}

/** The cheaper of both forms. Values are safe integers; so are differences of what comes as delta. */
export function planColumn(values: readonly number[], minWidth: number): ColumnPlan {
  const plain = planForm(values, null, minWidth);
  if (values.length < 2) return plain;
  const deltas = values.map((value, i) => value - (values[i - 1] ?? 0));
  // Sums of three of them must stay exact.
  const safe = deltas.every(
    (delta, i) => Math.max(Math.abs(delta), Math.abs(values[i]!)) < 2 ** 51,
  );
  if (!safe) return plain;
  const delta = planForm(deltas, values[0]!, minWidth);
  return delta.bits < plain.bits ? delta : plain;
}

/** `first`: the values are differences, and the first value of all is this. */
function planForm(given: readonly number[], first: number | null, minWidth: number): ColumnPlan {
  const values = first === null ? given : given.slice(1);
  const sorted = Float64Array.from(values).sort();
  let base = sorted[0] ?? 0;
  const spread = (sorted.at(-1) ?? 0) - base;
  let width = Math.min(MAX_WIDTH_BITS, Math.max(minWidth, bitsOf(spread)));
  let bits = width * given.length;
  const narrowest = spread < MAX_PATCHED_SPREAD ? minWidth : width;
  for (let narrow = width - 1; narrow >= narrowest; narrow--) {
    const window = fullestWindow(sorted, 2 ** narrow);
    const patchBits = PATCH_BITS * (values.length - window.count);
    // Narrower ones hold fewer still.
    if (patchBits >= bits) break;
    const cost = narrow * given.length + patchBits;
    if (cost >= bits) continue;
    bits = cost;
    width = narrow;
    base = window.from;
  }
  const residuals = first === null ? values : [base, ...values];
  return {
    bits: bits + (first === null ? 16 : 24),
    write: (out) => writeColumn(out, residuals, base, width, first),
  };
}

function writeColumn(
  out: ByteSink,
  values: readonly number[],
  base: number,
  width: number,
  first: number | null,
): void {
  const size = 2 ** width;
  const highs = values.map((value) => Math.floor((value - base) / size));
  const patched = highs.some((high) => high !== 0);
  out.byte(width + (patched ? PATCHED : 0) + (first === null ? 0 : DELTA));
  out.zigzag(base);
  if (first !== null) out.zigzag(first - base);
  out.bits(
    values.map((value, i) => value - base - highs[i]! * size),
    width,
  );
  if (!patched) return;
  const rows = highs.flatMap((high, i) => (high === 0 ? [] : [i]));
  out.varint(rows.length);
  let last = -1;
  for (const row of rows) {
    out.varint(row - last - 1);
    out.zigzag(highs[row]!);
    last = row;
  }
}

/** Of all ranges of this size, where the one that holds most values starts. */
function fullestWindow(sorted: Float64Array, size: number): { from: number; count: number } {
  let from = 0;
  let best = { from: sorted[0]!, count: 0 };
  for (let to = 0; to < sorted.length; to++) {
    while (sorted[to]! - sorted[from]! >= size) from++;
    if (to - from + 1 > best.count) best = { from: sorted[from]!, count: to - from + 1 };
  }
  return best;
}

function bitsOf(value: number): number {
  let bits = 0;
  for (let rest = value; rest >= 1; rest /= 2) bits++;
  return bits;
}
