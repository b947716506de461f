import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import { ABSENT, STAGES } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { type EventRow, EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { StageAccumulator } from '#lib/table/stage-accumulator.ts';
import {
  SKETCH_RELATIVE_ERROR,
  SLICES_PER_SECOND,
  type StageRollup,
} from '#lib/table/stage-rollups.ts';
import { sketchBin, sketchQuantileNs } from '#lib/table/stage-sketch.ts';
import { afdTable, testWorker } from '#test/support/afd-table.ts';
import { naiveSums, plainSums } from '#test/support/naive-stage-sums.ts';
import { rounds } from '#test/support/tier.ts';

/** Parts hold what the tables hold: numbers exactly, quantiles within their error. */
function expectSums(parts: readonly StageRollup[], tables: readonly EventTable[]): void {
  const expected = naiveSums(tables);
  const got = plainSums(parts);
  expect([...got.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [key, durations] of expected) {
    const { count, sumNs, minNs, maxNs, bins } = got.get(key)!;
    const sorted = durations.toSorted((a, b) => a - b);
    expect([key, count, minNs, maxNs]).toEqual([key, sorted.length, sorted[0], sorted.at(-1)]);
    // Sums above 2^53 ns (104 days in one second) are rounded, in whatever order they came.
    const total = durations.reduce((a, b) => a + b, 0);
    expect(Math.abs(sumNs - total)).toBeLessThanOrEqual(total < 2 ** 53 ? 0 : total * 1e-12);
    if (key.startsWith('slice')) continue;
    const expectedBins = Map.groupBy(durations, sketchBin);
    expect(bins).toEqual(new Map([...expectedBins].map(([bin, of]) => [bin, of.length])));
    const binList = [...bins.keys()].sort((a, b) => a - b);
    const counts = binList.map((bin) => bins.get(bin)!);
    for (const share of [0, 0.1, 0.5, 0.9, 0.99, 1]) {
      const rank = share * (sorted.length - 1);
      const low = sorted[Math.floor(rank)]!;
      const exact = low + (sorted[Math.ceil(rank)]! - low) * (rank - Math.floor(rank));
      const value = sketchQuantileNs(binList, counts, share);
      expect(Math.abs(value - exact)).toBeLessThanOrEqual(exact * SKETCH_RELATIVE_ERROR + 1e-9);
    }
  }
}

function checkShape(parts: readonly StageRollup[]): void {
  for (const { cells, slices, bucketStartUnixNs, resolutionNs } of parts) {
    expect([bucketStartUnixNs % 1_000_000_000n, resolutionNs]).toEqual([0n, 1e9]);
    const places = Array.from(cells.stage, (stage, i) => stage * 2 ** 33 + cells.layer[i]!);
    expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
    for (let i = 0; i < cells.length; i++) {
      const bins = [
        ...cells.sketchBin.subarray(cells.sketchOffsets[i], cells.sketchOffsets[i + 1]),
      ];
      expect(bins).toEqual([...new Set(bins)].sort((a, b) => a - b));
    }
    expect(slices).not.toBeNull();
    const order = Array.from(slices!.slice, (slice, i) => slice * 2 ** 16 + slices!.stage[i]!);
    expect(order).toEqual([...new Set(order)].sort((a, b) => a - b));
    expect(Math.max(0, ...slices!.slice)).toBeLessThan(SLICES_PER_SECOND);
  }
}

const WORKERS = [
  testWorker(0),
  testWorker(0, { incarnation: 'two' }),
  testWorker(1, { role: 'ffn' }),
  testWorker(0, { deployment: 'other' }),
];
const row: fc.Arbitrary<EventRow> = fc.record({
  startNs: fc.oneof(
    fc.nat(5_000_000_000),
    fc.nat(100_000),
    fc.integer({ min: 0, max: 8_000_000 * 1e9 }),
  ),
  durationNs: fc.oneof(
    fc.integer({ min: 240_000, max: 280_000 }),
    fc.nat(40),
    fc.integer({ min: 0, max: 2 ** 52 }),
  ),
  worker: fc.nat(WORKERS.length - 1),
  stage: fc.nat(STAGES.length + 1),
  kind: fc.constant(0),
  layer: fc.oneof(
    fc.integer({ min: ABSENT, max: 70 }),
    fc.constantFrom(4094, 4095, 4096, 2 ** 31 - 1),
  ),
  phase: fc.constantFrom(0, 0, 0, 1, 2, 3, 4),
});

/** Some tables with names and bases of their own. */
const tables: fc.Arbitrary<EventTable[]> = fc.array(
  fc
    .record({
      rows: fc.array(row, { maxLength: 60 }),
      base: fc.bigInt({ min: 0n, max: 2n ** 62n }),
      swapped: fc.boolean(),
    })
    .map(({ rows, base, swapped }) => {
      const names = [...STAGES, ...(swapped ? ['two', 'one'] : ['one', 'two'])];
      const builder = new EventTableBuilder(unixNanos(base), [...WORKERS], names);
      for (const event of rows) builder.add(event);
      return builder.finish();
    }),
  { minLength: 1, maxLength: 4 },
);

describe('StageAccumulator', () => {
  it('adds up exactly what the events say, whenever it is emptied', () => {
    fc.assert(
      fc.property(tables, fc.array(fc.boolean()), (all, takeAfter) => {
        const sums = new StageAccumulator();
        const parts: StageRollup[] = [];
        all.forEach((table, i) => {
          sums.addTable(table);
          if (takeAfter[i] === true) parts.push(...sums.take());
        });
        parts.push(...sums.take());
        checkShape(parts);
        expectSums(parts, all);
        expect([sums.take(), sums.unsummedEvents]).toEqual([[], 0]);
      }),
      { numRuns: rounds(300, 20_000), seed: 5 },
    );
  });

  it('adds up real steps over many seconds', () => {
    const sums = new StageAccumulator();
    const parts: StageRollup[] = [];
    const shape = { role: 'ffn', workers: 3, layers: 20 } as const;
    const all = Array.from({ length: 6 }, (_, i) =>
      afdTable({
        ...shape,
        steps: 40,
        seed: i + 1,
        baseUnixNs: 1_795_000_000_000_000_000n + BigInt(i) * 900_000_000n,
      }),
    );
    for (const table of all) {
      sums.addTable(table);
      parts.push(...sums.take());
    }
    checkShape(parts);
    expectSums(parts, all);
  });

  it('hands over in parts what is more than a bucket counts', () => {
    const builder = new EventTableBuilder(unixNanos(1_795_000_000_000_000_000n), [testWorker(0)]);
    for (let i = 0; i < 90_000; i++) {
      // All layers are new ones at first, so that the layout is full more than once.
      const layer = i < 20_000 ? i * 3 : 7;
      builder.add({ startNs: i, durationNs: 2 ** (i % 50), worker: 0, stage: 0, kind: 0, layer });
    }
    const sums = new StageAccumulator();
    const table = builder.finish();
    sums.addTable(table);
    const parts = sums.take();
    expect(parts.length).toBeGreaterThan(2);
    expectSums(parts, [table]);
  }, 20_000);

  it('holds no more than it may, and counts what it leaves out', () => {
    const builder = new EventTableBuilder(unixNanos(1_795_000_000_000_000_000n), [testWorker(0)]);
    for (let i = 0; i < 5000; i++) {
      builder.add({ startNs: i * 1e9, durationNs: 5, worker: 0, stage: 0, kind: 0 });
    }
    const sums = new StageAccumulator(1_000_000);
    const table = builder.finish();
    sums.addTable(table);
    expect(sums.heldBytes).toBeLessThan(1_100_000);
    expect(sums.unsummedEvents).toBeGreaterThan(100);
    const counted = (parts: readonly StageRollup[]) =>
      parts.reduce((sum, { cells }) => sum + cells.count[0]!, 0);
    expect(counted(sums.take()) + sums.unsummedEvents).toBe(5000);
    const before = sums.unsummedEvents;
    sums.addTable({ ...table, length: 10 });
    expect(counted(sums.take())).toBe(10);
    expect(sums.unsummedEvents).toBe(before);
  });

  it('counts durations that no event can have', () => {
    const builder = new EventTableBuilder(unixNanos(1_795_000_000_000_000_000n), [testWorker(0)]);
    for (const durationNs of [5, -1, 2 ** 60, Number.NaN, 7]) {
      builder.add({ startNs: 0, durationNs, worker: 0, stage: 0, kind: 0 });
    }
    const sums = new StageAccumulator();
    sums.addTable(builder.finish());
    expect(sums.unsummedEvents).toBe(3);
    expect([...sums.take()[0]!.cells.sumNs]).toEqual([12]);
  });

  it('gives back the memory of workers that went away', () => {
    const sums = new StageAccumulator();
    const shape = { role: 'attention', steps: 1, layers: 5 } as const;
    sums.addTable(afdTable({ ...shape, workers: 200 }));
    sums.take();
    const all = sums.heldBytes;
    for (let i = 0; i < 2; i++) {
      sums.addTable(afdTable({ ...shape, workers: 2 }));
      expect(sums.take()).toHaveLength(2);
    }
    expect(sums.heldBytes).toBeLessThan(all / 50);
    // They may come back.
    sums.addTable(afdTable({ ...shape, workers: 200 }));
    expect(sums.take()).toHaveLength(200);
  });
});
