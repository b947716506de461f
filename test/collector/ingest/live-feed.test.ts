import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PendingBatch } from '#collector/ingest/group-commit.ts';
import { LiveFeed } from '#collector/ingest/live-feed.ts';
import type { CommittedMessage, RollupsMessage } from '#collector/messages.ts';
import { unixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import type { RejectCounts } from '#lib/table/reject-reasons.ts';
import { testWorker } from '#test/support/afd-table.ts';

function table(rows: number): EventTable {
  const builder = new EventTableBuilder(unixNanos(1_800_000_000_000_000_000n), [testWorker(0)]);
  for (let i = 0; i < rows; i++) {
    builder.add({
      startNs: i * 10,
      durationNs: 7,
      worker: 0,
      stage: 0,
      kind: 0,
      measures: { tokens: i },
      lists: { peers: [i, i + 1] },
    });
  }
  return builder.finish();
}

function pending(
  events: readonly EventTable[],
  rejected: ReadonlyMap<string, RejectCounts> = new Map(),
): PendingBatch {
  return {
    replyId: 1,
    bodyBytes: 1,
    batch: {
      batchId: 'b',
      receivedUnixNs: unixNanos(0n),
      events,
      packed: [],
      metrics: [],
      rejected,
      logRecords: 2,
    },
    received: 1,
    rejectedCount: 0,
    rejectedMessage: '',
  };
}

const STORED = { duplicate: false, sequence: 1, freshPacked: [], duplicateStepEvents: 0 };

let near: MessagePort;
let far: MessagePort;
let received: CommittedMessage[];
let rollups: RollupsMessage[];

beforeEach(() => {
  const channel = new MessageChannel();
  near = channel.port1;
  far = channel.port2;
  received = [];
  rollups = [];
  far.on('message', (message: CommittedMessage) => received.push(message));
});
afterEach(() => {
  near.close();
  far.close();
});

function feed(transfers = true): LiveFeed {
  const made = new LiveFeed(transfers, (message) => rollups.push(message));
  made.attach(near);
  return made;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe('what the live thread gets', () => {
  test('the stored tables of a commit, exact, their memory moved', async () => {
    const original = table(3);
    const sent = table(3);
    feed().send([pending([sent]), pending([])], [STORED, STORED]);
    await until(() => received.length === 1);
    expect(received[0]!.events).toEqual([original]);
    expect(received[0]!.logRecords).toBe(4);
    expect(sent.startNs.byteLength).toBe(0);
    expect(sent.lists.peers!.values.byteLength).toBe(0);
  });

  test('copies where the store keeps its tables', async () => {
    const sent = table(3);
    feed(false).send([pending([sent])], [STORED]);
    await until(() => received.length === 1);
    expect(received[0]!.events[0]!.length).toBe(3);
    expect(sent.startNs[2]).toBe(20);
  });

  test('retried batches as counts only, refusals added up per deployment', async () => {
    feed().send(
      [
        pending([table(5)], new Map([['prod', { clamped: 1 }]])),
        pending([table(2)], new Map([['prod', { clamped: 2, not_afd: 1 }]])),
        pending([table(4)], new Map([['prod', { clamped: 8 }]])),
      ],
      [STORED, STORED, { ...STORED, duplicate: true }],
    );
    await until(() => received.length === 1);
    expect(received[0]!.events.map(({ length }) => length)).toEqual([5, 2]);
    expect(received[0]!.rejected).toEqual(
      new Map([['prod', { clamped: 3, not_afd: 1, duplicate: 4 }]]),
    );
  });
});

describe('a live thread that is behind', () => {
  test('gets no more than a bounded number of messages; the rest are counted', async () => {
    const live = feed();
    for (let i = 0; i < 200; i++) live.send([pending([table(2)])], [STORED]);
    await until(() => received.length === 64);
    expect(live.droppedMessages).toBe(136);
    expect(live.droppedEvents).toBe(272);
    expect(live.behindMessages).toBe(64);
    far.postMessage({ type: 'consumed', messages: 64 });
    await until(() => live.behindMessages === 0);
    live.send([pending([table(2)])], [STORED]);
    await until(() => received.length === 65);
    expect(live.droppedMessages).toBe(136);
    const { baseUnixNs, startNs, durationNs } = table(2);
    expect(received[64]!.missed).toEqual([
      {
        deployment: 'prod',
        fromUnixNs: baseUnixNs + BigInt(startNs[0]!),
        toUnixNs: baseUnixNs + BigInt(startNs[1]! + durationNs[1]!),
      },
    ]);
    expect(received[63]!.missed).toEqual([]);
  });

  test('a new port starts afresh', async () => {
    const live = feed();
    for (let i = 0; i < 100; i++) live.send([pending([])], [STORED]);
    const next = new MessageChannel();
    const got: CommittedMessage[] = [];
    next.port2.on('message', (message: CommittedMessage) => got.push(message));
    live.attach(next.port1);
    live.send([pending([table(1)])], [STORED]);
    await until(() => got.length === 1);
    next.port1.close();
    next.port2.close();
  });
});

test('rollups come back over the same port', async () => {
  feed();
  const message: RollupsMessage = {
    type: 'rollups',
    workers: [],
    deployments: [],
    late: [{ deployment: 'prod', reason: 'late', unixS: null, events: 3 }],
  };
  far.postMessage(message);
  await until(() => rollups.length === 1);
  expect(rollups[0]!.late).toEqual(message.late);
});

test('without a live thread nothing is kept', () => {
  const live = new LiveFeed(true, () => undefined);
  const sent = table(1);
  live.send([pending([sent])], [STORED]);
  expect(sent.length).toBe(1);
  expect(live.behindMessages).toBe(0);
});
