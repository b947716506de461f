/** Decoded rows are used again only where their bytes are the same, and never outgrow their bound. */
import { expect, test, vi } from 'vitest';
import { StageRowCache } from '#lib/store/sqlite/stage-row-cache.ts';
import type { StageRollupContent } from '#lib/table/stage-rollup-codec.ts';

function content(n: number): StageRollupContent {
  return {
    cells: {
      length: n,
      stageNames: ['attention'],
      stage: new Uint16Array(n),
      layer: new Int32Array(n),
      count: new Float64Array(n),
      sumNs: new Float64Array(n),
      minNs: new Float64Array(n),
      maxNs: new Float64Array(n),
      sketchOffsets: new Uint32Array(n + 1),
      sketchBin: new Uint16Array(0),
      sketchCount: new Float64Array(0),
    },
    slices: null,
  };
}

const bytes = (...values: number[]): Uint8Array => Buffer.from(values);

test('the same bytes are decoded once, others of the same row anew', () => {
  const cache = new StageRowCache();
  const first = cache.content(1n, bytes(1, 2), () => content(3));
  const decode = vi.fn(() => content(4));
  expect(cache.content(1n, bytes(1, 2), decode)).toBe(first);
  expect(decode).not.toHaveBeenCalled();
  expect(cache.content(1n, bytes(1, 3), decode)).toBe(decode.mock.results[0]!.value);
  expect(cache.content(1n, bytes(1, 2), () => content(5))).not.toBe(first);
});

test('a failure is told each time, and nothing is kept of it', () => {
  const cache = new StageRowCache();
  const fail = (): StageRollupContent => {
    throw new Error('damaged');
  };
  cache.content(1n, bytes(1), () => content(3));
  for (let i = 0; i < 2; i++) expect(() => cache.content(1n, bytes(2), fail)).toThrow('damaged');
  expect(cache.sizeBytes).toBe(0);
});

test('a reading of more rows than fit keeps those that were there, later ones take their place', () => {
  const max = 40_000;
  const cache = new StageRowCache(max);
  const read = (from: bigint, rows: bigint): number => {
    cache.startReading();
    let decoded = 0;
    for (let id = from; id < from + rows; id++) {
      cache.content(id, bytes(Number(id)), () => {
        decoded++;
        return content(100);
      });
      expect(cache.sizeBytes).toBeLessThanOrEqual(max);
    }
    return decoded;
  };
  expect(read(0n, 30n)).toBe(30);
  const again = read(0n, 30n);
  expect(again).toBeGreaterThan(0);
  expect(again).toBeLessThan(30);
  for (let reading = 0; reading < 10; reading++) read(100n, 1n);
  expect(read(100n, 2n)).toBe(1);
  expect(read(100n, 2n)).toBe(0);
});
