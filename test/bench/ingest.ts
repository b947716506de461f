/**
 * OTLP to committed SQLite with the sender on the same machine: events a second that were
 * acknowledged, and what they cost in processor time.
 *
 *     npx node test/bench/ingest.ts [--seconds 15] [--case plain,gzip,grpc,packed] [--rate 10e6]
 *         [--in-flight 16] [--json]
 *
 * Each case has processes of its own: this one watches; a sender patches ids, steps and times and
 * keeps several requests in flight; the product's whole collector, live view and rollups included,
 * receives, decodes and commits each body before it answers; for packed steps another process asks
 * for report, trends and heat map four times a second. Plain spans are sent as fast as they are
 * taken, packed steps at the rate given, by as many workers as make it in real time. The stored
 * count must equal the acknowledged one. Limits, from the same run: servers that read the same
 * bodies and drop them; crc32 over the same bytes; one row per span in better-sqlite3.
 */
import { parseArgs } from 'node:util';
import { type BenchRow, type BenchSection, printBench } from '#test/support/bench/bench-report.ts';
import { crcLimit, rowLimit } from '#test/support/bench/ingest-limits.ts';
import { percentile } from '#test/support/bench/ingest-messages.ts';
import {
  type RunResult,
  type RunSpec,
  runIngest,
  runReference,
} from '#test/support/bench/ingest-run.ts';

const MIB = 2 ** 20;
const MAX_QUERY_P95_MS = 100;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '15' },
    case: { type: 'string', default: 'plain,gzip,grpc,packed' },
    rate: { type: 'string', default: '10e6' },
    'in-flight': { type: 'string', default: '16' },
    json: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);

const COMMON = {
  seconds,
  inFlight: Number(values['in-flight']),
  transport: 'http',
  encoding: 'identity',
  events: 'plain',
  rate: 0,
  queryEveryMs: 0,
  queryAfterS: 0,
  sampleMs: 2000,
} as const satisfies RunSpec;

const CASES: Readonly<Record<string, readonly [title: string, spec: RunSpec]>> = {
  plain: ['plain spans, OTLP/HTTP', COMMON],
  gzip: ['plain spans, OTLP/HTTP, gzip', { ...COMMON, encoding: 'gzip' }],
  grpc: ['plain spans, OTLP/gRPC', { ...COMMON, transport: 'grpc' }],
  packed: [
    'packed steps, OTLP/HTTP, a dashboard open',
    {
      ...COMMON,
      events: 'packed',
      rate: Number(values.rate),
      inFlight: 4 * COMMON.inFlight,
      queryEveryMs: 250,
      queryAfterS: Math.min(25, seconds / 2),
    },
  ],
};

const sections: BenchSection[] = [];
for (const name of values.case.split(',')) {
  const found = CASES[name];
  if (found === undefined) {
    throw new Error(`no case "${name}"; there are: ${Object.keys(CASES).join(', ')}`);
  }
  const [title, spec] = found;
  const before = await runReference(spec, Math.min(3, seconds));
  const result = await runIngest(spec);
  const after = await runReference(spec, Math.min(3, seconds));
  const dropped = (before.events / before.elapsedS + after.events / after.elapsedS) / 2;
  sections.push({
    title: `${title}, ${seconds} s`,
    rows: [...rowsOf(spec, result, dropped), ...(await limits(spec, result))],
    failures: failuresOf(result),
  });
}
printBench('ingest', sections, values.json);

function rowsOf(spec: RunSpec, result: RunResult, droppedRate: number): BenchRow[] {
  const { sent, samples, queries } = result;
  const rate = sent.events / sent.elapsedS;
  const perEvent = (cpuUs: number): number => (cpuUs * 1000) / sent.events;
  const early = samples.find(({ atS }) => atS >= Math.min(10, seconds / 2)) ?? samples[0]!;
  const last = samples.at(-1)!;
  const peak = (figure: (sample: (typeof samples)[number]) => number): number =>
    Math.max(...samples.map(figure));
  return [
    { name: 'events acknowledged', value: sent.events },
    { name: 'events stored', value: result.stored },
    { name: 'events in sums by stage', value: result.summed },
    { name: 'rate, sender included', value: Math.round(rate), unit: 'events/s' },
    ...(spec.rate > 0
      ? [
          { name: 'rate asked for', value: spec.rate, unit: 'events/s' },
          { name: 'workers', value: sent.workers },
          { name: 'sender behind its time at the end', value: sent.behindS, unit: 's' },
        ]
      : []),
    { name: 'requests refused, sent again', value: sent.refused },
    { name: 'processor time, collector', value: perEvent(result.cpuUs), unit: 'ns/event' },
    {
      name: '... of it: ingest thread',
      value: perEvent(last.ingestCpuMs * 1000),
      unit: 'ns/event',
    },
    { name: '... of it: live thread', value: perEvent(last.liveCpuMs * 1000), unit: 'ns/event' },
    {
      name: "... of it: V8's helper threads",
      value: perEvent(last.helperCpuMs * 1000),
      unit: 'ns/event',
    },
    { name: 'processor time, sender', value: perEvent(sent.cpuUs), unit: 'ns/event' },
    { name: 'bytes received', value: sent.bytes / sent.events, unit: 'bytes/event' },
    {
      name: 'bytes in the database',
      value: result.databaseBytes / result.stored,
      unit: 'bytes/event',
    },
    { name: 'commits', value: last.commits },
    { name: 'requests waiting, peak', value: peak((one) => one.pendingRequests) },
    {
      name: `collector memory at ${early.atS.toFixed(0)} s`,
      value: early.rssBytes / MIB,
      unit: 'MiB',
    },
    { name: 'collector memory, peak', value: peak((one) => one.rssBytes) / MIB, unit: 'MiB' },
    { name: 'write-ahead log, peak', value: result.walPeakBytes / MIB, unit: 'MiB' },
    { name: 'journal, peak', value: peak((one) => one.journalBytes) / MIB, unit: 'MiB' },
    { name: 'compaction backlog, peak', value: peak((one) => one.backlogBytes) / MIB, unit: 'MiB' },
    { name: 'stopping, journal and log emptied', value: result.stopS, unit: 's' },
    { name: 'events the live view left out', value: last.liveDroppedEvents },
    ...Object.entries(queries?.ms ?? {}).flatMap(([kind, ms]) => [
      { name: `${kind} query, the first`, value: ms[0]!, unit: 'ms' },
      { name: `... p95 of ${ms.length}`, value: percentile(ms, 0.95), unit: 'ms' },
    ]),
    ...(queries === null
      ? []
      : [
          { name: 'processor time, queries', value: perEvent(queries.cpuUs), unit: 'ns/event' },
          {
            name: "... of it: V8's helper threads",
            value: perEvent(queries.helperCpuMs * 1000),
            unit: 'ns/event',
          },
        ]),
    { name: 'limit: read and drop', value: Math.round(droppedRate), unit: 'events/s' },
    { name: 'ratio to it', value: rate / droppedRate },
  ];
}

async function limits(spec: RunSpec, { sent }: RunResult): Promise<BenchRow[]> {
  const rate = sent.events / sent.elapsedS;
  const crc = crcLimit(sent.bytes / sent.events);
  const rows = await rowLimit();
  return [
    {
      name: 'limit: crc32 over the same bytes, one thread',
      value: Math.round(crc),
      unit: 'events/s',
    },
    { name: 'peer: a row per event in better-sqlite3', value: Math.round(rows), unit: 'events/s' },
    {
      name: spec.events === 'plain' ? 'ratio to the peer' : 'ratio to the peer, packed',
      value: rate / rows,
    },
  ];
}

function failuresOf({ sent, stored, summed, queries }: RunResult): string[] {
  const failures = [...(queries?.failures ?? [])];
  if (stored !== sent.events) {
    failures.push(`stored ${stored} events, acknowledged ${sent.events}: they must be equal`);
  }
  if (summed !== stored) {
    failures.push(`the sums by stage have ${summed} events of ${stored}: they must be equal`);
  }
  for (const [kind, ms] of Object.entries(queries?.ms ?? {})) {
    const p95 = percentile(ms, 0.95);
    if (p95 > MAX_QUERY_P95_MS) failures.push(`${kind} takes ${p95.toFixed(0)} ms at p95`);
  }
  return failures;
}
