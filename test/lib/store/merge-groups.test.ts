import { expect, test } from 'vitest';
import { mergeGroups, type SmallChunk } from '#lib/store/merge-groups.ts';

const BUCKET = 60_000_000_000n;

function chunks(count: number, rows: number, fields: Partial<SmallChunk> = {}): SmallChunk[] {
  return Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    deployment: 'prod',
    rows,
    fromUnixNs: BigInt(i) * 50_000_000n,
    toUnixNs: BigInt(i + 1) * 50_000_000n,
    ...fields,
  }));
}

const ids = (groups: readonly (readonly SmallChunk[])[]) =>
  groups.map((g) => g.map(({ id }) => id));

test('a growing bucket waits for sixteen of a size', () => {
  expect(mergeGroups(chunks(15, 600), BUCKET, 65_536)).toEqual([]);
  expect(ids(mergeGroups(chunks(16, 600), BUCKET, 65_536))).toEqual([
    Array.from({ length: 16 }, (_, i) => i + 1),
  ]);
  const mixed = chunks(20, 600).map((chunk, i) => (i < 10 ? { ...chunk, rows: 30 } : chunk));
  expect(mergeGroups(mixed, BUCKET, 65_536)).toEqual([]);
});

test('a closed bucket becomes one, whatever the sizes; the one beside the newest is not closed', () => {
  const old = chunks(3, 600).map((chunk, i) => ({ ...chunk, rows: 10 ** (i + 1) }));
  const later = (fromUnixNs: bigint) => ({ ...chunks(1, 600)[0]!, id: 9, fromUnixNs });
  expect(mergeGroups([...old, later(BUCKET)], BUCKET, 65_536)).toEqual([]);
  expect(ids(mergeGroups([...old, later(2n * BUCKET)], BUCKET, 65_536))).toEqual([[1, 2, 3]]);
});

test('deployments and buckets never mix, and no merge grows too large', () => {
  const one = chunks(16, 1000, { deployment: 'a' });
  const other = chunks(16, 1000, { deployment: 'b' }).map((c) => ({ ...c, id: c.id + 100 }));
  const groups = mergeGroups([...one, ...other], BUCKET, 65_536);
  expect(groups.map((group) => new Set(group.map((c) => c.deployment)).size)).toEqual([1, 1]);
  const large = mergeGroups(chunks(64, 2000), BUCKET, 65_536);
  expect(large.map((group) => group.length)).toEqual([32, 32]);
});
