/** A process that reports all events of the store in the folder given, twice, and prints what differs by a hash. */
import { createHash } from 'node:crypto';
import { REPORT_COLUMNS } from '#lib/query/load-events.ts';
import { reportInSlices } from '#lib/query/long-report.ts';
import { openTelemetryReader } from '#lib/store/open-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';

const [data, deployment] = process.argv.slice(2);
const reader = await openTelemetryReader({ data: data! });
const question = { deployment: deployment!, columns: REPORT_COLUMNS };
const tables: EventTable[] = [];
for await (const table of reader.scanEvents(question)) tables.push(table);
await reader.close();
const hashes: string[] = [];
for (let round = 0; round < 2; round++) {
  const report = await reportInSlices(tables, deployment!, {}, { late: 0, rejected: {} });
  hashes.push(createHash('sha256').update(JSON.stringify(report)).digest('hex'));
}
process.stdout.write(hashes.join(' '));
