import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { BootstrapError, findNode } from '../../bin/bootstrap.js';

test.each(['24.2.0', '24.21.0', '25.0.0', '26.1.3'])('node %s is good enough', (version) => {
  expect(findNode(scratchFolder(), version)).toBe(process.execPath);
});

test.each(['20.19.1', '23.9.0', '24.0.0', '24.1.0'])(
  'in place of node %s comes the one that npm installed, or a word about it',
  (version) => {
    const folder = scratchFolder();
    expect(() => findNode(folder, version)).toThrow(BootstrapError);
    expect(() => findNode(folder, version)).toThrow(/needs Node 24\.2 \(this is /);
    const platform = process.platform === 'win32' ? 'win' : process.platform;
    const file = process.platform === 'win32' ? 'node.exe' : 'node';
    const bin = join(folder, 'node_modules', `node-${platform}-${process.arch}`, 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, file), '');
    expect(findNode(folder, version)).toBe(join(bin, file));
  },
);
