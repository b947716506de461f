/**
 * A 32-bit checksum for damage, not for attackers: four lanes of multiply and xor over 32-bit
 * words. Every step is a bijection of its lane, so a change within one word is always seen.
 */

const PRIME_A = 0x9e3779b1;
const PRIME_B = 0x85ebca77;

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
  let a = 1;
  let b = 2;
  let c = 3;
  let d = 4;
  const unrolled = wordCount - (wordCount % 4);
  for (let i = 0; i < unrolled; i += 4) {
    a = Math.imul(a ^ words[i]!, PRIME_A);
    a ^= a >>> 15;
    b = Math.imul(b ^ words[i + 1]!, PRIME_A);
    b ^= b >>> 15;
    c = Math.imul(c ^ words[i + 2]!, PRIME_A);
    c ^= c >>> 15;
    d = Math.imul(d ^ words[i + 3]!, PRIME_A);
    d ^= d >>> 15;
  }
  let hash = byteLength;
  for (const lane of [a, b, c, d]) hash = mix(hash, lane);
  for (let i = unrolled; i < wordCount; i++) hash = mix(hash, words[i]!);
  for (let i = start + wordCount * 4; i < bytes.byteLength; i++) hash = mix(hash, bytes[i]!);
  return hash >>> 0;
}

function mix(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, PRIME_B);
  return product ^ (product >>> 13);
}
