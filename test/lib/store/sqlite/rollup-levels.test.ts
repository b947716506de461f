/** Hours and days of the exact partition, and how rollups are found on the disk. */

import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import { ROLLUP_LENGTHS, type RollupLengths } from '#lib/table/rollups.ts';
import { decodeStageRollup, encodeStageColumns } from '#lib/table/stage-rollup-codec.ts';
import { naiveRollups, STAGE_EVENT_BASE } from '#test/support/arbitrary-stage-rollups.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

const MINUTE_NS = 60e9;
const HOUR_NS = 3600e9;
/** A whole day: 2026-05-29. */
const DAY = 1_780_012_800_000_000_000n;
const KEEP = { rawNs: 1e17, rawBytes: 1e18, rollupsNs: 1e17 };

function at(minutes: number) {
  return unixNanos(DAY + BigInt(minutes) * 60_000_000_000n);
}

function rows(minute: number, value: number) {
  const lengths = Object.fromEntries(ROLLUP_LENGTHS.map((name, i) => [name, value + i])) as Record<
    (typeof ROLLUP_LENGTHS)[number],
    number
  > satisfies RollupLengths;
  const bucket = { deployment: 'prod', resolutionNs: MINUTE_NS, bucketStartUnixNs: at(minute) };
  const worker = (group: string, rank: number) => ({
    ...bucket,
    ...{ workerId: `${group}/${rank}`, group, role: group, rank, events: value, lengths },
  });
  return {
    workers: [worker('attention', 0), worker('attention', 1), worker('ffn', 0)],
    deployments: [
      {
        ...bucket,
        ...{ steps: value, stepLatencySumNs: value, stepLatencyMaxNs: value, tokens: value },
        ...{ periodSumNs: 1, periodCount: 1, idealPeriodSumNs: 1, idealPeriodCount: 1 },
      },
    ],
  };
}

async function put(store: TelemetryStore, minute: number, value: number): Promise<void> {
  const { workers, deployments } = rows(minute, value);
  await store.putRollups(workers, deployments);
}

async function settle(store: TelemetryStore, nowMinute: number, policy = KEEP): Promise<void> {
  while ((await store.retain(policy, at(nowMinute))).more);
}

const whole = { deployment: 'prod', window: { fromUnixNs: at(-1440), toUnixNs: at(3 * 1440) } };

describe('sums over groups beside rows as they are put in', () => {
  test('follow what is put in again, worker by worker', async () => {
    const store = await openTelemetryWriter({ data: scratchFolder() });
    for (const minute of [0, 1, 2]) await put(store, minute, 10 * (minute + 1));
    const late = rows(1, 500).workers.filter(({ workerId }) => workerId === 'attention/1');
    await store.putRollups(late, []);
    const found = await store.groupRollups({ ...whole, resolutionNs: MINUTE_NS });
    expect(found.map(({ group, workers, events }) => [group, workers, events])).toEqual([
      ['attention', 2, 20],
      ['ffn', 1, 10],
      ['attention', 2, 520],
      ['ffn', 1, 20],
      ['attention', 2, 60],
      ['ffn', 1, 30],
    ]);
    const workers = await store.workerRollups({ ...whole, resolutionNs: MINUTE_NS });
    expect(workers).toHaveLength(9);
    for (const { group, bucketStartUnixNs, lengths } of found) {
      const own = workers.filter(
        (row) => row.group === group && row.bucketStartUnixNs === bucketStartUnixNs,
      );
      for (const name of ROLLUP_LENGTHS) {
        expect(lengths[name]).toBe(own.reduce((sum, row) => sum + row.lengths[name], 0));
      }
    }
    await store.close();
  });

  test('buckets of before there were any are added up on the way out', async () => {
    const data = scratchFolder();
    const store = await openTelemetryWriter({ data });
    for (const minute of [0, 1, 2, 3]) await put(store, minute, 10 * (minute + 1));
    const select = { ...whole, resolutionNs: MINUTE_NS };
    const expected = await store.groupRollups(select);
    expect(expected).toHaveLength(8);
    await store.close();
    const database = new Database(join(data, 'afdscope.db'));
    const removed = database
      .prepare('DELETE FROM worker_rollups WHERE resolution_ns < 0 AND bucket_start_unix_ns <> ?')
      .run(at(1));
    database.close();
    expect(removed.changes).toBe(6);
    const again = await openTelemetryWriter({ data });
    expect(await again.groupRollups(select)).toEqual(expected);
    const [second, third] = [at(1), at(2)];
    const inside = { ...select, window: { fromUnixNs: second, toUnixNs: third } };
    expect(await again.groupRollups(inside)).toEqual(expected.slice(2, 4));
    await again.close();
  });
});

describe('hours and days of the partition', () => {
  test('are the sums of their minutes, for workers, groups and the deployment', async () => {
    const store = await openTelemetryWriter({ data: scratchFolder() });
    for (const [minute, value] of [
      [0, 1],
      [59, 2],
      [60, 4],
      [1439, 8],
      [1440, 16],
    ] as const) {
      await put(store, minute, value);
    }
    await settle(store, 3 * 1440);
    const hours = await store.workerRollups({ ...whole, resolutionNs: HOUR_NS });
    expect(hours.map(({ workerId, events }) => [workerId, events])).toEqual(
      [3, 4, 8, 16].flatMap((events) =>
        ['attention/0', 'attention/1', 'ffn/0'].map((id) => [id, events]),
      ),
    );
    expect(hours[0]!.lengths.windowNs).toBe(3);
    const groups = await store.groupRollups({ ...whole, resolutionNs: HOUR_NS });
    expect(groups.map(({ group, workers, events }) => [group, workers, events])).toEqual(
      [3, 4, 8, 16].flatMap((events) => [
        ['attention', 2, 2 * events],
        ['ffn', 1, events],
      ]),
    );
    const minutes = await store.groupRollups({ ...whole, resolutionNs: MINUTE_NS });
    expect(minutes.filter(({ group }) => group === 'ffn').map(({ events }) => events)).toEqual([
      1, 2, 4, 8, 16,
    ]);
    const days = await store.workerRollups({ ...whole, resolutionNs: 86_400e9 });
    expect(days.map(({ events }) => events)).toEqual([15, 15, 15, 16, 16, 16]);
    const [first] = await store.deploymentRollups({ ...whole, resolutionNs: HOUR_NS });
    expect(first).toMatchObject({ steps: 3, stepLatencySumNs: 3, stepLatencyMaxNs: 2 });
    await store.close();
  });

  test('are made again for a late minute, and stay when the minutes go', async () => {
    const store = await openTelemetryWriter({ data: scratchFolder() });
    await put(store, 5, 1);
    await put(store, 6, 1);
    await settle(store, 2 * 1440);
    await put(store, 6, 10);
    const parts = await store.rollupParts({ kind: 'partition', ...whole, finestNs: HOUR_NS });
    expect(parts.some(({ resolutionNs }) => resolutionNs === MINUTE_NS)).toBe(true);
    await settle(store, 2 * 1440);
    const hour = { ...whole, resolutionNs: HOUR_NS };
    expect((await store.workerRollups(hour))[0]!.events).toBe(11);
    const policy = { rawNs: 0, rawBytes: 1e18, rollupsNs: 90 * 86_400e9 };
    await settle(store, 10 * 1440, policy);
    expect(await store.workerRollups({ ...whole, resolutionNs: MINUTE_NS })).toEqual([]);
    // What comes for a time whose minutes are gone must not replace the whole hour.
    await put(store, 5, 500);
    await settle(store, 10 * 1440, policy);
    expect((await store.workerRollups(hour))[0]!.events).toBe(11);
    await store.close();
  });

  test('a database without hours gets them when it is opened', async () => {
    const data = scratchFolder();
    let store = await openTelemetryWriter({ data });
    await put(store, 5, 7);
    await store.close();
    const database = new Database(join(data, 'afdscope.db'));
    database.exec("DELETE FROM stale_rollups; DELETE FROM meta WHERE name LIKE 'partition%'");
    database.close();
    store = await openTelemetryWriter({ data });
    await settle(store, 2 * 1440);
    const hours = await store.workerRollups({ ...whole, resolutionNs: HOUR_NS });
    expect(hours.map(({ events }) => events)).toEqual([7, 7, 7]);
    await store.close();
  });
});

test('a damaged row is left out and told; upkeep and adding go on', async () => {
  const data = scratchFolder();
  const event = (worker: number) => ({
    ...{ worker, stage: 'attention', layer: 0, startUnixNs: STAGE_EVENT_BASE, durationNs: 5 },
  });
  let store = await openTelemetryWriter({ data });
  await store.addStageRollups(naiveRollups([event(0), event(2)]), 1);
  await store.close();
  const database = new Database(join(data, 'afdscope.db'));
  database.exec("UPDATE stage_rollups SET blob = x'1234' WHERE rank = 0");
  database.close();
  const told: string[] = [];
  const onDamagedChunk = ({ table }: { readonly table: string }): void => {
    told.push(table);
  };
  store = await openTelemetryWriter({ data, onDamagedChunk });
  const second = { deployment: 'prod', resolutionNs: 1e9 };
  const window = { fromUnixNs: STAGE_EVENT_BASE, toUnixNs: unixNanos(STAGE_EVENT_BASE + 1n) };
  const ids = async (): Promise<string[]> =>
    (await store.stageRollups({ ...second, window })).map(({ workerId }) => workerId);
  expect(await ids()).toEqual(['attention/1']);
  expect(await store.stageBands({ ...second, window })).toEqual([]);
  expect(new Set(told)).toEqual(new Set(['stage_rollups']));
  await store.addStageRollups(naiveRollups([event(0)]), 2);
  while ((await store.retain(KEEP, unixNanos(STAGE_EVENT_BASE + 90_000_000_000n))).more);
  expect(await ids()).toEqual(['attention/0', 'attention/1']);
  const ten = { deployment: 'prod', resolutionNs: 10e9, window };
  expect(await store.stageRollups(ten)).toHaveLength(2);
  await store.close();
});

test('rows of an earlier version are read, added to and summed like those of now', async () => {
  const event = (worker: number, durationNs: number) => ({
    ...{ worker, stage: 'attention', layer: 0, startUnixNs: STAGE_EVENT_BASE, durationNs },
  });
  const ten = { fromUnixNs: STAGE_EVENT_BASE, toUnixNs: unixNanos(STAGE_EVENT_BASE + 1n) };
  const answers: unknown[] = [];
  for (const isOld of [false, true]) {
    const data = scratchFolder();
    let store = await openTelemetryWriter({ data });
    await store.addStageRollups(naiveRollups([event(0, 5), event(0, 700), event(2, 9)]), 1);
    await store.close();
    if (isOld) {
      const database = new Database(join(data, 'afdscope.db'));
      const ids = database
        .prepare<[], { id: number; blob: Uint8Array }>(
          "SELECT rowid AS id, blob FROM stage_rollups WHERE worker_id <> '*'",
        )
        .all();
      expect(ids).toHaveLength(3);
      const put = database.prepare<[Uint8Array, number]>(
        'UPDATE stage_rollups SET blob = ? WHERE rowid = ?',
      );
      for (const { id, blob } of ids) {
        put.run(zstdCompressSync(encodeStageColumns(decodeStageRollup(blob))), id);
      }
      database.close();
    }
    store = await openTelemetryWriter({ data });
    await store.addStageRollups(naiveRollups([event(0, 6)]), 2);
    while ((await store.retain(KEEP, unixNanos(STAGE_EVENT_BASE + 90_000_000_000n))).more);
    for (const resolutionNs of [1e9, 10e9]) {
      const selection = { deployment: 'prod', resolutionNs, window: ten };
      const rollups = await store.stageRollups(selection);
      expect(rollups.map(({ cells }) => cells.sumNs[0])).toEqual([711, 9]);
      answers.push([
        rollups,
        await store.stageRollups({ ...selection, sketches: false }),
        await store.stageGroups(selection),
      ]);
    }
    answers.push(await store.stageSlices({ deployment: 'prod', window: ten }));
    await store.close();
  }
  expect(answers.slice(3)).toEqual(answers.slice(0, 3));
});

test('a damaged row that sums are added to is told, though nobody read it', async () => {
  const data = scratchFolder();
  const event = { stage: 'attention', layer: 0, startUnixNs: STAGE_EVENT_BASE, durationNs: 5 };
  let store = await openTelemetryWriter({ data });
  await store.addStageRollups(naiveRollups([{ worker: 0, ...event }]), 1);
  await store.close();
  const database = new Database(join(data, 'afdscope.db'));
  database.exec("UPDATE stage_rollups SET blob = x'1234' WHERE worker_id = 'attention/0'");
  database.close();
  const told: string[] = [];
  store = await openTelemetryWriter({ data, onDamagedChunk: ({ table }) => told.push(table) });
  await store.addStageRollups(naiveRollups([{ worker: 0, ...event }]), 2);
  expect(told).toEqual(['stage_rollups']);
  expect((await store.size()).damagedChunks).toBe(1);
  await store.close();
});

test('rollups are found by their keys, never by reading whole tables', async () => {
  const data = scratchFolder();
  const store = await openTelemetryWriter({ data });
  await put(store, 5, 7);
  await store.addStageRollups(
    naiveRollups([
      { worker: 0, stage: 'attention', layer: 0, startUnixNs: STAGE_EVENT_BASE, durationNs: 1 },
    ]),
    1,
  );
  await store.close();
  const database = new Database(join(data, 'afdscope.db'), { readonly: true });
  const planOf = (sql: string): string =>
    database
      .prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => detail)
      .join('; ');
  for (const table of ['worker_rollups', 'stage_rollups'] as const) {
    const range = `FROM ${table} WHERE deployment = 'a' AND resolution_ns = 1
                   AND bucket_start_unix_ns > 1 AND bucket_start_unix_ns < 9`;
    const keyed = `SEARCH ${table} USING INDEX sqlite_autoindex_${table}_1 (deployment=? AND resolution_ns=? AND bucket_start_unix_ns>? AND bucket_start_unix_ns<?)`;
    expect(planOf(`SELECT * ${range} ORDER BY bucket_start_unix_ns, worker_id`)).toBe(keyed);
    expect(planOf(`SELECT DISTINCT worker_id ${range} AND worker_id > 'x' LIMIT 3`)).toMatch(
      new RegExp(`^SEARCH ${table} USING (COVERING )?INDEX`),
    );
    expect(
      planOf(`DELETE FROM ${table} WHERE rowid IN (SELECT rowid ${range} LIMIT 3)`),
    ).not.toMatch(/SCAN (worker|stage)_rollups/);
    expect(
      planOf(`SELECT deployment FROM ${table} WHERE (deployment, resolution_ns) > ('a', 1)
              ORDER BY deployment, resolution_ns LIMIT 1`),
    ).toContain('SEARCH');
  }
  expect(
    planOf(`SELECT sum(events) FROM worker_rollups WHERE deployment = 'a' AND resolution_ns = -1
            AND bucket_start_unix_ns > 1 AND bucket_start_unix_ns < 9 GROUP BY worker_id`),
  ).toContain('SEARCH worker_rollups USING INDEX');
  expect(
    planOf(`SELECT * FROM stale_rollups WHERE bucket_start_unix_ns <= 5
            ORDER BY bucket_start_unix_ns LIMIT 9`),
  ).toBe('SEARCH stale_rollups USING INDEX stale_rollups_by_start (bucket_start_unix_ns<?)');
  database.close();
});
