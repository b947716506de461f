import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { floorTo } from '#lib/base/units.ts';
import { StageBandSums } from '#lib/table/stage-bands.ts';
import { compareStages, mergeStageRollups } from '#lib/table/stage-rollup-merge.ts';
import type { StageCells, StageRollup } from '#lib/table/stage-rollups.ts';
import {
  naiveRollups,
  STAGE_EVENT_BASE,
  stageEvents,
} from '#test/support/arbitrary-stage-rollups.ts';

/** The same cells in the order that a merge gives. */
function sorted(rollup: StageRollup): StageRollup {
  return mergeStageRollups([rollup], rollup.resolutionNs);
}

/** Each second's events in a few rollups of their own, as flushes bring them. */
const inParts = fc.tuple(stageEvents(3), fc.array(fc.nat(3), { minLength: 60, maxLength: 60 }));

describe('merging stage rollups', () => {
  test('parts of a bucket, in any order, are the whole bucket', () => {
    fc.assert(
      fc.property(inParts, fc.boolean(), ([events, part], backwards) => {
        const parts = [0, 1, 2, 3].flatMap((p) =>
          naiveRollups(events.filter((_, i) => part[i] === p)),
        );
        if (backwards) parts.reverse();
        for (const whole of naiveRollups(events)) {
          const own = parts.filter(
            (row) =>
              row.workerId === whole.workerId && row.bucketStartUnixNs === whole.bucketStartUnixNs,
          );
          expect(mergeStageRollups(own)).toEqual(sorted(whole));
        }
      }),
    );
  });

  test('ten seconds at once equal their seconds step by step', () => {
    fc.assert(
      fc.property(stageEvents(10), (events) => {
        const rows = naiveRollups(events).filter(({ workerId }) => workerId === 'ffn/0');
        if (rows.length === 0) return;
        const atOnce = mergeStageRollups(rows, 100e9);
        const steps = rows.reduce<StageRollup | null>(
          (sum, row) => mergeStageRollups(sum === null ? [row] : [sum, row], 100e9),
          null,
        );
        expect(steps).toEqual(atOnce);
        expect(atOnce.slices).toBeNull();
        const counted = events.filter(({ worker }) => worker === 1);
        expect(total(atOnce.cells)).toBe(counted.length);
        expect(Math.max(...atOnce.cells.maxNs)).toBe(
          Math.max(...counted.map(({ durationNs }) => durationNs)),
        );
      }),
    );
  });

  test('bins ascend and hold as many durations as their cell', () => {
    fc.assert(
      fc.property(stageEvents(1), (events) => {
        for (const { cells } of naiveRollups(events).map(sorted)) {
          for (let i = 0; i < cells.length; i++) {
            const bins = cells.sketchBin.slice(cells.sketchOffsets[i], cells.sketchOffsets[i + 1]);
            expect([...bins]).toEqual([...new Set(bins)].sort((a, b) => a - b));
            const inBins = cells.sketchCount.slice(
              cells.sketchOffsets[i],
              cells.sketchOffsets[i + 1],
            );
            expect(inBins.reduce((sum, n) => sum + n, 0)).toBe(cells.count[i]);
          }
        }
      }),
    );
  });

  test('stages stand in the order of the schema, others after them by name', () => {
    expect(['zeta', 'expert', 'alpha', 'attention'].sort(compareStages)).toEqual([
      'attention',
      'expert',
      'alpha',
      'zeta',
    ]);
  });

  test('bands are the sums of all workers, whichever way they were added', () => {
    fc.assert(
      fc.property(stageEvents(1), (events) => {
        const rows = naiveRollups(events);
        const bucket = floorTo(STAGE_EVENT_BASE, 10_000_000_000n);
        const direct = new StageBandSums();
        const stepwise = new StageBandSums();
        for (const row of rows) {
          direct.addRollup(row);
          const one = new StageBandSums();
          one.addRollup(row);
          stepwise.addBands(one.finish('prod', 10e9, bucket));
        }
        const bands = direct.finish('prod', 10e9, bucket);
        expect(stepwise.finish('prod', 10e9, bucket)).toEqual(bands);
        for (let i = 0; i < bands.length; i++) {
          const { workerId } = bands.workers[bands.worker[i]!]!;
          const stage = bands.stageNames[bands.stage[i]!]!;
          const own = events.filter(
            (event) =>
              event.stage === stage &&
              workerId === `${event.worker % 2 === 0 ? 'attention' : 'ffn'}/${event.worker >> 1}`,
          );
          const durations = own.map(({ durationNs }) => durationNs);
          expect(bands.count[i]).toBe(own.length);
          expect(bands.sumNs[i]).toBe(durations.reduce((sum, ns) => sum + ns, 0));
          expect(bands.minNs[i]).toBe(Math.min(...durations));
          expect(bands.maxNs[i]).toBe(Math.max(...durations));
        }
      }),
    );
  });
});

function total(cells: StageCells): number {
  return cells.count.reduce((sum, n) => sum + n, 0);
}
