/** Decoded rows are used again only where their stamps are the same, and never outgrow their bound. */
import Database from 'better-sqlite3';
import { expect, test, vi } from 'vitest';
import { compress, STAMP_SQL, stampOf, stampOfText } from '#lib/store/sqlite/stage-blob.ts';
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

test('a stamp is decoded once, another of the same row anew', () => {
  const cache = new StageRowCache();
  const first = cache.content(1n, '2 AB', () => content(3));
  const decode = vi.fn(() => content(4));
  expect(cache.content(1n, '2 AB', decode)).toBe(first);
  expect(decode).not.toHaveBeenCalled();
  expect(cache.content(1n, '2 AC', decode)).toBe(decode.mock.results[0]!.value);
  expect(cache.content(1n, '2 AB', () => content(5))).not.toBe(first);
});

test('a failure is told each time, and nothing is kept of it', () => {
  const cache = new StageRowCache();
  const fail = (): StageRollupContent => {
    throw new Error('damaged');
  };
  cache.content(1n, '1 A', () => content(3));
  for (let i = 0; i < 2; i++) expect(() => cache.content(1n, '1 B', fail)).toThrow('damaged');
  expect(cache.sizeBytes).toBe(0);
});

test('a reading of more rows than fit keeps those that were there, later ones take their place', () => {
  const max = 40_000;
  const cache = new StageRowCache(max);
  const read = (from: bigint, rows: bigint): number => {
    cache.startReading();
    let decoded = 0;
    for (let id = from; id < from + rows; id++) {
      cache.content(id, String(id), () => {
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

test('SQLite and the reader make the same stamp of a frame, and of a compressed one only the reader does', () => {
  const database = new Database(':memory:');
  const ofSql = database
    .prepare<[Uint8Array], string>(`SELECT ${STAMP_SQL} FROM (SELECT ? AS blob)`)
    .pluck();
  const frame = new Uint8Array(40).fill(7);
  frame.set([0x41, 0x46, 0x44, 0x43, 2]);
  for (const bytes of [frame, frame.subarray(0, 20)]) {
    expect(stampOfText(ofSql.get(bytes)!)).toBe(stampOf(bytes));
  }
  const other = frame.slice();
  other[9]!++;
  expect(stampOf(other)).not.toBe(stampOf(frame));
  const compressed = compress(frame);
  expect(stampOfText(ofSql.get(compressed)!)).toBeNull();
  expect(stampOf(compressed)).not.toBe(stampOf(compress(other)));
  database.close();
});
