/**
 * What a dashboard asks, over a store of packed steps, while nothing else runs: reports from raw
 * events and from rollups, trends, heat map, timeline. Then the same over 90 days of rollups alone.
 *
 *     npx node test/bench/queries.ts [--events 25000000] [--rate 470000] [--rounds 9] [--json]
 *     npx node test/bench/queries.ts --days 90 --workers 320
 *
 * Targets: a report of 1,000 steps of 32 workers from rollups in 50 ms; all but raw reports in 100 ms
 * at the 95th percentile.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { heatmap } from '#lib/query/heatmap.ts';
import { report } from '#lib/query/report.ts';
import { series } from '#lib/query/series.ts';
import { timeline } from '#lib/query/timeline.ts';
import { openTelemetryReader, openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import {
  type BenchRow,
  type BenchSection,
  printBench,
  wantsJson,
} from '#test/support/bench/bench-report.ts';
import { type FilledStore, fillHours, fillStore } from '#test/support/bench/fill-store.ts';
import { QueryTimes } from '#test/support/bench/query-times.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '25000000' },
    rate: { type: 'string', default: '470000' },
    rounds: { type: 'string', default: '9' },
    days: { type: 'string', default: '90' },
    workers: { type: 'string', default: '32' },
    json: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);

interface Case {
  readonly name: string;
  readonly targetMs?: number;
  readonly ask: (reader: TelemetryReader, filled: FilledStore) => Promise<unknown>;
}

/** The newest `seconds` of what is stored. */
function last(filled: FilledStore, seconds: number) {
  const { deployment, toUnixNs: to } = filled;
  return { deployment, from: String(to - BigInt(seconds * 1e9)), to: String(to) };
}

const RECENT: readonly Case[] = [
  {
    name: 'report, 50 s (1,000 steps), from rollups',
    targetMs: 50,
    ask: (reader, filled) => report(reader, last(filled, 50), filled.toUnixNs, 6e6),
  },
  {
    name: 'report, 2 s, from raw events',
    ask: (reader, filled) => report(reader, last(filled, 2), filled.toUnixNs, 24e6),
  },
  {
    name: 'trends, 5 minutes',
    targetMs: 100,
    ask: (reader, filled) => series(reader, last(filled, 300), filled.toUnixNs),
  },
  {
    name: 'heat map, 50 s',
    targetMs: 100,
    ask: (reader, filled) => heatmap(reader, last(filled, 50), filled.toUnixNs),
  },
  {
    name: 'timeline, 50 s',
    targetMs: 100,
    ask: (reader, filled) => timeline(reader, last(filled, 50), filled.toUnixNs),
  },
];

const LONG: readonly Case[] = [
  {
    name: 'report',
    ask: (reader, filled) => report(reader, whole(filled), filled.toUnixNs, 6e6),
  },
  {
    name: 'trends',
    targetMs: 100,
    ask: (reader, filled) => series(reader, whole(filled), filled.toUnixNs),
  },
  {
    name: 'timeline',
    targetMs: 100,
    ask: (reader, filled) => timeline(reader, whole(filled), filled.toUnixNs),
  },
];

function whole({ deployment, fromUnixNs, toUnixNs }: FilledStore) {
  return { deployment, from: String(fromUnixNs), to: String(toUnixNs) };
}

async function section(
  title: string,
  cases: readonly Case[],
  fill: (data: string) => Promise<FilledStore>,
): Promise<BenchSection> {
  const data = mkdtempSync(join(tmpdir(), 'afdscope-bench-queries-'));
  try {
    const filled = await fill(data);
    const reader = await openTelemetryReader({ data, unpacker: new PackedUnpacker() });
    const rows: BenchRow[] = [
      { name: 'events', value: filled.events },
      { name: 'workers', value: filled.workers.length },
    ];
    const failures: string[] = [];
    const times = cases.map(() => new QueryTimes());
    for (let round = 0; round < rounds; round++) {
      for (const [i, { ask }] of cases.entries()) {
        await times[i]!.measure(() => ask(reader, filled));
      }
    }
    for (const [i, { name, targetMs }] of cases.entries()) {
      rows.push(...times[i]!.rows(name));
      if (targetMs !== undefined && times[i]!.cpuMs(0.95) > targetMs) {
        failures.push(`${name}: p95 of processor time over ${targetMs} ms`);
      }
    }
    await reader.close();
    return { title, rows, failures };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

const recent = await section('Queries over raw events and rollups', RECENT, async (data) => {
  const store = await openTelemetryWriter({ data });
  const filled = await fillStore(store, {
    events: Number(values.events),
    eventsPerSecond: Number(values.rate),
  });
  await store.close();
  return filled;
});
const long = await section(`Queries over ${values.days} days of rollups`, LONG, async (data) => {
  const store = await openTelemetryWriter({ data });
  const filled = await fillHours(store, Number(values.days) * 24, Number(values.workers));
  await store.close();
  return filled;
});
printBench('queries', [recent, long], wantsJson());
