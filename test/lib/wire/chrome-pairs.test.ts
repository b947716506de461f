import { expect, test } from 'vitest';
import { ChromePairs } from '#lib/wire/chrome-pairs.ts';

function pairsOf(maxEvents: number, events: readonly (readonly ['B' | 'E', number, number])[]) {
  const pairs = new ChromePairs(maxEvents);
  for (const [phase, name, timeNs] of events) pairs.add(phase === 'E', 0, name, 0, timeNs, 0);
  return pairs.slices();
}

test('events beyond the bound are counted, those before it are read', () => {
  const events = [
    ['B', 1, 0],
    ['E', 1, 10],
    ['B', 2, 20],
    ['B', 3, 30],
    ['E', 3, 40],
    ['E', 2, 50],
  ] as const;
  expect(pairsOf(100, events)).toMatchObject({ length: 3, dropped: 0, kept: 6 });
  const few = pairsOf(4, events);
  expect(few).toMatchObject({ length: 1, dropped: 2, kept: 4, beginsWithoutEnd: 2 });
  expect([few.startNs[0], few.durationNs[0]]).toEqual([0, 10]);
});

test('begin events that never end take no more than the bound', () => {
  const pairs = new ChromePairs(1000);
  for (let i = 0; i < 100_000; i++) pairs.add(false, 0, i, 0, i, 0);
  expect(pairs.length).toBe(1000);
  expect(pairs.slices()).toMatchObject({ length: 0, beginsWithoutEnd: 1000, dropped: 99_000 });
});
