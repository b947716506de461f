import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PendingBatch } from '#collector/ingest/group-commit.ts';
import { StageSums } from '#collector/ingest/stage-sums.ts';
import { NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryBatch, TelemetryStore } from '#lib/store/telemetry-store.ts';
import { afdTable } from '#test/support/afd-table.ts';
import { keptSteps } from '#test/support/kept-steps.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';

const unpacker = new PackedUnpacker();
let folder: string;
let store: TelemetryStore;
let warnings: string[];
let batches: number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'afdscope-sums-'));
  store = await openTelemetryWriter({ store: 'sqlite', data: folder, unpacker });
  warnings = [];
  batches = 0;
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const sumsOf = (use: () => Pick<TelemetryStore, 'addStageRollups' | 'unsummed'> = () => store) =>
  new StageSums(use, unpacker, (message) => warnings.push(message));

/** Steps from `firstStep`, a batch each; returns what was stored, as the group commit has it. */
async function append(
  to: StageSums,
  firstStep: number,
  packed: boolean,
  copies = 1,
): Promise<number> {
  const table = afdTable({ role: 'attention', workers: 2, steps: 3, layers: 2, firstStep });
  const content: Partial<TelemetryBatch> = packed
    ? { packed: keptSteps(table) }
    : { events: [table] };
  const group: PendingBatch[] = Array.from({ length: copies }, () => ({
    replyId: 1,
    bodyBytes: 1,
    batch: batchOf(`batch ${batches++}`, content),
    received: table.length,
    rejectedCount: 0,
    rejectedMessage: '',
  }));
  const outcomes = await store.append(group.map(({ batch }) => batch));
  to.add(group, outcomes);
  return table.length;
}

/** Events in the sums of one second, and their durations. */
async function summed(): Promise<{ count: number; sumNs: number }> {
  const all = { fromUnixNs: unixNanos(0n), toUnixNs: unixNanos(2n ** 62n) };
  const total = { count: 0, sumNs: 0 };
  for (const { cells } of await store.stageRollups({
    deployment: 'prod',
    window: all,
    resolutionNs: NS_PER_S,
  })) {
    for (let cell = 0; cell < cells.length; cell++) {
      total.count += cells.count[cell]!;
      total.sumNs += cells.sumNs[cell]!;
    }
  }
  return total;
}

async function stored(): Promise<{ count: number; sumNs: number }> {
  const total = { count: 0, sumNs: 0 };
  for await (const table of store.scanEvents({ deployment: 'prod' })) {
    total.count += table.length;
    for (const durationNs of table.durationNs) total.sumNs += durationNs;
  }
  return total;
}

describe('sums by stage', () => {
  test('plain and packed events are in them once they are flushed, repeated steps once', async () => {
    const sums = sumsOf();
    await sums.recover();
    const events = (await append(sums, 0, true, 3)) + (await append(sums, 100, false));
    await append(sums, 0, true);
    expect((await summed()).count).toBe(0);
    await sums.flush();
    expect(await stored()).toEqual(await summed());
    expect((await summed()).count).toBe(events);
    await sums.flush();
    await append(sums, 200, true);
    await sums.flush();
    expect((await summed()).count).toBe(events * 1.5);
    expect(warnings).toEqual([]);
  });

  test('a damaged step is left out and told; all others are summed', async () => {
    const first = sumsOf();
    await first.recover();
    await append(first, 0, true);
    await append(first, 100, true);
    // The process dies here, and a payload is damaged.
    await store.close();
    const database = new Database(join(folder, 'afdscope.db'));
    const blob = database
      .prepare<[], Buffer>('SELECT blob FROM journal WHERE id = 1')
      .pluck()
      .get()!;
    blob[blob.length - 5]! ^= 0xff;
    database.prepare('UPDATE journal SET blob = ? WHERE id = 1').run(blob);
    database.close();
    store = await openTelemetryWriter({ store: 'sqlite', data: folder, unpacker });
    const next = sumsOf();
    await next.recover();
    expect(warnings).toEqual([expect.stringMatching(/^\d+ events of damaged steps/)]);
    const events = await append(next, 200, true);
    await next.flush();
    expect(await summed()).toEqual(await stored());
    expect((await summed()).count).toBeGreaterThan(2 * events);
  });

  test('what a crash leaves unsummed is added up at the next start, and nothing twice', async () => {
    const first = sumsOf();
    await first.recover();
    await append(first, 0, true);
    await first.flush();
    await append(first, 100, true);
    await append(first, 200, false);
    // The process dies here: only the store remembers.
    await store.close();
    store = await openTelemetryWriter({ store: 'sqlite', data: folder, unpacker });
    const next = sumsOf();
    await next.recover();
    expect(await summed()).toEqual(await stored());
    await append(next, 300, true);
    await next.flush();
    await sumsOf().recover();
    expect(await summed()).toEqual(await stored());
    expect((await summed()).count).toBeGreaterThan(0);
  });

  test('appends while the store is read back are counted once', async () => {
    const lost = sumsOf();
    await lost.recover();
    for (let i = 0; i < 5; i++) await append(lost, i * 10, i % 2 === 0);
    const sums = sumsOf();
    const recovered = sums.recover();
    for (let i = 5; i < 12; i++) {
      await append(sums, i * 10, i % 2 === 0);
      if (i % 3 === 0) void sums.flush();
    }
    await recovered;
    await append(sums, 500, true);
    await sums.flush();
    expect(await summed()).toEqual(await stored());
  });

  test('a store that fails for a while gets them later, and the trouble is told', async () => {
    let broken = true;
    const sums = sumsOf(() => ({
      unsummed: () => store.unsummed(),
      addStageRollups: async (parts, through) => {
        if (broken) throw new Error('the disk is full');
        await store.addStageRollups(parts, through);
      },
    }));
    await append(sums, 0, true);
    await sums.flush();
    await append(sums, 10, false);
    await sums.flush();
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(/the disk is full/);
    expect(sums.failures).toBe(2);
    broken = false;
    await sums.flush();
    expect(await summed()).toEqual(await stored());
  });
});
