/** The question about critical paths, asked of a store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CriticalPath, criticalPathSchema } from '#lib/api/critical-path.ts';
import { NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { criticalPath } from '#lib/query/critical-path.ts';
import { BadQuestionError } from '#lib/query/errors.ts';
import type { CriticalPathQuestion } from '#lib/query/questions.ts';
import { report } from '#lib/query/report.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import { FEED_START, inBatches, slowSteps } from '#test/support/live-feed.ts';

const table = slowSteps({ seconds: 30 });
const NOW = unixNanos(FEED_START + 40_000_000_000n);
const at = (seconds: number): string => String(FEED_START + BigInt(Math.round(seconds * 1e9)));
let folder: string;
let store: TelemetryStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'afdscope-path-'));
  store = await openTelemetryWriter({ data: folder });
  await store.append(
    inBatches(table, 5 * NS_PER_S).map(({ table: events, atUnixNs }, i) => ({
      batchId: `batch-${i}`,
      receivedUnixNs: unixNanos(atUnixNs),
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

async function ask(question: Partial<CriticalPathQuestion>): Promise<CriticalPath> {
  const answer = await criticalPath(store, { deployment: 'demo', ...question }, NOW);
  expect(criticalPathSchema.parse(answer)).toEqual(answer);
  expect(JSON.parse(JSON.stringify(answer))).toEqual(answer);
  return answer;
}

test('sums are those of the report, the step is the slowest, its path adds up', async () => {
  const window = { from: at(10), to: at(20) };
  const { sums, step } = await ask(window);
  const whole = await report(store, { deployment: 'demo', ...window }, NOW);
  expect(sums).toEqual(whole.criticalPath);
  expect(step!.durationNs).toBe(whole.steps.latencyNs!.max);
  const { path, events } = step!;
  let reachedNs = 0;
  path.startNs.forEach((startNs, i) => {
    expect(startNs).toBe(reachedNs);
    reachedNs += path.durationNs[i]!;
  });
  expect(reachedNs).toBe(step!.durationNs);
  expect(step!.hiddenEvents).toBe(0);
  expect(events.slackNs).toHaveLength(events.worker.length);
  expect(Math.min(...events.slackNs)).toBe(0);
  // What is on the path could not have ended later. It may begin in a step before, still in the way.
  const known = new Set<number>();
  path.worker.forEach((worker, i) => {
    const from = path.startNs[i]!;
    const to = from + path.durationNs[i]!;
    events.worker.forEach((own, e) => {
      if (own !== worker || events.stage[e] !== path.stage[i]) return;
      if (events.startNs[e]! > from || events.startNs[e]! + events.durationNs[e]! < to) return;
      expect(events.slackNs[e]).toBe(0);
      known.add(i);
    });
  });
  expect(known.size).toBeGreaterThanOrEqual(path.worker.length - 2);
});

test('the newest step, a step by its number, a step that is not there', async () => {
  const window = { from: at(10), to: at(20) };
  const newest = (await ask({ ...window, pick: 'newest' })).step!;
  const startNs = BigInt(newest.startUnixNs);
  expect(startNs > BigInt(at(19))).toBe(true);
  const before = String(newest.step - 1);
  expect((await ask({ ...window, step: before })).step).toMatchObject({ step: newest.step - 1 });
  expect((await ask({ ...window, step: before, domain: '0' })).step).not.toBeNull();
  expect((await ask({ ...window, step: before, domain: '7' })).step).toBeNull();
  expect((await ask({ ...window, step: '99999999' })).step).toBeNull();
  expect(await ask({ from: at(35), to: at(36) })).toMatchObject({ sums: null, step: null });
});

test.each([
  ['pick', 'best'],
  ['step', '-1'],
  ['domain', '1.5'],
] as const)('a wrong %s is refused by its name', async (parameter, text) => {
  const asked = ask({ [parameter]: text });
  await expect(asked).rejects.toBeInstanceOf(BadQuestionError);
  await expect(asked).rejects.toMatchObject({ parameter });
});
