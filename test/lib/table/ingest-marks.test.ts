import { expect, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import { IngestMarks, SecondsAfter } from '#lib/table/ingest-marks.ts';

test('marks are added up by deployment, reason and second', () => {
  const marks = new IngestMarks();
  expect(marks.isEmpty).toBe(true);
  marks.add('prod', 'late', 10, 2);
  marks.add('prod', 'late', 10, 1);
  marks.add('prod', 'clamped', 10, 1);
  marks.add('other', 'late', 10, 5);
  marks.add('prod', 'late', null, 4);
  marks.add('prod', 'late', 10, 1);
  expect(marks.events).toBe(14);
  expect(marks.take()).toEqual([
    { deployment: 'prod', reason: 'late', unixS: 10, events: 4 },
    { deployment: 'prod', reason: 'late', unixS: null, events: 4 },
    { deployment: 'prod', reason: 'clamped', unixS: 10, events: 1 },
    { deployment: 'other', reason: 'late', unixS: 10, events: 5 },
  ]);
  expect(marks.isEmpty).toBe(true);
  expect(marks.take()).toEqual([]);
});

test('beyond 4096 seconds events count without theirs', () => {
  const marks = new IngestMarks();
  for (let second = 0; second < 10_000; second++) marks.add('prod', 'late', second, 1);
  marks.add('prod', 'late', 0, 1);
  const list = marks.list();
  expect(list).toHaveLength(4097);
  expect(list.find(({ unixS }) => unixS === null)?.events).toBe(10_000 - 4096);
  expect(list[0]).toEqual({ deployment: 'prod', reason: 'late', unixS: 0, events: 2 });
});

test('seconds after a base are exact to the nanosecond', () => {
  const seconds = new SecondsAfter(unixNanos(1_795_000_000_999_999_999n));
  expect([-1, 0, 1, 1e9, 1e9 + 1, -999_999_999, -1e9].map((ns) => seconds.at(ns))).toEqual([
    1_795_000_000, 1_795_000_000, 1_795_000_001, 1_795_000_001, 1_795_000_002, 1_795_000_000,
    1_794_999_999,
  ]);
});
