import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RowRuns } from '#lib/table/row-runs.ts';

/** Stretches of a worker in order of time, and rows in any. */
const stretch = fc
  .tuple(fc.nat(3), fc.array(fc.nat(90), { minLength: 1, maxLength: 30 }), fc.boolean())
  .map(([worker, starts, inOrder]) => {
    const sorted = inOrder ? starts.toSorted((a, b) => a - b) : starts;
    return sorted.map((start) => ({ worker, start }));
  });
const rows = fc.array(stretch, { maxLength: 6 }).map((stretches) => stretches.flat());

function rowsOf(runs: RowRuns): number[] {
  return Array.from({ length: runs.count }, (_, r) => rowsOfRun(runs, r)).flat();
}

function rowsOfRun(runs: RowRuns, r: number): number[] {
  const from = runs.from[r]!;
  return Array.from({ length: runs.to[r]! - from }, (_, i) => runs.order?.[from + i] ?? from + i);
}

function find(runs: RowRuns, of: readonly { worker: number; start: number }[]): void {
  const worker = Int32Array.from(of, (row) => row.worker);
  const start = Float64Array.from(of, (row) => row.start);
  runs.find(of.length, worker, start, 4);
}

test('runs are the rows sorted by worker and start, equal ones as they came, each of one worker', () => {
  const runs = new RowRuns();
  fc.assert(
    fc.property(rows, (of) => {
      find(runs, of);
      const sorted = [...of.keys()].sort(
        (a, b) => of[a]!.worker - of[b]!.worker || of[a]!.start - of[b]!.start || a - b,
      );
      expect(rowsOf(runs)).toEqual(sorted);
      for (let r = 0; r < runs.count; r++) {
        const own = rowsOfRun(runs, r).map((row) => of[row]!.worker);
        expect(new Set(own).size).toBe(1);
      }
    }),
  );
});

test('spans of two senders by turns, each in order, stay whole runs', () => {
  const runs = new RowRuns();
  const of = [1, 0, 1, 0].flatMap((worker, turn) =>
    Array.from({ length: 5000 }, (_, i) => ({ worker, start: turn * 10_000 + i })),
  );
  find(runs, of);
  expect(runs.order).toBeNull();
  // 5,000 rows are three runs of at most 2,048.
  expect(runs.count).toBe(12);
  expect(runs.from[0]).toBe(5000);
});
