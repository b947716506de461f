/** What tells that a request came before: its content. */
import { createCipheriv, createSecretKey } from 'node:crypto';
import type { Signal } from '#lib/ingest/decoded.ts';

/** Fixed, so that ids mean the same after a restart; nothing here is secret. */
const KEY = createSecretKey(Buffer.from('afdscope batch 1'));
const NONCE = Buffer.alloc(12);

/**
 * 128 bits of GMAC over the body (after decompression), with the signal, since an empty-looking body
 * can be valid for several. Two different bodies agree by chance once in 2^100 and more; a sender
 * that wants them to agree can make them so, and harms itself alone. 16 GB/s on one core with
 * carry-less multiplication, where SHA-256 reaches 1.9 GB/s and took a tenth of the write path. The key
 * is made once: with its bytes at each request most of the time went into making it.
 */
export function batchIdOf(signal: Signal, body: Uint8Array): string {
  const gmac = createCipheriv('aes-128-gcm', KEY, NONCE);
  gmac.setAAD(body);
  gmac.final();
  return `${signal}:${gmac.getAuthTag().toString('base64url')}`;
}
