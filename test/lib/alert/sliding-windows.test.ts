/** Windows one after the other are what each of them is by itself, and cost no more the longer they are. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compileRule } from '#lib/alert/compiled-rule.ts';
import { judgeRule } from '#lib/alert/judge.ts';
import { mergePoints } from '#lib/alert/merged-points.ts';
import { needsOf, SampleHistory } from '#lib/alert/sample-history.ts';
import { type Points, Series } from '#lib/alert/series.ts';
import { SlidingWindows } from '#lib/alert/sliding-windows.ts';
import { windowValue } from '#lib/alert/windows.ts';
import { look, rule, START_MS, sample } from '#test/support/alert-samples.ts';
import { rounds } from '#test/support/tier.ts';

const aggregates = fc.constantFrom('mean', 'max', 'min', 'last');

const points = fc
  .array(
    fc.record({
      gapMs: fc.integer({ min: 1, max: 4000 }),
      value: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      weight: fc.double({ min: 0.001, max: 1e6, noNaN: true }),
    }),
    { minLength: 1, maxLength: 120 },
  )
  .map((rows): Points => {
    let at = START_MS;
    return {
      atUnixMs: rows.map(({ gapMs }) => (at += gapMs)),
      value: rows.map(({ value }) => value),
      weight: rows.map(({ weight }) => weight),
    };
  });

it('each value is that of the window alone', () => {
  const windowMs = fc.integer({ min: 1, max: 60_000 });
  // As in evaluation, some windows in between are not asked for.
  const step = fc.integer({ min: 1, max: 5 });
  fc.assert(
    fc.property(points, windowMs, aggregates, step, (all, ms, aggregate, by) => {
      const windows = new SlidingWindows(all, ms, aggregate);
      for (let i = all.atUnixMs.length - 1; i >= 0; i -= by) {
        const alone = windowValue(all, all.atUnixMs[i]!, ms, aggregate)!;
        const found = windows.endingWith(i);
        if (aggregate === 'mean') expect(Math.abs(found - alone)).toBeLessThan(1e-4);
        else expect(found).toBe(alone);
      }
    }),
    { numRuns: rounds(500, 20_000) },
  );
});

it('means of whole numbers are the same to the last digit', () => {
  const whole = points.map(
    ({ atUnixMs, value, weight }): Points => ({
      atUnixMs,
      value: value.map(Math.round),
      weight: weight.map(Math.ceil),
    }),
  );
  fc.assert(
    fc.property(whole, fc.integer({ min: 1, max: 60_000 }), (all, ms) => {
      const windows = new SlidingWindows(all, ms, 'mean');
      for (let i = all.atUnixMs.length - 1; i >= 0; i--) {
        expect(windows.endingWith(i)).toBe(windowValue(all, all.atUnixMs[i]!, ms, 'mean'));
      }
    }),
    { numRuns: rounds(300, 10_000) },
  );
});

it('a huge sample leaves nothing behind once it is out of the window', () => {
  const atUnixMs = [1, 2, 3, 4, 5, 6].map((second) => START_MS + second * 1000);
  const all = {
    atUnixMs,
    value: [0.25, 0.25, 0.25, 0.25, 1e300, 0.5],
    weight: atUnixMs.map(() => 1),
  };
  const windows = new SlidingWindows(all, 2000, 'mean');
  expect(atUnixMs.map((_, i) => windows.endingWith(5 - i)).slice(2)).toEqual([
    0.25, 0.25, 0.25, 0.25,
  ]);
});

/** As trueSince is meant, each window looked at by itself. */
function trueSinceSlowly(all: Points, windowMs: number, forMs: number, aggregate: 'mean' | 'max') {
  const newest = all.atUnixMs.at(-1)!;
  let since: number | null = null;
  for (let i = all.atUnixMs.length - 1; i >= 0; i--) {
    const at = all.atUnixMs[i]!;
    if (since !== null && since - at > windowMs + 30_000) break;
    if (!(windowValue(all, at, windowMs, aggregate)! > 0.3)) break;
    since = at;
    if (newest - at >= forMs) break;
  }
  return since;
}

it('rules are true since the same instant as with each window looked at by itself', () => {
  // Eighths: sums are exact, so that a value at the threshold is so in whatever order it is added.
  const values = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 90 });
  const seconds = fc.integer({ min: 1, max: 40 });
  fc.assert(
    fc.property(
      values,
      seconds,
      seconds,
      fc.constantFrom('mean' as const, 'max' as const),
      (eighths, windowS, forS, aggregate) => {
        const one = rule({ window: `${windowS}s`, for: `${forS}s`, aggregate });
        const history = new SampleHistory(needsOf([one]));
        let at = 0;
        for (const value of eighths) history.add(look(++at, [sample(at, value / 8)]));
        const [judged] = judgeRule(compileRule(one), {
          history,
          nowUnixMs: START_MS + at * 1000,
          watchingSinceUnixMs: START_MS,
          firingSince: () => null,
        });
        const [series] = history.series('bubble_ratio');
        expect(judged!.trueSinceUnixMs).toBe(
          trueSinceSlowly(series!, windowS * 1000, forS * 1000, aggregate),
        );
      },
    ),
    { numRuns: rounds(500, 20_000) },
  );
});

it('several series together are the worst at each instant, whichever instants each has', () => {
  const samplesOf = fc.uniqueArray(fc.integer({ min: 0, max: 30 }), {
    minLength: 1,
    maxLength: 30,
  });
  fc.assert(
    fc.property(fc.array(samplesOf, { minLength: 2, maxLength: 5 }), fc.boolean(), (all, isUp) => {
      const expected = new Map<number, number>();
      const members = all.map((instants, n) => {
        const series = new Series('d', { group: String(n) });
        for (const second of instants) {
          const value = (second * 7 + n * 11) % 13;
          const { atUnixMs } = sample(second, value);
          series.add(sample(second, value), atUnixMs, atUnixMs, { rawMs: 60_000, minutesMs: 0 });
          const known = expected.get(atUnixMs) ?? value;
          expected.set(atUnixMs, isUp ? Math.max(known, value) : Math.min(known, value));
        }
        return series;
      });
      const merged = mergePoints(members, isUp, 60_000);
      const sorted = [...expected].sort(([a], [b]) => a - b);
      expect(merged.atUnixMs).toEqual(sorted.map(([at]) => at));
      expect(merged.value).toEqual(sorted.map(([, value]) => value));
    }),
    { numRuns: rounds(300, 10_000) },
  );
});
