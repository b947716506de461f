import { expect, test } from 'vitest';
import { Random } from '#lib/base/random.ts';
import { GRID_CELLS, LowerHull, MAX_SLOPE } from '#lib/model/clock-hull.ts';

interface Point {
  t: number;
  v: number;
}

/** What a line of this slope must stay under, by looking at every point. */
function lowest(points: readonly Point[], slope: number): number {
  return Math.min(...points.map(({ t, v }) => v - slope * t));
}

function pointsOf(hull: LowerHull): Point[] {
  return Array.from({ length: hull.length }, (_, i) => ({ t: hull.t[i]!, v: hull.v[i]! }));
}

function expectSameLimits(hull: LowerHull, points: readonly Point[]): void {
  for (let i = -10; i <= 10; i++) {
    const slope = (MAX_SLOPE * i) / 10;
    expect(lowest(pointsOf(hull), slope)).toBeCloseTo(lowest(points, slope), 3);
  }
}

const ORDERS = ['sorted', 'random', 'in runs', 'backwards'] as const;

test.each(ORDERS)('limits every line as all the points do, points %s', (order) => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Random(seed);
    const drift = (2 * random.uniform() - 1) * 100e-6;
    const noise = [0.6, 100, 20_000][seed % 3]!;
    const spanNs = [1e6, 1e9, 10e9][random.below(3)]!;
    const points = Array.from({ length: 1 + random.below(3000) }, () => {
      const t = Math.floor(random.uniform() * spanNs);
      return { t, v: Math.floor(5e6 + drift * t - Math.log(1 - random.uniform()) * noise) };
    });
    if (order === 'sorted') points.sort((a, b) => a.t - b.t);
    if (order === 'backwards') points.sort((a, b) => b.t - a.t);
    if (order === 'in runs') points.sort((a, b) => (a.v % 8) - (b.v % 8) || a.t - b.t);
    const hull = new LowerHull();
    for (const { t, v } of points) hull.add(t, v);
    expectSameLimits(hull, points);
    for (let i = 1; i < hull.length; i++) expect(hull.t[i]).toBeGreaterThan(hull.t[i - 1]!);
  }
});

test('the grid never drops a point that matters', () => {
  const random = new Random(9);
  const hull = new LowerHull();
  const points: Point[] = [];
  let dropped = 0;
  for (let i = 0; i < 20_000; i++) {
    const t = random.below(1e9);
    const v = Math.round(3e-5 * t - Math.log(1 - random.uniform()) * 5000);
    points.push({ t, v });
    const { grid } = hull;
    const x = (t - grid[0]!) * grid[1]!;
    const cell = Math.floor(x) + 2;
    if (x >= 0 && x < GRID_CELLS) {
      const height = grid[cell]! + (grid[cell + 1]! - grid[cell]!) * (x % 1);
      if (v >= height) {
        dropped++;
        continue;
      }
    }
    hull.add(t, v);
  }
  expectSameLimits(hull, points);
  expect(dropped).toBeGreaterThan(15_000);
});

test('merging hulls, moved in time, equals one hull of all points', () => {
  const random = new Random(5);
  const halves = [new LowerHull(), new LowerHull()];
  const all: Point[] = [];
  for (let i = 0; i < 2000; i++) {
    const half = random.below(2);
    const t = random.below(1e9);
    const v = random.below(10_000);
    halves[half]!.add(t, v);
    all.push({ t: t + half * 1e9, v });
  }
  const hull = new LowerHull();
  halves.forEach(({ t, v, length }, half) => {
    hull.addAll(t, v, length, half * 1e9);
  });
  expectSameLimits(hull, all);
});

test('a clock that wanders bends the hull: memory stays bounded, limits only get weaker', () => {
  const hull = new LowerHull();
  const points: Point[] = [];
  for (let t = 0; t < 10e9; t += 10e6) {
    const x = t / 10e9 - 0.5;
    points.push({ t, v: Math.round(1e6 * x * x) });
  }
  for (const { t, v } of points) hull.add(t, v);
  expect(hull.length).toBeLessThanOrEqual(128);
  for (let i = -10; i <= 10; i++) {
    const slope = (50e-6 * i) / 10;
    const weaker = lowest(pointsOf(hull), slope) - lowest(points, slope);
    expect(weaker).toBeGreaterThanOrEqual(-1e-3);
    expect(weaker).toBeLessThan(50);
  }
});

test('after compacting, it goes on as before', () => {
  const hull = new LowerHull();
  hull.compact();
  hull.add(5, 1);
  hull.add(1, 1);
  hull.compact();
  hull.add(3, 0);
  expect(pointsOf(hull)).toEqual([
    { t: 1, v: 1 },
    { t: 3, v: 0 },
    { t: 5, v: 1 },
  ]);
});

test('the vertices that matter are the same, in whatever order points came, and in parts', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed);
    const noise = [0.6, 100, 20_000][seed % 3]!;
    const points = Array.from({ length: 1 + random.below(2000) }, () => {
      const t = Math.floor(random.uniform() * 10e9);
      return { t, v: Math.floor(3e-5 * t - Math.log(1 - random.uniform()) * noise) };
    });
    const hullOf = (some: readonly Point[]): LowerHull => {
      const hull = new LowerHull();
      for (const { t, v } of some) hull.add(t, v);
      return hull;
    };
    const sorted = hullOf([...points].sort((a, b) => a.t - b.t)).vertices();
    expect(hullOf(points).vertices()).toEqual(sorted);
    expect(hullOf([...points].sort((a, b) => b.t - a.t)).vertices()).toEqual(sorted);
    const parts = hullOf(points.filter((_, i) => i % 3 === 0));
    for (const part of [1, 2]) {
      const { t, v } = hullOf(points.filter((_, i) => i % 3 === part)).vertices();
      parts.addAll(t, v);
    }
    expect(parts.vertices()).toEqual(sorted);
    const matter = hullOf(points);
    for (let i = -10; i <= 10; i++) {
      const slope = (MAX_SLOPE * i) / 10;
      const kept = Array.from(sorted.t, (t, vertex) => ({ t, v: sorted.v[vertex]! }));
      expect(lowest(kept, slope)).toBeCloseTo(lowest(pointsOf(matter), slope), 3);
    }
  }
});
