import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FileWatch } from '#collector/alert/file-watch.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

const PATIENT = { timeout: 30_000, interval: 20 };

function watched(content: string | null) {
  const path = join(scratchFolder(), 'rules.yaml');
  if (content !== null) writeFileSync(path, content);
  let changes = 0;
  const watch = new FileWatch({
    path,
    everyMs: 10,
    onChange: () => {
      changes++;
    },
  });
  onTestFinished(() => watch.stop());
  return { path, changes: () => changes, watch };
}

test('a file that is written, replaced, removed and made again is read each time', async () => {
  const { changes, path } = watched('one');
  writeFileSync(path, 'other');
  await expect.poll(changes, PATIENT).toBe(1);
  writeFileSync(`${path}.new`, 'third');
  renameSync(`${path}.new`, path);
  await expect.poll(changes, PATIENT).toBe(2);
  rmSync(path);
  await expect.poll(changes, PATIENT).toBe(3);
  writeFileSync(path, 'third');
  await expect.poll(changes, PATIENT).toBe(4);
});

test('a file that comes after the start is read', async () => {
  const { changes, path } = watched(null);
  writeFileSync(path, 'late');
  await expect.poll(changes, PATIENT).toBe(1);
});

test('after the end nothing is read any more', async () => {
  const { changes, path, watch } = watched('one');
  await watch.stop();
  writeFileSync(path, 'other');
  const other = watched('x');
  writeFileSync(other.path, 'a change that is seen by one that goes on');
  await expect.poll(other.changes, PATIENT).toBe(1);
  expect(changes()).toBe(0);
});
