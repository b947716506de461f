/** The search of a timeline: its language, and what it finds, against the events themselves. */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type TimelineSearch, timelineSearchSchema } from '#lib/api/timeline-search.ts';
import { addNanos, NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { BadQuestionError } from '#lib/query/errors.ts';
import { parseSearch } from '#lib/query/search-query.ts';
import { timelineSearch } from '#lib/query/timeline-search.ts';
import { openStateReader, openStateWriter, openTelemetryWriter } from '#lib/store/open-store.ts';
import { KINDS } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { FEED_START, inBatches, slowSteps } from '#test/support/live-feed.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';

const NOW = unixNanos(FEED_START + 3_600_000_000_000n);
const TABLE = slowSteps({ seconds: 20, deployment: 'prod' });
const at = (seconds: number): string => String(addNanos(FEED_START, seconds * NS_PER_S));

async function world() {
  const location = { store: 'memory:', data: randomUUID() };
  const store = await openTelemetryWriter(location);
  const batches = inBatches(TABLE, 5 * NS_PER_S);
  await store.append(batches.map((batch, i) => batchOf(`a${i}`, { events: [batch.table] })));
  const state = await openStateWriter(location);
  const note = (id: string, text: string, from: number) => ({
    id,
    deployment: 'prod',
    fromUnixNs: addNanos(FEED_START, from * NS_PER_S),
    toUnixNs: addNanos(FEED_START, (from + 1) * NS_PER_S),
    author: '',
    text,
    createdUnixNs: FEED_START,
  });
  await state.putAnnotation(note('1', 'New expert kernel', 4));
  await state.putAnnotation(note('2', 'Old one', 50));
  const ask = async (
    q: string,
    from = 0,
    to = 20,
    limit = 1000,
    maxEvents?: number,
    near?: string,
  ): Promise<TimelineSearch> =>
    timelineSearchSchema.parse(
      await timelineSearch(
        store,
        () => openStateReader(location),
        { deployment: 'prod', q, from: at(from), to: at(to), limit: String(limit), near },
        NOW,
        maxEvents,
      ),
    );
  return { store, state, ask };
}

interface Naive {
  readonly worker: string;
  readonly stage: string;
  readonly kind: string;
  readonly step: number;
  readonly layer: number;
  readonly mb: number;
  readonly startUnixNs: bigint;
  readonly durationNs: number;
}

function naiveEvents(table: EventTable): Naive[] {
  return Array.from({ length: table.length }, (_, i) => ({
    worker: workerId(table.workers[table.worker[i]!]!),
    stage: table.stageNames[table.stage[i]!]!,
    kind: KINDS[table.kind[i]!]!,
    step: table.step[i]!,
    layer: table.layer[i]!,
    mb: table.microbatch[i]!,
    startUnixNs: table.baseUnixNs + BigInt(table.startNs[i]!),
    durationNs: table.durationNs[i]!,
  })).sort(
    (a, b) =>
      Number(a.startUnixNs - b.startUnixNs) ||
      (a.worker < b.worker ? -1 : a.worker > b.worker ? 1 : 0) ||
      a.durationNs - b.durationNs,
  );
}

describe('events', () => {
  test.each([
    ['stage:expert layer:1', (e: Naive) => e.stage === 'expert' && e.layer === 1],
    [
      'step:12..15 worker:attention/* mb:0',
      (e: Naive) => e.step >= 12 && e.step <= 15 && e.worker.startsWith('attention') && e.mb === 0,
    ],
    ['dur>1ms', (e: Naive) => e.durationNs > 1e6],
    [
      'dur>=0.5ms dur<2ms stage:*_recv',
      (e: Naive) => e.durationNs >= 5e5 && e.durationNs < 2e6 && e.stage.endsWith('_recv'),
    ],
    ['kind:transfer group:ffn', (e: Naive) => e.kind === 'transfer' && e.worker.startsWith('ffn')],
    ['microbatch:1 step>200', (e: Naive) => e.mb === 1 && e.step > 200],
    ['step:7 expert', (e: Naive) => e.step === 7 && e.stage.includes('expert')],
    ['dur:200us..', (e: Naive) => e.durationNs >= 200_000],
    ['layer:-1', (e: Naive) => e.layer === -1],
    ['step:99999 stage:expert', () => false],
  ] as const)('%s', async (q, fits) => {
    const { store, ask } = await world();
    const end = BigInt(at(20));
    const all = naiveEvents(TABLE).filter((event) => event.startUnixNs < end && fits(event));
    const answer = await ask(q);
    expect(answer.total).toBe(all.length);
    expect(
      answer.hits.map(({ startUnixNs, durationNs }) => `${startUnixNs} ${durationNs}`).sort(),
    ).toEqual(
      all
        .slice(0, 1000)
        .map(({ startUnixNs, durationNs }) => `${startUnixNs} ${durationNs}`)
        .sort(),
    );
    expect(answer.hits.every(({ kind }) => kind === 'event')).toBe(true);
    const few = await ask(q, 0, 20, 3);
    expect(few.total).toBe(all.length);
    expect(few.hits.map(({ startUnixNs }) => startUnixNs)).toEqual(
      all.slice(0, 3).map(({ startUnixNs }) => String(startUnixNs)),
    );
    await store.close();
  });

  test('of a window with too many: its newest part, which is told', async () => {
    const { store, ask } = await world();
    const answer = await ask('stage:expert', 0, 20, 1000, 2000);
    const from = BigInt(answer.window.startUnixNs);
    expect(from).toBeGreaterThan(BigInt(at(0)));
    const all = naiveEvents(TABLE).filter(
      ({ stage, startUnixNs }) =>
        stage === 'expert' && startUnixNs >= from && startUnixNs < BigInt(at(20)),
    );
    expect(answer.total).toBe(all.length);
    expect(all.length).toBeGreaterThan(10);
    await store.close();
  });
});

test('steps, workers, notes', async () => {
  const { store, ask } = await world();
  const steps = await ask('step:12..14');
  expect(steps.hits.map(({ kind, step, label }) => `${kind} ${step} ${label}`)).toEqual(
    [12, 13, 14].map((step) => `step ${step} Step ${step}`),
  );
  const workers = await ask('worker:attention/*');
  expect(workers.hits.map(({ kind, workerId: id }) => `${kind} ${id}`)).toEqual([
    'worker attention/0',
    'worker attention/1',
  ]);
  const words = await ask('expert', 0, 20, 5);
  expect(words.hits[0]).toMatchObject({
    kind: 'annotation',
    label: 'New expert kernel',
    startUnixNs: at(4),
    durationNs: 1e9,
  });
  expect(words.hits[1]).toMatchObject({ kind: 'event', stage: 'expert' });
  const both = await ask('ffn/0 expert', 0, 20, 2);
  expect(both.hits.map(({ kind, workerId: id }) => `${kind} ${id}`)).toEqual([
    'event ffn/0',
    'event ffn/0',
  ]);
  expect((await ask('"new expert"')).hits.map(({ kind }) => kind)).toEqual(['annotation']);
  expect((await ask('nowhere')).total).toBe(0);
  await store.close();
});

describe('the language', () => {
  test.each([
    ['', 'such as step:120'],
    ['stop:3', 'Known: step, layer, mb, peer, domain, tokens, stage, worker, group, kind, dur'],
    ['step:x', 'whole number'],
    ['step:5..3', 'ends before it begins'],
    ['step:1..2..3', 'too many dots'],
    ['dur>5', ''],
    ['dur>5min', 'ns, us, ms or s'],
    ['dur>-1ms', 'ns, us, ms or s'],
    ['kind:slow', 'Known: compute'],
    ['stage>expert', 'needs a name'],
    ['stage:', 'needs a name'],
    ['a '.repeat(17), 'at most 16'],
    ['a'.repeat(501), 'at most 500'],
  ])('%s', (q, message) => {
    if (message === '') {
      expect(parseSearch(q).durations).toEqual([{ from: 6, to: Infinity }]);
      return;
    }
    expect(() => parseSearch(q)).toThrow(BadQuestionError);
    expect(() => parseSearch(q)).toThrow(message);
  });

  test('never fails in another way, and a name with signs is taken as it is', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (q) => {
        try {
          parseSearch(q);
        } catch (error) {
          expect(error).toBeInstanceOf(BadQuestionError);
        }
      }),
    );
    const [test] = parseSearch('stage:a.b(c)*').names.get('stage')!;
    expect([test!.test('a.b(c)d'), test!.test('axb(c)')]).toEqual([true, false]);
  });
});

test('nearest first: what is listed lies around the instant, and what lies before it is counted', async () => {
  const { store, state, ask } = await world();
  const near = BigInt(at(10));
  const distance = (startUnixNs: bigint, durationNs: number) =>
    startUnixNs > near
      ? Number(startUnixNs - near)
      : Math.max(0, Number(near - startUnixNs) - durationNs);
  const fitting = naiveEvents(TABLE).filter(
    ({ stage, startUnixNs }) => stage === 'expert' && startUnixNs < BigInt(at(20)),
  );
  const answer = await ask('stage:expert', 0, 20, 20, undefined, at(10));
  expect(answer.total).toBe(fitting.length);
  expect(answer.before).toBe(fitting.filter(({ startUnixNs }) => startUnixNs < near).length);
  const wanted = fitting
    .map(({ startUnixNs, durationNs }) => distance(startUnixNs, durationNs))
    .sort((a, b) => a - b)
    .slice(0, 20);
  expect(
    answer.hits.map(({ startUnixNs, durationNs }) => distance(BigInt(startUnixNs!), durationNs)),
  ).toEqual(wanted);
  expect(new Set(answer.hits.map(({ startUnixNs }) => BigInt(startUnixNs!) < near)).size).toBe(2);
  const steps = await ask('step:0..1000', 0, 20, 3, undefined, at(10));
  expect(distance(BigInt(steps.hits[0]!.startUnixNs!), steps.hits[0]!.durationNs)).toBe(0);
  expect(steps.before).toBeGreaterThan(0);
  expect(steps.before).toBeLessThan(steps.total);
  expect((await ask('stage:expert', 0, 20, 20)).before).toBeNull();
  await state.close();
  await store.close();
});
