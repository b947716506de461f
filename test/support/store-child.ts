/**
 * A process that writes until it is killed: run with the data folder and the number of the first
 * batch. Prints the id of every batch whose append was answered, one a line.
 */
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import { afdTable } from './afd-table.ts';
import { BASE, batchOf } from './telemetry-batch.ts';

const [data, first] = process.argv.slice(2);
const store = await openTelemetryWriter({ data: data! });
process.stdout.write('ready\n');
// Bounded: a parent that dies must not leave a writer behind.
for (let i = Number(first); i < Number(first) + 20_000 && process.ppid !== 1; i++) {
  const table = afdTable({
    role: i % 2 === 0 ? 'attention' : 'ffn',
    workers: 1,
    steps: 1,
    layers: 4,
    firstStep: i,
    seed: i,
    deployment: 'crash',
    baseUnixNs: BASE + BigInt(i) * 1_000_000n,
  });
  const id = `batch-${i}`;
  await store.append([batchOf(id, { events: [table] })]);
  process.stdout.write(`${id}\n`);
  if (i % 7 === 6) {
    await store.retain(
      { rawNs: 1e18, rawBytes: 1e18, rollupsNs: 1e18 },
      batchOf('').receivedUnixNs,
    );
  }
}
