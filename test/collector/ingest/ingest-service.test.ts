import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CommitReport } from '#collector/ingest/thread-messages.ts';
import type { CommittedMessage, RollupsMessage } from '#collector/messages.ts';
import { DataFolder, stepsBody, stepsJson } from './ingest-harness.ts';

let folder: DataFolder;
beforeEach(() => {
  folder = new DataFolder();
});
afterEach(() => folder.remove());

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('storing', () => {
  test('what was answered is in the database', async () => {
    const commits: CommitReport[] = [];
    const ingest = await folder.start({ onCommit: (commit) => commits.push(commit) });
    const outcomes = await Promise.all([
      ingest.submit('traces', 'protobuf', stepsBody(0, 5)),
      ingest.submit('traces', 'json', Buffer.from(stepsJson(5, 5))),
    ]);
    for (const outcome of outcomes) {
      expect(outcome).toEqual({
        status: 'stored',
        received: 5,
        rejectedCount: 0,
        rejectedMessage: '',
        duplicate: false,
      });
    }
    expect([...(await folder.storedSteps())].sort((a, b) => a[0] - b[0])).toEqual(
      Array.from({ length: 10 }, (_, step) => [step, 1]),
    );
    expect(ingest.stats()).toMatchObject({
      storedRequests: 2,
      committedEvents: 10,
      pendingRequests: 0,
      pendingBytes: 0,
      state: { status: 'ok' },
    });
    expect(commits.reduce((sum, { events }) => sum + events, 0)).toBe(10);
  });

  test('bodies that cannot be read, and those with nothing in them', async () => {
    const ingest = await folder.start();
    expect(await ingest.submit('traces', 'protobuf', Buffer.from([0xff, 0xff]))).toMatchObject({
      status: 'malformed',
    });
    expect(await ingest.submit('traces', 'protobuf', new Uint8Array())).toMatchObject({
      status: 'stored',
      received: 0,
    });
    expect(await ingest.submit('traces', 'protobuf', stepsBody(1))).toMatchObject({
      status: 'stored',
    });
  });

  test('a retried body is a success that adds nothing, in one group and after a restart', async () => {
    const first = await folder.start();
    const outcomes = await Promise.all(
      [7, 7, 7].map((step) => first.submit('traces', 'protobuf', stepsBody(step, 3))),
    );
    expect(outcomes.map((o) => o.status === 'stored' && o.duplicate)).toEqual([false, true, true]);
    await first.stop();
    const second = await folder.start();
    expect(await second.submit('traces', 'protobuf', stepsBody(7, 3))).toMatchObject({
      status: 'stored',
      duplicate: true,
    });
    expect([...(await folder.storedSteps()).values()]).toEqual([1, 1, 1]);
    const [totals] = await folder.totals();
    expect(totals).toMatchObject({ acceptedEvents: 3, rejected: { duplicate: 9 } });
  });
});

describe('stopping', () => {
  test('everything that was handed over is stored and answered, later requests are not', async () => {
    const ingest = await folder.start();
    const submitted = Array.from({ length: 60 }, (_, i) =>
      ingest.submit('traces', 'protobuf', stepsBody(i)),
    );
    const stopped = ingest.stop();
    const late = await ingest.submit('traces', 'protobuf', stepsBody(1000));
    expect(late.status).toBe('unavailable');
    const outcomes = await Promise.all(submitted);
    await stopped;
    expect(outcomes.every(({ status }) => status === 'stored')).toBe(true);
    const steps = await folder.storedSteps();
    expect(steps.size).toBe(60);
    expect(steps.has(1000)).toBe(false);
  });

  test('a second writer of the same folder is refused with a reason', async () => {
    await folder.start();
    await expect(folder.start()).rejects.toThrow(/pid \d+|already|in use|lock/i);
  });
});

describe('live thread', () => {
  test('gets what was committed; its rollup messages are taken, late events are counted', async () => {
    const { port1, port2 } = new MessageChannel();
    const received: CommittedMessage[] = [];
    port2.on('message', (message: CommittedMessage) => received.push(message));
    const ingest = await folder.start({ livePort: port1 });
    await ingest.submit('traces', 'protobuf', stepsBody(3, 4));
    await until(() => received.length === 1);
    expect([...received[0]!.events[0]!.step]).toEqual([3, 4, 5, 6]);
    const rollups: RollupsMessage = {
      type: 'rollups',
      workers: [],
      deployments: [],
      late: [{ deployment: 'prod', reason: 'late', unixS: 1_795_000_000, events: 4 }],
    };
    port2.postMessage(rollups);
    port2.postMessage(rollups);
    // Passes the messages on to the thread before it is told to stop.
    await ingest.submit('traces', 'protobuf', stepsBody(30));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await ingest.stop();
    port2.close();
    const [totals] = await folder.totals();
    expect(totals).toMatchObject({ acceptedEvents: 5, rejected: { late: 8 } });
  });
});

describe('trouble', () => {
  test('a locked database makes requests unavailable; it works again by itself', async () => {
    const ingest = await folder.start();
    await ingest.submit('traces', 'protobuf', stepsBody(0));
    const other = new Database(join(folder.path, 'afdscope.db'));
    other.exec('BEGIN IMMEDIATE');
    const refused = await ingest.submit('traces', 'protobuf', stepsBody(1));
    expect(refused).toMatchObject({ status: 'unavailable' });
    await until(() => ingest.state().status === 'degraded');
    other.exec('ROLLBACK');
    other.close();
    // No request is needed for it: the thread tries by itself.
    await until(() => ingest.state().status === 'ok');
    expect(await ingest.submit('traces', 'protobuf', stepsBody(1))).toMatchObject({
      status: 'stored',
      duplicate: false,
    });
    expect(await folder.storedSteps()).toEqual(
      new Map([
        [0, 1],
        [1, 1],
      ]),
    );
  });

  test('a write-ahead log that grew too long refuses requests until it is short again', async () => {
    const ingest = await folder.start({
      maxWalBytes: 70 * 1024 * 1024,
      periods: { sizeMs: 20, probeMs: 50 },
    });
    await ingest.submit('traces', 'protobuf', stepsBody(0));
    // A reader that stays in its transaction keeps the log from being checkpointed.
    const reader = new Database(join(folder.path, 'afdscope.db'), { readonly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM sqlite_master').get();
    const other = new Database(join(folder.path, 'afdscope.db'));
    other.exec('CREATE TABLE ballast (data BLOB)');
    const insert = other.prepare('INSERT INTO ballast VALUES (zeroblob(20000000))');
    for (let i = 0; i < 4; i++) insert.run();
    other.close();
    await until(() => ingest.state().status === 'degraded');
    expect(await ingest.submit('traces', 'protobuf', stepsBody(1))).toMatchObject({
      status: 'unavailable',
    });
    reader.close();
    await until(() => ingest.state().status === 'ok');
    expect(await ingest.submit('traces', 'protobuf', stepsBody(1))).toMatchObject({
      status: 'stored',
    });
  });

  test('old telemetry is deleted while requests come', async () => {
    const ingest = await folder.start({
      retention: { rawNs: 1e9, rawBytes: 1e12, rollupsNs: 1e18 },
      periods: { retainMs: 30, retainAgainMs: 10, statsMs: 20 },
    });
    // Their times are of the past, so they are old as soon as they are stored.
    for (let step = 0; step < 5; step++) {
      const outcome = await ingest.submit('traces', 'protobuf', stepsBody(step, 10));
      expect(outcome.status).toBe('stored');
    }
    await until(() => ingest.stats().deletedChunks > 0);
    expect(ingest.stats()).toMatchObject({ retentionFailures: 0, state: { status: 'ok' } });
    await until(() => ingest.stats().committedEvents === 50);
  });

  test('a thread that dies answers those who wait and reports itself', async () => {
    const { port1, port2 } = new MessageChannel();
    const reasons: string[] = [];
    const ingest = await folder.start({
      livePort: port1,
      policy: { idleMs: 2000, maxDelayMs: 2000 },
      onFatal: (reason) => reasons.push(reason),
    });
    const waiting = ingest.submit('traces', 'protobuf', stepsBody(0));
    port2.postMessage({ type: 'rollups', late: 7 });
    expect(await waiting).toMatchObject({ status: 'unavailable' });
    await until(() => reasons.length > 0);
    expect(ingest.state().status).toBe('fatal');
    expect(await ingest.submit('traces', 'protobuf', stepsBody(1))).toMatchObject({
      status: 'unavailable',
    });
    await ingest.stop();
    expect(reasons).toHaveLength(1);
    port2.close();
  });
});
