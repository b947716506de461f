import { describe, expect, test } from 'vitest';
import { type Strip, stripSchema } from '#lib/api/live-event.ts';
import { AXIS_PX, rowAt, stripLayout } from '#lib/view/strip-layout.ts';
import { firstVisible, hitTest, stripModel } from '#lib/view/strip-model.ts';
import {
  clampViewport,
  MIN_SPAN_NS,
  middleLayers,
  nsAt,
  panBy,
  timeTicks,
  wholeStep,
  xOf,
  zoomAt,
} from '#lib/view/strip-viewport.ts';

const STAGES = ['attention', 'a2f_send', 'f2a_recv', 'expert'];
const KINDS = ['compute', 'transfer', 'wait'];

/**
 *     attention/0  ████ 0 (0-100)      ████ 1 (100-150)   layer 0, then layer 1 from 600
 *                  ~~~~ wait 100-400, transfer 300-450
 *     ffn/0             ████ 200-300 layer 0, 700-800 layer 1
 */
function drawn(): Strip {
  const boxes: readonly (readonly [number, string, string, number, number, number, number])[] = [
    [0, 'attention', 'compute', 0, 100, 0, 0],
    [0, 'attention', 'compute', 100, 50, 0, 1],
    [0, 'f2a_recv', 'wait', 100, 300, 0, 0],
    [0, 'f2a_recv', 'transfer', 300, 150, 0, 0],
    [0, 'attention', 'compute', 600, 100, 1, 0],
    [1, 'expert', 'compute', 200, 100, 0, 0],
    [1, 'expert', 'compute', 700, 100, 1, 0],
  ];
  return stripSchema.parse({
    kind: 'strip',
    deployment: 'demo',
    domain: 0,
    step: 7,
    startUnixNs: '1',
    durationNs: 10_000,
    shownLayers: 2,
    layers: 2,
    rows: [
      { workerId: 'attention/0', group: 'attention', role: 'attention', rank: 0 },
      { workerId: 'ffn/0', group: 'ffn', role: 'ffn', rank: 0 },
    ],
    hiddenWorkers: 0,
    stages: STAGES,
    kinds: KINDS,
    row: boxes.map(([row]) => row),
    stage: boxes.map(([, stage]) => STAGES.indexOf(stage)),
    boxKind: boxes.map(([, , kind]) => KINDS.indexOf(kind)),
    startNs: boxes.map(([, , , start]) => start),
    boxDurationNs: boxes.map(([, , , , duration]) => duration),
    layer: boxes.map(([, , , , , layer]) => layer),
    microbatch: boxes.map(([, , , , , , microbatch]) => microbatch),
  });
}

describe('model', () => {
  const model = stripModel(drawn());

  test('rows know their boxes', () => {
    expect(model.rows.map(({ first, end }) => [first, end])).toEqual([
      [0, 5],
      [5, 7],
    ]);
    expect(model.rows[0]!.longestNs).toBe(300);
  });

  test('layers start with their first compute', () => {
    expect(model.layerStarts).toEqual([
      { layer: 0, startNs: 0 },
      { layer: 1, startNs: 600 },
    ]);
  });

  test('a worker without boxes keeps its row', () => {
    const strip = drawn();
    const rows = [strip.rows[0]!, { ...strip.rows[1]!, workerId: 'ffn/9' }, strip.rows[1]!];
    const moved = { ...strip, rows, row: strip.row.map((row) => (row === 1 ? 2 : row)) };
    expect(stripModel(moved).rows.map(({ first, end }) => end - first)).toEqual([5, 0, 2]);
  });

  test('the search for visible boxes looks back as far as the longest one', () => {
    // The wait that starts at 100 still shows at 390.
    expect(firstVisible(model, model.rows[0]!, 390)).toBeLessThanOrEqual(2);
  });
});

describe('pointing', () => {
  const model = stripModel(drawn());

  test.each([
    ['compute on top', 0, 'top', 50, 0],
    ['half-open: the next box owns its start', 0, 'top', 100, 1],
    ['wait below', 0, 'bottom', 250, 2],
    ['a transfer lies over the wait', 0, 'bottom', 350, 3],
    ['after the wait the transfer goes on', 0, 'bottom', 420, 3],
    ['nothing', 0, 'top', 500, -1],
    ['another row', 1, 'top', 250, 5],
    ['no such row', 9, 'top', 250, -1],
  ] as const)('%s', (_name, row, lane, atNs, box) => {
    expect(hitTest(model, row, lane, atNs)).toBe(box);
  });

  test('rows and lanes by height', () => {
    const layout = stripLayout(model);
    const [first, second] = layout.rows;
    expect(rowAt(layout, AXIS_PX - 1)).toBeNull();
    expect(rowAt(layout, first!.topPx)).toEqual({ row: 0, lane: 'top' });
    expect(rowAt(layout, first!.topPx + first!.splitPx)).toEqual({ row: 0, lane: 'bottom' });
    // Groups stand apart.
    expect(second!.topPx).toBeGreaterThan(first!.topPx + first!.heightPx);
    expect(rowAt(layout, first!.topPx + first!.heightPx)).toBeNull();
    expect(layout.groups.map(({ group }) => group)).toEqual(['attention', 'ffn']);
  });
});

describe('viewport', () => {
  test('pixels and nanoseconds are inverse', () => {
    const view = { fromNs: 500, toNs: 2500 };
    for (const x of [0, 17, 400, 800]) expect(xOf(view, nsAt(view, x, 800), 800)).toBeCloseTo(x, 9);
  });

  test('zooming keeps the instant under the pointer', () => {
    const view = { fromNs: 100_000, toNs: 300_000 };
    const closer = zoomAt(view, 150_000, 0.5, 1_000_000);
    expect(closer.toNs - closer.fromNs).toBe(100_000);
    expect(xOf(closer, 150_000, 800)).toBeCloseTo(xOf(view, 150_000, 800), 9);
  });

  test('stays inside the step, not narrower than the least span', () => {
    expect(zoomAt(wholeStep(1e6), 1e6, 1e-9, 1e6)).toEqual({
      fromNs: 1e6 - MIN_SPAN_NS,
      toNs: 1e6,
    });
    expect(zoomAt({ fromNs: 10, toNs: 5_000 }, 10, 1e9, 1e6)).toEqual(wholeStep(1e6));
    expect(panBy({ fromNs: 0, toNs: 5_000 }, -1e9, 1e6)).toEqual({ fromNs: 0, toNs: 5_000 });
    expect(panBy({ fromNs: 0, toNs: 5_000 }, 1e9, 1e6)).toEqual({ fromNs: 995_000, toNs: 1e6 });
    // A step shorter than the least span is shown whole.
    expect(clampViewport({ fromNs: 0, toNs: 10 }, 10)).toEqual({ fromNs: 0, toNs: MIN_SPAN_NS });
  });

  test('the default shows layers from the middle', () => {
    const strip = drawn();
    const model = stripModel(strip);
    expect(middleLayers(model, 2)).toEqual(wholeStep(strip.durationNs));
    const one = middleLayers(model, 1);
    expect(one.fromNs).toBe(0);
    expect(one.toNs).toBeGreaterThanOrEqual(600);
    expect(one.toNs).toBeLessThan(strip.durationNs);
  });

  test('ticks are round and not crowded', () => {
    const ticks = timeTicks({ fromNs: 1_234, toNs: 98_765 }, 900, 90);
    expect(ticks).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90].map((k) => k * 1000));
    expect(timeTicks({ fromNs: 0, toNs: 0 }, 900)).toEqual([]);
    expect(timeTicks({ fromNs: 0, toNs: 100 }, 0)).toEqual([]);
  });
});
