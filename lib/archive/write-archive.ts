/** Tables as parts of an archive, one after the other. */
import { constants, zstdCompressSync } from 'node:zlib';
import { encodeMetrics } from '#lib/table/chunk-codec-metrics.ts';
import { encodeTables } from '#lib/table/encode-events.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import { encodeDirectory } from '#lib/table/packed-codec.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { concatPacked } from '#lib/table/packed-tables.ts';
import { archiveHead, framed, PartKind } from './archive-frame.ts';
import type { ArchiveAnnotation, ArchiveEnd, ArchiveManifest } from './manifest.ts';

const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

/** Call `begin` first and `end` last; each gives bytes that are to follow those before. */
export class ArchiveWriter {
  #parts = 0;
  #events = 0;
  #points = 0;
  #annotations = 0;

  begin(manifest: ArchiveManifest): Uint8Array[] {
    return [archiveHead(), this.#json(PartKind.manifest, manifest)];
  }

  /** The rows must lie within 104 days. */
  events(table: EventTable): Uint8Array {
    this.#events += table.length;
    return this.#part(PartKind.events, zstdCompressSync(encodeTables([table]), ZSTD));
  }

  steps(table: PackedTable): Uint8Array {
    this.#events += table.events;
    const own = concatPacked([table]);
    const directory = encodeDirectory(own, { sequences: null, workerIds: null });
    const plain = new Uint8Array(4 + directory.byteLength + own.bytes.byteLength);
    new DataView(plain.buffer).setUint32(0, directory.byteLength, true);
    plain.set(directory, 4);
    plain.set(own.bytes, 4 + directory.byteLength);
    return this.#part(PartKind.steps, zstdCompressSync(plain, ZSTD));
  }

  metrics(table: MetricTable): Uint8Array {
    this.#points += table.length;
    return this.#part(PartKind.metrics, zstdCompressSync(encodeMetrics(table), ZSTD));
  }

  annotations(list: readonly ArchiveAnnotation[]): Uint8Array {
    this.#annotations += list.length;
    return this.#json(PartKind.annotations, list);
  }

  end(): Uint8Array {
    const end: ArchiveEnd = {
      parts: this.#parts,
      events: this.#events,
      points: this.#points,
      annotations: this.#annotations,
    };
    return this.#json(PartKind.end, end);
  }

  #json(kind: PartKind, value: unknown): Uint8Array {
    return this.#part(kind, new TextEncoder().encode(JSON.stringify(value)));
  }

  #part(kind: PartKind, payload: Uint8Array): Uint8Array {
    this.#parts++;
    return framed(kind, payload);
  }
}
