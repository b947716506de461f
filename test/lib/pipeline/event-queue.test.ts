import fc from 'fast-check';
import { expect, it } from 'vitest';
import { EventQueue } from '#lib/pipeline/event-queue.ts';

it('gives entries by time, equal times in order of arrival, interleaved with pushes', () => {
  const operation = fc.oneof(
    fc.record({ timeNs: fc.integer({ min: 0, max: 9 }) }),
    fc.constant('pop'),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const queue = new EventQueue();
      const sorted: { timeNs: number; worker: number }[] = [];
      let worker = 0;
      const check = () => {
        sorted.sort((a, b) => a.timeNs - b.timeNs || a.worker - b.worker);
        const popped = queue.pop();
        const expected = sorted.shift();
        expect(popped && { timeNs: popped.timeNs, worker: popped.worker }).toEqual(expected);
      };
      for (const op of operations) {
        if (typeof op === 'string') {
          check();
        } else {
          sorted.push({ timeNs: op.timeNs, worker });
          queue.push(op.timeNs, 0, worker++);
        }
      }
      while (sorted.length > 0) check();
      expect(queue.size).toBe(0);
      expect(queue.pop()).toBeUndefined();
    }),
    { seed: 1, numRuns: 200 },
  );
});
