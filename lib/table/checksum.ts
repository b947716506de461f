/**
 * A 32-bit checksum for damage, not for attackers: four lanes of multiply and xor over 32-bit
 * words. Every step is a bijection of its lane, so a change within one word is always seen.
 */

const PRIME_A = 0x9e3779b1;
const PRIME_B = 0x85ebca77;

/** V8 compiles a function for good that is called often, and not one that runs long. */
const PIECE_WORDS = 4096;

/** Checksum of `bytes` from `start` to the end; an unsigned 32-bit integer. */
export function checksum32(bytes: Uint8Array, start = 0): number {
  const byteLength = bytes.byteLength - start;
  const wordCount = byteLength >>> 2;
  const offset = bytes.byteOffset + start;
  // An Int32Array needs a start that is a multiple of 4; pooled buffers may not have one.
  const words =
    offset % 4 === 0
      ? new Int32Array(bytes.buffer, offset, wordCount)
      : new Int32Array(bytes.slice(start, start + wordCount * 4).buffer);
  const lanes = Int32Array.of(1, 2, 3, 4);
  const unrolled = wordCount - (wordCount % 4);
  for (let from = 0; from < unrolled; from += PIECE_WORDS) {
    addWords(lanes, words, from, Math.min(unrolled, from + PIECE_WORDS));
  }
  let hash = byteLength;
  for (const lane of lanes) hash = mix(hash, lane);
  for (let i = unrolled; i < wordCount; i++) hash = mix(hash, words[i]!);
  for (let i = start + wordCount * 4; i < bytes.byteLength; i++) hash = mix(hash, bytes[i]!);
  return hash >>> 0;
}

/** Words `from` until `to`, a multiple of 4, into the lanes. */
function addWords(lanes: Int32Array, words: Int32Array, from: number, to: number): void {
  let a = lanes[0]!;
  let b = lanes[1]!;
  let c = lanes[2]!;
  let d = lanes[3]!;
  for (let i = from; i < to; i += 4) {
    a = Math.imul(a ^ words[i]!, PRIME_A);
    a ^= a >>> 15;
    b = Math.imul(b ^ words[i + 1]!, PRIME_A);
    b ^= b >>> 15;
    c = Math.imul(c ^ words[i + 2]!, PRIME_A);
    c ^= c >>> 15;
    d = Math.imul(d ^ words[i + 3]!, PRIME_A);
    d ^= d >>> 15;
  }
  lanes[0] = a;
  lanes[1] = b;
  lanes[2] = c;
  lanes[3] = d;
}

function mix(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, PRIME_B);
  return product ^ (product >>> 13);
}
