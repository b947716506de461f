/** `afdscope export`: a window of the store as a file. */
import { createWriteStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdCompress, type Gzip, type ZstdCompress } from 'node:zlib';
import { unixNanosFromMs } from '#lib/base/units.ts';
import { readVersion } from '#lib/config/read-version.ts';
import { type Export, exportWindow } from '#lib/query/export.ts';
import { EXPORT_FORMATS } from '#lib/query/export-formats.ts';
import type { ExportQuestion } from '#lib/query/export-question.ts';
import { openStateReader } from '#lib/store/open-store.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import { type CommandIo, UsageError } from './command-io.ts';
import { textOption } from './config-options.ts';
import { countText } from './figures.ts';
import { asCommandError } from './query-errors.ts';
import { writeWholeFile } from './whole-file.ts';
import { withReader, withStore } from './with-store.ts';

/** Writes to `--output`, or under the export's own name into the folder that it runs in. */
export async function exportCommand(
  io: CommandIo,
  options: Readonly<Record<string, unknown>>,
): Promise<number> {
  const format = textOption(options, 'format');
  if (format === undefined) throw new UsageError(`say which --format: ${formatNames()}`);
  const output = textOption(options, 'output');
  const incident = textOption(options, 'incident');
  const written = await fromStore(io, options, async (telemetry, question, place) => {
    const state = await openStateReader({ data: place.dataDir, store: place.store });
    try {
      const stores = { telemetry, state: async () => state };
      const asked = { ...question, incident, format, ...formatOptions(options) };
      const now = unixNanosFromMs(Date.now());
      const version = readVersion(io.root);
      const made = await exportWindow(stores, asked, now, version).catch(asCommandError);
      return await writeOut(io, made, output);
    } finally {
      await state.close();
    }
  });
  if (output === '-') return 0;
  const { path, sizeBytes } = written;
  if (options.json === true) io.print(JSON.stringify({ path, sizeBytes }));
  else io.print(`${path} (${countText(sizeBytes)} B)`);
  return 0;
}

/** An incident names its deployment itself. */
function fromStore<T>(
  io: CommandIo,
  options: Readonly<Record<string, unknown>>,
  ask: (
    telemetry: TelemetryReader,
    question: Pick<ExportQuestion, 'deployment' | 'from' | 'to'>,
    place: { readonly store: string; readonly dataDir: string },
  ) => Promise<T>,
): Promise<T> {
  if (textOption(options, 'incident') === undefined) return withStore(io, options, ask);
  const deployment = textOption(options, 'deployment');
  const range = { from: textOption(options, 'from'), to: textOption(options, 'to') };
  return withReader(io, options, (reader, place) => ask(reader, { deployment, ...range }, place));
}

function formatNames(): string {
  return EXPORT_FORMATS.map(({ name }) => name).join(' | ');
}

/** `--workers`, and `--set name=value` for what only the format knows. */
function formatOptions(options: Readonly<Record<string, unknown>>): {
  readonly workers: string | undefined;
  readonly options: Record<string, string>;
} {
  const set = Array.isArray(options.set) ? options.set.map(String) : [];
  const pairs = set.map((text): [string, string] => {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`--set ${text}: write name=value`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  const stages = textOption(options, 'stages');
  if (stages !== undefined) pairs.push(['stages', stages]);
  return { workers: textOption(options, 'workers'), options: Object.fromEntries(pairs) };
}

/** A file appears whole or not at all. */
async function writeOut(
  io: CommandIo,
  { pieces, fileName }: Export,
  output: string | undefined,
): Promise<{ readonly path: string; readonly sizeBytes: number }> {
  let sizeBytes = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      sizeBytes += piece.byteLength;
      yield piece;
    }
  };
  if (output === '-') {
    for await (const piece of counted()) {
      if (!process.stdout.write(piece))
        await new Promise((done) => process.stdout.once('drain', done));
    }
    return { path: '-', sizeBytes };
  }
  const path = resolve(io.cwd, output ?? join('.', fileName));
  await writeWholeFile(path, async (target, flags) => {
    const file = createWriteStream(target, { flags });
    const packed = compressorFor(path);
    if (packed === null) await pipeline(counted(), file);
    else await pipeline(counted(), packed, file);
    if (packed !== null) sizeBytes = file.bytesWritten;
  });
  return { path, sizeBytes };
}

/** By the file's ending; null: it is written as it is. Archives are compressed inside. */
function compressorFor(path: string): Gzip | ZstdCompress | null {
  if (path.endsWith('.gz')) return createGzip();
  return path.endsWith('.zst') ? createZstdCompress() : null;
}
