/** The Python that the worker package's tests run with. */
import { spawnSync } from 'node:child_process';

/** `python3` where it is 3.9 or newer, else null: tests of the probe are skipped then, with a line. */
export const PYTHON = findPython();

function findPython(): string | null {
  const asked = spawnSync('python3', ['-c', 'import sys; print(sys.version_info >= (3, 9))'], {
    encoding: 'utf8',
  });
  if (asked.stdout?.trim() === 'True') return 'python3';
  process.stdout.write('skipped: no python3 of 3.9 or newer on the PATH\n');
  return null;
}
