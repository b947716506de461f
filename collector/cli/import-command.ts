/**
 * `afdscope import FILE…`: recordings into the store, through the collector that runs on the data
 * folder, or with its lock where none does.
 */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { importDirectly } from '#collector/import/direct-import.ts';
import { newImport } from '#collector/import/import-record.ts';
import {
  processIsAlive,
  readRuntimeFile,
  runtimeFilePath,
} from '#collector/supervise/runtime-file.ts';
import { type ImportJson, importSchema, importsSchema } from '#lib/api/imports.ts';
import { problemSchema } from '#lib/api/problem.ts';
import { errorText } from '#lib/base/error-text.ts';
import { fileProblem } from '#lib/base/file-problem.ts';
import { type ImportTarget, sendImport } from '#lib/query/send-import.ts';
import { makeFolder } from '#lib/store/make-folder.ts';
import { CommandError, type CommandIo, UsageError } from './command-io.ts';
import { loadCommandConfig, textOption } from './config-options.ts';
import { countText } from './figures.ts';
import { formatImport, leftOutLines } from './print-import.ts';
import { printable } from './printable.ts';
import { asCommandError } from './query-errors.ts';

const POLL_MS = 500;

export async function importCommand(
  io: CommandIo,
  given: readonly string[],
  options: Readonly<Record<string, unknown>>,
): Promise<number> {
  const { config } = loadCommandConfig(io, options);
  const deployment = textOption(options, 'deployment') ?? null;
  const paths = await filesOf(io, given);
  const running = readRuntimeFile(runtimeFilePath(config.dataDir));
  const admin = running?.admin ?? null;
  const told = new Progress(io);
  let done: ImportJson;
  if (running !== null && admin !== null && processIsAlive(running.pid)) {
    const target = { admin, adminToken: running.adminToken };
    done = await throughCollector(target, paths, deployment, config.kernels, told);
  } else {
    makeDataFolder(config.dataDir);
    const files = await Promise.all(
      paths.map(async (path) => ({ name: basename(path), sizeBytes: (await stat(path)).size })),
    );
    const started = newImport(randomUUID(), Date.now(), files);
    const job = { import: started, paths, deployment, kernelsPath: config.kernels };
    const place = { data: config.dataDir, store: config.store };
    done = await importDirectly(place, job, (state) => told.show(state)).catch(asCommandError);
  }
  // The summary for people says it itself.
  if (done.state === 'failed' || options.json === true) {
    // What the error below says already is not said twice.
    for (const line of leftOutLines(done)) if (done.error?.includes(line) !== true) io.say(line);
  }
  for (const message of [...done.messages, ...done.warnings]) io.say(printable(message));
  if (done.state === 'failed') {
    if (options.json === true) io.print(JSON.stringify(done));
    throw new CommandError(`the import failed: ${done.error ?? 'no reason was given'}`);
  }
  io.print(options.json === true ? JSON.stringify(done) : formatImport(done));
  return 0;
}

function makeDataFolder(path: string): void {
  try {
    makeFolder(path);
  } catch (error) {
    const problem = fileProblem(error, path);
    if (problem === null) throw error;
    throw new CommandError(`the data folder ${problem}, or choose another (--data)`);
  }
}

/** A folder is all its files. Absolute, by name. */
async function filesOf(io: CommandIo, given: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const one of given) {
    const path = resolve(io.cwd, one);
    const info = await stat(path).catch(() => {
      throw new CommandError(`${one}: there is no such file; check the path`);
    });
    if (!info.isDirectory()) {
      found.push(path);
      continue;
    }
    const entries = await readdir(path, { withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.'));
    const folders = entries.filter((entry) => entry.isDirectory());
    if (folders.length > 0) {
      const names = folders.map(({ name }) => name).join(', ');
      io.say(printable(`${one}: folders in it are left out, name them to import them: ${names}`));
    }
    if (files.length === 0) throw new CommandError(`${one}: the folder holds no files`);
    for (const { name } of files) found.push(join(path, name));
  }
  const byName = found.sort((a, b) => (basename(a) < basename(b) ? -1 : 1));
  const twice = byName.find((path, i) => i > 0 && basename(path) === basename(byName[i - 1]!));
  if (twice !== undefined) {
    throw new UsageError(`two files are called ${basename(twice)}: give each a name of its own`);
  }
  return byName;
}

async function throughCollector(
  target: ImportTarget,
  paths: readonly string[],
  deployment: string | null,
  kernels: string | null,
  told: Progress,
): Promise<ImportJson> {
  const importId = randomUUID();
  let state: ImportJson | null = null;
  const parts = kernels === null ? paths : [kernels, ...paths];
  for (const [i, path] of parts.entries()) {
    told.say(`sending ${basename(path)} (${i + 1} of ${parts.length})`);
    const parameters = {
      name: basename(path),
      deployment: deployment ?? undefined,
      importId,
      files: String(paths.length),
      kernels: path === kernels ? '1' : undefined,
    };
    const answer = await sendImport(target, parameters, createReadStream(path)).catch(
      (error: unknown) => {
        const why = errorText(error);
        throw new CommandError(
          `${basename(path)} could not be sent to the collector: ${why}; see whether it runs (afdscope doctor), then import again`,
        );
      },
    );
    state = stateIn(answer.body);
    if (state === null) throw new CommandError(refusalIn(answer.body, answer.status));
  }
  while (state !== null && (state.state === 'waiting' || state.state === 'running')) {
    told.show(state);
    await new Promise((done) => setTimeout(done, POLL_MS));
    state = await stateOf(target, state);
  }
  if (state === null) throw new CommandError('no file was named');
  return state;
}

async function stateOf({ admin }: ImportTarget, last: ImportJson): Promise<ImportJson> {
  const answer = await fetch(new URL('/api/imports', admin));
  const list = importsSchema.safeParse(await answer.json());
  const found = list.data?.imports.find(({ id }) => id === last.id);
  if (found !== undefined) return found;
  throw new CommandError('the collector knows nothing of the import any more; see its log');
}

/** A finished, failed or running import, however it is told. */
function stateIn(body: unknown): ImportJson | null {
  const inside = typeof body === 'object' && body !== null && 'import' in body ? body.import : body;
  return importSchema.safeParse(inside).data ?? null;
}

function refusalIn(body: unknown, status: number): string {
  return problemSchema.safeParse(body).data?.detail ?? `the collector answered ${status}`;
}

/** On stderr, where it is a terminal in one line that changes. */
class Progress {
  readonly #io: CommandIo;
  #last = '';

  constructor(io: CommandIo) {
    this.#io = io;
  }

  show({ state, progress }: ImportJson): void {
    if (progress === null) return;
    const { what, done, total } = progress;
    if (what === 'reading') this.say('reading');
    else if (what === 'events' && total !== null) {
      this.say(
        `storing: ${Math.floor((done / Math.max(1, total)) * 10) * 10} % of ${countText(total)}`,
      );
    } else this.say(state);
  }

  say(text: string): void {
    if (text === this.#last) return;
    this.#last = text;
    this.#io.say(printable(text));
  }
}
