import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { PairSorter } from '#lib/model/pair-sorter.ts';

it('sorts any part of the pairs, stably', async () => {
  const keys = fc.array(fc.nat(60), { maxLength: 300 });
  await fc.assert(
    fc.property(keys, fc.nat(20), fc.boolean(), (values, skip, nearlySorted) => {
      if (nearlySorted) values.sort((a, b) => a - b + ((a * 7 + b) % 3) - 1);
      const from = Math.min(skip, values.length);
      const sorted = Float64Array.from(values);
      const rows = Int32Array.from(values, (_, i) => i);
      new PairSorter().sort(sorted, rows, from, values.length);
      const rest = values.map((_, i) => i).slice(from);
      rest.sort((a, b) => values[a]! - values[b]! || a - b);
      const expected = [...values.keys()].slice(0, from).concat(rest);
      expect([...rows]).toEqual(expected);
      expect([...sorted]).toEqual(expected.map((row) => values[row]));
    }),
    { seed: 21, numRuns: 300 },
  );
});

it('merges blocks of any length, one sorter after the other', () => {
  const sorter = new PairSorter();
  for (const length of [2000, 33, 700]) {
    const keys = Float64Array.from({ length }, (_, i) => (i * 7919) % length);
    const rows = Int32Array.from({ length }, (_, i) => i);
    sorter.sort(keys, rows, 0, length);
    expect([...keys]).toEqual([...keys.keys()]);
    expect([...rows].map((row) => (row * 7919) % length)).toEqual([...rows.keys()]);
  }
});
