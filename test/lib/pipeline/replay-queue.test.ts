import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReplayQueue } from '#lib/pipeline/replay-queue.ts';

/** Earliest first; of equal times the one that went in first. */
test('gives what a sorted list gives, whatever the order of pushes and pops', () => {
  const action = fc.oneof(fc.integer({ min: 0, max: 6 }), fc.constant('pop' as const));
  fc.assert(
    fc.property(fc.array(action, { maxLength: 400 }), (actions) => {
      const queue = new ReplayQueue();
      const list: { timeNs: number; job: number }[] = [];
      let pushed = 0;
      const pop = (): void => {
        const first = list.reduce<number>(
          (best, entry, i) => (best < 0 || entry.timeNs < list[best]!.timeNs ? i : best),
          -1,
        );
        expect(queue.pop()).toBe(first >= 0);
        if (first < 0) return;
        const [expected] = list.splice(first, 1);
        expect([queue.timeNs, queue.job, queue.what]).toEqual([
          expected!.timeNs,
          expected!.job,
          expected!.job + 1,
        ]);
      };
      for (const one of actions) {
        if (one === 'pop') {
          pop();
          continue;
        }
        queue.push(one, pushed + 1, pushed);
        list.push({ timeNs: one, job: pushed++ });
      }
      while (list.length > 0) pop();
      expect(queue.pop()).toBe(false);
    }),
    { seed: 5, numRuns: 200 },
  );
});
