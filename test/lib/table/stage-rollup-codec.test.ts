import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import { ChunkFormatError } from '#lib/table/chunk-frame.ts';
import { StageBandSums } from '#lib/table/stage-bands.ts';
import {
  decodeStageBands,
  decodeStageRollup,
  decodeStageSlices,
  encodeStageBands,
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
          const bytes = encodeStageRollup({ cells, slices });
          expect(decodeStageRollup(bytes)).toEqual({ cells, slices });
          expect(decodeStageSlices(bytes)).toEqual({ slices, stageNames: cells.stageNames });
        }
      }),
    );
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
    expect(() => decodeStageBands(whole)).toThrow('content 4, expected 5');
  });

  test('a second of a worker with 240 cells takes about 3 KB without slices', () => {
    const [row] = naiveRollups(worker(60));
    expect(row!.cells.length).toBe(240);
    const cellBytes = zstdCompressSync(encodeStageRollup({ ...row!, slices: null })).byteLength;
    const allBytes = zstdCompressSync(encodeStageRollup(row!)).byteLength;
    expect(cellBytes).toBeLessThan(3600);
    expect(allBytes - cellBytes).toBeLessThan(1000);
  });
});

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
