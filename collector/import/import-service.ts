/**
 * Imports, as the main thread knows them: files come in (spool.ts), and when all files of an import
 * are there it waits for its turn and is read by a thread of its own. One at a time.
 */
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { type ImportJson, MAX_IMPORT_FILES } from '#lib/api/imports.ts';
import { problem } from '#lib/api/problem.ts';
import { errorText } from '#lib/base/error-text.ts';
import { interruptedImport, newImport, parseImport, recordOf } from './import-record.ts';
import type { ImportStep, ImportStepAnswer } from './import-steps.ts';
import { runInThread } from './run-in-thread.ts';
import { fileName, Spool, SpoolError } from './spool.ts';

export interface ImportServiceOptions {
  readonly dataDir: string;
  readonly maxBytes: number;
  /** The configuration's kernel table, for imports that bring none. */
  readonly kernels: string | null;
  readonly step: (step: ImportStep) => Promise<ImportStepAnswer>;
  readonly onWarning: (message: string) => void;
  readonly nowUnixMs: () => number;
}

export interface ReceivedFile {
  readonly name: string;
  readonly deployment: string | null;
  /** Of the import that the file belongs to; null: it is one of its own. */
  readonly importId: string | null;
  /** Files of the import in all. */
  readonly files: number;
  /** It is a table of kernel names for the others, which it comes before, and not one of `files`. */
  readonly isKernelTable: boolean;
}

export interface Removed {
  readonly found: boolean;
  readonly unpinned: number;
}

/** Imports that are received or wait. */
const MAX_PENDING = 32;
/** An import whose next file does not come is given up. */
const INCOMPLETE_MS = 600_000;
/** Finished ones are told by their records; those that stored nothing have none for ever. */
const MAX_RECENT = 50;

interface Pending {
  state: ImportJson;
  readonly paths: string[];
  kernelsPath: string | null;
  readonly deployment: string | null;
  readonly expected: number;
  usedBytes: number;
  timer: NodeJS.Timeout | undefined;
  readonly over: Promise<ImportJson>;
  finish(state: ImportJson): void;
}

export class ImportService {
  readonly #options: ImportServiceOptions;
  readonly #spool: Spool;
  readonly #pending = new Map<string, Pending>();
  #queue: Promise<unknown> = Promise.resolve();
  #stopThread: (() => Promise<unknown>) | null = null;
  #stopping = false;

  constructor(options: ImportServiceOptions) {
    this.#options = options;
    this.#spool = new Spool(options.dataDir, options.maxBytes);
  }

  /** Puts right what an earlier process left. */
  async start(): Promise<void> {
    this.#spool.clean();
    try {
      const { records } = await this.#options.step({ kind: 'list' });
      for (const record of records) {
        const state = record.state === 'running' ? parseImport(record) : null;
        if (state === null) continue;
        const failed = recordOf(interruptedImport(state), record.contentKey);
        await this.#options.step({ kind: 'put', record: failed });
      }
    } catch (error) {
      // A store that refuses must not keep the collector from starting.
      this.#options.onWarning(`records of imports could not be looked at: ${errorText(error)}`);
    }
  }

  /**
   * Takes one file. Resolves with the import as it is after `waitMs` at most, at once where files of
   * it are still to come.
   * @throws SpoolError
   */
  async receive(file: ReceivedFile, body: Readable, waitMs: number): Promise<ImportJson> {
    const pending = this.#admit(file);
    const { id } = pending.state;
    clearTimeout(pending.timer);
    try {
      const before = pending.usedBytes;
      const { path, sizeBytes } = await this.#spool.write(id, file.name, body, before, (bytes) => {
        this.#tell(pending, { progress: { what: 'bytes', done: before + bytes, total: null } });
      });
      pending.usedBytes += sizeBytes;
      if (file.isKernelTable) {
        pending.kernelsPath = path;
        this.#tell(pending, { progress: null });
        this.#expire(pending);
        return pending.state;
      }
      pending.paths.push(path);
      const entry = { name: fileName(file.name), sizeBytes, error: null };
      this.#tell(pending, { files: [...pending.state.files, entry], progress: null });
    } catch (error) {
      // Without one of its files it is never complete; a single file was all there is.
      if (pending.expected === 1) this.#drop(pending);
      else this.#expire(pending);
      throw error;
    }
    if (pending.paths.length < pending.expected) {
      this.#expire(pending);
      return pending.state;
    }
    this.#enqueue(pending);
    return Promise.race([pending.over, later(waitMs).then(() => pending.state)]);
  }

  /** Newest first: those that go on, then what the store knows. */
  async list(): Promise<ImportJson[]> {
    const { records } = await this.#options.step({ kind: 'list' });
    const going = [...this.#pending.values()].map(({ state }) => state);
    const ids = new Set(going.map(({ id }) => id));
    const stored = records.flatMap((record) => parseImport(record) ?? []);
    return [...going.reverse(), ...stored.filter(({ id }) => !ids.has(id))];
  }

  /** @throws SpoolError while it is being stored */
  async remove(id: string): Promise<Removed> {
    const pending = this.#pending.get(id);
    if (pending?.state.state === 'running' || pending?.state.state === 'waiting') {
      const detail = 'This import is being stored; it can be unpinned when that is done.';
      throw new SpoolError(problem('busy', detail));
    }
    if (pending !== undefined) this.#drop(pending);
    const { found, unpinned } = await this.#options.step({ kind: 'remove', id });
    return { found: found || pending !== undefined, unpinned };
  }

  /** What runs is cut off; its record says so at the next start. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { timer } of this.#pending.values()) clearTimeout(timer);
    await this.#stopThread?.();
  }

  #admit(file: ReceivedFile): Pending {
    if (this.#stopping) throw new SpoolError(problem('busy', 'The collector is stopping.'));
    const id = file.importId ?? randomUUID();
    const known = this.#pending.get(id);
    if (known !== undefined) {
      const isSame = known.expected === file.files && known.deployment === file.deployment;
      if (!isSame || known.paths.length >= known.expected) {
        const detail = `The import ${id} has other parameters, or all of its files already.`;
        throw new SpoolError(problem('bad-parameter', detail, 'importId'));
      }
      return known;
    }
    if (file.files > MAX_IMPORT_FILES) {
      const detail = `An import has at most ${MAX_IMPORT_FILES} files.`;
      throw new SpoolError(problem('bad-parameter', detail, 'files'));
    }
    if (this.#pending.size >= MAX_PENDING) {
      const detail = `${MAX_PENDING} imports wait already. Send it again when one is done.`;
      throw new SpoolError(problem('busy', detail));
    }
    const { promise, resolve } = Promise.withResolvers<ImportJson>();
    const made: Pending = {
      state: newImport(id, this.#options.nowUnixMs(), []),
      paths: [],
      kernelsPath: null,
      deployment: file.deployment,
      expected: file.files,
      usedBytes: 0,
      timer: undefined,
      over: promise,
      finish: resolve,
    };
    this.#pending.set(id, made);
    return made;
  }

  #expire(pending: Pending): void {
    clearTimeout(pending.timer);
    pending.timer = setTimeout(() => this.#drop(pending), INCOMPLETE_MS);
    pending.timer.unref();
  }

  #drop(pending: Pending): void {
    clearTimeout(pending.timer);
    const { id } = pending.state;
    if (!this.#pending.delete(id)) return;
    pending.finish({ ...pending.state, state: 'failed', error: 'its files did not all come' });
    void this.#cleanUp(id);
  }

  #enqueue(pending: Pending): void {
    this.#tell(pending, { state: 'waiting' });
    this.#queue = this.#queue.then(() => this.#run(pending));
  }

  async #run(pending: Pending): Promise<void> {
    if (this.#stopping) return;
    const { id, files } = pending.state;
    // In order of names, so that the same files are the same import in whatever order they came.
    const order = files.map((_, i) => i).sort((a, b) => (files[a]!.name < files[b]!.name ? -1 : 1));
    const state = { ...pending.state, files: order.map((i) => files[i]!) };
    const job = {
      import: state,
      paths: order.map((i) => pending.paths[i]!),
      kernelsPath: pending.kernelsPath ?? this.#options.kernels,
      deployment: pending.deployment,
    };
    const running = runInThread(job, this.#options.step, (now) => {
      pending.state = now;
    });
    this.#stopThread = running.stop;
    const over = await running.over;
    this.#stopThread = null;
    if (over.state === 'failed') this.#options.onWarning(`import ${id}: ${over.error ?? ''}`);
    await this.#cleanUp(id);
    this.#pending.delete(id);
    pending.finish(over);
    await this.#forgetOldFailures();
  }

  /** The newest tell what went wrong; there may be any number of them. */
  async #forgetOldFailures(): Promise<void> {
    try {
      const { records } = await this.#options.step({ kind: 'list' });
      const empty = records
        .flatMap((record) => parseImport(record) ?? [])
        .filter(({ state, events, points }) => state === 'failed' && events + points === 0);
      for (const { id } of empty.slice(MAX_RECENT)) {
        await this.#options.step({ kind: 'remove', id });
      }
    } catch {
      // A store that refuses is told elsewhere; the next import tries again.
    }
  }

  async #cleanUp(id: string): Promise<void> {
    try {
      await this.#spool.remove(id);
    } catch (error) {
      this.#options.onWarning(`files of import ${id} could not be removed: ${errorText(error)}`);
    }
  }

  #tell(pending: Pending, change: Partial<ImportJson>): void {
    pending.state = { ...pending.state, ...change };
  }
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
