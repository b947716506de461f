import { describe, expect, test } from 'vitest';
import { type LayerMark, layerTicks, pieceMarks, timeAxis } from '#lib/view/timeline-axis.ts';
import { loadedTile, WorkerRegistry } from '#lib/view/timeline-boxes.ts';
import { tileExtent } from '#lib/view/timeline-tiles.ts';
import { viewAt } from '#lib/view/timeline-viewport.ts';
import { eventTile, type SampleEvent } from './sample-tiles.ts';

const LEVEL = 20;
const INDEX = Number(1_795_800_300_123_456_789n >> 20n);

/** Compute of the first worker: layer and start. */
function pieceOf(index: number, layers: readonly (readonly [layer: number, startNs: number])[]) {
  const address = { level: LEVEL, index };
  const events = layers.map(
    ([layer, startNs]): SampleEvent => ({
      row: 0,
      stream: 0,
      startNs,
      durationNs: 10,
      stage: 0,
      layer,
      step: 7,
    }),
  );
  const tile = loadedTile(
    address,
    eventTile({ ...address, rows: 1 }, events),
    new WorkerRegistry(),
  );
  return { tile, ...tileExtent(address) };
}

describe('marks of the axis', () => {
  test('micro-batches interleave layers: each is marked once, where it first begins', () => {
    const piece = pieceOf(INDEX, [
      [20, 100],
      [21, 200],
      [20, 300],
      [21, 400],
      [22, 500],
      [21, 600],
    ]);
    const { fromUnixNs } = tileExtent({ level: LEVEL, index: INDEX });
    expect(
      pieceMarks([piece]).layers.map(({ layer, startUnixNs }) => [
        layer,
        Number(startUnixNs - fromUnixNs),
      ]),
    ).toEqual([
      [20, 100],
      [21, 200],
      [22, 500],
    ]);
  });

  test('what is left of a layer in the next piece is no mark', () => {
    const pieces = [
      pieceOf(INDEX, [
        [20, 100],
        [21, 200],
      ]),
      pieceOf(INDEX + 1, [
        [20, 50],
        [21, 60],
        [22, 70],
      ]),
    ];
    expect(pieceMarks(pieces).layers.map(({ layer }) => layer)).toEqual([20, 21, 22]);
    // The beginnings of 21 are elsewhere: 20 came after it.
    const late = pieceOf(INDEX, [
      [21, 100],
      [20, 200],
      [22, 300],
    ]);
    expect(pieceMarks([late]).layers.map(({ layer }) => layer)).toEqual([21, 22]);
  });
});

describe('layers that are named', () => {
  const LAYERS = 61;
  const start = 1_795_800_300_000_000_000n;
  /** Steps one after the other, each a layer after the other. */
  const marksOf = (steps: number, layerNs: number): readonly LayerMark[] =>
    Array.from({ length: steps * LAYERS }, (_, at) => ({
      domain: 0,
      step: 7 + Math.floor(at / LAYERS),
      layer: at % LAYERS,
      startUnixNs: start + BigInt(at * layerNs),
    }));

  test.each([
    [1, 2_000, Array.from({ length: LAYERS }, (_, layer) => layer)],
    [1, 1_000, Array.from({ length: 30 }, (_, at) => at * 2)],
    [
      2,
      1_000,
      [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55],
    ],
    [
      8,
      1_000,
      [0, 20, 40, 0, 20, 40, 0, 20, 40, 0, 20, 40, 0, 20, 40, 0, 20, 40, 0, 20, 40, 0, 20, 40],
    ],
    [20, 1_000, Array.from({ length: 20 }, () => [0]).flat()],
    [200, 1_000, []],
  ])('%d steps in %d px count up evenly, and anew in each step', (steps, widthPx, expected) => {
    const marks = marksOf(steps, 1_000);
    const view = viewAt(start, 0, marks.length * 1_000);
    const ticks = layerTicks(marks, view, widthPx, 30);
    expect(ticks.map(({ layer }) => layer)).toEqual(expected);
    const places = ticks.map(({ xPx }) => xPx);
    for (let at = 1; at < places.length; at++) {
      expect(places[at]! - places[at - 1]!).toBeGreaterThanOrEqual(30);
    }
  });

  test('their numbers do not change as the view moves', () => {
    const marks = marksOf(6, 1_000);
    const spanNs = LAYERS * 3_000;
    const named = (offsetNs: number) =>
      layerTicks(marks, viewAt(start, offsetNs, spanNs), 900, 30).map(({ xPx, layer }) => {
        return `${layer} at ${Math.round(((xPx / 900) * spanNs + offsetNs) / 1_000)}`;
      });
    const before = new Set(named(20_000));
    const after = named(27_000);
    // What is in both views is named in both.
    const shared = after.filter(
      (text) => Number(text.split(' at ')[1]) < (20_000 + spanNs) / 1_000,
    );
    expect(shared.length).toBeGreaterThan(5);
    for (const text of shared) expect(before.has(text), text).toBe(true);
  });
});

describe('what offsets count from', () => {
  test.each([
    [1.2e9, '14:05:00'],
    [5e6, '14:05:00'],
    [2e5, '14:05:00.123'],
    [16, '14:05:00.123456'],
  ])('a view of %d ns', (spanNs, base) => {
    const at = BigInt(Date.UTC(2026, 10, 27, 14, 5)) * 1_000_000n + 123_456_789n;
    expect(timeAxis(viewAt(at, 0, spanNs), 1_000, 0).base).toBe(base);
  });

  test('a view over the first instant of a clock that counts from 0', () => {
    const { base, ticks } = timeAxis(viewAt(-400_000n, 0, 1_000_000), 1_000, 0);
    expect(base).toBe('23:59:59.999');
    const labels = ticks.filter(({ isMinor }) => !isMinor).map(({ label }) => label);
    expect(labels.length).toBeGreaterThan(2);
    for (const label of labels) expect(label).toMatch(/^\+\d/);
  });
});
