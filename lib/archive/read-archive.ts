/** An archive read as a stream: one part at a time, each checked before anything is made of it. */
import { zstdDecompressSync } from 'node:zlib';
import type { z } from 'zod';
import { decodeEvents } from '#lib/table/chunk-codec.ts';
import { decodeMetrics } from '#lib/table/chunk-codec-metrics.ts';
import { ChunkFormatError } from '#lib/table/chunk-frame.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import { decodeDirectory } from '#lib/table/packed-codec.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import {
  ArchiveError,
  checkHead,
  HEAD_BYTES,
  MAX_PART_BYTES,
  PART_HEAD_BYTES,
  PartKind,
  partChecksum,
} from './archive-frame.ts';
import {
  type ArchiveAnnotation,
  type ArchiveEnd,
  type ArchiveManifest,
  archiveAnnotationsSchema,
  archiveEndSchema,
  manifestSchema,
} from './manifest.ts';

export type ArchivePart =
  | { readonly kind: 'manifest'; readonly manifest: ArchiveManifest }
  | { readonly kind: 'events'; readonly table: EventTable }
  | { readonly kind: 'steps'; readonly table: PackedTable }
  | { readonly kind: 'metrics'; readonly table: MetricTable }
  | { readonly kind: 'annotations'; readonly annotations: readonly ArchiveAnnotation[] }
  | { readonly kind: 'end'; readonly end: ArchiveEnd };

/** Unpacked, a part of a store's slices is a few megabytes. */
const MAX_UNPACKED_BYTES = 2 ** 30;

/**
 * The parts in their order; the manifest comes first and the end last. A file that lacks its end
 * fails after its last whole part.
 * @throws ArchiveError
 */
export async function* readArchive(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<ArchivePart> {
  const input = new ByteSource(source);
  const head = await input.take(HEAD_BYTES);
  checkHead(head);
  const seen = { parts: 0, events: 0, points: 0, annotations: 0 };
  for (let at = HEAD_BYTES; ; at = input.offset) {
    const where = `part ${seen.parts} at byte ${at}`;
    const partHead = await input.take(PART_HEAD_BYTES);
    if (partHead.byteLength < PART_HEAD_BYTES) throw cutOff(where);
    const view = new DataView(partHead.buffer, partHead.byteOffset);
    const kind = view.getUint32(0, true);
    const byteLength = view.getUint32(4, true);
    if (byteLength > MAX_PART_BYTES) throw damagedAt(where, 'its length cannot be');
    const payload = await input.take(byteLength);
    if (payload.byteLength < byteLength) throw cutOff(where);
    if (partChecksum(partHead.subarray(0, 8), payload) !== view.getUint32(8, true)) {
      throw damagedAt(where, 'its checksum is wrong');
    }
    const part = partOf(kind, payload, where);
    if ((part.kind === 'manifest') !== (seen.parts === 0)) {
      throw damagedAt(where, `it is a part of kind ${kind}, which may not stand here`);
    }
    if (part.kind === 'end') {
      checkEnd(part.end, seen, where);
      yield part;
      if ((await input.take(1)).byteLength > 0) {
        throw new ArchiveError('damaged', `bytes follow after the end, ${where}; export it again`);
      }
      return;
    }
    seen.parts++;
    if (part.kind === 'events') seen.events += part.table.length;
    else if (part.kind === 'steps') seen.events += part.table.events;
    else if (part.kind === 'metrics') seen.points += part.table.length;
    else if (part.kind === 'annotations') seen.annotations += part.annotations.length;
    yield part;
  }
}

function checkEnd(end: ArchiveEnd, seen: ArchiveEnd, where: string): void {
  for (const name of ['parts', 'events', 'points', 'annotations'] as const) {
    if (end[name] !== seen[name]) {
      throw damagedAt(where, `it counts ${end[name]} ${name}, and ${seen[name]} came before it`);
    }
  }
}

function partOf(kind: number, payload: Uint8Array, where: string): ArchivePart {
  try {
    switch (kind) {
      case PartKind.manifest:
        return { kind: 'manifest', manifest: json(manifestSchema, payload, where) };
      case PartKind.events:
        return { kind: 'events', table: decodeEvents(inflated(payload)) };
      case PartKind.steps:
        return { kind: 'steps', table: stepsOf(inflated(payload), where) };
      case PartKind.metrics:
        return { kind: 'metrics', table: decodeMetrics(inflated(payload)) };
      case PartKind.annotations:
        return { kind: 'annotations', annotations: json(archiveAnnotationsSchema, payload, where) };
      case PartKind.end:
        return { kind: 'end', end: json(archiveEndSchema, payload, where) };
    }
  } catch (cause) {
    if (cause instanceof ChunkFormatError) throw damagedAt(where, cause.message);
    throw cause;
  }
  throw damagedAt(where, `nothing is known of parts of kind ${kind}`);
}

function stepsOf(plain: Uint8Array, where: string): PackedTable {
  if (plain.byteLength < 4) throw damagedAt(where, 'packed steps have no head');
  const directoryBytes = new DataView(plain.buffer, plain.byteOffset).getUint32(0, true);
  if (4 + directoryBytes > plain.byteLength) throw damagedAt(where, 'its directory is cut off');
  const directory = plain.slice(4, 4 + directoryBytes);
  return decodeDirectory(directory, plain.slice(4 + directoryBytes)).table;
}

function inflated(payload: Uint8Array): Uint8Array {
  try {
    return zstdDecompressSync(payload, { maxOutputLength: MAX_UNPACKED_BYTES });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ChunkFormatError('damaged', `it cannot be decompressed (${why})`);
  }
}

function json<T>(schema: z.ZodType<T>, payload: Uint8Array, where: string): T {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(payload));
  } catch {
    throw damagedAt(where, 'it is not JSON');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw damagedAt(where, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'wrong'}`);
}

function cutOff(where: string): ArchiveError {
  const message = `the archive is cut off in ${where}; copy or export it again`;
  return new ArchiveError('truncated', message);
}

function damagedAt(where: string, what: string): ArchiveError {
  const message = `the archive is damaged in ${where}: ${what}; copy or export it again`;
  return new ArchiveError('damaged', message);
}

/** Exactly so many bytes at a time, from pieces of any size. */
class ByteSource {
  readonly #pieces: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #piece = new Uint8Array(0);
  #done = false;
  offset = 0;

  constructor(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#pieces =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  /** Fewer where the source ends. Memory of its own. */
  async take(byteLength: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let missing = byteLength;
    while (missing > 0) {
      if (this.#piece.byteLength === 0) {
        if (this.#done) break;
        const next = await this.#pieces.next();
        if (next.done === true) this.#done = true;
        else this.#piece = new Uint8Array(next.value);
        continue;
      }
      const part = this.#piece.subarray(0, missing);
      parts.push(part);
      this.#piece = this.#piece.subarray(part.byteLength);
      missing -= part.byteLength;
    }
    const out = new Uint8Array(byteLength - missing);
    let at = 0;
    for (const part of parts) {
      out.set(part, at);
      at += part.byteLength;
    }
    this.offset += out.byteLength;
    return out;
  }
}
