/**
 * OTLP/HTTP to committed SQLite: spans a second with the sender on the same machine.
 *
 *     npx node test/bench/ingest.ts [--seconds 15] [--in-flight 16] [--encoding identity|gzip]
 *
 * Three processes: this one watches; a sender patches ids, steps and times of about 2,000 spans a
 * body and keeps several requests in flight; the product's whole collector, live view and rollups
 * included, receives, decodes and commits each body before it answers. The reference is a bare node:http server that
 * reads the same bodies and drops them, in the same run, before and after. The stored count is
 * compared with the acknowledged one.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { createLog } from '#collector/observe/log.ts';
import { Collector } from '#collector/run-collector.ts';
import { loadConfig } from '#lib/config/load-config.ts';
import { openTelemetryReader } from '#lib/store/open-store.ts';
import { PatchedTraces } from '#test/support/patched-traces.ts';

const DEPLOYMENT = 'bench';
const SPANS = 2000;

interface SenderReport {
  readonly bodies: number;
  readonly spans: number;
  readonly bytes: number;
  readonly refused: number;
  readonly elapsedS: number;
  readonly cpuUs: number;
}

interface ReceiverReport {
  readonly rssBytes: number;
  readonly inFlightPeakBytes: number;
  readonly commits: number;
  readonly commitMs: number;
  /** Of the whole process, all threads, after its start. */
  readonly cpuUs: number;
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '15' },
    'in-flight': { type: 'string', default: '16' },
    encoding: { type: 'string', default: 'identity' },
    part: { type: 'string' },
    url: { type: 'string' },
    data: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const inFlight = Number(values['in-flight']);

switch (values.part) {
  case undefined:
    await watch();
    break;
  case 'send':
    await sendAll(values.url!);
    break;
  case 'collect':
    await collect(values.data!);
    break;
  case 'drop':
    await drop();
    break;
  default:
    throw new Error(`unknown part ${values.part}`);
}

// ---- the sender -------------------------------------------------------------------------------

async function sendAll(url: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight });
  const startUnixNs = BigInt(Date.now()) * 1_000_000n;
  const startedMs = performance.now();
  const untilMs = startedMs + seconds * 1000;
  const total = { bodies: 0, spans: 0, bytes: 0, refused: 0 };
  let sequence = 0;
  const slot = async (): Promise<void> => {
    const traces = new PatchedTraces({
      attentionWorkers: 8,
      ffnWorkers: 4,
      spans: SPANS,
      microbatches: 3,
      deployment: DEPLOYMENT,
    });
    while (performance.now() < untilMs) {
      traces.patch(sequence++, startUnixNs);
      const body = values.encoding === 'gzip' ? gzipSync(traces.body, { level: 1 }) : traces.body;
      const status = await post(agent, url, body);
      if (status !== 200) {
        total.refused++;
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      total.bodies++;
      total.spans += traces.spans;
      total.bytes += body.byteLength;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, slot));
  agent.destroy();
  const report: SenderReport = {
    ...total,
    elapsedS: (performance.now() - startedMs) / 1000,
    cpuUs: cpuUs(),
  };
  process.send?.(report);
  process.disconnect();
}

function post(agent: Agent, url: string, body: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: 'POST',
      agent,
      headers: {
        'Content-Type': 'application/x-protobuf',
        'Content-Length': body.byteLength,
        ...(values.encoding === 'gzip' && { 'Content-Encoding': 'gzip' }),
      },
    });
    sent.on('error', reject);
    sent.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.end(body);
  });
}

// ---- the receivers ----------------------------------------------------------------------------

/** The product's whole collector: live view, rollups and admin server take their share. */
async function collect(dataDir: string): Promise<void> {
  const loaded = loadConfig({
    env: {
      AFDSCOPE_DATA: dataDir,
      AFDSCOPE_OTLP_HTTP: '127.0.0.1:0',
      AFDSCOPE_OTLP_GRPC: '127.0.0.1:0',
      AFDSCOPE_ADMIN: '127.0.0.1:0',
    },
    cwd: dataDir,
    file: null,
  });
  if (!loaded.ok) throw new Error(loaded.error.join('\n'));
  const collector = new Collector({
    config: loaded.value.config,
    env: {},
    version: 'bench',
    log: createLog('bench', 'warn', false),
    onFatal: (reason) => {
      throw new Error(reason);
    },
  });
  const { otlpHttp, admin } = await collector.start();
  let inFlightPeakBytes = 0;
  await serve(Number(new URL(otlpHttp).port), {
    report: async () => {
      const metrics = await (await fetch(`${admin}/metrics`)).text();
      const figure = (name: string): number =>
        Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1] ?? Number.NaN);
      inFlightPeakBytes = Math.max(inFlightPeakBytes, figure('afdscope_receiver_in_flight_bytes'));
      return {
        rssBytes: process.memoryUsage.rss(),
        inFlightPeakBytes,
        commits: figure('afdscope_ingest_commit_duration_seconds_count'),
        commitMs: figure('afdscope_ingest_commit_duration_seconds_sum') * 1000,
      };
    },
    stop: () => collector.stop(),
  });
}

async function drop(): Promise<void> {
  const server = createServer((req, res) => {
    req.on('data', () => undefined);
    req.on('end', () => res.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  await serve((server.address() as AddressInfo).port, {
    report: async () => ({
      rssBytes: process.memoryUsage.rss(),
      inFlightPeakBytes: 0,
      commits: 0,
      commitMs: 0,
    }),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

/** Tells the watcher the port, answers its questions, ends when it says so or is gone. */
async function serve(
  port: number,
  actions: {
    report: () => Promise<Omit<ReceiverReport, 'cpuUs'>>;
    stop: () => Promise<void>;
  },
): Promise<void> {
  const idleCpuUs = cpuUs();
  process.send?.({ port });
  const answer = async (): Promise<void> => {
    process.send?.({ ...(await actions.report()), cpuUs: cpuUs() - idleCpuUs });
  };
  process.on('message', (question) => {
    if (question === 'report') void answer();
  });
  await new Promise<void>((resolve) => {
    process.on('message', (question) => {
      if (question === 'stop') resolve();
    });
    process.on('disconnect', () => resolve());
  });
  await actions.stop();
  if (process.connected) process.disconnect();
}

// ---- the watcher ------------------------------------------------------------------------------

async function watch(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'afdscope-bench-'));
  try {
    const before = await reference();
    const measured = await measure(dataDir);
    const after = await reference();
    const referenceRate = (before + after) / 2;
    const stored = await countStored(dataDir);
    const { sent, samples, walPeakBytes, databaseBytes } = measured;
    const rate = sent.spans / sent.elapsedS;
    const early = samples.find(({ atS }) => atS >= Math.min(10, seconds / 2)) ?? samples[0];
    const last = samples.at(-1);
    const mib = (bytes: number | undefined): string => `${((bytes ?? 0) / 2 ** 20).toFixed(0)} MiB`;
    const rows: [string, string][] = [
      ['spans acknowledged', sent.spans.toLocaleString('en')],
      ['spans stored', stored.toLocaleString('en')],
      ['requests refused', String(sent.refused)],
      ['time, sender included', `${sent.elapsedS.toFixed(1)} s`],
      ['spans/s', Math.round(rate).toLocaleString('en')],
      ['body bytes/s', `${(sent.bytes / sent.elapsedS / 1e6).toFixed(0)} MB`],
      ['bytes per span, sent', (sent.bytes / sent.spans).toFixed(1)],
      ['bytes per span, database', (databaseBytes / stored).toFixed(2)],
      ['commits', String(last?.commits ?? 0)],
      ['time in commits', `${((last?.commitMs ?? 0) / sent.elapsedS / 10).toFixed(0)} %`],
      ['CPU per span, collector', `${(((last?.cpuUs ?? 0) * 1000) / sent.spans).toFixed(0)} ns`],
      ['CPU per span, sender', `${((sent.cpuUs * 1000) / sent.spans).toFixed(0)} ns`],
      [`collector RSS at ${early?.atS.toFixed(0)} s`, mib(early?.rssBytes)],
      ['collector RSS at the end', mib(last?.rssBytes)],
      ['bytes in flight, peak', mib(last?.inFlightPeakBytes)],
      ['WAL, peak', mib(walPeakBytes)],
      [
        'reference: node:http, read and drop, spans/s',
        Math.round(referenceRate).toLocaleString('en'),
      ],
      ['ratio to the reference', (rate / referenceRate).toFixed(3)],
    ];
    for (const [name, value] of rows) console.log(`${name.padEnd(48)}${value.padStart(16)}`);
    if (stored !== sent.spans) {
      console.error(`stored ${stored} spans, acknowledged ${sent.spans}: they must be equal`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function part(name: string, more: readonly string[]): ChildProcess {
  const own = [
    `--seconds=${values.seconds}`,
    `--in-flight=${inFlight}`,
    `--encoding=${values.encoding}`,
  ];
  return fork(import.meta.filename, [`--part=${name}`, ...own, ...more]);
}

async function message<T>(child: ChildProcess): Promise<T> {
  const [value] = (await once(child, 'message')) as [T];
  return value;
}

/** Spans a second of the same sender against a server that drops. */
async function reference(): Promise<number> {
  const server = part('drop', []);
  const { port } = await message<{ port: number }>(server);
  const url = `http://127.0.0.1:${port}/v1/traces`;
  const sender = part('send', [`--url=${url}`, `--seconds=${Math.min(3, seconds)}`]);
  const sent = await message<SenderReport>(sender);
  server.send('stop');
  await once(server, 'exit');
  return sent.spans / sent.elapsedS;
}

async function measure(dataDir: string) {
  const collector = part('collect', [`--data=${dataDir}`]);
  const { port } = await message<{ port: number }>(collector);
  const sender = part('send', [`--url=http://127.0.0.1:${port}/v1/traces`]);
  const startedMs = performance.now();
  const samples: (ReceiverReport & { readonly atS: number })[] = [];
  let walPeakBytes = 0;
  let sent: SenderReport | undefined;
  sender.once('message', (report) => {
    sent = report as SenderReport;
  });
  while (sent === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    collector.send('report');
    const report = await message<ReceiverReport>(collector);
    samples.push({ ...report, atS: (performance.now() - startedMs) / 1000 });
    walPeakBytes = Math.max(walPeakBytes, sizeOf(join(dataDir, 'afdscope.db-wal')));
    if (sender.exitCode !== null && sent === undefined) throw new Error('the sender failed');
  }
  collector.send('stop');
  await once(collector, 'exit');
  return { sent, samples, walPeakBytes, databaseBytes: sizeOf(join(dataDir, 'afdscope.db')) };
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

async function countStored(dataDir: string): Promise<number> {
  const reader = await openTelemetryReader({ data: dataDir });
  let rows = 0;
  for await (const table of reader.scanEvents({ deployment: DEPLOYMENT })) rows += table.length;
  await reader.close();
  return rows;
}
