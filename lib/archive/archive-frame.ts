/**
 * The bytes of an archive (docs/archive.md). Numbers are little-endian.
 *
 *     0   'AFDSCOPE'   what it is
 *     8   u16          version (ARCHIVE_VERSION)
 *     10  u16          zero
 *     12  parts, each  u32 kind, u32 length of the payload, u32 CRC-32 of kind, length and payload,
 *                      payload
 *
 * The first part is the manifest, the last one the end, which counts the others.
 */
import { crc32 } from 'node:zlib';

export const ARCHIVE_VERSION = 1;
export const ARCHIVE_EXTENSION = '.afdscope';
export const HEAD_BYTES = 12;
export const PART_HEAD_BYTES = 12;
/** No honest part is larger; a length beyond it is damage. */
export const MAX_PART_BYTES = 2 ** 28;

const MAGIC = new TextEncoder().encode('AFDSCOPE');

export const PartKind = {
  manifest: 1,
  events: 2,
  steps: 3,
  metrics: 4,
  annotations: 5,
  end: 6,
} as const;
export type PartKind = (typeof PartKind)[keyof typeof PartKind];

export type ArchiveProblem = 'not-an-archive' | 'newer-version' | 'truncated' | 'damaged';

/** An archive that cannot be read; the message says what is wrong, where, and what to do. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
  readonly problem: ArchiveProblem;

  constructor(problem: ArchiveProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}

export function archiveHead(): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES);
  head.set(MAGIC);
  new DataView(head.buffer).setUint16(8, ARCHIVE_VERSION, true);
  return head;
}

/** Do the first bytes of a file say that it is an archive, of whatever version? */
export function looksLikeArchive(bytes: Uint8Array): boolean {
  return bytes.byteLength >= MAGIC.length && MAGIC.every((byte, i) => bytes[i] === byte);
}

/** @throws ArchiveError */
export function checkHead(head: Uint8Array): void {
  if (head.byteLength < HEAD_BYTES || !looksLikeArchive(head)) {
    throw new ArchiveError('not-an-archive', 'this is not an .afdscope archive');
  }
  const view = new DataView(head.buffer, head.byteOffset);
  const version = view.getUint16(8, true);
  if (version > ARCHIVE_VERSION) {
    throw new ArchiveError(
      'newer-version',
      `the archive has version ${version} and was written by a newer afdscope; this one reads up to ` +
        `version ${ARCHIVE_VERSION}: update it, or export again from this version`,
    );
  }
  if (version !== ARCHIVE_VERSION || view.getUint16(10, true) !== 0) {
    throw new ArchiveError(
      'damaged',
      'the head of the archive is damaged; copy or export it again',
    );
  }
}

/** A part with its head. */
export function framed(kind: PartKind, payload: Uint8Array): Uint8Array {
  const part = new Uint8Array(PART_HEAD_BYTES + payload.byteLength);
  const view = new DataView(part.buffer);
  view.setUint32(0, kind, true);
  view.setUint32(4, payload.byteLength, true);
  part.set(payload, PART_HEAD_BYTES);
  view.setUint32(8, partChecksum(part.subarray(0, 8), payload), true);
  return part;
}

/** `start`: the first eight bytes of the part's head. */
export function partChecksum(start: Uint8Array, payload: Uint8Array): number {
  return crc32(payload, crc32(start));
}
