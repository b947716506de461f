import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PendingBatch } from '#collector/ingest/group-commit.ts';
import { StageSums, type SumStore } from '#collector/ingest/stage-sums.ts';
import { NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryBatch, TelemetryStore, UnsummedPart } from '#lib/store/telemetry-store.ts';
import { afdTable } from '#test/support/afd-table.ts';
import { keptSteps } from '#test/support/kept-steps.ts';
import { BASE, batchOf } from '#test/support/telemetry-batch.ts';

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

  test('a second is stored once it is complete, and a crash before or after loses and doubles none', async () => {
    const sums = sumsOf();
    await sums.recover();
    // Ten steps of 100 ms each are a second; every batch reaches into the next.
    let step = 0;
    const later = async (to: StageSums, calls: number): Promise<void> => {
      for (let i = 0; i < calls; i++) {
        await appendAt(to, step++);
        if (step % 5 === 0) await to.flushComplete();
      }
    };
    await later(sums, 40);
    const some = await summed();
    expect(some.count).toBeGreaterThan(0);
    expect(some.count).toBeLessThan((await stored()).count);
    // Seconds that are summed whole, while appends that began before are not.
    const parts: UnsummedPart[] = [];
    for await (const part of store.unsummed()) parts.push(part);
    expect(parts.some(({ summedSeconds }) => summedSeconds.size > 0)).toBe(true);
    // The process dies here.
    await store.close();
    store = await openTelemetryWriter({ store: 'sqlite', data: folder, unpacker });
    const next = sumsOf();
    await next.recover();
    expect(await summed()).toEqual(await stored());
    await later(next, 17);
    for (let i = 0; i < 12; i++) await next.flushComplete();
    await next.recover();
    expect(await summed()).toEqual(await stored());
  });

  test('without anything new, all seconds are complete soon', async () => {
    const sums = sumsOf();
    await sums.recover();
    for (let step = 0; step < 30; step++) await appendAt(sums, step);
    for (let i = 0; i < 4; i++) await sums.flushComplete();
    expect(await summed()).toEqual(await stored());
    const { flushes } = sums;
    await sums.flushComplete();
    expect(sums.flushes).toBe(flushes);
    for await (const _ of store.unsummed()) expect.unreachable();
  });

  test('more than the memory holds is read back in portions; a crash in each loses and doubles none', async () => {
    const limits = { heldBytes: 40_000, waitingBytes: 1e9 };
    const first = sumsOf();
    await first.recover();
    for (let step = 0; step < 120; step++) await appendAt(first, step);
    // Chunks of one worker each, of many appends: what is in one is not all that came before it.
    const forever = { rawNs: 1e18, rawBytes: 1e18, rollupsNs: 1e18 };
    await store.retain(forever, unixNanos(BASE + 10n ** 12n));
    let portions = 0;
    for (let crashes = 0; ; crashes++) {
      expect(crashes).toBeLessThan(100);
      let left = 1;
      const use = (): SumStore => ({
        unsummed: () => store.unsummed(),
        addStageRollups: async (parts, through, ahead) => {
          if (left-- === 0) throw new Error('killed');
          portions++;
          await store.addStageRollups(parts, through, ahead);
        },
      });
      const sums = new StageSums(use, unpacker, () => {}, limits);
      await sums.recover();
      if (sums.failures === 0) break;
      await store.close();
      store = await openTelemetryWriter({ store: 'sqlite', data: folder, unpacker });
    }
    expect(portions).toBeGreaterThan(3);
    expect(await summed()).toEqual(await stored());
  });
});

/** Step `step` of two workers, 100 ms after the one before. */
async function appendAt(to: StageSums, step: number): Promise<void> {
  const table = afdTable({
    role: 'attention',
    workers: 2,
    steps: 3,
    layers: 20,
    firstStep: step * 3,
    baseUnixNs: BASE + BigInt(step) * 100_000_000n,
  });
  const content = step % 3 === 2 ? { events: [table] } : { packed: keptSteps(table) };
  const pending: PendingBatch = {
    replyId: 1,
    bodyBytes: 1,
    batch: batchOf(`batch ${batches++}`, content),
    received: table.length,
    rejectedCount: 0,
    rejectedMessage: '',
  };
  to.add([pending], await store.append([pending.batch]));
}
