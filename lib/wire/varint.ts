/** Varints whose length is known, read without a loop where they are short. */
const TWO_32 = 4294967296;

/**
 * The varint of exactly `byteCount` bytes, 1 to 8, at `pos`; -1 where it is shorter or longer.
 * Beyond 2^53 the nearest double.
 */
export function readVarint(view: DataView, pos: number, byteCount: number): number {
  if (byteCount > 4 || pos + 4 > view.byteLength) return readByByte(view, pos, byteCount);
  // One way for all four lengths: which of them comes next is hard to predict.
  const mask = -1 >>> (32 - 8 * byteCount);
  const word = view.getInt32(pos, true) & mask;
  if ((word & 0x80808080) !== (0x808080 & (mask >>> 8))) return -1;
  return (
    (word & 0x7f) | ((word >> 1) & 0x3f80) | ((word >> 2) & 0x1fc000) | ((word >> 3) & 0xfe00000)
  );
}

function readByByte(view: DataView, pos: number, byteCount: number): number {
  let low = 0;
  let high = 0;
  for (let i = 0; i < byteCount; i++) {
    const byte = view.getUint8(pos + i);
    if (byte > 127 !== i < byteCount - 1) return -1;
    const bits = byte & 127;
    if (i < 4) low |= bits << (7 * i);
    else if (i === 4) {
      low |= bits << 28;
      high = bits >>> 4;
    } else high |= bits << (7 * i - 32);
  }
  return high * TWO_32 + (low >>> 0);
}
