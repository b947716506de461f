/**
 * Columns as bytes: what JSON would make slow. Little-endian, read without copying a number.
 *
 *     "AFDF"  u32 length of the header  header (JSON, UTF-8, padded to 8)  columns, each padded to 8
 *     header: { ...what the question says, "columns": [{"name","type","length"}, …] }
 *
 * Columns follow in the order of the header.
 */

export type ColumnArray =
  | Float64Array
  | Float32Array
  | Int32Array
  | Uint32Array
  | Uint16Array
  | Uint8Array;

const ARRAYS = {
  f64: Float64Array,
  f32: Float32Array,
  i32: Int32Array,
  u32: Uint32Array,
  u16: Uint16Array,
  u8: Uint8Array,
} as const;
type ColumnType = keyof typeof ARRAYS;

export const COLUMN_FRAME_CONTENT_TYPE = 'application/vnd.afdscope.columns';

const MAGIC = 0x46444641;
const ALIGNMENT = 8;
const PREFIX_BYTES = 8;

export interface ColumnFrame {
  /** What was given to `encodeColumnFrame`, not checked. */
  readonly header: unknown;
  readonly columns: Readonly<Record<string, ColumnArray>>;
}

export function encodeColumnFrame(
  header: Readonly<Record<string, unknown>>,
  columns: Readonly<Record<string, ColumnArray>>,
): Uint8Array<ArrayBuffer> {
  const names = Object.keys(columns);
  const listed = names.map((name) => {
    const column = columns[name]!;
    return { name, type: typeOf(column), length: column.length };
  });
  const text = new TextEncoder().encode(JSON.stringify({ ...header, columns: listed }));
  let size = padded(PREFIX_BYTES + text.length);
  const starts = names.map((name) => {
    const start = size;
    size = padded(size + columns[name]!.byteLength);
    return start;
  });
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, text.length, true);
  bytes.set(text, PREFIX_BYTES);
  names.forEach((name, i) => {
    const { buffer, byteOffset, byteLength } = columns[name]!;
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), starts[i]!);
  });
  return bytes;
}

/** Throws an Error that says where the bytes are not a frame. The columns share their memory. */
export function decodeColumnFrame(bytes: Uint8Array): ColumnFrame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < PREFIX_BYTES || view.getUint32(0, true) !== MAGIC) {
    throw new Error('Not a frame of columns: it does not begin with AFDF.');
  }
  const headerEnd = PREFIX_BYTES + view.getUint32(4, true);
  if (headerEnd > bytes.length) throw new Error('The frame of columns is cut off in its header.');
  const header: unknown = JSON.parse(
    new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(PREFIX_BYTES, headerEnd)),
  );
  // A view needs its numbers aligned; a body that was received whole is.
  const aligned = bytes.byteOffset % ALIGNMENT === 0 ? bytes : bytes.slice();
  // A column may be called `__proto__`.
  const columns: Record<string, ColumnArray> = Object.create(null);
  let at = padded(headerEnd);
  for (const { name, type, length } of listedIn(header)) {
    const size = length * ARRAYS[type].BYTES_PER_ELEMENT;
    if (at + size > bytes.length) throw new Error(`The frame of columns is cut off in "${name}".`);
    columns[name] = new ARRAYS[type](
      aligned.buffer as ArrayBuffer,
      aligned.byteOffset + at,
      length,
    );
    at = padded(at + size);
  }
  return { header, columns };
}

interface ListedColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly length: number;
}

function listedIn(header: unknown): ListedColumn[] {
  const listed: unknown =
    typeof header === 'object' && header !== null && 'columns' in header ? header.columns : null;
  if (!Array.isArray(listed)) throw new Error('The header of the frame lists no columns.');
  return listed.map((entry: Partial<ListedColumn>) => {
    const { name, type, length } = entry;
    const isColumn =
      typeof name === 'string' &&
      type !== undefined &&
      Object.hasOwn(ARRAYS, type) &&
      Number.isSafeInteger(length) &&
      length! >= 0;
    if (!isColumn) throw new Error('The header of the frame lists a column of no known kind.');
    return { name, type, length: length! };
  });
}

function typeOf(column: ColumnArray): ColumnType {
  for (const type of Object.keys(ARRAYS) as ColumnType[]) {
    if (column instanceof ARRAYS[type]) return type;
  }
  throw new Error('A column must be an array of 8, 16, 32 or 64 bit numbers.');
}

function padded(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}
