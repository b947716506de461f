/** `data/runtime.json` (lib/api/runtime-file.ts) on disk: written whole, readable by its owner. */
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type RuntimeFile, runtimeFileSchema } from '#lib/api/runtime-file.ts';
import { fileProblem } from '#lib/base/file-problem.ts';
import { makeFolder } from '#lib/store/make-folder.ts';

export function runtimeFilePath(dataDir: string): string {
  return join(dataDir, 'runtime.json');
}

/** The file could not be written; the message says why. */
export class RuntimeFileError extends Error {
  override readonly name = 'RuntimeFileError';
}

/**
 * Readers see the old file or the new one, never half of it.
 * @throws RuntimeFileError
 */
export function writeRuntimeFile(path: string, runtime: RuntimeFile): void {
  const next = `${path}.${process.pid}`;
  try {
    makeFolder(dirname(path));
    writeFileSync(next, `${JSON.stringify(runtime, null, 2)}\n`, { mode: 0o600 });
    chmodSync(next, 0o600); // the mode above counts only for a file that is new
    renameSync(next, path);
  } catch (error) {
    if (existsSync(next)) rmSync(next);
    const problem = fileProblem(error, path);
    if (problem === null) throw error;
    throw new RuntimeFileError(`${problem}, or choose another data folder (--data)`);
  }
}

/** null where there is none, or none that this version understands. */
export function readRuntimeFile(path: string): RuntimeFile | null {
  try {
    const parsed = runtimeFileSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** Removes the file if this process wrote it. */
export function removeRuntimeFile(path: string): void {
  if (readRuntimeFile(path)?.pid === process.pid) rmSync(path, { force: true });
}

export function processIsAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
