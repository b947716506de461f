/** OTLP files and GPU traces of one import as a recording. */
import { basename } from 'node:path';
import type { KernelTable } from '#lib/ingest/kernel-table.ts';
import type { TraceRecognition } from '#lib/ingest/kineto-types.ts';
import {
  readTelemetryFiles,
  TelemetryFileError,
  type TelemetryFiles,
} from '#lib/ingest/read-files.ts';
import type { RejectCounts } from '#lib/table/reject-reasons.ts';
import { ContentsTally, cutTables } from './import-batches.ts';
import { ImportError, type RecordedPart, type Recording } from './recording.ts';
import { type NewNames, renamed, renamedMetrics } from './rename.ts';

/** What a sender without a name is called (docs/schema.md). */
const NAMELESS = 'default';

export interface ReadFilesResult {
  /** null: no file could be read. */
  readonly recording: Recording | null;
  readonly recognition: TraceRecognition | null;
  /** What was refused, in words. */
  readonly messages: readonly string[];
  /** By path: why a file was left out. */
  readonly errors: ReadonlyMap<string, string>;
}

export interface ReadFilesOptions {
  /** Asked for; null: what the files say. */
  readonly deployment: string | null;
  /** What nameless recordings are called. */
  readonly fallback: string;
  readonly kernels: KernelTable | undefined;
}

/**
 * Reads all `paths` as one selection; those that cannot be read are left out and told.
 * @throws ImportError where the files hold several deployments and one name is asked for
 */
export async function readRecording(
  paths: readonly string[],
  options: ReadFilesOptions,
): Promise<ReadFilesResult> {
  const errors = new Map<string, string>();
  const kineto = {
    deployment: options.deployment ?? options.fallback,
    ...(options.kernels === undefined ? {} : { kernels: options.kernels }),
  };
  for (let left = [...paths]; left.length > 0; ) {
    try {
      const files = await readTelemetryFiles(left, kineto);
      const recording = recordingOf(files, options);
      const messages = files.rejectedMessages.map(withoutFolder);
      return { recording, recognition: files.recognition, messages, errors };
    } catch (error) {
      if (!(error instanceof TelemetryFileError) || !left.includes(error.path)) throw error;
      errors.set(error.path, withoutFolder(error.message));
      left = left.filter((path) => path !== error.path);
    }
  }
  return { recording: null, recognition: null, messages: [], errors };
}

function recordingOf(files: TelemetryFiles, options: ReadFilesOptions): Recording {
  const names = newNames(files, options);
  const events = files.events.map((table) => renamed(table, names));
  const metrics = files.metrics.map((table) => renamedMetrics(table, names));
  const tally = new ContentsTally();
  for (const table of events) tally.add(table);
  for (const table of metrics) tally.addMetrics(table);
  return {
    tally,
    rejected: rejectedUnder(files, names, tally),
    annotations: [],
    windows: new Map(),
    parts: async function* (): AsyncGenerator<RecordedPart> {
      for (const table of events) {
        for (const piece of cutTables(table)) yield { table: piece };
      }
      for (const table of metrics) yield { metrics: table };
    },
  };
}

function newNames(files: TelemetryFiles, { deployment, fallback }: ReadFilesOptions): NewNames {
  const found = new Set(
    [
      ...files.events.flatMap(({ workers }) => workers),
      ...files.metrics.flatMap(({ series }) => series),
    ].map((one) => one.deployment),
  );
  if (deployment === null) {
    return found.has(NAMELESS) ? new Map([[NAMELESS, fallback]]) : new Map();
  }
  if (found.size > 1) {
    throw new ImportError(
      `the files hold ${found.size} deployments (${[...found].slice(0, 10).join(', ')}); ` +
        'import them without a deployment name, or one at a time',
    );
  }
  return new Map(
    [...found].filter((name) => name !== deployment).map((name) => [name, deployment]),
  );
}

/** Refusals that no deployment is known of are those of the import's only one, where there is one. */
function rejectedUnder(
  { rejected }: TelemetryFiles,
  names: NewNames,
  tally: ContentsTally,
): ReadonlyMap<string, RejectCounts> {
  const deployments = tally.deployments().map(({ deployment }) => deployment);
  const only = deployments.length === 1 ? deployments[0]! : '';
  const sums = new Map<string, RejectCounts>();
  for (const [name, counts] of rejected) {
    const under = name === '' ? only : (names.get(name) ?? name);
    sums.set(under, { ...sums.get(under), ...added(sums.get(under), counts) });
  }
  return sums;
}

export function added(a: RejectCounts | undefined, b: RejectCounts): RejectCounts {
  const sum: Record<string, number> = { ...a };
  for (const [reason, count] of Object.entries(b)) sum[reason] = (sum[reason] ?? 0) + count;
  return sum;
}

/** Spool folders are no business of whoever sent the file: "/…/x.json: is empty" -> "x.json: is empty". */
export function withoutFolder(message: string): string {
  const end = message.indexOf(': ');
  return end < 0 ? message : basename(message.slice(0, end)) + message.slice(end);
}
