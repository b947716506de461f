import { describe, expect, test } from 'vitest';
import { type Heatmap, heatmapSchema } from '#lib/api/live-event.ts';
import { cellAt, heatLayout } from '#lib/view/heat-layout.ts';
import { heatColour, heatLegend, heatModel } from '#lib/view/heat-model.ts';
import { contrastRatio, SURFACES } from '#lib/view/palette.ts';

/** Attention 4 × 3 layers at 100, one cell at 200; FFN 2 workers, far higher. */
function map(): Heatmap {
  const workers = ['attention', 'attention', 'attention', 'attention', 'ffn', 'ffn'].map(
    (group, i) => ({
      workerId: `${group}/${i % 4}`,
      group,
      role: group,
      rank: i % 4,
    }),
  );
  const values = workers.flatMap((worker, w) =>
    [0, 1, 2].map((layer) => {
      if (w === 1 && layer === 2) return 200;
      if (w === 3 && layer === 0) return null;
      return worker.group === 'ffn' ? 400 : 100;
    }),
  );
  return heatmapSchema.parse({
    kind: 'heatmap',
    deployment: 'demo',
    steps: 3,
    workers,
    layers: [5, 6, 7],
    bubbleNs: values,
    durationNs: values.map((value) => (value === null ? null : value * 2)),
    waitNs: values.map(() => null),
  });
}

describe('model', () => {
  test('totals by worker, means by layer, missing cells left out', () => {
    const model = heatModel(map(), 'bubble');
    expect(model.rowTotals).toEqual([300, 400, 300, 200, 1200, 1200]);
    expect(model.columnMeans[0]).toBeCloseTo((3 * 100 + 2 * 400) / 5);
    expect(heatModel(map(), 'duration').rowTotals[0]).toBe(600);
  });

  test('an outlier is one within its own group', () => {
    expect([...heatModel(map(), 'bubble').outliers]).toEqual([1 * 3 + 2]);
  });

  test('what is small against the layer does not stand out', () => {
    const small = { ...map(), durationNs: map().durationNs.map(() => 100_000) };
    expect(heatModel(small, 'bubble').outliers.size).toBe(0);
  });

  test('without any value there is no scale and no total', () => {
    const model = heatModel(map(), 'wait');
    expect(model.scaleMaxNs).toBe(0);
    expect(model.rowTotals.every((total) => total === null)).toBe(true);
    expect(model.outliers.size).toBe(0);
  });
});

describe.each(['dark', 'light'] as const)('colours, %s', (theme) => {
  test('more is always further from the background', () => {
    const steps = Array.from({ length: 21 }, (_, i) => heatColour(i, 20, theme));
    const contrast = steps.map((colour) => contrastRatio(colour, SURFACES[theme].background));
    for (let i = 1; i < contrast.length; i++) expect(contrast[i]).toBeGreaterThan(contrast[i - 1]!);
  });

  test('values over the scale stop at its end', () => {
    expect(heatColour(99, 20, theme)).toBe(heatLegend(theme).at(-1));
    expect(heatColour(5, 0, theme)).toBe(heatLegend(theme)[0]);
  });
});

test('every cell is found under its own middle', () => {
  const model = heatModel(map(), 'bubble');
  const layout = heatLayout(model, 800);
  for (const worker of model.workers.keys()) {
    for (const layer of model.layers.keys()) {
      const x = layout.cellsLeftPx + (layer + 0.5) * layout.cellWidthPx;
      const y = layout.rowTopPx[worker]! + layout.rowHeightPx / 2;
      expect(cellAt(layout, model, x, y)).toEqual({ worker, layer });
    }
  }
  expect(cellAt(layout, model, 3, layout.rowTopPx[0]!)).toBeNull();
  expect(cellAt(heatLayout(model, 0), model, 100, 20)).toBeNull();
});
