/** Requests whose spans are packed steps, for tests and benchmarks. */
import { crc32 } from 'node:zlib';
import { defaultKind } from '#lib/model/stages.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { encodePackedStep } from '#lib/wire/packed-steps-encode.ts';
import { ByteWriter } from './byte-writer.ts';
import { resourceAttributes, writeAttribute } from './otlp-encode.ts';

/** Row numbers by worker and step. */
export function rowsByStep(table: EventTable): number[][] {
  const groups = new Map<string, number[]>();
  for (let row = 0; row < table.length; row++) {
    const key = `${table.worker[row]}/${table.step[row]}`;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [row]);
    else known.push(row);
  }
  return [...groups.values()];
}

export function packStep(table: EventTable, rows: ArrayLike<number>): Uint8Array {
  return encodePackedStep(table, rows, { crc32, defaultKind });
}

/** One resource for each worker, a span for each of its steps. */
export function encodePackedProtobuf(table: EventTable): Uint8Array {
  const steps = Map.groupBy(rowsByStep(table), (rows) => table.worker[rows[0]!]!);
  return packedRequest(
    [...steps].map(([worker, ofWorker]) => ({
      resource: resourceAttributes(table.workers[worker]!),
      payloads: ofWorker.map((rows) => packStep(table, rows)),
    })),
  );
}

export interface PackedResource {
  readonly resource: ReturnType<typeof resourceAttributes>;
  readonly payloads: readonly Uint8Array[];
}

export function packedRequest(resources: readonly PackedResource[]): Uint8Array {
  const request = new ByteWriter();
  for (const { resource, payloads } of resources) {
    request.messageField(1, (resourceSpans) => {
      resourceSpans.messageField(1, (out) => {
        for (const attribute of resource) writeAttribute(out, 1, attribute);
      });
      resourceSpans.messageField(2, (scopeSpans) => {
        for (const payload of payloads) {
          scopeSpans.messageField(2, (span) => {
            span.stringField(5, 'afd.step');
            span.messageField(9, (pair) => {
              pair.stringField(1, 'afd.packed');
              pair.messageField(2, (value) => value.bytesField(7, payload));
            });
          });
        }
      });
    });
  }
  return request.finish();
}
