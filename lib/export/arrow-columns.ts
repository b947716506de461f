/** Columns of an Arrow record batch, made from plain numbers. */
import {
  type Data,
  Dictionary,
  Field,
  Float64,
  Int32,
  Int64,
  List,
  makeData,
  TimestampNanosecond,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow';
import type { UnixNanos } from '#lib/base/units.ts';
import { ABSENT } from '#lib/table/codes.ts';

const TWO_32 = 2 ** 32;

export const TYPES = {
  text: (id: number) => new Dictionary(new Utf8(), new Int32(), id),
  int32: new Int32(),
  int64: new Int64(),
  float64: new Float64(),
  instant: new TimestampNanosecond('UTC'),
  int64s: new List(new Field('item', new Int64(), false)),
} as const;

/** Texts that rows refer to by number; grows while batches are written. */
export class TextColumn {
  readonly #id: number;
  readonly #codes = new Map<string, number>();
  #words: Vector<Utf8> | null = null;

  constructor(id: number) {
    this.#id = id;
  }

  code(text: string): number {
    const known = this.#codes.get(text);
    if (known !== undefined) return known;
    const code = this.#codes.size;
    this.#codes.set(text, code);
    this.#words = null;
    return code;
  }

  data(codes: Int32Array): Data {
    this.#words ??= vectorFromArray([...this.#codes.keys()], new Utf8());
    const type = TYPES.text(this.#id);
    return makeData({ type, length: codes.length, data: codes, dictionary: this.#words });
  }
}

/** `valueAt` gives the value of entry i; ABSENT (-1) becomes null where the column is nullable. */
export function int32Data(length: number, valueAt: (i: number) => number, nullable: boolean): Data {
  const data = new Int32Array(length);
  for (let i = 0; i < length; i++) data[i] = valueAt(i);
  return makeData({ type: TYPES.int32, length, data, ...(nullable ? validity(data) : {}) });
}

export function int64Data(length: number, valueAt: (i: number) => number, nullable: boolean): Data {
  const values = Float64Array.from({ length }, (_, i) => valueAt(i));
  const data = int64s(values);
  return makeData({ type: TYPES.int64, length, data, ...(nullable ? validity(values) : {}) });
}

export function float64Data(length: number, valueAt: (i: number) => number): Data {
  const data = Float64Array.from({ length }, (_, i) => valueAt(i));
  return makeData({ type: TYPES.float64, length, data, ...validity(data) });
}

/** Instants `offsetNs` after a base that may differ from row to row. */
export function instantData(
  length: number,
  offsetOf: (i: number) => number,
  baseOf: (i: number) => UnixNanos,
): Data {
  const words = new Int32Array(length * 2);
  let base: UnixNanos | null = null;
  let high = 0;
  let low = 0;
  for (let i = 0; i < length; i++) {
    const own = baseOf(i);
    if (own !== base) {
      base = own;
      high = Number(own >> 32n);
      low = Number(own & 0xffffffffn);
    }
    const sum = low + offsetOf(i);
    const carry = Math.floor(sum / TWO_32);
    words[2 * i] = sum - carry * TWO_32;
    words[2 * i + 1] = high + carry;
  }
  return makeData({ type: TYPES.instant, length, data: new BigInt64Array(words.buffer) });
}

/** Lists of whole numbers; a row without members has none, not null. */
export function listData(
  length: number,
  countOf: (i: number) => number,
  fill: (i: number, to: Float64Array, at: number) => void,
): Data {
  const valueOffsets = new Int32Array(length + 1);
  for (let i = 0; i < length; i++) valueOffsets[i + 1] = valueOffsets[i]! + countOf(i);
  const members = new Float64Array(valueOffsets[length]!);
  for (let i = 0; i < length; i++) fill(i, members, valueOffsets[i]!);
  const child = makeData({ type: TYPES.int64, length: members.length, data: int64s(members) });
  return makeData({ type: TYPES.int64s, length, valueOffsets, child });
}

/** Little-endian, as Arrow wants it and as machines are. */
function int64s(values: Float64Array): BigInt64Array {
  const words = new Int32Array(values.length * 2);
  for (let i = 0; i < values.length; i++) {
    const high = Math.floor(values[i]! / TWO_32);
    words[2 * i] = values[i]! - high * TWO_32;
    words[2 * i + 1] = high;
  }
  return new BigInt64Array(words.buffer);
}

function validity(values: ArrayLike<number>): { nullBitmap?: Uint8Array; nullCount: number } {
  let nullCount = 0;
  const nullBitmap = new Uint8Array(Math.ceil(values.length / 8));
  for (let i = 0; i < values.length; i++) {
    if (values[i] === ABSENT) nullCount++;
    else nullBitmap[i >> 3]! |= 1 << (i & 7);
  }
  return nullCount === 0 ? { nullCount } : { nullBitmap, nullCount };
}
