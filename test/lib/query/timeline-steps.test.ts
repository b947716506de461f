/** Steps of a window and beside an instant, against the events themselves. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type TimelineStep, timelineStepsSchema } from '#lib/api/timeline-steps.ts';
import { addNanos, NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { BadQuestionError } from '#lib/query/errors.ts';
import { report } from '#lib/query/report.ts';
import { withTokens } from '#lib/query/step-tokens.ts';
import { timelineSteps } from '#lib/query/timeline-steps.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import { Kind } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { FEED_START, inBatches, slowSteps } from '#test/support/live-feed.ts';
import { packedTableOf } from '#test/support/packed-table.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';

const NOW = unixNanos(FEED_START + 40n * 86_400_000_000_000n);
const at = (seconds: number): string => String(addNanos(FEED_START, seconds * NS_PER_S));

function trueSteps(tables: readonly EventTable[]): TimelineStep[] {
  const found = new Map<
    string,
    {
      domain: number;
      step: number;
      from: bigint;
      to: bigint;
      events: number;
      tokens: Map<string, number>;
    }
  >();
  for (const table of tables) {
    for (let i = 0; i < table.length; i++) {
      const from = table.baseUnixNs + BigInt(table.startNs[i]!);
      const to = from + BigInt(table.durationNs[i]!);
      const domain = table.domain[i]!;
      const step = table.step[i]!;
      if (step < 0) continue;
      // Days apart are other steps.
      const key = `${domain} ${step} ${(from - FEED_START) / 86_400_000_000_000n}`;
      const known = found.get(key) ?? { domain, step, from, to, events: 0, tokens: new Map() };
      known.from = known.from < from ? known.from : from;
      known.to = known.to > to ? known.to : to;
      known.events++;
      const { role, rank } = table.workers[table.worker[i]!]!;
      const tokens = table.measures.tokens?.[i] ?? -1;
      const isLayer = table.kind[i] === Kind.compute && table.layer[i]! >= 0;
      if (role === 'attention' && isLayer && tokens >= 0) {
        const cell = `${rank} ${table.microbatch[i]}`;
        known.tokens.set(cell, Math.max(tokens, known.tokens.get(cell) ?? 0));
      }
      found.set(key, known);
    }
  }
  const steps = [...found.values()].sort((a, b) => Number(a.from - b.from));
  return steps.map(({ domain, step, from, to, events, tokens }) => {
    const before = steps.find(
      (one) =>
        one.domain === domain &&
        one.step === step - 1 &&
        from - one.from < 10_000_000_000n &&
        one.from < from,
    );
    return {
      domain,
      step,
      startUnixNs: String(from),
      durationNs: Number(to - from),
      cadenceNs: before === undefined ? null : Number(from - before.from),
      events,
      tokens: tokens.size === 0 ? null : [...tokens.values()].reduce((sum, n) => sum + n, 0),
    };
  });
}

// Stores in memory of one name are one.
const memory = () => openTelemetryWriter({ store: 'memory:', data: randomUUID() });
const sqlite = () => openTelemetryWriter({ data: scratchFolder(), unpacker: new PackedUnpacker() });

async function ask(
  store: TelemetryStore,
  texts: Readonly<Record<string, string>>,
  maxCost?: number,
) {
  const answer = await timelineSteps(store, { deployment: 'prod', ...texts }, NOW, maxCost);
  return timelineStepsSchema.parse(answer);
}

async function fill(form: 'columns' | 'packed', open: typeof memory) {
  const store = await open();
  const first = slowSteps({ seconds: 20, deployment: 'prod' });
  const startUnixNs = addNanos(FEED_START, 30 * 86_400 * NS_PER_S);
  const later = slowSteps({ seconds: 3, deployment: 'prod', startUnixNs });
  const tables = [first, later];
  await store.append(
    form === 'packed'
      ? tables.map((table, i) => batchOf(`p${i}`, { packed: [packedTableOf(table)] }))
      : tables.flatMap((table, t) =>
          inBatches(table, 5 * NS_PER_S).map((batch, i) =>
            batchOf(`c${t} ${i}`, { events: [batch.table] }),
          ),
        ),
  );
  return { store, tables, steps: trueSteps(tables) };
}

describe.each([
  ['columns', 'memory', memory],
  ['columns', 'sqlite', sqlite],
  ['packed', 'sqlite', sqlite],
] as const)('steps of %s in %s', (form, _, open) => {
  test('of windows, by time and the slowest first, over a target', async () => {
    const { store, steps } = await fill(form, open);
    for (const [from, to] of [
      [3, 7],
      [0, 20],
      [5.01, 5.02],
      [-100, 40],
      [19, 3e6],
    ] as const) {
      const wanted = steps.filter(
        ({ startUnixNs }) =>
          BigInt(startUnixNs) >= BigInt(at(from)) && BigInt(startUnixNs) < BigInt(at(to)),
      );
      const answer = await ask(store, { from: at(from), to: at(to), limit: '1000' });
      expect(answer.steps).toEqual(wanted);
      expect(answer).toMatchObject({ total: wanted.length, over: 0, overNs: null, order: 'time' });
      const middle = wanted[Math.floor(wanted.length / 2)]?.durationNs ?? 5;
      const slowest = await ask(store, {
        from: at(from),
        to: at(to),
        order: 'slowest',
        limit: '3',
        overNs: String(middle),
      });
      const over = wanted.filter(({ durationNs }) => durationNs > middle);
      expect(slowest.over).toBe(over.length);
      expect(slowest.steps.map(({ durationNs }) => durationNs)).toEqual(
        over
          .map(({ durationNs }) => durationNs)
          .sort((a, b) => b - a)
          .slice(0, 3),
      );
    }
    await store.close();
  });

  test('beside an instant, over a pause of weeks too', async () => {
    const { store, steps } = await fill(form, open);
    const starts = steps.map(({ startUnixNs }) => BigInt(startUnixNs));
    const middle = starts[40]!;
    const last = starts.at(-1)!;
    const instants = [
      starts[0]! - 1n,
      middle,
      middle + 1n,
      middle - 1n,
      BigInt(at(25)),
      BigInt(at(1e6)),
      last,
      last + 10n ** 17n,
    ];
    for (const instant of instants) {
      const next = await ask(store, { at: String(instant), direction: 'next' });
      expect(next.steps).toEqual(steps.filter((_s, i) => starts[i]! > instant).slice(0, 1));
      const previous = await ask(store, { at: String(instant), direction: 'previous' });
      expect(previous.steps).toEqual(steps.filter((_s, i) => starts[i]! < instant).slice(-1));
    }
    const over = [...steps].sort((a, b) => b.durationNs - a.durationNs)[3]!.durationNs;
    const slow = steps.filter(({ durationNs }, i) => durationNs > over && starts[i]! > middle);
    const found = await ask(store, { at: String(middle), direction: 'next', overNs: String(over) });
    expect(found.steps).toEqual(slow.slice(0, 1));
    await store.close();
  });
});

test('where a window holds too much, its newest part is told', async () => {
  const { store, steps } = await fill('columns', memory);
  const answer = await ask(store, { from: at(-100), to: at(20), limit: '1000' }, 1);
  const from = BigInt(answer.window.startUnixNs);
  expect(from).toBeGreaterThan(BigInt(at(-100)));
  expect(answer.steps).toEqual(
    steps.filter(
      ({ startUnixNs }) => BigInt(startUnixNs) >= from && BigInt(startUnixNs) < BigInt(at(20)),
    ),
  );
  await store.close();
});

test('clocks that are off are set right', async () => {
  const store = await memory();
  const fault = { clockOffset: [{ target: 'node-1', offsetNs: 9_100_000, driftPpm: 0 }] };
  const right = slowSteps({ seconds: 4, deployment: 'prod' });
  const table = slowSteps({ seconds: 4, deployment: 'prod', faults: fault });
  await store.append([batchOf('a', { events: [table] })]);
  const answer = await ask(store, { from: at(1), to: at(3) });
  const wanted = new Map(trueSteps([right]).map((step) => [step.step, step.durationNs]));
  expect(answer.total).toBeGreaterThan(10);
  for (const { step, durationNs } of answer.steps) {
    expect([step, Math.abs(durationNs - wanted.get(step)!) < 100_000]).toEqual([step, true]);
  }
  await store.close();
});

test('bad questions say what is wrong', async () => {
  const { store } = await fill('columns', memory);
  for (const texts of [
    { order: 'size' },
    { limit: '0' },
    { limit: '1001' },
    { overNs: '-1' },
    { at: 'now' },
    { direction: 'next' },
    { at: 'now', direction: 'up' },
  ]) {
    await expect(ask(store, texts)).rejects.toThrow(BadQuestionError);
  }
  await store.close();
});

test('tokens are those of the report, and of the first steps only where events would be too many', async () => {
  const { store, steps } = await fill('packed', sqlite);
  const few = steps.slice(0, 10);
  const ask = (maxEvents: number) => withTokens(store, 'prod', few, 0, maxEvents);
  expect(few.every(({ tokens }) => tokens !== null && tokens > 0)).toBe(true);
  expect(await ask(1e6)).toEqual(few);
  const room = few[0]!.events + few[1]!.events;
  const part = await ask(room);
  expect(part.map(({ tokens }) => tokens === null)).toEqual(few.map((_step, i) => i >= 2));
  const toUnixNs = unixNanos(BigInt(few[9]!.startUnixNs) + BigInt(few[9]!.durationNs) + 1n);
  const question = { deployment: 'prod', from: few[0]!.startUnixNs, to: String(toUnixNs) };
  const answer = await report(store, question, NOW);
  const total = few.reduce((sum, { tokens }) => sum + (tokens ?? 0), 0);
  // Only what of the next step lies before the end is more.
  expect(answer.steps.tokens).toBeGreaterThanOrEqual(total);
  expect(answer.steps.tokens).toBeLessThan(total * 1.1);
  await store.close();
});
