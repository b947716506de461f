/**
 * Damage in a write-ahead log, found before SQLite opens it. SQLite takes frames up to the first
 * whose checksum does not fit and silently forgets the rest, since a crash may leave an unfinished
 * commit there. Here every commit was synced before it was answered, so a later commit that is
 * whole says that the frame before was damaged on the disk, and that what follows is lost.
 *
 *     header 32 bytes   magic, version, page size, sequence, salt (2), checksum (2)
 *     frame             page number, pages after the commit or 0, salt (2), checksum (2), page
 *     checksum          over the first 8 bytes of the frame header and the page, continued from the
 *                       frame before: https://www.sqlite.org/fileformat2.html#walformat
 */
import { closeSync, copyFileSync, openSync, readSync, rmSync, statSync } from 'node:fs';

export interface LogDamage {
  readonly path: string;
  /** Of the first frame that does not fit; 0: the header itself. */
  readonly atByte: number;
  /** Commits after it that SQLite will not see; null where that cannot be told. */
  readonly lostCommits: number | null;
}

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const MAGIC_LITTLE = 0x377f0682;
const MAGIC_BIG = 0x377f0683;

type Sum = readonly [number, number];

/** null: whole, empty, or not there. */
export function findLogDamage(databasePath: string): LogDamage | null {
  const path = `${databasePath}-wal`;
  const fileBytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (fileBytes < HEADER_BYTES + FRAME_HEADER_BYTES) return null;
  const file = openSync(path, 'r');
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    readSync(file, header, 0, HEADER_BYTES, 0);
    const magic = header.readUInt32BE(0);
    const little = magic === MAGIC_LITTLE;
    const pageBytes = header.readUInt32BE(8);
    const known = (little || magic === MAGIC_BIG) && pageBytes >= 512 && pageBytes <= 65_536;
    const start = checksum(header, 0, 24, [0, 0], little);
    if (!known || !sameSum(start, header, 24)) return { path, atByte: 0, lostCommits: null };
    return scanFrames({ path, file, fileBytes, header, pageBytes, little }, start);
  } finally {
    closeSync(file);
  }
}

/**
 * Copies the log, so that somebody may still save what SQLite will forget. null: it could not be
 * copied.
 */
export function keepDamagedLog({ path }: LogDamage): string | null {
  const copy = `${path}.damaged-${Date.now()}`;
  try {
    copyFileSync(path, copy);
    return copy;
  } catch {
    rmSync(copy, { force: true });
    return null;
  }
}

export function describeLogDamage({ path, atByte, lostCommits }: LogDamage): string {
  if (lostCommits === null) return `${path} is damaged at its beginning: all in it is lost`;
  const cut = lostCommits === 1 ? ', unless the power failed in the middle of it' : '';
  const commits = lostCommits === 1 ? 'the last commit is' : `the last ${lostCommits} commits are`;
  return `${path} is damaged at byte ${atByte}: ${commits} lost${cut}`;
}

interface Log {
  readonly path: string;
  readonly file: number;
  readonly fileBytes: number;
  readonly header: Buffer;
  readonly pageBytes: number;
  readonly little: boolean;
}

function scanFrames(log: Log, start: Sum): LogDamage | null {
  const { path, file, fileBytes, header, pageBytes, little } = log;
  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  const frame = Buffer.alloc(frameBytes);
  let sum = start;
  let atByte: number | null = null;
  let lostCommits = 0;
  for (let at = HEADER_BYTES; at + frameBytes <= fileBytes; at += frameBytes) {
    readSync(file, frame, 0, frameBytes, at);
    const isOurs = frame.compare(header, 16, 24, 8, 16) === 0;
    // Frames of an earlier round of the log end it, where no damage was seen before.
    if (!isOurs && atByte === null && !continues(log, at + frameBytes)) return null;
    const fits =
      isOurs &&
      sameSum(
        checksum(frame, FRAME_HEADER_BYTES, pageBytes, checksum(frame, 0, 8, sum, little), little),
        frame,
        16,
      );
    if (!fits) atByte ??= at;
    else if (atByte !== null && frame.readUInt32BE(4) !== 0) lostCommits++;
    // The frame's own word for its checksum: so the frame after damage can be looked at.
    sum = [frame.readUInt32BE(16), frame.readUInt32BE(20)];
  }
  return atByte === null || lostCommits === 0 ? null : { path, atByte, lostCommits };
}

/** The frame after one with another salt is of this round again: that one was overwritten. */
function continues({ file, fileBytes, header, pageBytes }: Log, at: number): boolean {
  if (at + FRAME_HEADER_BYTES + pageBytes > fileBytes) return false;
  const next = Buffer.alloc(FRAME_HEADER_BYTES);
  readSync(file, next, 0, FRAME_HEADER_BYTES, at);
  return next.compare(header, 16, 24, 8, 16) === 0;
}

function checksum(bytes: Buffer, from: number, length: number, seed: Sum, little: boolean): Sum {
  let [a, b] = seed;
  for (let at = from; at < from + length; at += 8) {
    const first = little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
    const second = little ? bytes.readUInt32LE(at + 4) : bytes.readUInt32BE(at + 4);
    a = (a + first + b) >>> 0;
    b = (b + second + a) >>> 0;
  }
  return [a, b];
}

function sameSum([a, b]: Sum, bytes: Buffer, at: number): boolean {
  return bytes.readUInt32BE(at) === a && bytes.readUInt32BE(at + 4) === b;
}
