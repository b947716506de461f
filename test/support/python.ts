/** The Python that the worker package's tests run with. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

/** `python3` where it is 3.9 or newer, else null: tests of the probe are skipped then, with a line. */
export const PYTHON = findPython();

export const PROBE_FOLDER = resolve(import.meta.dirname, '../../probe');

/** Runs Python in the probe's folder and gives what it printed. Throws with that where it fails. */
export function runPython(args: readonly string[], input = ''): string {
  const run = spawnSync(PYTHON ?? 'python3', args, {
    cwd: PROBE_FOLDER,
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, PYTHONUTF8: '1', PYTHONDONTWRITEBYTECODE: '1' },
  });
  if (run.status !== 0) throw new Error(`${args.join(' ')}: ${run.stderr.slice(-8000)}`);
  return run.stdout + run.stderr;
}

function findPython(): string | null {
  const asked = spawnSync('python3', ['-c', 'import sys; print(sys.version_info >= (3, 9))'], {
    encoding: 'utf8',
  });
  if (asked.stdout?.trim() === 'True') return 'python3';
  process.stdout.write('skipped: no python3 of 3.9 or newer on the PATH\n');
  return null;
}
