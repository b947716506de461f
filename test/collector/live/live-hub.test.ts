import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { MessagePort } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type LiveHub, startLive } from '#collector/live/live-hub.ts';
import type { ConsumedMessage, RollupsMessage } from '#collector/messages.ts';
import type { LiveEvent } from '#lib/api/live-event.ts';
import { NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { committed, slowSteps } from '#test/support/live-feed.ts';

interface Received {
  readonly epoch: number;
  readonly event: LiveEvent;
}

let dataDir: string;
let store: TelemetryStore;
let hub: LiveHub;
const fromLive: (ConsumedMessage | RollupsMessage)[] = [];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'afdscope-live-'));
  store = await openTelemetryWriter({ data: dataDir });
  fromLive.length = 0;
});

afterEach(async () => {
  await hub.stop();
  await store.close();
  await rm(dataDir, { recursive: true, force: true });
});

async function start(): Promise<void> {
  hub = await startLive({ store: 'sqlite', dataDir, periodMs: 50, pictureEveryMs: 50 });
  hub.port.on('message', (message: ConsumedMessage | RollupsMessage) => fromLive.push(message));
}

function secondsAgo(seconds: number): UnixNanos {
  return unixNanos(BigInt(Date.now() - seconds * 1000) * 1_000_000n);
}

function listen(deployment: string, lastEventId: number | null) {
  const received: Received[] = [];
  const stop = hub.subscribe(deployment, lastEventId, (epoch, event) =>
    received.push({ epoch, event }),
  );
  return { received, stop, kinds: () => received.map(({ event }) => event.kind) };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < 40_000; waitedMs += 20) {
    if (condition()) return;
    await sleep(20);
  }
  throw new Error(`timed out: ${what}`);
}

async function append(table: EventTable, id: string): Promise<void> {
  await store.append([
    {
      batchId: id,
      receivedUnixNs: secondsAgo(0),
      events: [table],
      packed: [],
      metrics: [],
      rejected: new Map([['', { not_afd: 3 }]]),
      logRecords: 0,
    },
  ]);
}

describe('LiveHub', () => {
  test('events in, acknowledged; report, points, strip and heat map out', async () => {
    await start();
    const { received, kinds } = listen('demo', null);
    expect(kinds()).toEqual(['reset']);
    hub.port.postMessage(committed(slowSteps({ seconds: 3, startUnixNs: secondsAgo(4) })));
    await until(
      () =>
        ['overview', 'strip', 'heatmap', 'point'].every((kind) =>
          kinds().includes(kind as 'point'),
        ),
      'all kinds',
    );
    expect(fromLive.filter((message) => message.type === 'consumed')).toEqual([
      { type: 'consumed', messages: 1 },
    ]);
    expect(hub.deployments()).toEqual(['demo']);
    expect(hub.latestOverviews().get('demo')?.report?.topology).toMatchObject({
      attention: 2,
      ffn: 1,
    });
    const epochs = received.map(({ epoch }) => epoch);
    expect(epochs).toEqual([...epochs].sort((a, b) => a - b));
    await until(() => (hub.stats()?.deployments ?? 0) === 1, 'stats');
  });

  test('a reader that was away gets what it missed, and one from another process a reset', async () => {
    await start();
    const first = listen('demo', null);
    hub.port.postMessage(committed(slowSteps({ seconds: 4, startUnixNs: secondsAgo(30) })));
    await until(() => first.kinds().filter((kind) => kind === 'point').length >= 1, 'a point');
    first.stop();
    const seen = Math.max(...first.received.map(({ epoch }) => epoch));
    const before = first.received.length;
    hub.port.postMessage(committed(slowSteps({ seconds: 4, startUnixNs: secondsAgo(26) })));
    await until(() => {
      const probe = listen('demo', seen);
      probe.stop();
      return probe.kinds()[0] === 'point';
    }, 'a missed point');
    expect(first.received.length).toBe(before);

    const resumed = listen('demo', seen);
    resumed.stop();
    expect(resumed.kinds()).not.toContain('reset');
    expect(resumed.kinds()).toContain('overview');
    // Overviews between count, too; only the newest of them is kept.
    expect(resumed.received[0]!.epoch).toBeGreaterThan(seen);

    for (const stranger of [1, seen - 100_000, seen + 1e6]) {
      const other = listen('demo', stranger);
      other.stop();
      expect(other.kinds()[0]).toBe('reset');
      // The newest points come at once: their buckets are not in the history yet.
      expect(other.kinds().filter((kind) => kind === 'point').length).toBeGreaterThanOrEqual(2);
    }
  });

  test('totals come from the store, and those of unknown senders are told too', async () => {
    const table = slowSteps({ seconds: 1, startUnixNs: secondsAgo(2) });
    await append(table, 'one');
    await start();
    const { received } = listen('demo', null);
    hub.port.postMessage(committed(table));
    const ingest = () => {
      const last = received.findLast(({ event }) => event.kind === 'overview')?.event;
      return last?.kind === 'overview' ? last.ingest : undefined;
    };
    await until(() => ingest()?.acceptedEvents === table.length, 'totals');
    expect(ingest()?.rejected).toEqual({ not_afd: 3 });
  });

  test('after a restart the rollups that are missing are made from the store', async () => {
    const startUnixNs = unixNanos((secondsAgo(300) / 60_000_000_000n) * 60_000_000_000n);
    await append(slowSteps({ seconds: 75, startUnixNs }), 'one');
    await start();
    const rows = () =>
      fromLive.flatMap((message) => (message.type === 'rollups' ? message.deployments : []));
    await until(
      () => rows().filter((row) => row.resolutionNs === 60 * NS_PER_S).length >= 2,
      'rollups',
    );
    const fine = rows().filter((row) => row.resolutionNs === NS_PER_S);
    expect(fine.length).toBeGreaterThanOrEqual(75);
    const steps = (resolutionNs: number) =>
      rows()
        .filter((row) => row.resolutionNs === resolutionNs)
        .reduce((sum, row) => sum + row.steps, 0);
    expect(steps(NS_PER_S)).toBe(1000);
    expect(steps(10 * NS_PER_S)).toBe(1000);
    expect(steps(60 * NS_PER_S)).toBe(1000);
  });

  test('the first minute of a deployment, which begins within it, is made whole too', async () => {
    const minute = (secondsAgo(300) / 60_000_000_000n) * 60_000_000_000n;
    await append(
      slowSteps({ seconds: 20, startUnixNs: unixNanos(minute + 15_000_000_000n) }),
      'one',
    );
    const seconds = () =>
      fromLive
        .flatMap((message) => (message.type === 'rollups' ? message.deployments : []))
        .filter((row) => row.resolutionNs === NS_PER_S);
    await start();
    await until(() => seconds().length > 0, 'rollups');
    const made = seconds();
    // The process before had closed the first five seconds only.
    await store.putRollups([], made.slice(0, 5));
    await hub.stop();
    fromLive.length = 0;
    await start();
    await until(() => seconds().length > 0, 'rollups after a restart');
    expect(seconds()).toEqual(made);
  });

  test('an unknown deployment is empty, and leaves nothing behind', async () => {
    await start();
    const { received, stop, kinds } = listen('nobody', null);
    await until(() => kinds().includes('overview'), 'an overview');
    const overview = received.find(({ event }) => event.kind === 'overview')?.event;
    expect(overview).toMatchObject({ state: 'empty', report: null });
    stop();
    expect(hub.deployments()).toEqual([]);
  });

  test('a thread that dies is started again; the ingest thread gets its new port', async () => {
    // Dies when somebody watches "bomb".
    const entry = join(dataDir, 'fragile.mjs');
    await writeFile(
      entry,
      `import { parentPort } from 'node:worker_threads';
       parentPort.on('message', ({ type, deployment }) => {
         if (deployment === 'bomb') throw new Error('bang');
         if (type === 'stop') process.exit(0);
       });
       parentPort.postMessage({ type: 'ready' });`,
    );
    const warnings: string[] = [];
    const ports: MessagePort[] = [];
    hub = await startLive({
      store: 'sqlite',
      dataDir,
      threadFile: pathToFileURL(entry),
      onPort: (port) => ports.push(port),
      onWarning: (message) => warnings.push(message),
    });
    const first = hub.port;
    listen('bomb', null).stop();
    await until(() => ports.length === 1, 'a new port');
    expect(hub.port).toBe(ports[0]);
    expect(hub.port).not.toBe(first);
    expect(warnings.join(' ')).toContain('bang');
    expect(warnings.join(' ')).toContain('started again in 1 s');
  });

  test('a thread that cannot start is an error of the start', async () => {
    const entry = join(dataDir, 'broken.mjs');
    await writeFile(entry, `throw new Error('no live today');`);
    const failed = startLive({ store: 'sqlite', dataDir, threadFile: pathToFileURL(entry) });
    await expect(failed).rejects.toThrow('no live today');
    await start();
  });
});
