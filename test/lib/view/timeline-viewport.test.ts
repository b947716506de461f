import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  clampView,
  extentOf,
  MIN_VIEW_NS,
  offsetOf,
  panView,
  timeToX,
  viewAround,
  viewAt,
  viewOf,
  xToTime,
  zoomView,
} from '#lib/view/timeline-viewport.ts';

const NOW = 1_795_800_300_123_456_789n;
const BOUNDS = { fromUnixNs: NOW - 7_200_000_000_000n, toUnixNs: NOW };

const view = fc
  .record({
    back: fc.bigInt({ min: 0n, max: 7_000_000_000_000n }),
    fraction: fc.double({ min: 0, max: 0.999, noNaN: true }),
    power: fc.double({ min: 4, max: 42, noNaN: true }),
  })
  .map(({ back, fraction, power }) => ({
    fromUnixNs: NOW - back,
    fractionNs: fraction,
    spanNs: Math.max(MIN_VIEW_NS, 2 ** power),
  }));

describe('timeline viewport', () => {
  test('a nanosecond of 2026 is told from its neighbours at the closest zoom', () => {
    const close = viewAt(NOW, -4, 16);
    expect(timeToX(close, NOW, 1600)).toBe(400);
    expect(timeToX(close, NOW + 1n, 1600)).toBe(500);
    expect(xToTime(close, 399.9, 1600)).toBe(NOW - 1n);
    expect(xToTime(close, 400.1, 1600)).toBe(NOW);
  });

  test('what is under the pointer stays there while zooming', () => {
    fc.assert(
      fc.property(
        view,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0.3, max: 3, noNaN: true }),
        (start, share, factor) => {
          const zoomed = zoomView(start, share, factor, BOUNDS);
          const instant = xToTime(start, share * 1000, 1000);
          const before = timeToX(start, instant, 1000);
          const after = timeToX(zoomed, instant, 1000);
          // The instant is a whole ns at or left of the pointer: it keeps its distance in time.
          const movedNs = Math.abs(
            ((share * 1000 - before) * start.spanNs - (share * 1000 - after) * zoomed.spanNs) /
              1000,
          );
          expect(movedNs).toBeLessThan(1e-3 + start.spanNs * 1e-12);
        },
      ),
    );
  });

  test('zooming in and out again returns to the same view', () => {
    fc.assert(
      fc.property(view, fc.double({ min: 0, max: 1, noNaN: true }), (start, share) => {
        const there = zoomView(start, share, 4, {
          fromUnixNs: 0n,
          toUnixNs: NOW * 2n,
        });
        const back = zoomView(there, share, 0.25, { fromUnixNs: 0n, toUnixNs: NOW * 2n });
        expect(back.spanNs).toBeCloseTo(start.spanNs, 3);
        const awayNs =
          Number(back.fromUnixNs - start.fromUnixNs) + back.fractionNs - start.fractionNs;
        expect(Math.abs(awayNs)).toBeLessThanOrEqual(1e-3 + start.spanNs * 1e-12);
      }),
    );
  });

  test('panning there and back returns; the fraction stays in [0, 1)', () => {
    fc.assert(
      fc.property(view, fc.double({ min: -1e12, max: 1e12, noNaN: true }), (start, delta) => {
        const moved = panView(start, delta);
        expect(moved.fractionNs).toBeGreaterThanOrEqual(0);
        expect(moved.fractionNs).toBeLessThan(1);
        const awayNs = offsetOf(panView(moved, -delta), start.fromUnixNs) + start.fractionNs;
        expect(Math.abs(awayNs)).toBeLessThan(0.01);
      }),
    );
  });

  test('a clamped view overlaps what is kept, and clamping twice changes nothing', () => {
    fc.assert(
      fc.property(view, fc.double({ min: -1e14, max: 1e14, noNaN: true }), (start, delta) => {
        const clamped = clampView(panView(start, delta), BOUNDS);
        const { fromUnixNs, toUnixNs } = extentOf(clamped);
        expect(toUnixNs > BOUNDS.fromUnixNs && fromUnixNs < BOUNDS.toUnixNs).toBe(true);
        expect(clamped.spanNs).toBeGreaterThanOrEqual(MIN_VIEW_NS);
        const again = clampView(clamped, BOUNDS);
        const awayNs = offsetOf(clamped, again.fromUnixNs) + again.fractionNs;
        expect(Math.abs(awayNs)).toBeLessThanOrEqual(clamped.spanNs * 1e-9 + 1);
      }),
    );
  });

  test('fit leaves the same room on both sides', () => {
    const extent = { fromUnixNs: NOW, toUnixNs: NOW + 1000n };
    expect(viewAround(extent, 0.5)).toEqual({
      fromUnixNs: NOW - 500n,
      fractionNs: 0,
      spanNs: 2000,
    });
    expect(extentOf(viewOf(extent))).toEqual(extent);
    expect(viewOf({ fromUnixNs: NOW, toUnixNs: NOW }).spanNs).toBe(MIN_VIEW_NS);
  });
});
