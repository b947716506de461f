/**
 * A process that appends packed steps, moves the journal and flushes sums until it is killed: run with
 * the data folder and the number of the first batch. Prints each batch's number when it is answered.
 */
import { unixNanos } from '#lib/base/units.ts';
import { CrashSums, crashBatch, openCrashStore } from './packed-crash.ts';
import { BASE } from './telemetry-batch.ts';

const [data, first] = process.argv.slice(2);
const store = openCrashStore(data!);
const sums = await CrashSums.recover(store);
process.stdout.write('ready\n');
// Bounded: a parent that dies must not leave a writer behind.
for (let i = Number(first); i < Number(first) + 20_000 && process.ppid !== 1; i++) {
  const batch = crashBatch(i);
  const [outcome] = await store.append([batch]);
  process.stdout.write(`${i}\n`);
  sums.add(batch, outcome!);
  // Moves of the journal have their turn.
  await new Promise((resolve) => setImmediate(resolve));
  if (i % 4 === 3) await sums.flush();
  if (i % 5 === 2) {
    await store.retain(
      { rawNs: 1e18, rawBytes: 1e18, rollupsNs: 1e18 },
      unixNanos(BASE + BigInt(i) * 40_000_000n),
    );
  }
}
