import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextTailDelay, TAIL_DELAY_NS, tailView } from '#lib/view/timeline-start.ts';
import { extentOf } from '#lib/view/timeline-viewport.ts';

test('a tail ends its delay before the newest event', () => {
  expect(extentOf(tailView(10_000_000_000n, 1e9)).toUnixNs).toBe(8_500_000_000n);
  expect(extentOf(tailView(10_000_000_000n, 1e9, 4e9)).toUnixNs).toBe(6_000_000_000n);
});

test('the delay comes to what tiles take, and the view never goes back on the way', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 30_000 }),
      fc.integer({ min: 0, max: 30_000 }),
      fc.integer({ min: 16, max: 1_000 }),
      (before, latencyMs, passedMs) => {
        const startNs = TAIL_DELAY_NS + before * 1e6;
        let delayNs = startNs;
        let mostNs = 0;
        for (let frame = 0; frame < 150_000 / passedMs; frame++) {
          const next = nextTailDelay(delayNs, latencyMs, passedMs);
          mostNs = Math.max(mostNs, next - delayNs);
          delayNs = next;
        }
        expect(mostNs).toBeLessThan(passedMs * 1e6);
        expect(delayNs).toBe(Math.min(20e9, TAIL_DELAY_NS + 2 * latencyMs * 1e6));
      },
    ),
    { numRuns: 50 },
  );
});
