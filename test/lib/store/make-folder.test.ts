import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder } from '#lib/store/make-folder.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

test('makes a folder and those above it, and leaves one that is there', () => {
  const path = join(scratchFolder(), 'a', 'b', 'c');
  makeFolder(path);
  makeFolder(path);
  expect(existsSync(path)).toBe(true);
});

test('ends with an error where no folder can be', () => {
  const file = join(scratchFolder(), 'file');
  writeFileSync(file, '');
  expect(() => makeFolder(file)).toThrow('EEXIST');
  expect(() => makeFolder(join(file, 'below', 'deeper'))).toThrow('ENOTDIR');
  // Node's recursive mkdir never returns from here.
  expect(() => makeFolder('/proc/nope/deeper')).toThrow('ENOENT');
});
