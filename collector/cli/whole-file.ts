/** Files that commands write: each appears whole or not at all. */
import { realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileProblem } from '#lib/base/file-problem.ts';
import { CommandError } from './command-io.ts';

/**
 * `write` gets the path to write to, and the flags to open it with. What is there already is
 * replaced, through links; devices and pipes are written to and stay what they are.
 * @throws CommandError where the file system refuses
 */
export async function writeWholeFile(
  path: string,
  write: (path: string, flags: 'w' | 'wx') => Promise<void>,
): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const info = await stat(target).catch(() => null);
  const isOneself = info !== null && !info.isFile() && !info.isDirectory();
  const partial = `${target}.${process.pid}.part`;
  try {
    if (isOneself) {
      await write(target, 'w');
      return;
    }
    await write(partial, 'wx');
    await rename(partial, target);
  } catch (error) {
    if (!isOneself) await rm(partial, { force: true });
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') {
      throw new CommandError(`${path}: there is no folder ${dirname(path)}; make it first`);
    }
    const problem = fileProblem(error, path);
    if (problem !== null) throw new CommandError(problem);
    throw error;
  }
}
