import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PathSums } from '#lib/api/critical-path.ts';
import { STAGE_COLOURS } from '#lib/view/palette.ts';
import { layerShares, stageShares, workerShares } from '#lib/view/path-shares.ts';

function pathOf(byStage: readonly { stage: string; ns: number }[]): PathSums {
  const durationNs = byStage.reduce((sum, { ns }) => sum + ns, 0);
  return {
    durationNs,
    steps: 1,
    ofSteps: 1,
    share: [],
    byStage: [...byStage],
    byWorker: [],
    byLayer: [],
    byKind: [],
  };
}

test('shares add up to the steps, whatever is left out is in one more', () => {
  const stages = fc.uniqueArray(
    fc.record({ stage: fc.string(), ns: fc.integer({ min: 1, max: 1_000_000 }) }),
    { selector: ({ stage }) => stage, minLength: 1, maxLength: 20 },
  );
  fc.assert(
    fc.property(stages, fc.integer({ min: 1, max: 8 }), (list, most) => {
      const shares = stageShares(pathOf(list), most);
      expect(shares.reduce((sum, { ratio }) => sum + ratio, 0)).toBeCloseTo(1, 2);
      expect(shares.length).toBeLessThanOrEqual(most + 1);
    }),
    { seed: 9 },
  );
});

test('the largest come first, in the colours of their stages; a gap has no fill', () => {
  const shares = stageShares(
    pathOf([
      { stage: 'gap', ns: 5 },
      { stage: 'expert', ns: 60 },
      { stage: 'a2f_send', ns: 35 },
    ]),
  );
  expect(shares.map(({ name, look }) => [name, look])).toEqual([
    ['expert', 'filled'],
    ['a2f_send', 'filled'],
    ['gap', 'bare'],
  ]);
  expect(shares[1]?.colour).toBe(STAGE_COLOURS.a2f);
});

test('workers take the colour of their side', () => {
  const path = { ...pathOf([{ stage: 'expert', ns: 4 }]), byWorker: [{ worker: 'ffn/1', ns: 4 }] };
  expect(workerShares(path, (id) => (id === 'ffn/1' ? 'orange' : 'blue'))).toEqual([
    { name: 'ffn/1', ns: 4, ratio: 1, colour: 'orange', look: 'filled' },
  ]);
});

test('layers stand in order, what has none is left out', () => {
  const path = {
    ...pathOf([{ stage: 'expert', ns: 10 }]),
    byLayer: [
      { layer: 4, ns: 6 },
      { layer: -1, ns: 1 },
      { layer: 3, ns: 3 },
    ],
  };
  expect(layerShares(path)).toEqual([
    { layer: 3, ratio: 0.3, heightRatio: 0.5 },
    { layer: 4, ratio: 0.6, heightRatio: 1 },
  ]);
});
