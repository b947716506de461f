import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { webArgs } from '../../../bin/process-settings.js';

/** Numbers that a script of its own process prints, started as the supervisor starts the collector. */
async function numbersOf(script: string, args: readonly string[] = webArgs()): Promise<number[]> {
  const all = [...args, '--input-type=module', '--eval', script];
  const { stdout } = await promisify(execFile)(process.execPath, all);
  return stdout.split(' ').map(Number);
}

const BUFFERS = `
  import { GarbageWatch } from '#lib/base/garbage-watch.ts';
  const MIB = 2 ** 20;
  const buffers = () => process.memoryUsage().arrayBuffers / MIB;
  const watch = new GarbageWatch(8 * MIB);
  watch.look();
  let kept = [];
  const hold = (count) => { for (let i = 0; i < count; i++) kept.push(new ArrayBuffer(MIB)); };`;

test('young buffers that nobody holds are gone once they are more than is allowed', async () => {
  const [held, after] = await numbersOf(`${BUFFERS}
    hold(20);
    const held = buffers();
    kept = [];
    watch.look();
    setTimeout(() => console.log(held, buffers()), 200);`);
  expect(held).toBeGreaterThan(19);
  expect(after).toBeLessThan(4);
});

test('old ones stay up to four times as much, and are gone beyond that', async () => {
  const [held, few, many] = await numbersOf(`${BUFFERS}
    hold(64);
    watch.look();
    watch.look();
    const held = buffers();
    kept = kept.slice(0, 40);
    hold(4);
    watch.look();
    const few = buffers();
    kept = [];
    hold(60);
    watch.look();
    setTimeout(() => console.log(held, few, buffers()), 200);`);
  expect(held).toBeGreaterThan(63);
  expect(few).toBeGreaterThan(43);
  expect(many).toBeLessThan(70);
});

test('a process that does not offer it goes on', async () => {
  const [held] = await numbersOf(`${BUFFERS} hold(20); watch.look(); console.log(buffers());`, []);
  expect(held).toBeGreaterThan(19);
});

test('what a start has filled is given back', async () => {
  const [before, after] = await numbersOf(`
    import { giveBackStart } from '#lib/base/garbage-watch.ts';
    import { getHeapStatistics } from 'node:v8';
    // Survivors make the rooms for young objects grow.
    let kept = [];
    for (let i = 0; i < 2e6; i++) kept.push({ i });
    kept = [];
    const before = getHeapStatistics().total_heap_size;
    giveBackStart();
    console.log(before, getHeapStatistics().total_heap_size);`);
  expect(before).toBeGreaterThan(60 * 2 ** 20);
  expect(after).toBeLessThan(20 * 2 ** 20);
});
