import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ActivitySweep, Bit, MASKS } from '#lib/analysis/activity-sweep.ts';
import { IntervalCollector } from '#lib/analysis/interval-collector.ts';
import { presenceOf, type WorkerPresence } from '#lib/analysis/observed.ts';
import { unionOf } from '#lib/base/intervals.ts';
import { assemble } from '#lib/model/assemble.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { KINDS } from '#lib/table/codes.ts';
import { pipelineTable, wildTables } from '#test/support/random-tables.ts';

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
});

/** Activities of one worker at one instant, straight from the definitions. */
function maskAt(assembled: Assembled, presence: WorkerPresence, w: number, t: number): number {
  const { events, endNs, receives, offsets, transferStartNs } = assembled;
  const has = (start: number, end: number) => start <= t && t < end;
  const inSet = (set: Float64Array) => set.filter((edge) => edge <= t).length % 2 === 1;
  let mask = 0;
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    const start = events.startNs[row]!;
    const end = endNs[row]!;
    const kind = KINDS[events.kind[row]!]!;
    if (kind === 'receive') {
      if (has(start, end)) mask |= Bit.communication;
    } else if (kind === 'transfer') {
      const begin = transferStartNs?.[row] ?? start;
      if (has(start, end)) mask |= Bit.communication;
      if (has(start, begin)) mask |= Bit.wait;
      if (has(begin, end)) mask |= Bit.transfer;
    } else if (has(start, end)) {
      mask |= Bit[kind];
    }
  }
  for (let r = receives.offsets[w]!; r < receives.offsets[w + 1]!; r++) {
    const cut = receives.cutNs[r]!;
    if (has(receives.startNs[r]!, receives.endNs[r]!)) mask |= Bit.receive;
    if (has(receives.startNs[r]!, cut)) mask |= Bit.wait;
    if (has(cut, receives.endNs[r]!)) mask |= Bit.transfer;
  }
  if (inSet(presence.observed)) mask |= Bit.observed;
  if (inSet(presence.active)) mask |= Bit.active;
  return mask;
}

describe('activity sweep', () => {
  it('is what counting every nanosecond gives, in every bucket', async () => {
    const edges = fc.array(fc.integer({ min: -20, max: 130 }), { minLength: 2, maxLength: 6 });
    const tables = fc.oneof(
      wildTables,
      fc.nat(10_000).map((seed) => [pipelineTable(seed)]),
    );
    let masks = 0;
    await fc.assert(
      fc.property(tables, edges, (events, cuts) => {
        const assembled = assemble(events, 'prod');
        const edgesNs = [...cuts].sort((a, b) => a - b);
        const presence = presenceOf(assembled);
        const sweep = new ActivitySweep(assembled, edgesNs);
        assembled.events.workers.forEach((_, w) => {
          const counted = new Float64Array((edgesNs.length - 1) * MASKS);
          for (let b = 0; b + 1 < edgesNs.length; b++) {
            for (let t = edgesNs[b]!; t < edgesNs[b + 1]!; t++) {
              const at = b * MASKS + maskAt(assembled, presence[w]!, w, t);
              counted[at] = counted[at]! + 1;
            }
          }
          expect(sweep.of(w, presence[w]!)).toEqual(counted);
          masks += counted.filter((ns) => ns > 0).length;
        });
      }),
      { seed: 33, numRuns: 150 },
    );
    expect(masks).toBeGreaterThan(1000);
  });
});
