import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { sortOrder } from '#lib/model/sort-order.ts';

it('sorts any part of an order, stably', async () => {
  const keys = fc.array(fc.nat(60), { maxLength: 300 });
  await fc.assert(
    fc.property(keys, fc.nat(20), fc.boolean(), (values, skip, nearlySorted) => {
      if (nearlySorted) values.sort((a, b) => a - b + ((a * 7 + b) % 3) - 1);
      const from = Math.min(skip, values.length);
      const order = Int32Array.from(values, (_, i) => i);
      sortOrder(
        order,
        Float64Array.from(values),
        from,
        values.length,
        new Int32Array(values.length),
      );
      const rest = values.map((_, i) => i).slice(from);
      rest.sort((a, b) => values[a]! - values[b]! || a - b);
      expect([...order]).toEqual([...values.keys()].slice(0, from).concat(rest));
    }),
    { seed: 21, numRuns: 300 },
  );
});
