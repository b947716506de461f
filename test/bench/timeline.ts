/**
 * Timeline windows of random place and length (1 ms to everything, evenly by octave) over a store of
 * packed steps, for all workers, for 32 and for one; target: 100 ms at the 95th percentile over a
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
import { timeline } from '#lib/query/timeline.ts';
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
  for (const [name, count] of [
    ['all workers', filled.workers.length],
    ['32 workers', 32],
    ['one worker', 1],
  ] as const) {
    const times = new QueryTimes();
    const bySource = new Map<string, QueryTimes>();
    for (let n = 0; n < Number(values.windows); n++) {
      const lengthNs = 2 ** (20 + random() * (Math.log2(wholeNs) - 20));
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
      const answer = await times.measure(() =>
        own.measure(() => timeline(reader, question, filled.toUnixNs)),
      );
      const key = answer.events === null ? `bins from ${answer.source}` : 'events';
      const group = bySource.get(key) ?? new QueryTimes();
      bySource.set(key, group);
      group.addAll(own);
    }
    rows.push(...times.rows(name));
    for (const [source, group] of [...bySource].sort()) {
      rows.push({
        name: `  ${name}, ${source} (${group.count} windows): p95`,
        value: group.cpuMs(0.95),
        unit: 'ms',
      });
    }
    if (times.cpuMs(0.95) > TARGET_MS) failures.push(`${name}: p95 over ${TARGET_MS} ms`);
  }
  await reader.close();
  const title = 'Timeline windows from 1 ms to everything, random places';
  printBench('timeline', [{ title, rows, failures }], wantsJson());
} finally {
  rmSync(data, { recursive: true, force: true });
}
