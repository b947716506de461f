/** Reports in slices and in two threads, from a store, are those of all events in one assembly. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reportOf } from '#lib/analysis/build-report.ts';
import { NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { alignEvents } from '#lib/model/align-events.ts';
import { assemble } from '#lib/model/assemble.ts';
import { reportInHalves, reportInSlices } from '#lib/query/long-report.ts';
import { PartThread } from '#lib/query/part-thread.ts';
import { completed } from '#lib/query/report.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryStore, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { FEED_START, inBatches, slowSteps } from '#test/support/live-feed.ts';

const WORKER = new URL('../../../lib/query/query-worker.ts', import.meta.url);
const QUALITY = { late: 3, rejected: { bad_time: 2 } };
const table = slowSteps({ seconds: 30 });
/** The same cluster, but the FFN's host runs fast, and is behind. */
const skewed = slowSteps({
  seconds: 30,
  deployment: 'skewed',
  faults: { clockOffset: [{ target: 'node-1', offsetNs: -7_300_000, driftPpm: 37 }] },
});
const at = (seconds: number): UnixNanos => unixNanos(FEED_START + BigInt(seconds * 1e9));
const everything: TimeWindow = { fromUnixNs: at(0), toUnixNs: at(30) };

let folder: string;
let store: TelemetryStore;
let helper: PartThread;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'afdscope-long-report-'));
  store = await openTelemetryWriter({ data: folder });
  const batches = [table, skewed].flatMap((events) => inBatches(events, 5 * NS_PER_S));
  await store.append(
    batches.map(({ table: events, atUnixNs }, i) => ({
      batchId: `batch-${i}`,
      receivedUnixNs: unixNanos(atUnixNs),
      events: [events],
      packed: [],
      metrics: [],
      rejected: new Map(),
      logRecords: 0,
    })),
  );
  helper = new PartThread(WORKER, { store: 'sqlite', dataDir: folder });
});

afterAll(async () => {
  await helper?.close();
  await store?.close();
  await rm(folder, { recursive: true, force: true });
});

const windows: [string, Partial<TimeWindow>][] = [
  ['everything', {}],
  ['a part', { fromUnixNs: at(7), toUnixNs: at(21) }],
  ['an open end', { fromUnixNs: at(12) }],
];

const deployments: [string, EventTable][] = [
  ['demo', table],
  ['skewed', skewed],
];
const cases = deployments.flatMap(([deployment, events]) =>
  windows.map(([name, given]) => ({ deployment, events, name, given })),
);

describe.each(cases)('a report of $name of $deployment', ({ deployment, events, given }) => {
  const whole = () => {
    const { tables, clock } = alignEvents([events], deployment, given);
    const assembled = assemble(tables, deployment);
    return reportOf(assembled, completed(given, assembled), { ...QUALITY, clock });
  };
  const expected = { ...everything, ...given };

  test('in slices', async () => {
    expect(await reportInSlices([events], deployment, given, QUALITY)).toEqual(whole());
  });

  test('in two threads', async () => {
    const found = await reportInHalves(store, deployment, given, expected, QUALITY, 1e7, helper);
    expect(found).toEqual(whole());
    const ffn = found!.clock.domains.find(({ domain }) => domain === 'node-1')!;
    expect(Math.abs(ffn.offsetNs) > 6e6).toBe(deployment === 'skewed');
    expect(found!.clock.violationsAfter).toBe(0);
    expect(found!.clock.violationsBefore! > 100).toBe(deployment === 'skewed');
  });
});

describe('a report that cannot be made in halves', () => {
  test('because of too many events', async () => {
    expect(await reportInHalves(store, 'demo', {}, everything, QUALITY, 100, helper)).toBeNull();
  });

  test('because a half is empty', async () => {
    const long = { fromUnixNs: at(0), toUnixNs: at(5000) };
    const found = await reportInHalves(store, 'demo', {}, long, QUALITY, 1e7, helper);
    expect(found).toBeNull();
  });

  test('because the other thread fails: it says so', async () => {
    const dataDir = join(folder, 'nothing-here');
    const lost = new PartThread(WORKER, { store: 'sqlite', dataDir });
    const asked = reportInHalves(store, 'demo', {}, everything, QUALITY, 1e7, lost);
    await expect(asked).rejects.toThrow('the part thread failed');
    await lost.close();
    await expect(
      lost.load({ deployment: 'demo', window: {}, own: {}, seamUnixNs: at(0), maxEvents: 1 }),
    ).rejects.toThrow('the part thread ended');
  });
});
