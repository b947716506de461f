import { describe, expect, test } from 'vitest';
import { pieceMarks, timeAxis } from '#lib/view/timeline-axis.ts';
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
});
