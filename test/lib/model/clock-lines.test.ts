import { expect, test } from 'vitest';
import { Random } from '#lib/base/random.ts';
import { LowerHull } from '#lib/model/clock-hull.ts';
import { type HullPoints, linesThatFit, type PairLimits, rangeAt } from '#lib/model/clock-lines.ts';

interface Line {
  readonly a: number;
  readonly b: number;
}

const MAX = 200e-6;

function hullOf(points: readonly (readonly [number, number])[]): HullPoints {
  const hull = new LowerHull();
  for (const [t, v] of points) hull.add(t, v);
  return { t: hull.t.slice(0, hull.length), v: hull.v.slice(0, hull.length) };
}

/** How far below (negative: above) every limit a line stays. */
function roomOf({ upper, lower }: PairLimits, { a, b }: Line): number {
  let room = Number.POSITIVE_INFINITY;
  upper.t.forEach((t, i) => {
    room = Math.min(room, upper.v[i]! - a - b * t);
  });
  lower.t.forEach((t, i) => {
    room = Math.min(room, lower.v[i]! + a + b * t);
  });
  return room;
}

/**
 * Every corner of the set of lines that fit: where two limits, or a limit and a steepest slope, hold
 * as equations (the vertices of a linear program in two variables).
 */
function corners(limits: PairLimits): Line[] {
  const on: { t: number; at: number }[] = [];
  for (const [i, t] of limits.upper.t.entries()) on.push({ t, at: limits.upper.v[i]! });
  for (const [i, t] of limits.lower.t.entries()) on.push({ t, at: -limits.lower.v[i]! });
  const candidates: Line[] = [];
  for (const p of on) {
    for (const b of [-MAX, MAX]) candidates.push({ a: p.at - b * p.t, b });
    for (const q of on) {
      if (q.t === p.t) continue;
      const b = (q.at - p.at) / (q.t - p.t);
      if (Math.abs(b) <= MAX) candidates.push({ a: p.at - b * p.t, b });
    }
  }
  return candidates.filter((line) => roomOf(limits, line) >= -1e-3);
}

function randomLimits(random: Random, gapNs: number): PairLimits {
  const b = (2 * random.uniform() - 1) * 150e-6;
  const a = (2 * random.uniform() - 1) * 10e6;
  const side = (sign: number): HullPoints =>
    hullOf(
      Array.from({ length: 1 + random.below(12) }, () => {
        const t = (random.uniform() - 0.5) * 10e9;
        return [t, sign * (a + b * t) + gapNs + random.uniform() * 50_000] as const;
      }),
    );
  return { upper: side(1), lower: side(-1) };
}

test('slopes and ranges are those of the corners of the linear program', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const limits = randomLimits(random, seed % 3 === 0 ? 0 : 1000);
    const found = corners(limits);
    const fit = linesThatFit(limits, MAX);
    expect(fit.fits).toBe(true);
    if (!fit.fits) continue;
    const slopes = found.map(({ b }) => b);
    expect(fit.minSlope * 1e12).toBeCloseTo(Math.min(...slopes) * 1e12, 0);
    expect(fit.maxSlope * 1e12).toBeCloseTo(Math.max(...slopes) * 1e12, 0);
    for (const t of [-8e9, -5e9, 0, 3e9, 5e9, 9e9]) {
      const values = found.map(({ a, b }) => a + b * t);
      const { low, high } = rangeAt(limits, t, fit.minSlope, fit.maxSlope);
      expect(Math.abs(low - Math.min(...values))).toBeLessThan(0.1);
      expect(Math.abs(high - Math.max(...values))).toBeLessThan(0.1);
    }
  }
});

test('limits that cross: by how much no line can satisfy them', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new Random(seed);
    const depthNs = 10 + random.below(1e6);
    const at = (t: number): number => 5e6 + 3e-5 * t;
    // Both hulls touch the same two instants, so that no slope helps.
    const limits = {
      upper: hullOf([-4e9, 4e9, 1e9].map((t, i) => [t, at(t) + (i === 2 ? 1e5 : 0)] as const)),
      lower: hullOf([-4e9, 4e9, 2e9].map((t, i) => [t, -at(t) - depthNs + (i === 2 ? 1e5 : 0)])),
    };
    const fit = linesThatFit(limits, MAX);
    expect(fit.fits).toBe(false);
    if (!fit.fits) expect(fit.depthNs).toBeCloseTo(depthNs, 1);
    expect(corners(limits)).toEqual([]);
  }
});

test('a step of a clock is no line', () => {
  const side = (sign: number): HullPoints =>
    hullOf(
      Array.from({ length: 100 }, (_, i) => {
        const t = (i - 50) * 1e8;
        return [t, sign * (t < 0 ? 0 : 1e6) + 2000] as const;
      }),
    );
  expect(linesThatFit({ upper: side(1), lower: side(-1) }, MAX).fits).toBe(false);
});

test('one side open: any slope, no bound there', () => {
  const empty = hullOf([]);
  const upper = hullOf([[0, 100]]);
  expect(linesThatFit({ upper, lower: empty }, MAX)).toEqual({
    fits: true,
    minSlope: -MAX,
    maxSlope: MAX,
  });
  const { low, high } = rangeAt({ upper, lower: empty }, 1e6, -MAX, MAX);
  expect(low).toBe(Number.NEGATIVE_INFINITY);
  expect(high).toBeCloseTo(300, 6);
});
