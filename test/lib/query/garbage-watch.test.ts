import { expect, test } from 'vitest';
import { GarbageWatch } from '#lib/query/garbage-watch.ts';

test('buffers that nobody holds are gone once they are more than is allowed', async () => {
  const watch = new GarbageWatch(8 * 2 ** 20);
  watch.look();
  const before = process.memoryUsage().arrayBuffers;
  const kept: ArrayBuffer[] = [];
  // Held for a while, so that they are old when they die.
  for (let i = 0; i < 64; i++) kept.push(new ArrayBuffer(2 ** 20));
  watch.look();
  expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThan(60 * 2 ** 20);
  kept.length = 4;
  for (let i = 0; i < 16; i++) kept[i % 4] = new ArrayBuffer(2 ** 20);
  watch.look();
  // They are swept beside the running code.
  const most = 40 * 2 ** 20;
  await expect
    .poll(() => process.memoryUsage().arrayBuffers - before, { timeout: 10_000 })
    .toBeLessThan(most);
  expect(kept).toHaveLength(4);
});
