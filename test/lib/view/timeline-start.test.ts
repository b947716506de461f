import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  nextTailDelay,
  startOf,
  TAIL_DELAY_NS,
  tailEnd,
  tailView,
} from '#lib/view/timeline-start.ts';
import { parseTimeline } from '#lib/view/timeline-url.ts';
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

test('a tail never goes back and never beyond the newest event, however unevenly data come', () => {
  const readings = fc.array(
    fc.record({
      passedMs: fc.integer({ min: 1, max: 2_000 }),
      grownMs: fc.integer({ min: 0, max: 4_000 }),
      edgeOffMs: fc.integer({ min: -5_000, max: 5_000 }),
      delayMs: fc.integer({ min: 0, max: 20_000 }),
    }),
    { minLength: 2, maxLength: 60 },
  );
  fc.assert(
    fc.property(readings, (list) => {
      let newest = 1_795_800_300_123_456_789n;
      let last: bigint | null = null;
      for (const { grownMs, edgeOffMs, delayMs } of list) {
        newest += BigInt(grownMs) * 1_000_000n;
        const end: bigint = tailEnd(
          newest + BigInt(edgeOffMs) * 1_000_000n,
          newest,
          delayMs * 1e6,
          last,
        );
        expect(end <= newest).toBe(true);
        if (last !== null) expect(end >= last).toBe(true);
        last = end;
      }
    }),
  );
});

test('a tail follows data of a clock that was set back', () => {
  expect(tailEnd(200n * 10n ** 9n, 200n * 10n ** 9n, 1e9, 900n * 10n ** 9n)).toBe(199n * 10n ** 9n);
});

describe('a time of which nothing is kept', () => {
  const NS = 1_000_000n;
  const keptMs = Date.UTC(2026, 10, 27, 12);
  const bounds = {
    fromUnixNs: BigInt(keptMs) * NS,
    toUnixNs: BigInt(keptMs + 60_000) * NS,
  };
  const linkOf = (text: string) => parseTimeline(new URLSearchParams(text));
  const live = { kind: 'live' } as const;

  test('is said, with what is asked for and what is kept', () => {
    const before = BigInt(keptMs - 3_600_000) * NS;
    const far = startOf(linkOf(`at=${before}&span=1000000000`), live, bounds, keptMs, 0);
    expect(far.notice).toContain('2026-11-27 11:00:00 to 2026-11-27 11:00:01');
    expect(far.notice).toContain('Kept: 2026-11-27 12:00:00 to 2026-11-27 12:01:00.');
    const range = {
      kind: 'absolute',
      fromMs: keptMs + 3_600_000,
      toMs: keptMs + 7_200_000,
    } as const;
    const late = startOf(linkOf(''), range, bounds, keptMs, 60);
    expect(late.notice).toContain('2026-11-27 14:00:00 to 2026-11-27 15:00:00');
    expect(extentOf(late.viewport)).toEqual(bounds);
  });

  test('is no matter where a part of it is kept', () => {
    const edge = bounds.fromUnixNs - 500_000_000n;
    const near = startOf(linkOf(`at=${edge}&span=1000000000`), live, bounds, keptMs, 0);
    expect(near.notice).toBeNull();
    expect(startOf(linkOf(''), live, bounds, keptMs, 0).notice).toBeNull();
    const range = { kind: 'absolute', fromMs: keptMs - 1_000, toMs: keptMs + 1_000 } as const;
    expect(startOf(linkOf(''), range, bounds, keptMs, 0).notice).toBeNull();
  });
});
