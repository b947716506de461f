/**
 * Timeline windows of random place and length (1 µs to everything, evenly by octave) over a store of
 * packed steps, as JSON and as tiles, for all workers, for 32 and for one; target: 100 ms at the 95th percentile over a
 * billion events. Nothing else runs meanwhile.
 *
 *     npx node test/bench/timeline.ts [--events 50000000] [--rate 530000] [--windows 200] [--json]
 *
 * `--rate`: events a second of the cluster; 530,000 are 36 workers. A billion events need 4 GB of
 * disk and some minutes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import type { TimelineQuestion } from '#lib/query/questions.ts';
import { tileBytes } from '#lib/query/tile-answer.ts';
import { timeline } from '#lib/query/timeline.ts';
import { timelineTile } from '#lib/query/timeline-tile.ts';
import { openTelemetryReader, openTelemetryWriter } from '#lib/store/open-store.ts';
import { seededRandom } from '#test/support/afd-table.ts';
import { type BenchRow, printBench, wantsJson } from '#test/support/bench/bench-report.ts';
import { fillStore } from '#test/support/bench/fill-store.ts';
import { QueryTimes } from '#test/support/bench/query-times.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '50000000' },
    rate: { type: 'string', default: '530000' },
    windows: { type: 'string', default: '200' },
    json: { type: 'boolean', default: false },
  },
});
const TARGET_MS = 100;
/** The shortest window: a microsecond. */
const LEAST_OCTAVE = 10;

interface Asked {
  /** How it was answered. */
  readonly what: string;
  readonly bytes: number;
}

const data = mkdtempSync(join(tmpdir(), 'afdscope-bench-timeline-'));
try {
  const store = await openTelemetryWriter({ data });
  const fillCpu = process.cpuUsage();
  const filled = await fillStore(store, {
    events: Number(values.events),
    eventsPerSecond: Number(values.rate),
  });
  const { user, system } = process.cpuUsage(fillCpu);
  const size = await store.size();
  await store.close();
  const reader = await openTelemetryReader({ data, unpacker: new PackedUnpacker() });
  const random = seededRandom(3);
  const wholeNs = Number(filled.toUnixNs - filled.fromUnixNs);
  const rows: BenchRow[] = [
    { name: 'events stored', value: filled.events, unit: 'events' },
    { name: 'workers', value: filled.workers.length },
    { name: 'time that they cover', value: wholeNs / 1e9, unit: 's' },
    {
      name: 'filling, processor time',
      value: ((user + system) * 1e3) / filled.events,
      unit: 'ns/event',
    },
    { name: 'raw bytes', value: size.rawBytes / filled.events, unit: 'bytes/event' },
    { name: 'database', value: size.databaseBytes / filled.events, unit: 'bytes/event' },
  ];
  const failures: string[] = [];
  for (const [name, count, ask] of [
    ['all workers, JSON', filled.workers.length, askJson],
    ['all workers', filled.workers.length, askTile],
    ['32 workers', 32, askTile],
    ['one worker', 1, askTile],
  ] as const) {
    const times = new QueryTimes();
    const bySource = new Map<string, QueryTimes>();
    for (let n = 0; n < Number(values.windows); n++) {
      const lengthNs = 2 ** (LEAST_OCTAVE + random() * (Math.log2(wholeNs) - LEAST_OCTAVE));
      const from = filled.fromUnixNs + BigInt(Math.floor(random() * (wholeNs - lengthNs)));
      const first = Math.floor(random() * Math.max(1, filled.workers.length - count));
      const question = {
        deployment: filled.deployment,
        from: String(from),
        to: String(from + BigInt(Math.ceil(lengthNs))),
        workers:
          count >= filled.workers.length
            ? undefined
            : filled.workers.slice(first, first + count).join(','),
      };
      const own = new QueryTimes();
      const key = await times.measure(() => own.measure(() => ask(question)));
      const group = bySource.get(key.what) ?? new QueryTimes();
      bySource.set(key.what, group);
      group.addAll(own);
    }
    rows.push(...times.rows(name));
    for (const [source, group] of [...bySource].sort()) {
      rows.push({
        name: `  ${name}, ${source} (${group.count} windows): p50 / p95`,
        value: `${group.cpuMs(0.5).toFixed(1)} / ${group.cpuMs(0.95).toFixed(1)}`,
        unit: 'ms',
      });
    }
    if (times.cpuMs(0.95) > TARGET_MS) failures.push(`${name}: p95 over ${TARGET_MS} ms`);
  }

  async function askJson(question: TimelineQuestion): Promise<Asked> {
    const answer = await timeline(reader, question, filled.toUnixNs);
    const what = answer.events === null ? `bins from ${answer.source}` : 'events';
    return { what, bytes: Buffer.byteLength(JSON.stringify(answer)) };
  }

  async function askTile(question: TimelineQuestion): Promise<Asked> {
    const tile = await timelineTile(reader, question, filled.toUnixNs);
    const { detail, source } = tile.header;
    const what = detail === 'events' ? 'events' : `bins from ${source}`;
    return { what, bytes: tileBytes(tile).bytes.byteLength };
  }
  await reader.close();
  const title = 'Timeline windows from 1 µs to everything, random places';
  printBench('timeline', [{ title, rows, failures }], wantsJson());
} finally {
  rmSync(data, { recursive: true, force: true });
}
