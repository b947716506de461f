import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { collectorArgs, soundArgs, webArgs, withMemoryEnv } from '../../bin/process-settings.js';

test('settings of the user stay, others are filled in', () => {
  const env = withMemoryEnv({ NODE_ENV: 'test', PATH: '/bin', MALLOC_ARENA_MAX: '7' });
  expect(env).toMatchObject({ PATH: '/bin', MALLOC_ARENA_MAX: '7' });
  expect(env.MALLOC_TRIM_THRESHOLD_).toMatch(/^\d+$/);
});

const isLinux = process.platform === 'linux';

test.runIf(isLinux)('a process gives large buffers back to the system when they are freed', () => {
  const script = `
    const held = Array.from({ length: 200 }, () => new Uint8Array(2 ** 20).fill(1));
    const small = held.map(() => new Uint8Array(100).fill(1));
    const full = process.memoryUsage.rss();
    for (const { buffer } of held) buffer.transfer(0);
    console.log(Math.round((full - process.memoryUsage.rss()) / 2 ** 20), small.length);`;
  const run = execFileSync(process.execPath, ['-e', script], { env: withMemoryEnv(process.env) });
  expect(Number(String(run).split(' ')[0])).toBeGreaterThan(180);
});

test('node knows the flags that the collector is started with, and another major version gets none that it may not know', () => {
  const run = execFileSync(process.execPath, [...collectorArgs(), '-p', 'typeof gc']);
  expect(String(run).trim()).toBe('function');
  expect(collectorArgs('24.0.0').length).toBeGreaterThan(1);
  expect(collectorArgs('26.1.0')).toEqual(['--expose-gc']);
});

const HOT = `let sum = 0;
  const add = (i) => { sum += i % 7; };
  for (let i = 0; i < 1e7; i++) add(i);`;

function compilersOf(args: readonly string[]): Set<string> {
  const text = String(execFileSync(process.execPath, ['--trace-opt', ...args]));
  return new Set([...text.matchAll(/compiling method .*\(target (\w+)\)/g)].map(([, by]) => by!));
}

test.skipIf(soundArgs().length === 0)(
  'code that runs often is not compiled by the compiler that makes unsound code',
  () => {
    const settings = new URL('../../bin/process-settings.js', import.meta.url).href;
    const late = [
      '--input-type=module',
      '-e',
      `import { compileSoundly } from '${settings}'; compileSoundly(); ${HOT}`,
    ];
    expect(compilersOf(['-e', HOT])).toContain('MAGLEV');
    expect(compilersOf([...soundArgs(), '-e', HOT])).toEqual(new Set(['TURBOFAN_JS']));
    expect(compilersOf(late)).toEqual(new Set(['TURBOFAN_JS']));
    expect(webArgs()).toEqual(expect.arrayContaining([...soundArgs()]));
    expect(collectorArgs()).toEqual(expect.arrayContaining([...soundArgs()]));
  },
);
