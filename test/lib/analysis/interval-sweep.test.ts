import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntervalCollector, mergeSets } from '#lib/analysis/interval-collector.ts';
import { timeByMask } from '#lib/analysis/time-by-mask.ts';
import { unionOf } from '#lib/base/intervals.ts';

const pairs = fc.array(fc.tuple(fc.nat(60), fc.integer({ min: -2, max: 9 })), { maxLength: 30 });

function unionOfPairs(list: readonly (readonly [number, number])[]): Float64Array {
  return unionOf(
    list.map(([start]) => start),
    list.map(([start, length]) => start + length),
  );
}

describe('interval collector', () => {
  it('gives the union in whatever order intervals come, again and again', async () => {
    const collector = new IntervalCollector();
    await fc.assert(
      fc.property(pairs, fc.boolean(), (list, sorted) => {
        if (sorted) list.sort((a, b) => a[0] - b[0]);
        for (const [start, length] of list) collector.add(start, start + length);
        expect(collector.take()).toEqual(unionOfPairs(list));
      }),
      { seed: 31, numRuns: 300 },
    );
  });

  it('merges two sets', async () => {
    await fc.assert(
      fc.property(pairs, pairs, (a, b) => {
        expect(mergeSets(unionOfPairs(a), unionOfPairs(b))).toEqual(unionOfPairs([...a, ...b]));
      }),
      { seed: 32, numRuns: 200 },
    );
  });
});

describe('time by mask', () => {
  it('is what counting every nanosecond gives, in every bucket', async () => {
    const edges = fc.array(fc.nat(80), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.property(fc.array(pairs, { minLength: 1, maxLength: 4 }), edges, (lists, cuts) => {
        const edgesNs = [...cuts].sort((a, b) => a - b);
        const sets = lists.map(unionOfPairs);
        const counted = new Float64Array((edgesNs.length - 1) << sets.length);
        for (let b = 0; b + 1 < edgesNs.length; b++) {
          for (let t = edgesNs[b]!; t < edgesNs[b + 1]!; t++) {
            let mask = 0;
            lists.forEach((list, k) => {
              if (list.some(([start, length]) => start <= t && t < start + length)) mask |= 1 << k;
            });
            const at = (b << sets.length) + mask;
            counted[at] = counted[at]! + 1;
          }
        }
        expect(timeByMask(sets, edgesNs)).toEqual(counted);
      }),
      { seed: 33, numRuns: 200 },
    );
  });
});
