import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addSteps, type StepRun } from '#lib/store/step-runs.ts';

test('consecutive steps are one run', () => {
  const first = addSteps([], [3, 1, 2, 2]);
  expect(first).toEqual({ runs: [[1, 3]], added: 3 });
  expect(addSteps(first.runs, [4, 6, 1])).toEqual({
    runs: [
      [1, 4],
      [6, 6],
    ],
    added: 2,
  });
  expect(
    addSteps(
      [
        [1, 4],
        [6, 6],
      ],
      [5],
    ),
  ).toEqual({ runs: [[1, 6]], added: 1 });
});

test('counts exactly what a set counts, in whatever order and portions', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.nat(120), { maxLength: 20 }), { maxLength: 20 }),
      (portions) => {
        let runs: readonly StepRun[] = [];
        let count = 0;
        const set = new Set<number>();
        for (const portion of portions) {
          const result = addSteps(runs, portion);
          runs = result.runs;
          count += result.added;
          for (const step of portion) set.add(step);
          expect(count).toBe(set.size);
        }
        const listed = runs.flatMap(([a, b]) => Array.from({ length: b - a + 1 }, (_, i) => a + i));
        expect(listed).toEqual([...set].sort((a, b) => a - b));
      },
    ),
    { numRuns: 300, seed: 8 },
  );
});

test('stays bounded with every second step missing, and still counts new ones', () => {
  let runs: readonly StepRun[] = [];
  let count = 0;
  for (let step = 0; step < 10_000; step += 2) {
    const result = addSteps(runs, [step]);
    runs = result.runs;
    count += result.added;
  }
  expect(count).toBe(5000);
  expect(runs.length).toBeLessThanOrEqual(256);
});
