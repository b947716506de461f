/** Sums of a worker's layers, whatever numbers the layers have. */
import { expect, test } from 'vitest';
import { LayerSlots, WorkerLayers } from '#lib/query/worker-layers.ts';
import { noSketches } from '#lib/table/stage-columns-read.ts';
import type { StageCells, StageRollup } from '#lib/table/stage-rollups.ts';

function cellsOf(rows: readonly (readonly [string, number, number, number])[]): StageCells {
  const stageNames = [...new Set(rows.map(([name]) => name))];
  const column = (of: (row: (typeof rows)[number]) => number) => Float64Array.from(rows, of);
  return {
    length: rows.length,
    stageNames,
    stage: Uint16Array.from(rows, ([name]) => stageNames.indexOf(name)),
    layer: Int32Array.from(rows, ([, layer]) => layer),
    count: column(([, , count]) => count),
    sumNs: column(([, , , sumNs]) => sumNs),
    minNs: column(() => 0),
    maxNs: column(() => 0),
    ...noSketches(rows.length),
  };
}

test('compute and receives by layer, far layers and steps without one included', () => {
  const row = { workerId: 'a/0', group: 'a', role: 'attention', rank: 0 } as StageRollup;
  const slots = new LayerSlots();
  const worker = new WorkerLayers(row, slots);
  const far = 2_000_000_000;
  worker.add(
    cellsOf([
      ['attention', -1, 1, 7],
      ['attention', 0, 2, 20],
      ['attention', far, 3, 30],
      ['gate', far, 5, 50],
      ['a2f_send', 4, 9, 90],
      ['f2a_recv', far, 1, 11],
    ]),
  );
  worker.add(cellsOf([['attention', far, 4, 40]]));
  for (let layer = 1; layer < 200; layer++) worker.add(cellsOf([['attention', layer, 1, layer]]));
  const at = (layer: number): number => slots.slotOf(layer);
  expect(worker.computeNs[at(0)]).toBe(20);
  expect(worker.computeNs[at(far)]).toBe(120);
  expect(worker.computeNs[at(199)]).toBe(199);
  expect(worker.receiveNs[at(far)]).toBe(11);
  expect(worker.receivesNs()).toBe(11);
  expect(worker.keys()).toBe(7);
  expect(worker.events).toBe(1 + 2 + 3 + 5 + 9 + 1 + 4 + 199);
  expect([at(0), at(far), at(4)].map((slot) => worker.hasCompute(slot))).toEqual([
    true,
    true,
    true,
  ]);
  expect(worker.hasCompute(at(777))).toBe(false);
});
