/** Archives that are not whole: every cut, every flipped byte, another version. */
import { expect, test } from 'vitest';
import { ArchiveError, looksLikeArchive } from '#lib/archive/archive-frame.ts';
import type { ArchiveManifest } from '#lib/archive/manifest.ts';
import { type ArchivePart, readArchive } from '#lib/archive/read-archive.ts';
import { ArchiveWriter } from '#lib/archive/write-archive.ts';
import { gauge, metricTable } from '#test/support/metric-points.ts';
import { packedTableOf } from '#test/support/packed-table.ts';
import { eventRows, metricRows } from '#test/support/table-rows.ts';
import { BASE, collect, spans } from '#test/support/telemetry-batch.ts';

const MANIFEST: ArchiveManifest = {
  schema: 'afdscope.archive/1',
  createdUnixNs: String(BASE),
  version: '1.2.3',
  deployment: 'prod',
  topology: '2A1F',
  window: { fromUnixNs: String(BASE), toUnixNs: String(BASE + 100n) },
  marginNs: 10,
  isWhole: false,
  rejected: { bad_time: 2 },
  pins: [],
};
const EVENTS = spans([
  [0, 5],
  [7, 11, 2],
]);
const METRICS = metricTable(BASE, [[gauge('hw.gpu.utilization'), 3, 0.5]]);
const NOTE = {
  id: 'one',
  fromUnixNs: String(BASE),
  toUnixNs: String(BASE),
  author: '',
  text: 'slow "link"',
  createdUnixNs: String(BASE),
};

function archive(): Uint8Array {
  const writer = new ArchiveWriter();
  const pieces = [
    ...writer.begin(MANIFEST),
    writer.events(EVENTS),
    writer.steps(packedTableOf(EVENTS, 3)),
    writer.metrics(METRICS),
    writer.annotations([NOTE]),
    writer.end(),
  ];
  return Buffer.concat(pieces);
}

const BYTES = archive();

const read = (bytes: Uint8Array): Promise<ArchivePart[]> => collect(readArchive([bytes]));

async function problemOf(bytes: Uint8Array): Promise<string> {
  try {
    await read(bytes);
  } catch (error) {
    if (error instanceof ArchiveError) return error.problem;
    throw error;
  }
  return 'none';
}

test('parts come back as they were, from pieces of any size', async () => {
  for (const size of [1, 7, BYTES.length]) {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < BYTES.length; at += size) pieces.push(BYTES.subarray(at, at + size));
    const parts = await collect(readArchive(pieces));
    expect(parts.map(({ kind }) => kind)).toEqual([
      'manifest',
      'events',
      'steps',
      'metrics',
      'annotations',
      'end',
    ]);
    const [manifest, events, steps, metrics, notes, end] = parts;
    expect(manifest).toEqual({ kind: 'manifest', manifest: MANIFEST });
    expect(eventRows(events?.kind === 'events' ? [events.table] : [])).toEqual(eventRows([EVENTS]));
    expect(steps).toMatchObject({ table: { length: 2, events: 2 } });
    expect(metricRows(metrics?.kind === 'metrics' ? [metrics.table] : [])).toEqual(
      metricRows([METRICS]),
    );
    expect(notes).toEqual({ kind: 'annotations', annotations: [NOTE] });
    expect(end).toMatchObject({ end: { parts: 5, events: 4, points: 1, annotations: 1 } });
  }
});

test('an archive that ends anywhere before its end is told to be cut off', async () => {
  for (let length = 12; length < BYTES.length; length++) {
    expect([length, await problemOf(BYTES.subarray(0, length))]).toEqual([length, 'truncated']);
  }
  expect(await problemOf(BYTES.subarray(0, 5))).toBe('not-an-archive');
  await expect(read(BYTES.subarray(0, 40))).rejects.toThrow(/cut off in part 0 at byte 12/);
});

test('a byte that changed anywhere is seen', async () => {
  for (let at = 0; at < BYTES.length; at++) {
    const bytes = Uint8Array.from(BYTES);
    bytes[at]! ^= 0x41;
    expect([at, await problemOf(bytes)]).not.toEqual([at, 'none']);
  }
});

test('a newer version, bytes after the end, and what is no archive, each by name', async () => {
  const newer = Uint8Array.from(BYTES);
  newer[8] = 2;
  await expect(read(newer)).rejects.toThrow(/version 2 and was written by a newer afdscope/);
  expect(await problemOf(Buffer.concat([BYTES, Buffer.from([0])]))).toBe('damaged');
  expect(await problemOf(new TextEncoder().encode('{"resourceSpans":[]}'))).toBe('not-an-archive');
  expect(looksLikeArchive(BYTES)).toBe(true);
  expect(looksLikeArchive(new Uint8Array(3))).toBe(false);
});
