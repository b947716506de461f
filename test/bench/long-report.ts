/**
 * The report of a long window, cold, from a store: `npx node test/bench/long-report.ts [steps]
 * [attention] [ffn]`, by default 1,000 steps of 24A8F, 23 M events. The simulator fills a SQLite
 * store ten steps at a time, which takes longer than what is measured. Wall time and processor time
 * of the whole process, all its threads and the garbage collector included; one round each, since
 * a report is asked for once. Below eight million events one thread does it alone.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '#lib/analysis/report-types.ts';
import { addNanos, type UnixNanos } from '#lib/base/units.ts';
import { REPORT_COLUMNS } from '#lib/query/load-events.ts';
import { reportInSlices } from '#lib/query/long-report.ts';
import { PartThread } from '#lib/query/part-thread.ts';
import { report } from '#lib/query/report.ts';
import { openTelemetryReader, openTelemetryWriter } from '#lib/store/open-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { withColumns } from '#lib/table/wanted-columns.ts';
import { type BenchRow, printBench, wantsJson } from '#test/support/bench/bench-report.ts';
import { SIMULATED_FROM, storeSimulatedSteps } from '#test/support/bench/simulated-steps.ts';

const MAX_EVENTS = 64_000_000;
const WORKER = new URL('../../lib/query/query-worker.ts', import.meta.url);

const numbers = process.argv.slice(2).filter((text) => /^\d+$/.test(text));
const [steps = 1000, attention = 24, ffn = 8] = numbers.map(Number);

const rows: BenchRow[] = [];

async function timed<T>(what: string, events: number, run: () => Promise<T>): Promise<T> {
  const spent = process.cpuUsage();
  const started = performance.now();
  const result = await run();
  const wallS = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(spent);
  const cpuNs = ((user + system) * 1000) / events;
  rows.push({ name: `${what}: wall`, value: Number(wallS.toFixed(2)), unit: 's' });
  rows.push({ name: `${what}: processor`, value: Math.round(cpuNs), unit: 'ns/event' });
  return result;
}

function afterAll(): UnixNanos {
  return addNanos(SIMULATED_FROM, 86_400e9);
}

const folder = await mkdtemp(join(tmpdir(), 'afdscope-long-report-'));
const failures: string[] = [];
let events = 0;
try {
  const writer = await openTelemetryWriter({ data: folder });
  const filled = await storeSimulatedSteps(writer, { steps, attention, ffn });
  const { deployment } = filled;
  events = filled.events;
  await writer.close();
  const reader = await openTelemetryReader({ store: 'sqlite', data: folder });
  const question = { deployment };
  const startHelper = () => new PartThread(WORKER, { store: 'sqlite', dataDir: folder });
  const found: (Report | null)[] = [];
  found.push(
    await timed('report, two threads, reading included', events, () =>
      report(reader, question, afterAll(), MAX_EVENTS, startHelper),
    ),
  );
  found.push(
    await timed('report, one thread, reading included', events, () =>
      report(reader, question, afterAll(), MAX_EVENTS),
    ),
  );
  const tables: EventTable[] = [];
  await timed('reading', events, async () => {
    for await (const table of reader.scanEvents({ deployment, columns: REPORT_COLUMNS })) {
      tables.push(withColumns(table, REPORT_COLUMNS));
    }
  });
  found.push(
    await timed('report of events in memory, one thread', events, () =>
      reportInSlices(tables, deployment, {}, { late: 0, rejected: {} }),
    ),
  );
  await reader.close();
  const [first, ...others] = found.map((one) => JSON.stringify(one));
  if (others.some((one) => one !== first)) failures.push('the reports differ');
  for (const one of found) {
    if (one?.quality.events !== events) failures.push('a report lost events');
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
const rssBytes = process.resourceUsage().maxRSS * 1024;
rows.push({ name: 'most memory', value: Number((rssBytes / 1e9).toFixed(2)), unit: 'GB' });
const title = `${events} events, ${steps} steps of ${attention}A${ffn}F`;
printBench('long-report', [{ title, rows, failures }], wantsJson());
