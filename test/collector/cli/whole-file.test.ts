import { execFile, execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { formatTable } from '#collector/cli/text-table.ts';
import { writeWholeFile } from '#collector/cli/whole-file.ts';
import { ROOT, runAfdscope } from '#test/support/afdscope-process.ts';
import { kernelEvent, launchEvent, trace } from '#test/support/kineto-events.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

const writing = (text: string) => (path: string, flag: 'w' | 'wx') =>
  writeFile(path, text, { flag });

test('a file is replaced whole, and stays as it was where writing fails', async () => {
  const folder = scratchFolder();
  const path = join(folder, 'a');
  await writeWholeFile(path, writing('one'));
  await writeWholeFile(path, writing('two'));
  expect(readFileSync(path, 'utf8')).toBe('two');
  const broken = writeWholeFile(path, async (partial, flag) => {
    await writeFile(partial, 'thr', { flag });
    throw new Error('the disk is gone');
  });
  await expect(broken).rejects.toThrow('the disk is gone');
  expect(readFileSync(path, 'utf8')).toBe('two');
  expect(readdirSync(folder)).toEqual(['a']);
});

test('a pipe is written to and stays a pipe; a link stays a link', async () => {
  const folder = scratchFolder();
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const reader = promisify(execFile)('cat', [pipe]);
  await writeWholeFile(pipe, writing('through'));
  expect((await reader).stdout).toBe('through');
  expect(lstatSync(pipe).isFIFO()).toBe(true);

  writeFileSync(join(folder, 'real'), 'old');
  symlinkSync('real', join(folder, 'link'));
  await writeWholeFile(join(folder, 'link'), writing('new'));
  expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true);
  expect(readFileSync(join(folder, 'real'), 'utf8')).toBe('new');
});

test('a missing folder is named, and a folder is no file', async () => {
  const folder = scratchFolder();
  const missing = join(folder, 'missing');
  await expect(writeWholeFile(join(missing, 'x.csv'), writing('x'))).rejects.toThrow(
    `there is no folder ${missing}; make it first`,
  );
  await expect(writeWholeFile(folder, writing('x'))).rejects.toThrow('a file is needed');
});

test('a line feed in a name does not break a table', () => {
  expect(formatTable([{ title: 'name' }, { title: 'n' }], [['a\nb', '1']])).toEqual([
    'name  n',
    'a\\nb  1',
  ]);
});

test('a reader that stops early ends the command without a stack, and not as a success', async () => {
  const run = (rest: string) =>
    promisify(execFile)('bash', ['-c', `"${process.execPath}" bin/afdscope.js ${rest}`], {
      cwd: ROOT,
    });
  const full = await run('doctor --json 2>&1 >/dev/full | cat');
  expect(full.stdout).toMatch(/^afdscope: not all could be written: ENOSPC.*\n$/);
  // The reader is gone before anything is written.
  const closed = await run('doctor --json 2>&1 > >(exec 0<&-); true; echo "code ${PIPESTATUS[0]}"');
  expect(closed.stdout).not.toContain('node:events');
});

test('folders in a folder are named, a trace takes its name for a report too, a part of an archive is told', async () => {
  const folder = scratchFolder();
  const inner = join(folder, 'runs');
  execFileSync('mkdir', ['-p', join(inner, 'rank-1')]);
  const kernel = { startNs: 2_000_000_000n, durationNs: 5000n, name: 'gemm', correlation: 1 };
  const events = [launchEvent(1, 1_999_999_000n), kernelEvent(kernel)];
  writeFileSync(join(inner, 'rank-0.json'), trace(events));
  const done = await runAfdscope(['import', inner, '--data', join(folder, 'data')]);
  expect(done.stderr).toContain('folders in it are left out, name them to import them: rank-1');
  expect(done.code).toBe(0);
  const trace0 = join(inner, 'rank-0.json');
  const told = await runAfdscope(['analyze', trace0, '--deployment', 'mine', '--md', '-']);
  expect(told.stderr).toBe('');
  expect(told.stdout).toContain('mine');
  const archive = join(folder, 'a.afdscope');
  writeFileSync(archive, 'AFDSCOPE\x01\0\0\0');
  const asked = await runAfdscope(['analyze', archive]);
  expect(asked.stderr).toContain('the archive is cut off in part 0');
  expect(asked.code).toBe(1);
});
