/** `.afdscope` archives on disk: their parts as a stream, and all of one as tables. */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { ArchiveError, looksLikeArchive } from '#lib/archive/archive-frame.ts';
import { type ArchivePart, readArchive } from '#lib/archive/read-archive.ts';
import {
  compressionOf,
  firstBytes,
  firstPlainBytes,
  inflaterOf,
  isDamagedData,
} from '#lib/ingest/file-bytes.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { type OtherFile, TelemetryFileError } from '#lib/ingest/read-files.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import { REJECT_REASONS, type RejectCounts } from '#lib/table/reject-reasons.ts';

const READ_BYTES = 1024 * 1024;
const MAGIC_BYTES = 8;

/** @throws ArchiveError; compressed archives are unpacked on the way */
export async function* archiveParts(path: string): AsyncGenerator<ArchivePart> {
  const file = createReadStream(path, { highWaterMark: READ_BYTES });
  const compression = compressionOf(firstBytes(path, 4));
  const inflate = compression === 'none' ? null : inflaterOf(compression);
  // What goes wrong on the way is an error of the last stream, which is read below.
  if (inflate !== null) pipeline(file, inflate, () => undefined);
  try {
    yield* readArchive(inflate ?? file);
  } catch (error) {
    if (inflate !== null && isDamagedData(error)) {
      throw new ArchiveError(
        'damaged',
        `the ${compression} data around the archive is cut off or damaged; copy or export it again`,
      );
    }
    throw error;
  } finally {
    file.destroy();
    inflate?.destroy();
  }
}

/** Reasons of another version are told nowhere, so they are not counted. */
export function knownReasons(counts: Readonly<Record<string, number>>): RejectCounts {
  const known: RejectCounts = {};
  for (const reason of REJECT_REASONS) {
    const count = counts[reason] ?? 0;
    if (count > 0) known[reason] = count;
  }
  return known;
}

/**
 * All of an archive, steps unpacked; null: the file is none.
 * @throws TelemetryFileError
 */
export async function readArchiveTables(path: string): Promise<OtherFile | null> {
  if (!looksLikeArchive(await firstPlainBytes(path, MAGIC_BYTES))) return null;
  const unpacker = new PackedUnpacker();
  const events: EventTable[] = [];
  const metrics: MetricTable[] = [];
  const rejected = new Map<string, RejectCounts>();
  try {
    for await (const part of archiveParts(path)) {
      if (part.kind === 'events') events.push(part.table);
      else if (part.kind === 'steps') events.push(unpacker.unpack(part.table));
      else if (part.kind === 'metrics') metrics.push(part.table);
      else if (part.kind === 'manifest') {
        rejected.set(part.manifest.deployment, knownReasons(part.manifest.rejected));
      }
    }
  } catch (error) {
    if (error instanceof ArchiveError) throw new TelemetryFileError(path, error.message);
    throw error;
  }
  return { events, metrics, rejected };
}
