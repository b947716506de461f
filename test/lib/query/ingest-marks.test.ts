import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { timelineMarkSchema } from '#lib/api/timeline-tile.ts';
import { NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { ingestMarks } from '#lib/query/ingest-marks.ts';
import { timelineTile } from '#lib/query/timeline-tile.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { IngestMark } from '#lib/table/ingest-marks.ts';
import { BASE, batchOf, spans } from '#test/support/telemetry-batch.ts';

const BASE_S = Number(BASE / BigInt(NS_PER_S));
const store = await openTelemetryWriter({ store: 'memory:', data: randomUUID() });
afterAll(() => store.close());

let batches = 0;
const put = (...marks: readonly IngestMark[]) =>
  store.append([batchOf(`m${batches++}`, { marks })]);
const windowS = (fromS: number, toS: number) => ({
  fromUnixNs: unixNanos(BigInt(BASE_S + fromS) * BigInt(NS_PER_S)),
  toUnixNs: unixNanos(BigInt(BASE_S + toS) * BigInt(NS_PER_S)),
});
const asked = (deployment: string, fromS: number, toS: number) =>
  ingestMarks(store, deployment, windowS(fromS, toS));

test('kinds, counts and reasons of each second; those of no known deployment too', async () => {
  await store.append([batchOf('own', { events: [spans([[0, 5e9]])] })]);
  await put(
    { deployment: 'prod', reason: 'late', unixS: BASE_S, events: 1200 },
    { deployment: 'prod', reason: 'bad_attribute', unixS: BASE_S, events: 1 },
    { deployment: 'prod', reason: 'no_role', unixS: BASE_S, events: 2 },
    { deployment: 'prod', reason: 'clamped', unixS: BASE_S + 2, events: 3 },
    { deployment: '', reason: 'not_afd', unixS: BASE_S + 2, events: 4 },
    { deployment: 'other', reason: 'late', unixS: BASE_S, events: 9 },
  );
  const marks = await asked('prod', 0, 10);
  expect(marks.map(({ kind, events, reasons }) => [kind, events, reasons])).toEqual([
    ['late', 1200, { late: 1200 }],
    ['rejected', 3, { no_role: 2, bad_attribute: 1 }],
    ['clamped', 3, { clamped: 3 }],
    ['rejected', 4, { not_afd: 4 }],
  ]);
  for (const mark of marks) {
    expect(timelineMarkSchema.parse(mark)).toEqual(mark);
    expect(mark.row).toBe(-1);
    expect(BigInt(mark.toUnixNs) - BigInt(mark.fromUnixNs)).toBe(BigInt(NS_PER_S));
  }
  expect(marks[0]!.text).toMatch(/^1,200 events came after /);
  expect(marks[1]!.text).toBe(
    '2 events refused: no usable afd.role; 1 event refused: an attribute that the schema does not allow.',
  );
  expect(marks[3]!.text).toBe('4 events of no known deployment refused: no afd.* attribute.');
});

test('a tile has them beside its events, and longer windows fewer and longer ones', async () => {
  const { fromUnixNs, toUnixNs } = windowS(0, 4);
  const question = { deployment: 'prod', from: String(fromUnixNs), to: String(toUnixNs) };
  const { header } = await timelineTile(store, question, unixNanos(BASE));
  expect(header.marks.map(({ kind }) => kind)).toContain('late');
  const many = Array.from({ length: 1000 }, (_, second): IngestMark => {
    return { deployment: 'long', reason: 'late', unixS: BASE_S + second, events: 1 };
  });
  await put(...many);
  const marks = await asked('long', 0, 1000);
  expect(marks.length).toBeLessThanOrEqual(202);
  const own = marks.filter(({ kind }) => kind === 'late');
  expect(own.reduce((sum, { events }) => sum + events, 0)).toBe(1000);
  expect(Number(BigInt(own[1]!.toUnixNs) - BigInt(own[1]!.fromUnixNs))).toBe(5 * NS_PER_S);
});

test('refusals of nobody do not mark what was imported', async () => {
  await store.append(
    [batchOf('import:x:0', { events: [spans([[0, 5]], { deployment: 'kept' })] })],
    {
      imported: true,
    },
  );
  expect(await asked('kept', 0, 10)).toEqual([]);
});
