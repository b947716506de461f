/** Comparisons asked of a store: windows, defaults, bounds, and what is wrong with a question. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Compare, compareSchema } from '#lib/api/compare.ts';
import { unixNanos } from '#lib/base/units.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { compare } from '#lib/query/compare.ts';
import { BadQuestionError, UnknownDeploymentError } from '#lib/query/errors.ts';
import type { CompareQuestion } from '#lib/query/questions.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { smallSpec } from '#test/support/compared-world.ts';

const START = unixNanos(1_767_225_600_000_000_000n);
const NOW = unixNanos(START + 60_000_000_000n);
const at = (seconds: number): string => String(START + BigInt(Math.round(seconds * 1e9)));
let folder: string;
let store: TelemetryStore;

const run = (seconds: number, firstStep: number, expertNs: number, deployment = 'prod') =>
  simulateSteps(smallSpec({ expertNs, deployment }), {
    steps: 60,
    firstStep,
    seed: firstStep,
    startUnixNs: unixNanos(START + BigInt(seconds * 1e9)),
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'afdscope-compare-'));
  store = await openTelemetryWriter({ data: folder });
  const tables: EventTable[] = [
    run(0, 0, 240_000),
    run(2, 100, 240_000),
    run(4, 200, 260_000),
    run(0, 0, 240_000, 'other'),
  ];
  await store.append(
    tables.map((events, i) => ({
      batchId: `batch-${i}`,
      receivedUnixNs: START,
      events: [events],
      packed: [],
      metrics: [],
      rejected: new Map(),
      logRecords: 0,
    })),
  );
});

afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

async function ask(question: Partial<CompareQuestion>, maxEvents?: number): Promise<Compare> {
  const whole = { deployment: 'prod', b: { deployment: 'prod' }, ...question };
  const answer = await compare(store, whole, NOW, maxEvents);
  expect(compareSchema.parse(answer)).toEqual(answer);
  return answer;
}

describe('two windows', () => {
  const a = { deployment: 'prod', from: at(2), to: at(3) };
  const b = { deployment: 'prod', from: at(4), to: at(5) };

  test('what differs between them', async () => {
    const answer = await ask({ ...a, b });
    expect(answer.verdict.direction).toBe('slower');
    expect(answer.verdict.sentence).toMatch(/experts of layers 1-5 take \d+(\.\d)? µs longer/);
    expect(answer.a).toMatchObject({ deployment: 'prod', topology: '4A2F', readWhole: true });
    expect(answer.a.window).toEqual({ startUnixNs: at(2), endUnixNs: at(3), durationNs: 1e9 });
    expect(answer.a.steps).toBeGreaterThan(50);
    expect(answer.latency.a).toHaveLength(answer.a.sampledSteps);
    expect(answer.latency.a).toEqual([...answer.latency.a].sort((x, y) => x - y));
  });

  test('an equal one, and the same', async () => {
    const equal = await ask({ deployment: 'prod', from: at(0), to: at(1), b: a });
    expect(equal.verdict.direction).toBe('same');
    const same = await ask({ ...a, b: a });
    expect(same.verdict.direction).toBe('same');
    for (const { shift } of same.headline) expect(shift?.value ?? 0).toBeCloseTo(0, 6);
  });

  test('another deployment', async () => {
    const answer = await ask({ deployment: 'other', from: at(0), to: at(1), b: a });
    expect(answer.a.deployment).toBe('other');
    expect(answer.verdict.direction).toBe('same');
  });

  test('too many events: evenly spread parts, and it says so', async () => {
    const dense = { ...a, to: at(2.34), b: { ...b, to: at(4.34) } };
    const all = await ask(dense);
    const answer = await ask(dense, 10_000);
    expect(answer.a).toMatchObject({ readWhole: false });
    expect(answer.a.events).toBeLessThanOrEqual(10_000);
    expect(answer.a.steps).toBeGreaterThan(5);
    expect(answer.a.steps).toBeLessThan(all.a.steps);
    expect(answer.notes.join()).toMatch(/A: the window holds more events than are read at once/);
    expect(answer.verdict.direction).toBe('slower');
    const change = (one: Compare): number => one.verdict.stepChange!.value;
    expect(Math.abs(change(answer) - change(all))).toBeLessThan(0.01);
  });

  test('a window without events', async () => {
    const answer = await ask({ ...a, from: at(30), to: at(31), b });
    expect(answer.verdict).toMatchObject({ direction: 'unknown', stepChange: null });
    expect(answer.verdict.sentence).toMatch(/no whole step of A/);
  });
});

describe('defaults', () => {
  test('A is the window before B, as long', async () => {
    const b = { deployment: 'prod', from: at(4), to: at(4.3) };
    const { window } = (await ask({ b })).a;
    expect(window).toEqual({ startUnixNs: at(3.7), endUnixNs: at(4), durationNs: 3e8 });
  });

  test('without any time the newest minute, and the one before', async () => {
    const { a, b } = await ask({});
    expect(b.window.durationNs).toBe(60e9);
    expect(a.window.endUnixNs).toBe(b.window.startUnixNs);
  });
});

describe('wrong questions', () => {
  test.each([
    [{ from: 'soon' }, 'a.from'],
    [{ b: { deployment: 'prod', to: 'late' } }, 'b.to'],
    [{ from: at(2), to: at(1) }, 'a.to'],
  ])('%j names %s', async (question, parameter) => {
    const error = await ask(question).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BadQuestionError);
    expect((error as BadQuestionError).parameter).toBe(parameter);
  });

  test('an unknown deployment is told with its side', async () => {
    const error = await ask({ b: { deployment: 'nope' } }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UnknownDeploymentError);
    expect((error as UnknownDeploymentError).parameter).toBe('b');
  });
});
