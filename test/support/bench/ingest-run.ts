/**
 * One measured run: collector, sender and, where wanted, a reader of dashboards, each in a process
 * of its own; then what is stored is counted.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { floorTo, NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { openTelemetryReader } from '#lib/store/open-store.ts';
import { tableSpan } from '#lib/table/event-tables.ts';
import { isPackedTable, packedSpan } from '#lib/table/packed-tables.ts';
import { collectorArgs, webArgs, withMemoryEnv } from '../../../bin/process-settings.js';
import type {
  CollectorReady,
  CollectorReport,
  QueryReport,
  SenderReport,
  SenderSpec,
} from './ingest-messages.ts';

export const DEPLOYMENT = 'bench';
const SECOND = BigInt(NS_PER_S);
const UNPACKED_EVERY = 16;

export interface RunSpec extends Omit<SenderSpec, 'url' | 'deployment'> {
  /** 0: nobody asks. */
  readonly queryEveryMs: number;
  /** The first question comes so late: before, no bucket of rollups is closed. */
  readonly queryAfterS: number;
  /** Time between two looks at the collector. */
  readonly sampleMs: number;
  readonly onSample?: (sample: Sample) => void;
}

export interface Sample extends CollectorReport {
  readonly atS: number;
  readonly walBytes: number;
}

export interface RunResult {
  readonly sent: SenderReport;
  readonly samples: readonly Sample[];
  readonly queries: QueryReport | null;
  /** Stopping the collector: what it had accepted is committed, and its journal closed. */
  readonly stopS: number;
  /** Of the collector, at its end. */
  readonly cpuUs: number;
  readonly walPeakBytes: number;
  readonly databaseBytes: number;
  readonly stored: number;
  /** In the rollups by stage. */
  readonly summed: number;
}

/** Removes its folder at the end. */
export async function runIngest(spec: RunSpec): Promise<RunResult> {
  const dataDir = mkdtempSync(join(tmpdir(), 'afdscope-bench-'));
  try {
    return await measure(spec, dataDir);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Events a second of the same sender, unpaced, against servers that read and drop. */
export async function runReference(spec: RunSpec, seconds: number): Promise<SenderReport> {
  const server = child('ingest-collector-child.ts', []);
  const ready = await message<CollectorReady>(server);
  const sender = startSender({ ...spec, seconds, rate: spec.rate * 14 }, ready);
  const sent = await message<SenderReport>(sender);
  server.send('stop');
  await once(server, 'exit');
  return sent;
}

async function measure(spec: RunSpec, dataDir: string): Promise<RunResult> {
  const collector = child('ingest-collector-child.ts', [dataDir]);
  const ready = await message<CollectorReady>(collector);
  const sender = startSender(spec, ready);
  const askArgs = [dataDir, DEPLOYMENT, String(spec.queryEveryMs), String(spec.queryAfterS * 1000)];
  const asker = spec.queryEveryMs > 0 ? child('ingest-query-child.ts', askArgs) : null;
  const startedMs = performance.now();
  const samples: Sample[] = [];
  const sample = async (): Promise<void> => {
    collector.send('report');
    const report = await message<CollectorReport>(collector);
    const walBytes = sizeOf(join(dataDir, 'afdscope.db-wal'));
    const taken = { ...report, atS: (performance.now() - startedMs) / 1000, walBytes };
    samples.push(taken);
    spec.onSample?.(taken);
  };
  let sent: SenderReport | undefined;
  sender.once('message', (report) => {
    sent = report as SenderReport;
  });
  while (sent === undefined) {
    await sleep(spec.sampleMs);
    if (sender.exitCode !== null && sent === undefined) throw new Error('the sender failed');
    await sample();
  }
  const queries = asker === null ? null : await stopAsker(asker);
  const stopMs = performance.now();
  await sample();
  collector.send('stop');
  await once(collector, 'exit');
  return {
    sent,
    samples,
    queries,
    stopS: (performance.now() - stopMs) / 1000,
    cpuUs: samples.at(-1)!.cpuUs,
    walPeakBytes: Math.max(...samples.map(({ walBytes }) => walBytes)),
    databaseBytes: sizeOf(join(dataDir, 'afdscope.db')),
    ...(await count(dataDir)),
  };
}

async function stopAsker(asker: ChildProcess): Promise<QueryReport> {
  const report = message<QueryReport>(asker);
  asker.send('stop');
  return report;
}

function startSender(spec: RunSpec, ready: CollectorReady): ChildProcess {
  const { onSample: _, ...plain } = spec;
  const url = spec.transport === 'http' ? ready.httpUrl : ready.grpcUrl;
  const sender: SenderSpec = { ...plain, url, deployment: DEPLOYMENT };
  return child('ingest-sender-child.ts', [JSON.stringify(sender)]);
}

function child(file: string, args: readonly string[]): ChildProcess {
  // As the supervisor starts it.
  const env = withMemoryEnv(process.env);
  return fork(join(import.meta.dirname, file), args, {
    execArgv: [
      ...(file.startsWith('ingest-collector') ? collectorArgs() : webArgs()),
      ...nodeFlags(file),
    ],
    env,
  });
}

/**
 * With AFDSCOPE_BENCH_PROFILE=FOLDER every thread of the collector leaves a .cpuprofile there.
 * AFDSCOPE_BENCH_NODE_FLAGS and AFDSCOPE_BENCH_QUERY_NODE_FLAGS are flags of the collector and of the
 * process that asks, such as `--trace-opt --trace-deopt`, whose lines come between the benchmark's.
 */
function nodeFlags(file: string): string[] {
  if (file.startsWith('ingest-query')) return listed(process.env.AFDSCOPE_BENCH_QUERY_NODE_FLAGS);
  if (!file.startsWith('ingest-collector')) return [];
  const flags = listed(process.env.AFDSCOPE_BENCH_NODE_FLAGS);
  const folder = process.env.AFDSCOPE_BENCH_PROFILE;
  return folder === undefined ? flags : [...flags, '--cpu-prof', `--cpu-prof-dir=${folder}`];
}

function listed(flags: string | undefined): string[] {
  return flags?.split(' ').filter((flag) => flag !== '') ?? [];
}

/** The next message; rejects where the process ends before it. */
function message<T>(process: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onMessage = (value: unknown): void => {
      process.off('exit', onExit);
      resolve(value as T);
    };
    const onExit = (code: number | null): void => {
      process.off('message', onMessage);
      reject(new Error(`a process of the benchmark ended early (${code})`));
    };
    process.once('message', onMessage).once('exit', onExit);
  });
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Events by their chunks and journal, and events in the rollups by stage of one second. */
async function count(dataDir: string): Promise<{ stored: number; summed: number }> {
  const unpacker = new PackedUnpacker();
  const reader = await openTelemetryReader({ data: dataDir, unpacker });
  let stored = 0;
  let packedSlices = 0;
  let fromUnixNs: bigint | null = null;
  let toUnixNs = 0n;
  for await (const slice of reader.scanSteps({ deployment: DEPLOYMENT })) {
    stored += isPackedTable(slice) ? slice.events : slice.length;
    const span = isPackedTable(slice) ? packedSpan(slice) : tableSpan(slice);
    if (span !== null && (fromUnixNs === null || span.fromUnixNs < fromUnixNs)) {
      fromUnixNs = span.fromUnixNs;
    }
    if (span !== null && span.toUnixNs > toUnixNs) toUnixNs = span.toUnixNs;
    // Directories were counted; some payloads are looked at, too.
    if (!isPackedTable(slice) || packedSlices++ % UNPACKED_EVERY !== 0) continue;
    const { length } = unpacker.unpack(slice);
    if (length !== slice.events)
      throw new Error(`a chunk holds ${length} of ${slice.events} events`);
  }
  let summed = 0;
  for (let at = floorTo(fromUnixNs ?? 0n, SECOND); at < toUnixNs; ) {
    const next = unixNanos(at + SECOND);
    const window = { fromUnixNs: at, toUnixNs: next };
    const selection = { deployment: DEPLOYMENT, window, resolutionNs: NS_PER_S };
    for (const { cells } of await reader.stageRollups(selection)) {
      for (let cell = 0; cell < cells.length; cell++) summed += cells.count[cell]!;
    }
    at = next;
  }
  await reader.close();
  return { stored, summed };
}
