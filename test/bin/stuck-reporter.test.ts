import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '#test/support/afdscope-process.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

test('a test that never gives way ends the run, and is named with where it stands', async () => {
  const folder = scratchFolder();
  writeFileSync(
    join(folder, 'loops.test.mjs'),
    `import { test } from 'vitest';
     function forEver() { for (;;); }
     test('is sound', () => {});
     test('never ends', { timeout: 500, retry: 1 }, () => forEver());`,
  );
  const support = (name: string) => join(ROOT, 'test', 'support', name);
  const setup = JSON.stringify(support('inspect-when-asked.setup.ts'));
  writeFileSync(
    join(folder, 'vitest.config.mjs'),
    `export default { test: { setupFiles: [${setup}] } };`,
  );
  const stuck = join(folder, 'stuck.txt');
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const reporter = `--reporter=${support('stuck-reporter.ts')}`;
  const child = spawn(process.execPath, [vitest, 'run', reporter], {
    cwd: folder,
    stdio: 'ignore',
    env: { ...process.env, STUCK_TEST_FILE: stuck, STUCK_TEST_SILENCE_MS: '1500' },
  });
  const [code] = await once(child, 'exit');
  expect(code).toBe(1);
  const told = readFileSync(stuck, 'utf8');
  expect(told).toMatch(/loops\.test\.mjs: no news for .* min; last told of: .*\n/);
  expect(told).toMatch(/\n {4}at forEver \(file:.*loops\.test\.mjs:\d+\)\n/);
}, 60_000);
