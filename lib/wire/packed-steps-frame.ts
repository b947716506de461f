/** The first bytes of a packed step: is it one, of a version that is known, and whole? */
import {
  CHECKED_FROM,
  CRC_AT,
  type Crc32,
  HEADER_BYTES,
  PACKED_MAGIC,
  PACKED_VERSION,
} from './packed-steps-format.ts';

/** What is wrong with the payload's frame; '' where nothing is. */
export function frameDamage(payload: Uint8Array, crc32: Crc32): string {
  if (payload.length < HEADER_BYTES) return 'damaged packed step: it is shorter than its header';
  for (let i = 0; i < PACKED_MAGIC.length; i++) {
    if (payload[i] !== PACKED_MAGIC[i]) return 'it is no packed step';
  }
  const version = payload[PACKED_MAGIC.length]!;
  if (version !== PACKED_VERSION) return `version ${version} of packed steps is not known`;
  let stated = 0;
  for (let i = 3; i >= 0; i--) stated = stated * 256 + payload[CRC_AT + i]!;
  const crc = crc32(payload.subarray(CHECKED_FROM));
  return crc === stated ? '' : 'damaged packed step: the checksum differs';
}
