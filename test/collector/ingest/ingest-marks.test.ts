/** From the bytes of a request to marks of a timeline, through the thread that stores them. */
import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RollupsMessage } from '#collector/messages.ts';
import type { TimelineMark } from '#lib/api/timeline-tile.ts';
import { NS_PER_S, unixNanos, unixNanosFromMs } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { timelineTile } from '#lib/query/timeline-tile.ts';
import { openTelemetryReader } from '#lib/store/open-store.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { testWorker } from '#test/support/afd-table.ts';
import { encodeTracesProtobuf } from '#test/support/otlp-encode.ts';
import { encodePackedProtobuf } from '#test/support/packed-spans.ts';
import { DataFolder } from './ingest-harness.ts';

let folder: DataFolder;
beforeEach(() => {
  folder = new DataFolder();
});
afterEach(() => folder.remove());

/** A minute ago, at a whole second. */
const BASE_S = Math.floor(Date.now() / 1000) - 60;
const BASE = unixNanos(BigInt(BASE_S) * BigInt(NS_PER_S));

interface TestEvent {
  readonly second: number;
  readonly step: number;
  readonly durationNs?: number;
}

function tableOf(events: readonly TestEvent[]) {
  const builder = new EventTableBuilder(BASE, [testWorker(0)]);
  for (const { second, step, durationNs = 1000 } of events) {
    builder.add({ startNs: second * NS_PER_S, durationNs, worker: 0, stage: 0, kind: 0, step });
  }
  return builder.finish();
}

const spansOf = (...events: TestEvent[]) => new Uint8Array(encodeTracesProtobuf(tableOf(events)));
const packedOf = (...events: TestEvent[]) => new Uint8Array(encodePackedProtobuf(tableOf(events)));

/** A span of the worker with these attributes, at a second. */
function jsonOf(second: number, resource: object, attributes: object, times = {}) {
  const listed = (values: object) =>
    Object.entries(values).map(([key, value]) => ({
      key,
      value: typeof value === 'string' ? { stringValue: value } : { intValue: value },
    }));
  const start = BASE + BigInt(second) * BigInt(NS_PER_S);
  const span = {
    name: 'attention',
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + 1000n),
    attributes: listed(attributes),
    ...times,
  };
  return new TextEncoder().encode(
    JSON.stringify({
      resourceSpans: [
        { resource: { attributes: listed(resource) }, scopeSpans: [{ spans: [span] }] },
      ],
    }),
  );
}

async function marks(): Promise<readonly (readonly [number, TimelineMark['kind'], object])[]> {
  const reader = await openTelemetryReader({ data: folder.path, unpacker: new PackedUnpacker() });
  const question = {
    deployment: 'prod',
    from: String(BASE),
    to: String(BASE + 90n * BigInt(NS_PER_S)),
  };
  const { header } = await timelineTile(reader, question, unixNanosFromMs(Date.now()));
  await reader.close();
  return header.marks
    .filter(({ row }) => row === -1)
    .map(({ fromUnixNs, kind, reasons }) => [
      Number(BigInt(fromUnixNs) / BigInt(NS_PER_S)) - BASE_S,
      kind,
      reasons ?? {},
    ]);
}

test('retried, refused, changed and late events are marked in their second', async () => {
  const { port1, port2 } = new MessageChannel();
  const ingest = await folder.start({ livePort: port1 });
  const send = (body: Uint8Array<ArrayBuffer>, encoding: 'protobuf' | 'json' = 'protobuf') =>
    ingest.submit('traces', encoding, body);
  const worker = { 'afd.role': 'attention', 'afd.rank': 0, 'afd.deployment': 'prod' };
  expect((await send(spansOf({ second: 1, step: 1 }, { second: 2, step: 2 }))).status).toBe(
    'stored',
  );
  // The whole request again, and a packed step in another request.
  await send(spansOf({ second: 1, step: 1 }, { second: 2, step: 2 }));
  await send(packedOf({ second: 4, step: 4 }));
  await send(packedOf({ second: 4, step: 4 }, { second: 5, step: 5 }));
  await send(jsonOf(7, { 'afd.deployment': 'prod' }, { 'afd.step': 7 }), 'json');
  await send(jsonOf(8, worker, { 'afd.step': 'eight' }), 'json');
  await send(jsonOf(9, worker, { 'afd.step': 9 }, { endTimeUnixNano: '1' }), 'json');
  const beforeS = Math.floor(Date.now() / 1000) - BASE_S;
  await send(jsonOf(0, worker, { 'afd.step': 10 }, { startTimeUnixNano: '5' }), 'json');
  const late: RollupsMessage = {
    type: 'rollups',
    workers: [],
    deployments: [],
    late: [{ deployment: 'prod', reason: 'late', unixS: BASE_S + 11, events: 3 }],
  };
  port2.postMessage(late);
  await send(spansOf({ second: 12, step: 12 }));
  await new Promise((resolve) => setTimeout(resolve, 100));
  await ingest.stop();
  port2.close();
  const found = await marks();
  const received = found.filter(([second]) => second > 50);
  expect(received).toEqual([[expect.any(Number), 'rejected', { bad_time: 1 }]]);
  expect(received[0]![0]).toBeGreaterThanOrEqual(beforeS);
  expect(found.filter(([second]) => second <= 50)).toEqual([
    [1, 'duplicate', { duplicate: 1 }],
    [2, 'duplicate', { duplicate: 1 }],
    [4, 'duplicate', { duplicate: 1 }],
    [7, 'rejected', { no_role: 1 }],
    [8, 'rejected', { bad_attribute: 1 }],
    [9, 'clamped', { clamped: 1 }],
    [11, 'late', { late: 3 }],
  ]);
  // Nothing is marked that is not counted, and the other way about.
  const totals = (await folder.totals()).find(({ deployment }) => deployment === 'prod');
  expect(totals?.rejected).toEqual({
    ...{ duplicate: 3, no_role: 1, bad_attribute: 1, clamped: 1, bad_time: 1, late: 3 },
  });
});
