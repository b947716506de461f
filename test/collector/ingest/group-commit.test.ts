import { describe, expect, test } from 'vitest';
import { batchIdOf } from '#collector/ingest/batch-id.ts';
import { GroupCommit, type PendingBatch } from '#collector/ingest/group-commit.ts';
import type { CommitPolicy, CommitReport } from '#collector/ingest/thread-messages.ts';
import type { IngestOutcome, IngestReply } from '#collector/messages.ts';
import { err, ok, type Result } from '#lib/base/result.ts';
import type { Decoded, MalformedBody } from '#lib/ingest/decoded.ts';
import { StoreUnavailableError } from '#lib/store/store-errors.ts';
import type { AppendOutcome, TelemetryBatch } from '#lib/store/telemetry-store.ts';

const POLICY: CommitPolicy = { maxDelayMs: 60, idleMs: 10, maxGroupBytes: 1000 };

/** A body is its text; "bad" cannot be read, "boom" breaks the decoder, "" holds nothing. */
const decoder = {
  decode(_signal: string, _encoding: string, body: Uint8Array): Result<Decoded, MalformedBody> {
    const text = Buffer.from(body).toString();
    if (text === 'bad') return err({ message: 'byte 0: bad', byteOffset: 0 });
    if (text === 'boom') throw new TypeError('a fault of ours');
    return ok({
      signal: 'logs',
      received: text.length,
      packed: [],
      packedTimes: [],
      events: [],
      metrics: [],
      logRecords: text.length,
      rejected: new Map(),
      marks: [],
      rejectedCount: 0,
      rejectedMessage: '',
    });
  },
};

class FakeStore {
  readonly appends: TelemetryBatch[][] = [];
  readonly known = new Set<string>();
  failure: ((batches: readonly TelemetryBatch[]) => Error | undefined) | undefined;
  delayMs = 0;

  async append(batches: readonly TelemetryBatch[]): Promise<readonly AppendOutcome[]> {
    const error = this.failure?.(batches);
    if (error !== undefined) throw error;
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    this.appends.push([...batches]);
    return batches.map(({ batchId }) => {
      const duplicate = this.known.has(batchId);
      this.known.add(batchId);
      return { duplicate, sequence: this.appends.length, freshPacked: [], duplicateStepEvents: 0 };
    });
  }
}

function start(policy: CommitPolicy = POLICY) {
  const store = new FakeStore();
  const replies: IngestReply[] = [];
  const reports: CommitReport[] = [];
  const states: unknown[] = [];
  const warnings: string[] = [];
  const lost: PendingBatch[] = [];
  const waiting: PendingBatch[] = [];
  const group = new GroupCommit(store, decoder, policy, {
    reply: (more) => replies.push(...more),
    committed: () => undefined,
    lost: (pending) => lost.push(pending),
    report: (commit) => reports.push(commit),
    storeState: (failure) => states.push(failure),
    mayWait: (pending) => {
      if (pending.answerByMs === undefined) return false;
      waiting.push(pending);
      return true;
    },
    warn: (message) => warnings.push(message),
  });
  let id = 0;
  const send = (text: string, answerByMs?: number): number => {
    id++;
    group.accept({
      type: 'request',
      id,
      signal: 'logs',
      encoding: 'json',
      body: Buffer.from(text),
      ...(answerByMs === undefined ? {} : { answerByMs }),
    });
    return id;
  };
  const outcomeOf = (wanted: number): IngestOutcome | undefined =>
    replies.find((reply) => reply.id === wanted)?.outcome;
  return { store, group, send, replies, reports, states, warnings, lost, waiting, outcomeOf };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('grouping', () => {
  test('requests that come together are one append, answered after it', async () => {
    const { store, send, replies } = start();
    for (const text of ['a', 'bb', 'ccc']) send(text);
    expect(replies).toHaveLength(0);
    await sleep(40);
    expect(store.appends.map((batches) => batches.length)).toEqual([3]);
    expect(replies.map(({ id }) => id)).toEqual([1, 2, 3]);
  });

  test('steady traffic does not put a commit off beyond the longest delay', async () => {
    const { store, send, replies } = start();
    const startedMs = performance.now();
    let sent = 0;
    while (replies.length === 0) {
      send(`request ${sent++}`);
      await sleep(2);
    }
    // Timers of a busy machine may be late, but not by the idle time over and over.
    expect(performance.now() - startedMs).toBeLessThan(POLICY.maxDelayMs * 5);
    expect(store.appends[0]!.length).toBeGreaterThan(1);
  });

  test('a long queue commits by age without the event loop getting a turn', async () => {
    const { store, send } = start({ ...POLICY, maxDelayMs: 5 });
    const startedMs = performance.now();
    while (performance.now() - startedMs < 12) send(`request ${performance.now()}`);
    expect(store.appends.length).toBeGreaterThan(0);
  });

  test('a large group commits at once', async () => {
    const { store, send } = start();
    for (let i = 0; i < 4; i++) send(`${i}`.padEnd(300));
    expect(store.appends.map((batches) => batches.length)).toEqual([4]);
  });

  test('what comes during a commit is the next group', async () => {
    const { store, group, send, replies } = start();
    store.delayMs = 30;
    send('a');
    await sleep(20);
    send('b');
    send('c');
    await group.flush();
    expect(store.appends.map((batches) => batches.length)).toEqual([1, 2]);
    expect(replies).toHaveLength(3);
  });

  test('a group that waited behind a slow commit needs no further request to be committed', async () => {
    const { store, send, replies } = start();
    store.delayMs = 40;
    send('a');
    await sleep(15);
    send('b');
    await sleep(150);
    expect(replies.map(({ id }) => id)).toEqual([1, 2]);
  });
});

describe('outcomes', () => {
  test('malformed and faulty requests are answered alone and harm no other', async () => {
    const { group, send, outcomeOf, warnings } = start();
    const [good, bad, boom] = [send('good'), send('bad'), send('boom')];
    expect(outcomeOf(bad)).toEqual({ status: 'malformed', message: 'byte 0: bad' });
    expect(outcomeOf(boom)).toMatchObject({ status: 'failed' });
    expect(JSON.stringify(outcomeOf(boom))).not.toContain('fault of ours');
    expect(warnings.join()).toContain('a fault of ours');
    await group.flush();
    expect(outcomeOf(good)).toMatchObject({ status: 'stored', received: 4, duplicate: false });
    expect([group.malformedRequests, group.decodeErrors]).toEqual([1, 1]);
  });

  test('the same body again is a duplicate', async () => {
    const { group, send, outcomeOf } = start();
    const first = send('same');
    await group.flush();
    const second = send('same');
    await group.flush();
    expect(outcomeOf(first)).toMatchObject({ duplicate: false });
    expect(outcomeOf(second)).toMatchObject({ duplicate: true });
  });

  test('a request that holds nothing needs no commit', () => {
    const { send, store, outcomeOf } = start();
    expect(outcomeOf(send(''))).toMatchObject({ status: 'stored', received: 0 });
    expect(store.appends).toHaveLength(0);
  });

  test('a store that refuses makes the group unavailable, and works again by itself', async () => {
    const { group, send, store, outcomeOf, states, reports } = start();
    store.failure = () => new StoreUnavailableError('disk-full', 'no space left in /data');
    const [first, second] = [send('a'), send('b')];
    await group.flush();
    for (const id of [first, second]) {
      expect(outcomeOf(id)).toMatchObject({ status: 'unavailable', retryAfterS: 5 });
      expect(JSON.stringify(outcomeOf(id))).not.toContain('/data');
    }
    expect(states).toMatchObject([{ reason: 'disk-full' }]);
    store.failure = undefined;
    const again = send('a');
    await group.flush();
    expect(outcomeOf(again)).toMatchObject({ status: 'stored', duplicate: false });
    expect(states.at(-1)).toBeUndefined();
    expect(reports.map(({ ok: good }) => good)).toEqual([false, true]);
  });

  test('one whose sender waits is kept unanswered, and stored when it comes again', async () => {
    const { group, send, store, outcomeOf, waiting } = start();
    store.failure = () => new StoreUnavailableError('locked', 'locked');
    const [patient, hasty] = [send('a', 1e12), send('b')];
    await group.flush();
    expect(outcomeOf(patient)).toBeUndefined();
    expect(outcomeOf(hasty)).toMatchObject({ status: 'unavailable' });
    expect(waiting.map(({ replyId }) => replyId)).toEqual([patient]);
    store.failure = undefined;
    for (const pending of waiting) group.add(pending);
    await group.flush();
    expect(outcomeOf(patient)).toMatchObject({ status: 'stored', duplicate: false });
  });

  test('a request that breaks the store fails alone', async () => {
    const { group, send, store, outcomeOf, states } = start();
    const poison = batchIdOf('logs', Buffer.from('poison'));
    store.failure = (batches) =>
      batches.some(({ batchId }) => batchId === poison) ? new TypeError('bad column') : undefined;
    const ids = [send('before'), send('poison'), send('after')];
    await group.flush();
    expect(ids.map((id) => outcomeOf(id)?.status)).toEqual(['stored', 'failed', 'stored']);
    expect(states.filter((failure) => failure !== undefined)).toEqual([]);
  });

  test('what nobody waits for is given back when it could not be stored', async () => {
    const { group, store, lost } = start();
    store.failure = () => new StoreUnavailableError('locked', 'locked');
    const pending: PendingBatch = {
      replyId: undefined,
      bodyBytes: 0,
      batch: {
        batchId: 'late:1',
        receivedUnixNs: 0n as TelemetryBatch['receivedUnixNs'],
        events: [],
        packed: [],
        metrics: [],
        rejected: new Map([['demo', { late: 3 }]]),
        logRecords: 0,
      },
      received: 0,
      rejectedCount: 0,
      rejectedMessage: '',
    };
    group.add(pending);
    await group.flush();
    expect(lost).toEqual([pending]);
  });
});

test('a batch is its signal and its bytes', () => {
  const body = Buffer.from('body');
  expect(batchIdOf('logs', body)).toBe(batchIdOf('logs', Buffer.from('body')));
  expect(batchIdOf('logs', body)).not.toBe(batchIdOf('traces', body));
  expect(batchIdOf('logs', body)).not.toBe(batchIdOf('logs', Buffer.from('bodY')));
  expect(batchIdOf('logs', body)).not.toBe(batchIdOf('logs', Buffer.from('body\0')));
  expect(batchIdOf('logs', Buffer.alloc(0))).not.toBe(batchIdOf('logs', Buffer.alloc(1)));
});

test('no two of many bodies that hardly differ are the same batch', () => {
  const body = Buffer.alloc(512);
  const ids = new Set([batchIdOf('traces', body)]);
  for (let bit = 0; bit < body.length * 8; bit++) {
    body[bit >> 3]! ^= 1 << (bit & 7);
    ids.add(batchIdOf('traces', body));
    body[bit >> 3]! ^= 1 << (bit & 7);
  }
  for (let byteCount = 0; byteCount < body.length; byteCount++) {
    ids.add(batchIdOf('traces', body.subarray(0, byteCount)));
  }
  expect(ids.size).toBe(1 + body.length * 8 + body.length);
});
