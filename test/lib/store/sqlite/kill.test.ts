/** Real processes, really killed: what was answered is there, once; the lock is free again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openTelemetryReader, openTelemetryWriter } from '#lib/store/open-store.ts';
import { DataFolderLockedError } from '#lib/store/store-errors.ts';
import { seededRandom } from '#test/support/afd-table.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { batchOf, collect } from '#test/support/telemetry-batch.ts';
import { limitMs, rounds } from '#test/support/tier.ts';

const CHILD = fileURLToPath(new URL('../../../support/store-child.ts', import.meta.url));

interface Writer {
  readonly child: ChildProcess;
  /** Ids whose append was answered. */
  readonly answered: string[];
  /** Resolves when the child has opened the store and answered `count` batches. */
  reached(count: number): Promise<void>;
  /** Resolves when it is dead and everything that it had printed was read. */
  kill(): Promise<void>;
}

async function startWriter(data: string, first: number): Promise<Writer> {
  const child = spawn(process.execPath, [CHILD, data, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const answered: string[] = [];
  let notify = () => {};
  let ready = false;
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    // A line that the kill cut in half still is an answer; its id is then a prefix of the real one.
    if (line === 'ready') ready = true;
    else answered.push(line);
    notify();
  });
  child.once('exit', () => notify());
  const drained = once(lines, 'close');
  const reached = async (count: number) => {
    while (!ready || answered.length < count) {
      if (child.exitCode !== null) throw new Error(`the writer ended with ${child.exitCode}`);
      await new Promise<void>((resolve) => {
        notify = resolve;
      });
    }
  };
  await reached(0);
  return {
    child,
    answered,
    reached,
    kill: async () => {
      child.kill('SIGKILL');
      await drained;
    },
  };
}

const KILLS = rounds(10, 300);

test(
  `${KILLS} kills at random moments lose and double nothing that was answered`,
  async () => {
    const data = scratchFolder();
    const random = seededRandom(2026);
    const answered: string[] = [];
    let next = 0;
    for (let round = 0; round < KILLS; round++) {
      const writer = await startWriter(data, next);
      await writer.reached(1 + Math.floor(random() * 12));
      await new Promise((resolve) => setTimeout(resolve, random() * 8));
      await writer.kill();
      answered.push(...writer.answered);
      // The batch under way may have been committed without an answer: its sender would retry it.
      next += writer.answered.length;

      const store = await openTelemetryWriter({ data });
      const retries = await store.append(answered.map((id) => batchOf(id)));
      expect(retries.every(({ duplicate }) => duplicate)).toBe(true);
      const steps = (await collect(store.scanEvents({ deployment: 'crash' }))).flatMap((table) => [
        ...table.step,
      ]);
      const eventsOfStep = new Map<number, number>();
      for (const step of steps) eventsOfStep.set(step, (eventsOfStep.get(step) ?? 0) + 1);
      for (const id of answered) {
        expect(eventsOfStep.get(Number(id.slice('batch-'.length))), id).toBe(4 * 3 * 3);
      }
      expect(eventsOfStep.size - answered.length).toBeLessThanOrEqual(1);
      const [totals] = (await store.ingestTotals()).filter((t) => t.deployment === 'crash');
      expect(totals?.acceptedEvents).toBe(steps.length);
      await store.close();
      const database = new Database(join(data, 'afdscope.db'), { readonly: true });
      expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
      database.close();
    }
    expect(answered.length).toBeGreaterThanOrEqual(KILLS);
  },
  limitMs(60_000),
);

test('a second writer is refused with the pid of the first, and takes over when that is killed', async () => {
  const data = scratchFolder();
  const writer = await startWriter(data, 0);
  const refused = await openTelemetryWriter({ data }).catch((cause: unknown) => cause);
  expect(refused).toBeInstanceOf(DataFolderLockedError);
  expect(refused).toMatchObject({ folder: data, pid: writer.child.pid });
  expect(String(refused)).toContain(`${data} is in use by process ${writer.child.pid}`);
  await writer.reached(1);
  const reader = await openTelemetryReader({ data });
  expect(await collect(reader.scanEvents({ deployment: 'crash' }))).not.toEqual([]);
  await reader.close();
  await writer.kill();
  const store = await openTelemetryWriter({ data });
  expect(await store.append([batchOf('batch-0')])).toMatchObject([{ duplicate: true }]);
  await store.close();
});
