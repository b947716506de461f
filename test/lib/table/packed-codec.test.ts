import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ChunkFormatError } from '#lib/table/chunk-frame.ts';
import { decodeDirectory, encodeDirectory } from '#lib/table/packed-codec.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import {
  concatPacked,
  copyPayloads,
  gatherDirectory,
  packedSpan,
  selectSteps,
} from '#lib/table/packed-tables.ts';
import { afdTable, testWorker } from '#test/support/afd-table.ts';
import { packedTableOf } from '#test/support/packed-table.ts';

const TABLE = packedTableOf(
  afdTable({ role: 'ffn', workers: 3, steps: 4, layers: 2, firstStep: 2 ** 40 }),
  3,
);

/** What a row is, with its payload. */
function stepRows(table: PackedTable): string[] {
  return Array.from({ length: table.length }, (_, i) =>
    JSON.stringify([
      table.workers[table.worker[i]!],
      table.domain[i],
      table.step[i],
      String(table.baseUnixNs + BigInt(table.startNs[i]!)),
      table.endNs[i]! - table.startNs[i]!,
      table.stepEvents[i],
      [...table.bytes.subarray(table.offset[i], table.offset[i]! + table.byteLength[i]!)],
    ]),
  );
}

const compact = (table: PackedTable) => concatPacked([table]);

test('a directory and its payloads are the table again', () => {
  const table = compact(TABLE);
  const sequences = Float64Array.from({ length: table.length }, (_, i) => 2 ** 33 + i * 3);
  const bytes = encodeDirectory(table, { sequences, workerIds: null });
  const decoded = decodeDirectory(bytes, table.bytes);
  expect(stepRows(decoded.table)).toEqual(stepRows(TABLE));
  expect(decoded.table.events).toBe(TABLE.events);
  expect(decoded.sequences).toEqual(sequences);
  expect(bytes.byteLength).toBeLessThan(2000);
});

test('workers may be kept elsewhere, by id', () => {
  const table = compact(TABLE);
  const bytes = encodeDirectory(table, { sequences: null, workerIds: [70, 5, 9] });
  const asked: number[] = [];
  const { table: decoded, sequences } = decodeDirectory(bytes, table.bytes, (id) => {
    asked.push(id);
    return testWorker(id);
  });
  expect(asked).toEqual([70, 5, 9]);
  expect(sequences).toBeNull();
  expect(decoded.workers.map(({ rank }) => rank)).toEqual([70, 5, 9]);
  expect(() => decodeDirectory(bytes, table.bytes)).toThrow(/worker 70 is not known/);
});

test('times that are no integers survive', () => {
  const table = { ...compact(TABLE), startNs: TABLE.startNs.map((ns) => ns + 0.5) };
  const bytes = encodeDirectory(table, { sequences: null, workerIds: null });
  expect(decodeDirectory(bytes, table.bytes).table.startNs).toEqual(table.startNs);
});

test('any flipped byte, cut, or other length of the payloads is refused', () => {
  const table = compact(TABLE);
  const good = encodeDirectory(table, { sequences: null, workerIds: null });
  fc.assert(
    fc.property(fc.nat(good.byteLength - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const bad = Uint8Array.from(good);
      bad[at]! ^= flip;
      expect(() => decodeDirectory(bad, table.bytes)).toThrow(ChunkFormatError);
      expect(() => decodeDirectory(good.subarray(0, at), table.bytes)).toThrow(ChunkFormatError);
    }),
    { numRuns: 300, seed: 21 },
  );
  for (const payloads of [table.bytes.subarray(1), new Uint8Array(table.bytes.byteLength + 1)]) {
    expect(() => decodeDirectory(good, payloads)).toThrow(ChunkFormatError);
  }
});

test('steps are chosen, joined and gathered with their payloads', () => {
  const later = { ...TABLE, baseUnixNs: packedSpan(TABLE)!.toUnixNs };
  const all = [...stepRows(TABLE), ...stepRows(later)];
  expect(stepRows(concatPacked([TABLE, later]))).toEqual(all);
  expect(concatPacked([TABLE, later]).workers).toHaveLength(3);
  fc.assert(
    fc.property(fc.array(fc.nat(all.length - 1), { minLength: 1 }), (picked) => {
      const part = Uint32Array.from(picked, (index) => (index < TABLE.length ? 0 : 1));
      const row = Uint32Array.from(picked, (index) => index % TABLE.length);
      const refs = { tables: [TABLE, later], part, row };
      const directory = gatherDirectory(refs);
      const bytes = new Uint8Array(directory.byteLength.reduce((a, b) => a + b, 0) + 7);
      copyPayloads(refs, bytes, 7);
      const gathered = { ...directory, bytes: bytes.subarray(7) };
      expect(stepRows(gathered)).toEqual(picked.map((index) => all[index]));
      expect(stepRows(selectSteps(gathered, Uint32Array.of(0)))).toEqual([all[picked[0]!]]);
    }),
    { numRuns: 60, seed: 22 },
  );
});
