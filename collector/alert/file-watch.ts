/**
 * Notices when a file has changed, by looking at it every few seconds: that works on every file system, for
 * files that are replaced, and for the symbolic links of mounted configuration, too.
 */
import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';

const LOOK_EVERY_MS = 2000;

export interface FileWatchOptions {
  readonly path: string;
  /** Reads it; called when two looks have seen the same new file, so that none is read half-written. */
  readonly onChange: () => void | Promise<void>;
  readonly everyMs?: number;
}

/** Begins with the file as it is now: make it before the file is read. */
export class FileWatch {
  readonly #options: FileWatchOptions;
  #known: string;
  #seen: string;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#known = this.#seen = signatureNow(options.path);
    this.#wait();
  }

  /** Resolves when nothing is being read. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  #wait(): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().finally(() => this.#wait());
    }, this.#options.everyMs ?? LOOK_EVERY_MS).unref();
  }

  async #look(): Promise<void> {
    const { path, onChange } = this.#options;
    const now = await stat(path, { bigint: true }).then(signatureOf, absent);
    const isSettled = now === this.#seen && now !== this.#known;
    this.#seen = now;
    if (!isSettled || this.#isStopped) return;
    this.#known = now;
    await onChange();
  }
}

interface FileFacts {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

function signatureNow(path: string): string {
  try {
    return signatureOf(statSync(path, { bigint: true }));
  } catch {
    return absent();
  }
}

function signatureOf({ dev, ino, size, mtimeNs }: FileFacts): string {
  return `${dev} ${ino} ${size} ${mtimeNs}`;
}

function absent(): string {
  return 'absent';
}
