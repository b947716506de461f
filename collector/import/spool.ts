/**
 * Bodies as files in `data/imports`, one folder an import, each file under its own name since that
 * may tell a rank. Bounded: the files of one import may hold so many bytes together. What an import
 * leaves is removed when it is over, and what a crash left at the next start.
 */
import { createWriteStream, rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Problem, problem } from '#lib/api/problem.ts';
import { errorText } from '#lib/base/error-text.ts';
import { fileProblem } from '#lib/base/file-problem.ts';

/** Why a body was not taken, as the answer to it. */
export class SpoolError extends Error {
  override readonly name = 'SpoolError';
  readonly problem: Problem;

  constructor(document: Problem) {
    super(document.detail);
    this.problem = document;
  }
}

/** A sender that is silent for so long has gone. */
const SILENT_MS = 60_000;
const MAX_NAME_BYTES = 200;

export class Spool {
  readonly #folder: string;
  readonly #maxBytes: number;

  constructor(dataDir: string, maxBytes: number) {
    this.#folder = join(dataDir, 'imports');
    this.#maxBytes = maxBytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** Removes what an earlier process left. */
  clean(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /**
   * Writes `body` to the folder of the import. `usedBytes`: what its other files take.
   * @throws SpoolError; nothing of the file is left then
   */
  async write(
    importId: string,
    name: string,
    body: Readable,
    usedBytes: number,
    progress: (bytes: number) => void,
  ): Promise<{ readonly path: string; readonly sizeBytes: number }> {
    const folder = join(this.#folder, importId);
    const path = join(folder, fileName(name));
    let sizeBytes = 0;
    let silent: NodeJS.Timeout | undefined;
    const watch = (): void => {
      clearTimeout(silent);
      silent = setTimeout(() => body.destroy(new Error('the sender fell silent')), SILENT_MS);
    };
    const { maxBytes } = this;
    const counted = async function* (): AsyncGenerator<Uint8Array> {
      // A body that is refused is not destroyed: its sender is to read the answer.
      const pieces: AsyncIterable<Uint8Array> = body.iterator({ destroyOnReturn: false });
      for await (const piece of pieces) {
        watch();
        sizeBytes += piece.byteLength;
        if (usedBytes + sizeBytes > maxBytes) throw tooLarge(maxBytes);
        progress(sizeBytes);
        yield piece;
      }
    };
    try {
      await mkdir(folder, { recursive: true });
      watch();
      await pipeline(counted, createWriteStream(path, { flags: 'wx' }));
      return { path, sizeBytes };
    } catch (error) {
      // The rest is thrown away, so that the sender comes to reading the answer.
      body.resume();
      const isOther = error instanceof Error && 'code' in error && error.code === 'EEXIST';
      if (!isOther) await rm(path, { force: true });
      throw spoolFailure(error, path, name);
    } finally {
      clearTimeout(silent);
    }
  }

  async remove(importId: string): Promise<void> {
    await rm(join(this.#folder, importId), { recursive: true, force: true });
  }
}

/** Without folders, and short enough for every file system. */
export function fileName(name: string): string {
  const base = basename(name.replaceAll('\\', '/')).replaceAll(/\p{Cc}/gu, '_');
  const safe = base === '' || base === '.' || base === '..' ? 'file' : base;
  // The end tells the format and, mostly, the rank.
  const characters = [...safe.slice(-MAX_NAME_BYTES).toWellFormed()];
  while (Buffer.byteLength(characters.join('')) > MAX_NAME_BYTES) characters.shift();
  return characters.join('');
}

function tooLarge(maxBytes: number): SpoolError {
  const detail = `The files of this import hold over ${maxBytes} bytes. Compress or split them, or raise import.maxBytes.`;
  return new SpoolError(problem('too-large', detail, 'name'));
}

function spoolFailure(error: unknown, path: string, name: string): SpoolError {
  if (error instanceof SpoolError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'EEXIST') {
    const detail = `The import has a file called ${JSON.stringify(name)} already; each needs a name of its own.`;
    return new SpoolError(problem('bad-parameter', detail, 'name'));
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const detail = `The disk of the data folder is full: ${name} could not be received and nothing of it was kept. Free some space and send it again.`;
    return new SpoolError(problem('disk-full', detail));
  }
  const found = fileProblem(error, path);
  const why = found ?? errorText(error);
  return new SpoolError(problem('internal', `${name} was not received whole: ${why}.`));
}
