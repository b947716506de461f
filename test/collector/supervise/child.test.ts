import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { ChildStartError, parseReadyLine, SupervisedChild } from '#collector/supervise/child.ts';
import { processIsAlive } from '#collector/supervise/runtime-file.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'afdscope-child-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const children: SupervisedChild[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) child.kill();
});

/** A child that runs `script`; returns it and what it said. */
function childOf(script: string, stopGraceMs = 2000) {
  const file = join(folder, `${children.length}-${script.length}.mjs`);
  writeFileSync(file, script);
  const said: string[] = [];
  const ready: Readonly<Record<string, unknown>>[] = [];
  const child = new SupervisedChild(
    {
      name: 'thing',
      args: () => [file],
      env: () => process.env,
      cwd: folder,
      stopGraceMs,
      quiet: /^noise/,
    },
    { onReady: (line) => ready.push(line), say: (text) => said.push(text) },
  );
  children.push(child);
  return { child, said, ready };
}

const READY = `console.log(JSON.stringify({ ready: true, pid: process.pid }));`;
const WAIT = 'setInterval(() => {}, 1000);';

describe('a supervised child', () => {
  test('is ready when it says so, and ends when asked', async () => {
    const { child, ready, said } = childOf(
      `${READY} console.log('noise'); console.log('hello'); ${WAIT}`,
    );
    await child.start();
    expect(ready).toEqual([{ ready: true, pid: child.pid }]);
    await vi.waitFor(() => expect(said).toEqual(['thing: hello']));
    const { pid } = child;
    await child.stop();
    expect(child.pid).toBeUndefined();
    expect(processIsAlive(pid ?? 0)).toBe(false);
    expect(said).toEqual(['thing: hello']);
  });

  test('that ends before it is ready fails the start, with its output', async () => {
    const { child, said } = childOf(`console.log('no database'); process.exit(3);`);
    await expect(child.start()).rejects.toThrow(ChildStartError);
    expect(said).toEqual(['thing: no database']);
    expect(child.restarts).toBe(0);
  });

  test('that dies is started again', async () => {
    const { child, said, ready } = childOf(`${READY} ${WAIT}`);
    await child.start();
    process.kill(child.pid ?? 0, 'SIGKILL');
    await vi.waitFor(() => expect(ready).toHaveLength(2), { timeout: 5000 });
    expect(child.restarts).toBe(1);
    expect(said[0]).toBe('the thing died (ended by SIGKILL); starting it again in 1 s');
    // The second death in a row waits longer.
    process.kill(child.pid ?? 0, 'SIGKILL');
    await vi.waitFor(() => expect(said).toHaveLength(2), { timeout: 5000 });
    expect(said[1]).toContain('starting it again in 2 s');
    await child.stop();
  });

  test('that ignores SIGTERM is killed after its grace period', async () => {
    const { child, said } = childOf(`process.on('SIGTERM', () => {}); ${READY} ${WAIT}`, 300);
    await child.start();
    const startedMs = performance.now();
    await child.stop();
    expect(performance.now() - startedMs).toBeGreaterThan(250);
    expect(said).toEqual(['the thing did not end within 0.3 s: killed']);
  });

  test('that is stopped while it waits to be started again stays down', async () => {
    const { child, said, ready } = childOf(`${READY} ${WAIT}`);
    await child.start();
    process.kill(child.pid ?? 0, 'SIGKILL');
    await vi.waitFor(() => expect(said).toHaveLength(1));
    await child.stop();
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(ready).toHaveLength(1);
    expect(child.pid).toBeUndefined();
  });
});

test.each([
  ['{"ready":true,"port":1}', { ready: true, port: 1 }],
  ['{"ready":false}', null],
  ['{"ready":true', null],
  ['ready', null],
  ['[true]', null],
  ['', null],
])('ready line %j', (line, value) => {
  expect(parseReadyLine(line)).toEqual(value);
});
