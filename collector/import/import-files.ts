/** One import from first to last: its files are read and checked, stored batch by batch, and told of. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ImportJson } from '#lib/api/imports.ts';
import { looksLikeArchive } from '#lib/archive/archive-frame.ts';
import { errorText } from '#lib/base/error-text.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import { firstPlainBytes } from '#lib/ingest/file-bytes.ts';
import { loadKernelTable } from '#lib/ingest/kernel-table-file.ts';
import type { ImportRecord } from '#lib/store/state-store.ts';
import type { Pin, TelemetryBatch, TimeWindow } from '#lib/store/telemetry-store.ts';
import { earlierOf, laterOf } from '#lib/table/instants.ts';
import { readArchiveRecording } from './archive-batches.ts';
import { BatchMaker } from './import-batches.ts';
import { added, readRecording, withoutFolder } from './import-reader.ts';
import { parseImport, recordOf } from './import-record.ts';
import { batchPrefix, type ImportStep, type ImportStepAnswer, pinPrefix } from './import-steps.ts';
import { ImportError, type Recording } from './recording.ts';
import { nameOfFiles } from './rename.ts';

export interface ImportJob {
  /** What is known of it so far: id, files, state. */
  readonly import: ImportJson;
  /** Where its files are, in the order of `import.files`; each under its own name. */
  readonly paths: readonly string[];
  readonly deployment: string | null;
  /** A table of kernel names that comes before the product's own; null: none. */
  readonly kernelsPath: string | null;
}

export interface ImportHooks {
  /** Done by whoever holds the store. */
  step(step: ImportStep): Promise<ImportStepAnswer>;
  progress(state: ImportJson): void;
}

/** A change of how files are read makes their content another. */
const READER_VERSION = 1;
/** So much of what was stored a crash may leave untold. */
const PUT_EVERY_MS = 1000;

/** Never rejects: what went wrong is in the answer. */
export async function runImport(job: ImportJob, hooks: ImportHooks): Promise<ImportJson> {
  const run = new ImportRun(job, hooks);
  try {
    return await run.run();
  } catch (error) {
    return run.failed(error);
  }
}

class ImportRun {
  readonly #job: ImportJob;
  readonly #hooks: ImportHooks;
  #state: ImportJson;
  #contentKey = '';
  #putMs = 0;

  constructor(job: ImportJob, hooks: ImportHooks) {
    this.#job = job;
    this.#hooks = hooks;
    this.#state = job.import;
  }

  async run(): Promise<ImportJson> {
    this.#tell({ state: 'running', progress: { what: 'reading', done: 0, total: null } });
    this.#contentKey = await contentKeyOf(this.#job);
    const { records, liveDeployments } = await this.#hooks.step({
      kind: 'look',
      contentKey: this.#contentKey,
    });
    const known = records[0] === undefined ? null : parseImport(records[0]);
    if (known !== null) return { ...known, duplicate: true };
    await this.#put();
    const recordings = await this.#read();
    this.#warnOf(recordings, liveDeployments);
    await this.#store(recordings);
    this.#tell({ state: 'done', progress: null });
    await this.#put();
    return this.#state;
  }

  /** What was stored stays, is counted, and is told. */
  async failed(error: unknown): Promise<ImportJson> {
    const message = errorText(error);
    const isTable = error instanceof Error && error.name === 'KernelTableError';
    const why = isTable ? withoutFolder(message) : message;
    const { events, points } = this.#state;
    const stored =
      events + points === 0
        ? 'nothing was stored'
        : `${events} events and ${points} metric points had been stored and are kept; import the same files again to store the rest`;
    this.#tell({ state: 'failed', progress: null, error: `${why} (${stored})` });
    // Where the store itself is the trouble, the record says "running" until the next start.
    await this.#put().catch(() => undefined);
    return this.#state;
  }

  async #read(): Promise<readonly Recording[]> {
    const { paths, deployment, kernelsPath } = this.#job;
    const isArchive = await Promise.all(paths.map(startsLikeArchive));
    const errors = new Map<string, string>();
    const recordings: Recording[] = [];
    const others = paths.filter((_, i) => isArchive[i] !== true);
    if (others.length > 0) {
      const names = this.#state.files.map(({ name }) => name);
      const read = await readRecording(others, {
        deployment,
        fallback: nameOfFiles(names.filter((_, i) => isArchive[i] !== true)),
        kernels: kernelsPath === null ? undefined : loadKernelTable(kernelsPath),
      });
      if (read.recording !== null) recordings.push(read.recording);
      for (const [path, error] of read.errors) errors.set(path, error);
      this.#tell({ recognition: read.recognition, messages: [...read.messages] });
    }
    for (const [i, path] of paths.entries()) {
      if (isArchive[i] !== true) continue;
      try {
        recordings.push(await readArchiveRecording(path, deployment));
      } catch (error) {
        if (!(error instanceof ImportError)) throw error;
        errors.set(path, `${this.#state.files[i]!.name}: ${error.message}`);
      }
    }
    this.#tell({
      files: this.#state.files.map((file, i) => ({
        ...file,
        error: errors.get(paths[i]!) ?? null,
      })),
    });
    if (recordings.length === 0) {
      // Each file says its own reason; of many, one sentence of all would be read by nobody.
      const [only, ...others] = errors.values();
      throw new ImportError(
        only !== undefined && others.length === 0
          ? only
          : `none of its ${paths.length} files could be read, for the reason that each has`,
      );
    }
    const isEmpty = recordings.every(
      ({ tally, annotations }) => tally.events + tally.points + annotations.length === 0,
    );
    if (isEmpty) throw new ImportError(nothingIn(this.#state));
    return recordings;
  }

  #warnOf(recordings: readonly Recording[], liveDeployments: readonly string[]): void {
    const live = new Set(liveDeployments);
    const names = new Set(
      recordings.flatMap(({ tally }) => tally.deployments().map(({ deployment }) => deployment)),
    );
    const warnings = [...names]
      .filter((name) => live.has(name))
      .map(
        (name) =>
          `senders report under the name ${name} too: their events and the imported ones are one deployment`,
      );
    const rejected = recordings
      .flatMap((recording) => [...recording.rejected.values()])
      .reduce(added, {});
    this.#tell({ warnings, rejected: { ...rejected } as Record<string, number> });
  }

  async #store(recordings: readonly Recording[]): Promise<void> {
    const total = recordings.reduce((sum, { tally }) => sum + tally.events + tally.points, 0);
    const pins = pinsOf(this.#state.id, recordings);
    const prefix = batchPrefix(this.#contentKey);
    for (const [r, recording] of recordings.entries()) {
      const received = unixNanosFromMs(this.#state.createdUnixMs);
      const maker = new BatchMaker(`${prefix}${r}.`, received, recording.rejected);
      for await (const part of recording.parts()) {
        const batch = 'table' in part ? maker.add(part.table) : maker.addMetrics(part.metrics);
        if (batch !== null) await this.#storeBatch(batch, pins, total);
      }
      const last = maker.take();
      if (last !== null) await this.#storeBatch(last, pins, total);
    }
    const annotations = recordings.flatMap((recording) => recording.annotations);
    if (annotations.length > 0) await this.#hooks.step({ kind: 'annotate', annotations });
    const deployments = recordings.flatMap(({ tally, windows }) =>
      tally.deployments().map((one) => ({ ...one, window: shown(one, windows) })),
    );
    this.#tell({ deployments, annotations: annotations.length });
  }

  async #storeBatch(batch: TelemetryBatch, pins: readonly Pin[], total: number): Promise<void> {
    const events =
      batch.events.reduce((sum, { length }) => sum + length, 0) +
      batch.packed.reduce((sum, table) => sum + table.events, 0);
    const points = batch.metrics.reduce((sum, { length }) => sum + length, 0);
    const { found } = await this.#hooks.step({ kind: 'store', pins, batch });
    const state = this.#state;
    const done = (state.progress?.done ?? 0) + events + points;
    this.#tell({
      progress: { what: 'events', done, total },
      ...(found
        ? { duplicateEvents: state.duplicateEvents + events }
        : { events: state.events + events, points: state.points + points }),
    });
    if (performance.now() - this.#putMs > PUT_EVERY_MS) await this.#put();
  }

  #tell(change: Partial<ImportJson>): void {
    this.#state = { ...this.#state, ...change };
    this.#hooks.progress(this.#state);
  }

  async #put(): Promise<void> {
    this.#putMs = performance.now();
    const record: ImportRecord = recordOf(this.#state, this.#contentKey);
    await this.#hooks.step({ kind: 'put', record });
  }
}

function nothingIn({ messages, files }: ImportJson): string {
  const what = files.length === 1 ? `${files[0]!.name} holds` : 'the files hold';
  const why = messages.length === 0 ? '' : `: ${messages.join('; ')}`;
  return `${what} no event of an AFD worker${why}`;
}

/** One for each deployment, around everything that the import brings to it. */
function pinsOf(importId: string, recordings: readonly Recording[]): readonly Pin[] {
  const spans = new Map<string, TimeWindow>();
  for (const { tally } of recordings) {
    for (const [name, span] of tally.spans()) {
      const known = spans.get(name) ?? span;
      spans.set(name, {
        fromUnixNs: earlierOf(known.fromUnixNs, span.fromUnixNs),
        toUnixNs: laterOf(known.toUnixNs, span.toUnixNs),
      });
    }
  }
  return [...spans].map(([deployment, span], i) => ({
    pinId: `${pinPrefix(importId)}${i}`,
    deployment,
    ...span,
  }));
}

function shown(
  one: {
    readonly deployment: string;
    readonly window: ImportJson['deployments'][number]['window'];
  },
  windows: ReadonlyMap<string, TimeWindow>,
): ImportJson['deployments'][number]['window'] {
  const window = windows.get(one.deployment);
  if (window === undefined || one.window === null) return one.window;
  return { fromUnixNs: String(window.fromUnixNs), toUnixNs: String(window.toUnixNs) };
}

async function startsLikeArchive(path: string): Promise<boolean> {
  return looksLikeArchive(await firstPlainBytes(path, 8));
}

/** Content and names of the files, whichever comes first, and how they are read. */
async function contentKeyOf(job: ImportJob): Promise<string> {
  const digests: string[] = [];
  for (const [i, path] of job.paths.entries()) {
    const hash = createHash('sha256');
    for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 }))
      hash.update(piece);
    digests.push(`${hash.digest('hex')} ${job.import.files[i]!.name}`);
  }
  const kernels = job.kernelsPath === null ? null : await readFile(job.kernelsPath, 'utf8');
  const whole = [READER_VERSION, job.deployment, kernels, digests.sort()];
  return createHash('sha256').update(JSON.stringify(whole)).digest('hex');
}
