import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isWholePixel,
  phasePx,
  remainder,
  shiftInStrip,
  stripView,
} from '#lib/view/timeline-strip.ts';
import { panView, type TimelineViewport, timeToX } from '#lib/view/timeline-viewport.ts';

const views = fc.record({
  fromUnixNs: fc.bigInt({ min: 1_700_000_000_000_000_000n, max: 1_900_000_000_000_000_000n }),
  fractionNs: fc.integer({ min: 0, max: 1023 }).map((part) => part / 1024),
  spanNs: fc.double({ min: 1_000, max: 1e12, noNaN: true }),
}) satisfies fc.Arbitrary<TimelineViewport>;
const widths = fc.integer({ min: 100, max: 4_000 });

describe('a strip that is wider than the window', () => {
  test('has the window in its middle', () => {
    fc.assert(
      fc.property(views, widths, fc.integer({ min: 0, max: 3_000 }), (view, widthPx, marginPx) => {
        const strip = { view: stripView(view, widthPx, marginPx), widthPx: widthPx + 2 * marginPx };
        expect(shiftInStrip(strip, view, widthPx)).toBeCloseTo(marginPx, 2);
      }),
    );
  });

  test('serves a view as long as it reaches over all of it, and puts instants where the view does', () => {
    fc.assert(
      fc.property(
        views,
        widths,
        fc.integer({ min: 1, max: 2_000 }),
        fc.integer({ min: -3_000, max: 3_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (view, widthPx, marginPx, movedPx, share) => {
          const nsPerPx = view.spanNs / widthPx;
          const moved = panView(view, movedPx * nsPerPx);
          const wide = widthPx + 2 * marginPx;
          const strip = { view: stripView(view, widthPx, marginPx), widthPx: wide };
          const shiftPx = shiftInStrip(strip, moved, widthPx);
          // Beside the last pixel, rounding decides.
          if (Math.abs(Math.abs(movedPx) - marginPx) <= 1) return;
          if (Math.abs(movedPx) > marginPx) {
            expect(shiftPx).toBeNull();
            return;
          }
          expect(shiftPx).toBeCloseTo(marginPx + movedPx, 1);
          expect(isWholePixel(marginPx + movedPx)).toBe(true);
          const at = moved.fromUnixNs + BigInt(Math.round(share * view.spanNs));
          const inStripPx = timeToX(strip.view, at, wide) - shiftPx!;
          expect(inStripPx).toBeCloseTo(timeToX(moved, at, widthPx), 1);
        },
      ),
    );
  });

  test('does not serve another zoom', () => {
    fc.assert(
      fc.property(views, widths, fc.constantFrom(0.5, 0.999, 1.001, 3), (view, widthPx, factor) => {
        const strip = { view: stripView(view, widthPx, widthPx), widthPx: 3 * widthPx };
        const zoomed = { ...view, spanNs: view.spanNs * factor };
        expect(shiftInStrip(strip, zoomed, widthPx)).toBeNull();
      }),
    );
  });

  test('half a pixel is not a whole one', () => {
    expect(isWholePixel(12.5)).toBe(false);
    expect(isWholePixel(12.995)).toBe(true);
    expect(isWholePixel(-0.2)).toBe(false);
  });
});

describe('what repeats along time', () => {
  test('stays where it is in time, whichever way a view came there', () => {
    const periods = fc.constantFrom(6, 9, 12);
    const moves = fc.integer({ min: -5_000, max: 5_000 });
    fc.assert(
      fc.property(views, widths, periods, moves, (view, widthPx, periodPx, movedPx) => {
        const moved = panView(view, (movedPx * view.spanNs) / widthPx);
        const phase = phasePx(moved, widthPx, periodPx);
        expect(phase).toBeGreaterThanOrEqual(0);
        expect(phase).toBeLessThan(periodPx);
        // Where the edge lies between two pixels, rounding decides.
        const away = remainder(phase - movedPx - phasePx(view, widthPx, periodPx), periodPx);
        expect(Math.min(away, periodPx - away)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('goes on exactly where pixels are whole nanoseconds', () => {
    const view = { fromUnixNs: 1_795_828_075_026_176_570n, fractionNs: 0, spanNs: 1_000 * 1_000 };
    const first = phasePx(view, 1_000, 6);
    for (let px = -20; px <= 20; px++) {
      const moved = panView(view, px * 1_000);
      expect(phasePx(moved, 1_000, 6)).toBe(remainder(first + px, 6));
    }
  });
});
