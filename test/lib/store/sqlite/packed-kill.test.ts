/** Kills at random moments of appends, moves and flushes: stored once, summed once, all of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { seededRandom } from '#test/support/afd-table.ts';
import {
  CRASH_DEPLOYMENT,
  CRASH_WORKERS,
  CrashSums,
  crashBatch,
  EVENTS_PER_STEP,
  openCrashStore,
} from '#test/support/packed-crash.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { BASE, collect } from '#test/support/telemetry-batch.ts';
import { limitMs, rounds } from '#test/support/tier.ts';

const CHILD = fileURLToPath(new URL('../../../support/packed-store-child.ts', import.meta.url));
const KILLS = rounds(8, 200);

/** Runs a writer from batch `first` on and kills it; the number of the last answered batch. */
async function runAndKill(data: string, first: number, answers: number, waitMs: number) {
  const child = spawn(process.execPath, [CHILD, data, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const lines = createInterface({ input: child.stdout });
  let last = first - 1;
  let ready = false;
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the writer ended with ${code}`)));
    lines.on('line', (line) => {
      if (line === 'ready') ready = true;
      else last = Math.max(last, Number(line));
      if (ready && last >= first - 1 + answers) resolve();
    });
  });
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  child.removeAllListeners('exit');
  const drained = once(lines, 'close');
  child.kill('SIGKILL');
  await drained;
  return last;
}

async function storedByStep(store: TelemetryStore) {
  const steps = new Map<number, number>();
  const workers = new Map<string, number>();
  for (const table of await collect(store.scanEvents({ deployment: CRASH_DEPLOYMENT }))) {
    for (let i = 0; i < table.length; i++) {
      const id = workerId(table.workers[table.worker[i]!]!);
      steps.set(table.step[i]!, (steps.get(table.step[i]!) ?? 0) + 1);
      workers.set(id, (workers.get(id) ?? 0) + 1);
    }
  }
  return { steps, workers };
}

async function summedByWorker(store: TelemetryStore, batches: number) {
  const sums = new Map<string, number>();
  const window = {
    fromUnixNs: unixNanos(BASE - 10n ** 9n),
    toUnixNs: unixNanos(BASE + BigInt(batches + 100) * 40_000_000n),
  };
  for (const rollup of await store.stageRollups({
    deployment: CRASH_DEPLOYMENT,
    resolutionNs: 1e9,
    window,
  })) {
    const count = rollup.cells.count.reduce((a, b) => a + b, 0);
    sums.set(rollup.workerId, (sums.get(rollup.workerId) ?? 0) + count);
  }
  return sums;
}

test(
  `${KILLS} kills lose and double no packed step, in the store and in its sums`,
  async () => {
    const data = scratchFolder();
    const random = seededRandom(77);
    let next = 0;
    for (let round = 0; round < KILLS; round++) {
      const answers = 1 + Math.floor(random() * 25);
      next = 1 + (await runAndKill(data, next, answers, random() * 10));

      const store = openCrashStore(data);
      await CrashSums.recover(store);
      const retries = await store.append(
        Array.from({ length: next }, (_, i) => crashBatch(i)).slice(-50),
      );
      expect(retries.every(({ duplicate }) => duplicate)).toBe(true);
      const { steps, workers } = await storedByStep(store);
      for (let i = 0; i < next; i++) expect(steps.get(i), `step ${i}`).toBe(EVENTS_PER_STEP);
      // The batch under way may have been committed without an answer.
      expect(steps.size - next).toBeLessThanOrEqual(1);
      expect(workers.size).toBe(CRASH_WORKERS);
      expect(await summedByWorker(store, next)).toEqual(workers);
      const totals = (await store.ingestTotals()).find((t) => t.deployment === CRASH_DEPLOYMENT);
      expect(totals?.acceptedEvents).toBe(steps.size * EVENTS_PER_STEP);
      const [deployment] = await store.deployments();
      expect(deployment).toMatchObject({
        events: steps.size * EVENTS_PER_STEP,
        steps: steps.size,
      });
      await store.close();
      const database = new Database(join(data, 'afdscope.db'), { readonly: true });
      expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
      database.close();
    }
    expect(next).toBeGreaterThan(KILLS);
  },
  limitMs(60_000),
);
