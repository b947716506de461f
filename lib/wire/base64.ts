/** Base64 as OTLP JSON writes bytes: either alphabet, padded or not. */

const CODES = new Int8Array(256).fill(-1);
[...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].forEach((letter, code) => {
  CODES[letter.charCodeAt(0)] = code;
});
CODES[0x2d] = 62;
CODES[0x5f] = 63;
const PAD = 0x3d;

/** The bytes that the text in `bytes[start, start + byteCount)` means, or null where it is none. */
export function decodeBase64(
  bytes: Uint8Array,
  start: number,
  byteCount: number,
): Uint8Array | null {
  let end = start + byteCount;
  for (let pads = 0; pads < 2 && end > start && bytes[end - 1] === PAD; pads++) end--;
  const letters = end - start;
  if (letters % 4 === 1) return null;
  const out = new Uint8Array(Math.floor((letters * 3) / 4));
  let invalid = 0;
  let to = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const a = CODES[bytes[at]!]!;
    const b = CODES[bytes[at + 1]!]!;
    const c = CODES[bytes[at + 2]!]!;
    const d = CODES[bytes[at + 3]!]!;
    invalid |= a | b | c | d;
    out[to++] = (a << 2) | (b >> 4);
    out[to++] = (b << 4) | (c >> 2);
    out[to++] = (c << 6) | d;
  }
  if (at + 2 <= end) {
    const a = CODES[bytes[at]!]!;
    const b = CODES[bytes[at + 1]!]!;
    const c = at + 3 === end ? CODES[bytes[at + 2]!]! : 0;
    invalid |= a | b | c;
    out[to++] = (a << 2) | (b >> 4);
    if (at + 3 === end) out[to] = (b << 4) | (c >> 2);
  }
  return invalid < 0 ? null : out;
}
