import { expect, test } from 'vitest';
import { addNanos, unixNanos } from '#lib/base/units.ts';
import { StepLog } from '#lib/live/step-log.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { testWorker } from '#test/support/afd-table.ts';
import { keptSteps } from '#test/support/kept-steps.ts';

const BASE = unixNanos(1_800_000_000_000_000_000n);
const MS = 1e6;

/** `[step, domain, startMs, endMs]`, an event each. */
function events(rows: readonly (readonly [number, number, number, number])[]) {
  const builder = new EventTableBuilder(BASE, [testWorker(0), testWorker(1)]);
  rows.forEach(([step, domain, startMs, endMs], i) => {
    const durationNs = (endMs - startMs) * MS;
    const worker = i % 2;
    builder.add({ worker, step, domain, startNs: startMs * MS, durationNs, stage: 0, kind: 0 });
  });
  return builder.finish();
}

const at = (ms: number) => addNanos(BASE, ms * MS);

test('the newest whole steps, as many as fit, and never none where there is one', () => {
  const log = new StepLog();
  log.add(
    events([
      [7, 0, 0, 50],
      [7, 0, 2, 55],
      [8, 0, 60, 100],
      [-1, 0, 0, 9999],
      [9, 0, 120, 160],
      [10, 0, 170, 180],
    ]),
  );
  expect(log.size).toBe(4);
  expect(log.newestWhole(at(500), 2, true)).toEqual({ fromUnixNs: at(60), toUnixNs: at(160) });
  expect(log.newestWhole(at(500), 4, true)).toEqual({ fromUnixNs: at(0), toUnixNs: at(160) });
  // Step 10 may go on, unless nothing more is awaited.
  expect(log.newestWhole(at(500), 0, false)).toEqual({ fromUnixNs: at(170), toUnixNs: at(180) });
  // Not all workers have reported beyond 99 ms.
  expect(log.newestWhole(at(99), 0, true)).toEqual({ fromUnixNs: at(0), toUnixNs: at(55) });
  expect(log.newestWhole(at(54), 0, true)).toBeNull();
  expect(log.longestNs).toBe(55 * MS);
  log.forgetBefore(at(100));
  expect(log.size).toBe(3);
});

test('packed steps are noted as their events would be, in parts of tables too', () => {
  const rows = events([
    [1, 3, 0, 10],
    [1, 3, 5, 30],
    [2, 3, 40, 70],
    [5, 4, 1, 90],
  ]);
  const plain = new StepLog();
  plain.add(rows);
  const packed = new StepLog();
  for (const steps of keptSteps(rows)) packed.addPacked(steps);
  for (const newestMayGoOn of [true, false]) {
    for (const maxEvents of [0, 2, 9]) {
      const expected = plain.newestWhole(at(1000), maxEvents, newestMayGoOn);
      expect(packed.newestWhole(at(1000), maxEvents, newestMayGoOn)).toEqual(expected);
    }
  }
  expect(packed.size).toBe(3);
});
