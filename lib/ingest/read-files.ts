/**
 * Telemetry files as tables: OTLP JSON (one request, or one a line, as the OpenTelemetry
 * Collector's file exporter writes), OTLP protobuf, and Chrome/Kineto traces (kineto-read.ts), each
 * also gzip or zstd. What a file is, its first bytes tell, never its name. A directory is all its
 * files.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import type { EventTable } from '#lib/table/event-table.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { RejectCounts, RejectReason } from '#lib/table/reject-reasons.ts';
import { guessSignal, protobufRequests } from '#lib/wire/guess-protobuf.ts';
import { jsonDocuments } from '#lib/wire/json-documents.ts';
import { MalformedInput } from '#lib/wire/malformed-input.ts';
import type { DecodeLimits } from './decode-limits.ts';
import type { Decoded, Encoding, Signal } from './decoded.ts';
import { DEFAULT_DECODE_LIMITS, Decoder } from './decoder.ts';
import { firstPlainBytes } from './file-bytes.ts';
import { builtInKernels } from './kernel-table-file.ts';
import type { KinetoFile } from './kineto-file.ts';
import { mergeKinetoFiles } from './kineto-merge.ts';
import { maybeChromeTrace, SNIFFED_BYTES } from './kineto-read.ts';
import { readKinetoFiles } from './kineto-threads.ts';
import type { KinetoFiles, KinetoOptions, TraceRecognition } from './kineto-types.ts';
import { isOwnTrace, type OwnTrace, OwnTraceError, readOwnTrace } from './own-trace.ts';

export interface TelemetryFiles {
  /** The files that were read, directories resolved, in the order they were read. */
  readonly files: readonly string[];
  readonly events: readonly EventTable[];
  readonly metrics: readonly MetricTable[];
  readonly logRecords: number;
  /** Spans, metric points and log records in the files. */
  readonly received: number;
  readonly rejected: ReadonlyMap<string, RejectCounts>;
  readonly rejectedCount: number;
  /** One line for each different complaint, "path: sentence"; at most 20. */
  readonly rejectedMessages: readonly string[];
  /** Of the GPU traces among the files; null where there are none. */
  readonly recognition: TraceRecognition | null;
}

/** What a file of another kind holds. */
export interface OtherFile {
  readonly events: readonly EventTable[];
  readonly metrics: readonly MetricTable[];
  readonly rejected: ReadonlyMap<string, RejectCounts>;
}

export interface ReadOptions extends KinetoOptions {
  readonly limits?: DecodeLimits;
  /** Reads files that are neither OTLP nor a trace; null: this one is not of its kind. */
  readonly readOther?: (path: string) => Promise<OtherFile | null>;
}

/** A file that cannot be read: the message says which, what is wrong, where, and what to do. */
export class TelemetryFileError extends Error {
  override readonly name = 'TelemetryFileError';
  readonly path: string;

  constructor(path: string, what: string) {
    super(`${path}: ${what}`);
    this.path = path;
  }
}

/** Files hold what was recorded once, so any time after 1970 is taken. */
export const FILE_LIMITS: DecodeLimits = { ...DEFAULT_DECODE_LIMITS, minUnixNs: 1n };

const EXPECTED =
  'expected OTLP JSON (one request, or one a line), OTLP protobuf or a Chrome/Kineto trace, plain, gzip or zstd';
/** Of GPU traces, which name none. */
const DEFAULT_DEPLOYMENT = 'default';
const MAX_FILE_BYTES = 2 ** 31;
const MAX_FILES = 10_000;
const MAX_MESSAGES = 20;

const inflateGzip = promisify(gunzip);
const inflateZstd = promisify(zstdDecompress);

/** Throws TelemetryFileError. */
export function readTelemetryFile(
  path: string,
  options: ReadOptions = {},
): Promise<TelemetryFiles> {
  return readTelemetryFiles([path], options);
}

/** All files as one selection; throws TelemetryFileError at the first that cannot be read. */
export async function readTelemetryFiles(
  paths: readonly string[],
  options: ReadOptions = {},
): Promise<TelemetryFiles> {
  const files = (await Promise.all(paths.map(resolveFiles))).flat();
  if (files.length > MAX_FILES) {
    throw new TelemetryFileError(
      files[MAX_FILES]!,
      `more than ${MAX_FILES} files; name fewer of them`,
    );
  }
  const collected = new Collected(files);
  const decoder = new Decoder(options.limits ?? FILE_LIMITS);
  const otlp = await readTraces(files, options, collected);
  for (const path of otlp) {
    const other = (await options.readOther?.(path)) ?? null;
    if (other === null) decodeFile(path, await readBytes(path), decoder, collected);
    else collected.addOther(other);
  }
  return collected.finish();
}

/** Reads the GPU traces among the files; the paths of all others. */
async function readTraces(
  files: readonly string[],
  options: ReadOptions,
  into: Collected,
): Promise<string[]> {
  const traces: string[] = [];
  const others = new Set(files);
  for (const path of files) {
    const start = await orFileError(path, firstPlainBytes(path, SNIFFED_BYTES));
    if (!maybeChromeTrace(start)) continue;
    if (isOwnTrace(new TextDecoder().decode(start))) {
      into.addOwnTrace(path, ownTrace(path, await readBytes(path)));
      others.delete(path);
      continue;
    }
    traces.push(path);
    others.delete(path);
  }
  if (traces.length === 0) return [...others];
  const table = options.kernels ?? builtInKernels();
  const tasks = traces.map((path, fileIndex) => ({ path, fileIndex }));
  const outcomes = await orFileError(
    traces[0]!,
    readKinetoFiles(tasks, table, options.threads ?? undefined),
  );
  const read: KinetoFile[] = [];
  const empty: string[] = [];
  outcomes.forEach((outcome, i) => {
    const path = traces[i]!;
    if ('file' in outcome) read.push(outcome.file);
    else if ('otlp' in outcome) others.add(path);
    else if (outcome.noGpu) empty.push(`${path}: ${outcome.failure}`);
    else throw new TelemetryFileError(path, `${outcome.failure}; ${EXPECTED}`);
  });
  if (read.length === 0 && empty.length > 0) {
    throw new TelemetryFileError(
      empty.length > 1 ? `${empty.length} traces` : traces[0]!,
      empty.length > 1 ? empty.join('\n') : empty[0]!.slice(traces[0]!.length + 2),
    );
  }
  if (read.length > 0) {
    into.addTraces(
      mergeKinetoFiles(read, options.deployment ?? DEFAULT_DEPLOYMENT, table.workers),
      empty,
    );
  }
  return files.filter((path) => others.has(path));
}

function ownTrace(path: string, bytes: Uint8Array): OwnTrace {
  try {
    return readOwnTrace(bytes);
  } catch (error) {
    if (error instanceof OwnTraceError) throw new TelemetryFileError(path, error.message);
    throw error;
  }
}

class Collected {
  readonly #files: readonly string[];
  readonly #events: EventTable[] = [];
  readonly #metrics: MetricTable[] = [];
  readonly #rejected = new Map<string, Partial<Record<RejectReason, number>>>();
  readonly #messages: string[] = [];
  readonly #sentences = new Set<string>();
  #logRecords = 0;
  #received = 0;
  #rejectedCount = 0;
  #recognition: TraceRecognition | null = null;

  constructor(files: readonly string[]) {
    this.#files = files;
  }

  add(path: string, decoded: Decoded): void {
    this.#events.push(...decoded.events);
    this.#metrics.push(...decoded.metrics);
    this.#logRecords += decoded.logRecords;
    this.#received += decoded.received;
    this.#rejectedCount += decoded.rejectedCount;
    this.#addRejected(decoded.rejected);
    const { rejectedMessage } = decoded;
    // Lines differ in their counts only; the first is told.
    const sentence = `${path}\0${rejectedMessage.replaceAll(/\d+ /g, '')}`;
    if (rejectedMessage === '' || this.#sentences.has(sentence)) return;
    if (this.#messages.length >= MAX_MESSAGES) return;
    this.#sentences.add(sentence);
    this.#messages.push(`${path}: ${rejectedMessage}`);
  }

  addOther({ events, metrics, rejected }: OtherFile): void {
    this.#events.push(...events);
    this.#metrics.push(...metrics);
    for (const { length } of [...events, ...metrics]) this.#received += length;
    this.#addRejected(rejected);
  }

  #addRejected(rejected: ReadonlyMap<string, RejectCounts>): void {
    for (const [deployment, counts] of rejected) {
      const sums = this.#rejected.get(deployment) ?? {};
      this.#rejected.set(deployment, sums);
      for (const [reason, count] of Object.entries(counts) as [RejectReason, number][]) {
        sums[reason] = (sums[reason] ?? 0) + count;
      }
    }
  }

  addOwnTrace(path: string, { table, problem }: OwnTrace): void {
    this.#events.push(table);
    this.#received += table.length;
    if (problem !== null) this.#messages.push(`${path}: ${problem}`);
  }

  addTraces({ events, recognition }: KinetoFiles, messages: readonly string[]): void {
    this.#events.push(...events);
    this.#received += recognition.gpuEvents;
    this.#messages.push(...messages.slice(0, MAX_MESSAGES));
    this.#recognition = recognition;
  }

  finish(): TelemetryFiles {
    return {
      files: this.#files,
      events: this.#events,
      metrics: this.#metrics,
      logRecords: this.#logRecords,
      received: this.#received,
      rejected: this.#rejected,
      rejectedCount: this.#rejectedCount,
      rejectedMessages: this.#messages,
      recognition: this.#recognition,
    };
  }
}

async function resolveFiles(path: string): Promise<string[]> {
  const info = await orFileError(path, stat(path));
  if (!info.isDirectory()) return [path];
  const names = await orFileError(path, readdir(path, { withFileTypes: true }));
  const files = names
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(path, entry.name))
    .sort();
  if (files.length === 0) {
    throw new TelemetryFileError(path, 'the directory holds no files; name one that does');
  }
  return files;
}

async function readBytes(path: string): Promise<Uint8Array> {
  const bytes = await orFileError(path, readFile(path));
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    return inflated(path, 'gzip', inflateGzip(bytes, { maxOutputLength: MAX_FILE_BYTES }));
  }
  if (bytes.length >= 4 && bytes.readUInt32LE(0) === 0xfd2fb528) {
    return inflated(path, 'zstd', inflateZstd(bytes, { maxOutputLength: MAX_FILE_BYTES }));
  }
  return bytes;
}

async function inflated(path: string, format: string, bytes: Promise<Buffer>): Promise<Buffer> {
  try {
    return await bytes;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    throw new TelemetryFileError(
      path,
      code === 'ERR_BUFFER_TOO_LARGE'
        ? `holds over ${MAX_FILE_BYTES} bytes when decompressed; split it`
        : `the ${format} data is cut off or damaged (${String(code)}); copy or record the file again`,
    );
  }
}

async function orFileError<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const what =
      code === 'ENOENT'
        ? 'there is no such file; check the path'
        : code === 'EACCES'
          ? 'may not be read; check its permissions'
          : code === 'ERR_FS_FILE_TOO_LARGE'
            ? 'is too large to be read at once; split it'
            : `cannot be read (${String(code)})`;
    throw new TelemetryFileError(path, what);
  }
}

function decodeFile(path: string, bytes: Uint8Array, decoder: Decoder, into: Collected): void {
  // A protobuf request starts with 0x0a, which is a line feed to JSON: so its structure decides.
  const requests = bytes.length === 0 ? null : protobufRequests(bytes);
  if (bytes.length === 0) throw new TelemetryFileError(path, `is empty; ${EXPECTED}`);
  if (requests === null) {
    decodeJson(path, bytes, decoder, into);
    return;
  }
  for (const { start, end } of requests) {
    const body = bytes.subarray(start, end);
    const signal = guessSignal(body) ?? 'traces';
    decodeOne(path, signal, 'protobuf', body, start, decoder, into, '');
  }
}

function decodeJson(path: string, bytes: Uint8Array, decoder: Decoder, into: Collected): void {
  if (Buffer.from(bytes.subarray(0, 8)).toString('latin1') === 'AFDSCOPE') {
    throw new TelemetryFileError(
      path,
      'is an afdscope archive: bring it into a store (afdscope import FILE --data FOLDER) and ask there (afdscope report --data FOLDER)',
    );
  }
  const first = bytes.find((byte) => byte > 0x20) ?? 0;
  if (first !== 0x7b && first !== 0x5b && first !== 0xef) {
    throw new TelemetryFileError(path, `is neither JSON nor OTLP protobuf; ${EXPECTED}`);
  }
  const lines = new LineCounter(bytes);
  try {
    for (const document of jsonDocuments(bytes)) {
      const where = `line ${lines.at(document.start)}`;
      if (document.signals.length === 0 && document.keys.length > 0) {
        throw new TelemetryFileError(
          path,
          `${where}: no resourceSpans, resourceMetrics or resourceLogs (its keys are ${document.keys.join(', ')}); ${EXPECTED}`,
        );
      }
      const body = bytes.subarray(document.start, document.end);
      for (const signal of document.signals) {
        decodeOne(path, signal, 'json', body, document.start, decoder, into, `${where}: `);
      }
    }
  } catch (error) {
    if (!(error instanceof MalformedInput)) throw error;
    const line = lines.at(Math.min(error.byteOffset, bytes.length));
    throw new TelemetryFileError(
      path,
      `line ${line}: ${error.message}; the file is damaged or was still being written`,
    );
  }
}

function decodeOne(
  path: string,
  signal: Signal,
  encoding: Encoding,
  body: Uint8Array,
  offset: number,
  decoder: Decoder,
  into: Collected,
  where: string,
): void {
  const result = decoder.decode(signal, encoding, body);
  if (result.ok) {
    into.add(path, result.value);
    return;
  }
  const within = offset === 0 ? '' : ` of the request at byte ${offset}`;
  throw new TelemetryFileError(path, `${where}${result.error.message}${within}; ${EXPECTED}`);
}

/** Line numbers of ascending byte offsets. */
class LineCounter {
  readonly #bytes: Uint8Array;
  #offset = 0;
  #line = 1;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  at(offset: number): number {
    for (; this.#offset < offset; this.#offset++) {
      if (this.#bytes[this.#offset] === 0x0a) this.#line++;
    }
    return this.#line;
  }
}
