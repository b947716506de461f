import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReusedRoom } from '#lib/base/column-room.ts';
import { unixNanos } from '#lib/base/units.ts';
import { ChunkFormatError, frameVersionOf } from '#lib/table/chunk-frame.ts';
import { StageBandSums } from '#lib/table/stage-bands.ts';
import {
  decodeStageBands,
  decodeStageRollup,
  decodeStageSlices,
  encodeStageBands,
  encodeStageColumns,
  encodeStageRollup,
} from '#lib/table/stage-rollup-codec.ts';
import { seededRandom } from '#test/support/afd-table.ts';
import {
  naiveRollups,
  STAGE_EVENT_BASE,
  type StageEvent,
  stageEvents,
} from '#test/support/arbitrary-stage-rollups.ts';

describe('stage rollups as bytes', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(stageEvents(2), fc.boolean(), (events, sliced) => {
        for (const row of naiveRollups(events)) {
          const { cells, slices } = sliced ? row : { ...row, slices: null };
          for (const encode of [encodeStageRollup, encodeStageColumns]) {
            const bytes = encode({ cells, slices });
            expect(decodeStageRollup(bytes)).toEqual({ cells, slices });
            expect(decodeStageSlices(bytes)).toEqual({ slices, stageNames: cells.stageNames });
            const { sketchOffsets, sketchBin, sketchCount, ...sums } = cells;
            expect(decodeStageRollup(bytes, false).cells).toMatchObject(sums);
          }
        }
      }),
    );
  });

  test('whatever the size of durations and the number of events', () => {
    const duration = fc.oneof(
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 900, max: 1100 }),
      fc.double({ min: 0, max: 36, noNaN: true }).map((bits) => Math.floor(2 ** bits)),
    );
    const cell = fc.record({
      stage: fc.constantFrom('attention', 'host', 'rotary', 'é'.repeat(300)),
      layer: fc.oneof(fc.integer({ min: -1, max: 70 }), fc.integer({ min: 0, max: 2 ** 31 - 1 })),
      durations: fc.array(duration, { minLength: 1, maxLength: 12 }),
      times: fc.constantFrom(1, 2, 50, 3000),
    });
    const room = new ReusedRoom();
    let bits = 0;
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1, maxLength: 30 }), (list) => {
        const events = list.flatMap(({ stage, layer, durations }): StageEvent[] =>
          durations.map((durationNs) => ({
            worker: 0,
            stage,
            layer,
            startUnixNs: STAGE_EVENT_BASE,
            durationNs,
          })),
        );
        const [row] = naiveRollups(events);
        // As if each of these were many.
        const times = new Float64Array(row!.cells.length).map(
          (_, i) => list[i % list.length]!.times,
        );
        const cells = {
          ...row!.cells,
          count: row!.cells.count.map((count, i) => count * times[i]!),
          sumNs: row!.cells.sumNs.map((sum, i) => sum * times[i]!),
          sketchCount: row!.cells.sketchCount.map((count, bin) => {
            const of = row!.cells.sketchOffsets.findLastIndex((offset) => offset <= bin);
            return count * times[of]!;
          }),
        };
        const bytes = encodeStageRollup({ cells, slices: null });
        if (frameVersionOf(bytes) === 2) bits++;
        room.empty();
        expect(decodeStageRollup(bytes, true, room)).toEqual({ cells, slices: null });
        // Blobs from a database begin anywhere.
        const moved = new Uint8Array(bytes.byteLength + 1);
        moved.set(bytes, 1);
        expect(decodeStageRollup(moved.subarray(1)).cells).toEqual(cells);
      }),
    );
    expect(bits).toBeGreaterThan(50);
  });

  test.each([
    ['a bin that is not the minimum', { sketchBin: Uint16Array.of(2) }],
    ['counts that are not those of the bins', { sketchCount: Float64Array.of(3) }],
    ['no bins', noBins(1)],
    ['no events', { count: Float64Array.of(0) }],
    ['a minimum above the mean', { minNs: Float64Array.of(1001) }],
    ['a zero below zero', { minNs: Float64Array.of(-0), sumNs: Float64Array.of(-0) }],
    ['no number', { sumNs: Float64Array.of(Number.NaN) }],
  ])('%s: the form of before', (_, wrong) => {
    const [row] = naiveRollups([
      { worker: 0, stage: 'x', layer: 0, startUnixNs: STAGE_EVENT_BASE, durationNs: 1000 },
    ]);
    expect(frameVersionOf(encodeStageRollup(row!))).toBe(2);
    const content = { cells: { ...row!.cells, ...wrong }, slices: null };
    const bytes = encodeStageRollup(content);
    expect(frameVersionOf(bytes)).toBe(1);
    expect(decodeStageRollup(bytes)).toEqual(content);
  });

  test('memory that is too small is not used, and what lies before it stays', () => {
    const [row] = naiveRollups(worker(60));
    const whole = encodeStageRollup(row!);
    for (const bytes of [0, 32, 1000, 100_000]) {
      const memory = new Uint8Array(bytes + 64).fill(7);
      expect(encodeStageRollup(row!, memory.subarray(64))).toEqual(whole);
      expect(memory.subarray(0, 64).every((byte) => byte === 7)).toBe(true);
    }
  });

  // Files are never made anew; a new version adds its own: AFDSCOPE_WRITE_VECTORS=3.
  const file = (version: string | number) =>
    new URL(`../../vectors/stage-rollup-v${version}.bin`, import.meta.url);
  if (process.env.AFDSCOPE_WRITE_VECTORS !== undefined) {
    const [row] = naiveRollups(worker(4));
    const bytes = encodeStageRollup(row!);
    writeFileSync(file(process.env.AFDSCOPE_WRITE_VECTORS), bytes, { flag: 'wx' });
  }

  test.each([1, 2])('rollups of version %i stay readable', (version) => {
    const [row] = naiveRollups(worker(4));
    const bytes = readFileSync(file(version));
    expect(frameVersionOf(bytes)).toBe(version);
    expect(decodeStageRollup(bytes)).toEqual({ cells: row!.cells, slices: row!.slices });
  });

  test('figures that are no small integers come back too', () => {
    const [row] = naiveRollups([
      { worker: 0, stage: 'x', layer: -1, startUnixNs: STAGE_EVENT_BASE, durationNs: 1 },
    ]);
    const cells = {
      ...row!.cells,
      sumNs: Float64Array.of(2 ** 60 + 2 ** 20),
      minNs: Float64Array.of(0.5),
    };
    expect(decodeStageRollup(encodeStageRollup({ cells, slices: null })).cells).toEqual(cells);
  });

  test('sums too large to predict stay exact', () => {
    const far: StageEvent[] = [0, 1, 2].map((layer) => ({
      worker: 0,
      stage: 'x',
      layer,
      startUnixNs: STAGE_EVENT_BASE,
      durationNs: 2 ** 50 + layer,
    }));
    const many = Array.from({ length: 40 }, (_, i) => ({ ...far[0]!, layer: 9, durationNs: i }));
    for (const row of naiveRollups([...far, ...many])) {
      expect(decodeStageRollup(encodeStageRollup(row))).toEqual({
        cells: row.cells,
        slices: row.slices,
      });
    }
  });

  test('bands come back as they were', () => {
    fc.assert(
      fc.property(stageEvents(1), (events) => {
        const sums = new StageBandSums();
        for (const row of naiveRollups(events)) sums.addRollup(row);
        const bands = sums.finish('prod/é', 60e9, unixNanos(1_780_000_020_000_000_000n));
        expect(decodeStageBands(encodeStageBands(bands))).toEqual(bands);
      }),
    );
  });

  test('damage anywhere is noticed', () => {
    const [row] = naiveRollups(worker(60));
    const whole = encodeStageRollup(row!);
    for (let at = 0; at < whole.length; at += 97) {
      const damaged = whole.slice();
      damaged[at]! ^= 0x10;
      expect(() => decodeStageRollup(damaged)).toThrow(ChunkFormatError);
    }
    for (const length of [0, 15, 40, whole.length - 1]) {
      expect(() => decodeStageRollup(whole.subarray(0, length))).toThrow(ChunkFormatError);
    }
    const columns = encodeStageColumns(row!);
    expect(() => decodeStageBands(columns)).toThrow('content 4, expected 5');
    expect(() => decodeStageBands(whole)).toThrow('version 2');
  });

  test('a second of a worker with 240 cells takes 2.5 KB without slices', () => {
    const [row] = naiveRollups(worker(60));
    expect(row!.cells.length).toBe(240);
    const bytes = encodeStageRollup(row!).byteLength;
    const cellBytes = encodeStageRollup({ ...row!, slices: null }).byteLength;
    expect(cellBytes).toBeLessThan(2600);
    expect(bytes - cellBytes).toBeLessThan(1000);
  });
});

function noBins(cells: number) {
  return {
    sketchOffsets: new Uint32Array(cells + 1),
    sketchBin: new Uint16Array(0),
    sketchCount: new Float64Array(0),
  };
}

/** One second: four stages of 60 layers, `events` each, durations of 3 % jitter. */
function worker(events: number): StageEvent[] {
  const random = seededRandom(7);
  const jitter = (): number => (random() + random() + random() + random() - 2) * 0.052;
  const list: StageEvent[] = [];
  for (const [stage, meanNs] of [
    ['attention', 270_000],
    ['gate', 9_000],
    ['a2f_send', 70_000],
    ['f2a_recv', 180_000],
  ] as const) {
    for (let layer = 0; layer < 60; layer++) {
      for (let n = 0; n < events; n++) {
        list.push({
          worker: 0,
          stage,
          layer,
          startUnixNs: unixNanos(STAGE_EVENT_BASE + BigInt(n * 16_000_000 + layer * 250_000)),
          durationNs: Math.round(meanNs * (1 + jitter())),
        });
      }
    }
  }
  return list;
}
