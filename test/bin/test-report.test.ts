import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '#test/support/afdscope-process.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { totalsOf } from '../../bin/test-report.js';

test('tests that needed another try are named, with how the one before failed', () => {
  const folder = scratchFolder();
  writeFileSync(
    join(folder, 'some.test.mjs'),
    `import { describe, expect, test } from 'vitest';
     let tries = 0;
     describe('some', () => {
       test('wavers', { retry: 2 }, () => expect(++tries).toBe(3));
       test('is sound', () => {});
       test('fails', { retry: 1 }, () => expect(1).toBe(2));
       test.skip('waits', () => {});
     });`,
  );
  writeFileSync(join(folder, 'unloadable.test.mjs'), 'throw new Error("no");');
  const output = join(folder, 'report.json');
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const options = ['run', '--dir', folder, '--reporter=json', `--outputFile=${output}`];
  // It fails, as one of its tests does.
  expect(() =>
    execFileSync(process.execPath, [vitest, ...options], {
      cwd: folder,
      stdio: 'pipe',
    }),
  ).toThrow();
  const { retried, ...counted } = totalsOf(readFileSync(output, 'utf8'));
  expect(counted).toEqual({ passed: 2, failed: 2, skipped: 1 });
  expect(retried).toHaveLength(1);
  expect(retried[0]).toMatch(/^some wavers\n.*expected 1 to be 3.*\n.*expected 2 to be 3/);
});
