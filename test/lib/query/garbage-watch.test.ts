import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
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

test('what a start has filled is given back', async () => {
  const script = `
    import { giveBackStart } from '#lib/query/garbage-watch.ts';
    import { getHeapStatistics } from 'node:v8';
    // Survivors make the rooms for young objects grow.
    let kept = [];
    for (let i = 0; i < 2e6; i++) kept.push({ i });
    kept = [];
    const before = getHeapStatistics().total_heap_size;
    giveBackStart();
    console.log(before, getHeapStatistics().total_heap_size);`;
  const args = ['--input-type=module', '--eval', script];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const [before, after] = stdout.split(' ').map(Number);
  expect(before).toBeGreaterThan(60 * 2 ** 20);
  expect(after).toBeLessThan(20 * 2 ** 20);
});
