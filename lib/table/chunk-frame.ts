/**
 * The frame around every chunk: what it is, which version, and whether it is whole.
 *
 *     0   'AFDC'        magic
 *     4   u8            version of the layout: CHUNK_VERSION; rollups by stage and layer also 2 (stage-bits.ts)
 *     5   u8            content: 1 events, 2 metrics, 3 directory of packed steps, 4 rollups by stage and layer,
 *                           5 rollups by worker and stage
 *     6   u16           zero
 *     8   u32           checksum of every byte from 12 on
 *     12  u32           length of the header in bytes
 *     16  JSON, UTF-8   header (version 2: of its own form)
 *     …   columns       see column-codec.ts
 *
 * Numbers are little-endian. A reader refuses what it does not know; it never guesses.
 */
import { checksum32 } from './checksum.ts';

export const CHUNK_VERSION = 1;
export const FRAME_BYTES = 16;

const MAGIC = 0x43444641;

export const ChunkContent = {
  events: 1,
  metrics: 2,
  packed: 3,
  stageRollups: 4,
  stageBands: 5,
} as const;
export type ChunkContent = (typeof ChunkContent)[keyof typeof ChunkContent];

export type ChunkProblem = 'not-a-chunk' | 'unknown-version' | 'wrong-content' | 'damaged';

/** A chunk that cannot be read: not ours, of another version, or damaged. */
export class ChunkFormatError extends Error {
  override readonly name = 'ChunkFormatError';
  readonly problem: ChunkProblem;

  constructor(problem: ChunkProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}

export function damaged(what: string): ChunkFormatError {
  return new ChunkFormatError('damaged', `damaged chunk: ${what}`);
}

/** 0: this is no frame. */
export function frameVersionOf(bytes: Uint8Array): number {
  if (bytes.byteLength < FRAME_BYTES) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, FRAME_BYTES);
  return view.getUint32(0, true) === MAGIC ? view.getUint8(4) : 0;
}

/** Fills in the frame of `bytes`, whose header and columns are already in place. */
export function sealFrame(
  bytes: Uint8Array,
  content: ChunkContent,
  headerBytes: number,
  version: number = CHUNK_VERSION,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, version);
  view.setUint8(5, content);
  view.setUint16(6, 0, true);
  view.setUint32(12, headerBytes, true);
  view.setUint32(8, checksum32(bytes, 12), true);
}

/**
 * Checks the frame and returns the parsed header and where the columns start.
 * @throws ChunkFormatError
 */
export function openFrame(
  bytes: Uint8Array,
  content: ChunkContent,
): { header: unknown; columnsStart: number } {
  const { columnsStart } = checkFrame(bytes, content, CHUNK_VERSION);
  return { header: parseHeader(bytes, columnsStart), columnsStart };
}

/**
 * Checks the frame of a chunk that may be of any version up to `newest`; the header is in bytes
 * FRAME_BYTES to `columnsStart`.
 * @throws ChunkFormatError
 */
export function checkFrame(
  bytes: Uint8Array,
  content: ChunkContent,
  newest: number,
): { version: number; columnsStart: number } {
  if (bytes.byteLength < FRAME_BYTES) {
    throw new ChunkFormatError('not-a-chunk', `not a chunk: only ${bytes.byteLength} bytes`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) {
    throw new ChunkFormatError('not-a-chunk', 'not a chunk: it does not start with AFDC');
  }
  const version = view.getUint8(4);
  if (version < CHUNK_VERSION || version > newest) {
    throw new ChunkFormatError(
      'unknown-version',
      `chunk of version ${version}; this program reads version ${newest}`,
    );
  }
  if (view.getUint32(8, true) !== checksum32(bytes, 12)) throw damaged('the checksum differs');
  if (view.getUint16(6, true) !== 0) throw damaged('bytes 6 and 7 are not zero');
  const found = view.getUint8(5);
  if (found !== content) {
    throw new ChunkFormatError('wrong-content', `chunk of content ${found}, expected ${content}`);
  }
  const columnsStart = FRAME_BYTES + view.getUint32(12, true);
  if (columnsStart > bytes.byteLength) throw damaged('the header is longer than the chunk');
  return { version, columnsStart };
}

/** The header of a frame that was checked, of version 1. @throws ChunkFormatError */
export function parseHeader(bytes: Uint8Array, columnsStart: number): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(
      bytes.subarray(FRAME_BYTES, columnsStart),
    );
    return JSON.parse(text);
  } catch {
    throw damaged('the header is not JSON');
  }
}
