/** The questions about slow and hung workers and about experts, asked of a store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expertsAnswerSchema } from '#lib/api/experts.ts';
import { stragglersSchema } from '#lib/api/stragglers.ts';
import { addNanos, type UnixNanos } from '#lib/base/units.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { experts } from '#lib/query/experts.ts';
import { stragglers } from '#lib/query/stragglers.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { HUNG_BASE_UNIX_NS, hungWorld } from '#test/support/hung-world.ts';

/** Some ten steps a second. */
const SPEC = scenarioSpec('healthy', {
  deployment: 'slow',
  layers: 12,
  denseLayers: 1,
  hostGapNs: 90e6,
  listExperts: true,
});
const slow = simulateSteps(SPEC, {
  steps: 80,
  seed: 4,
  startUnixNs: HUNG_BASE_UNIX_NS,
  faults: {
    slowRank: { role: 'ffn', rank: 2, factor: 1.3 },
    longContext: { rank: 1, factor: 2 },
  },
});
const hung = hungWorld({ ...SPEC, deployment: 'hung' }, { role: 'ffn', rank: 3 });

let folder: string;
let store: TelemetryStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'afdscope-stragglers-'));
  store = await openTelemetryWriter({ data: folder });
  await store.append([slow, hung.table].map((events, i) => batch(`batch-${i}`, events)));
});

afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

function batch(batchId: string, events: EventTable) {
  return {
    batchId,
    receivedUnixNs: HUNG_BASE_UNIX_NS,
    events: [events],
    packed: [],
    metrics: [],
    rejected: new Map(),
    logRecords: 0,
  };
}

const ask = async (deployment: string, now: UnixNanos, from?: string, to?: string) => {
  const answer = await stragglers(store, { deployment, from, to }, now);
  expect(stragglersSchema.parse(JSON.parse(JSON.stringify(answer)))).toEqual(answer);
  return answer;
};

describe('stragglers', () => {
  const later = addNanos(HUNG_BASE_UNIX_NS, 10e9);

  test('ranking, load model and a trend of each stage that matters', async () => {
    const answer = await ask('slow', later);
    expect(answer.ranking.map(({ worker, stage, cause }) => [worker, stage, cause])).toEqual([
      ['attention/1', 'attention', 'load'],
      ['ffn/2', 'expert', 'device'],
    ]);
    expect(answer.loadModel!.attention!.loads[0]!.measure).toBe('contextTokens');
    expect(answer.trends.map(({ group, stage }) => `${group} ${stage}`)).toEqual([
      'attention attention',
      'attention a2f_send',
      // With so few layers, sampling is a good part.
      'attention sample',
      'ffn expert',
      'ffn f2a_send',
    ]);
    const expert = answer.trends.find(({ stage }) => stage === 'expert')!;
    const windows = expert.atUnixNs.length;
    expect(windows).toBeGreaterThan(5);
    expect(expert.workers).toEqual(['ffn/0', 'ffn/1', 'ffn/2', 'ffn/3']);
    expert.score.forEach((score, i) => {
      const isSlow = expert.workers[Math.floor(i / windows)] === 'ffn/2';
      // The last second may hold too few events.
      if (score !== null) expect(score > answer.thresholdScore).toBe(isSlow);
    });
    expect(expert.score.filter((score) => score !== null).length).toBeGreaterThan(20);
    expect(answer.hangs).toEqual([]);
  });

  test('a part of the time alone', async () => {
    const from = String(HUNG_BASE_UNIX_NS + 2_000_000_000n);
    const to = String(HUNG_BASE_UNIX_NS + 4_000_000_000n);
    const { window, trends, ranking } = await ask('slow', later, from, to);
    expect(window).toEqual({ startUnixNs: from, endUnixNs: to, durationNs: 2e9 });
    expect(trends[0]!.atUnixNs).toEqual([from, String(BigInt(from) + 1_000_000_000n)]);
    expect(ranking.map(({ sinceUnixNs }) => sinceUnixNs)).toEqual([from, from]);
  });

  test('a hang is told by the silence up to now, or up to the end of the window', async () => {
    const soon = addNanos(hung.stopUnixNs, 3e9);
    expect((await ask('hung', soon)).hangs).toEqual([]);
    const late = addNanos(hung.stopUnixNs, 7e9);
    const { hangs } = await ask('hung', late);
    expect(hangs).toHaveLength(1);
    expect(hangs[0]).toMatchObject({ worker: 'ffn/3', durationNs: 7e9, untilUnixNs: null });
    expect((await ask('hung', late, undefined, String(soon))).hangs).toEqual([]);
  });

  test('a hang is told of a window that lies inside of it, without a single event', async () => {
    const late = addNanos(hung.stopUnixNs, 70e9);
    const inside = await ask('hung', late, String(addNanos(hung.stopUnixNs, 60e9)));
    expect(inside.hangs).toHaveLength(1);
    expect(inside.hangs[0]).toMatchObject({ worker: 'ffn/3', durationNs: 70e9, untilUnixNs: null });
    expect(inside.ranking).toEqual([]);
    // What went through and then stopped does not hang.
    expect((await ask('slow', late, String(addNanos(late, -5e9)))).hangs).toEqual([]);
  });

  test('of nothing', async () => {
    const answer = await ask('slow', later, '-2h', '-1h');
    expect(answer).toMatchObject({ ranking: [], trends: [], hangs: [], loadModel: null });
  });
});

describe('experts', () => {
  const now = addNanos(HUNG_BASE_UNIX_NS, 10e9);

  test('tokens by rank and layer, and of single experts', async () => {
    const answer = await experts(store, { deployment: 'slow' }, now);
    expect(expertsAnswerSchema.parse(JSON.parse(JSON.stringify(answer)))).toEqual(answer);
    expect(answer.steps).toBe(80);
    expect(answer.workers.map(({ workerId }) => workerId)).toEqual(
      [0, 1, 2, 3].map((r) => `ffn/${r}`),
    );
    expect(answer.layers).toEqual(Array.from({ length: 11 }, (_, i) => i + 1));
    const cells = answer.workers.length * answer.layers.length;
    const routed = (SPEC.requests * 8 * 8) / 4;
    for (const column of ['tokens', 'active', 'maxTokens', 'meanTokens', 'expertNs'] as const) {
      expect(answer[column]).toHaveLength(cells);
    }
    for (let cell = 0; cell < cells; cell++) {
      expect(Math.abs(answer.tokens[cell]! / routed - 1)).toBeLessThan(0.02);
      expect(answer.meanTokens[cell]).toBeCloseTo(answer.tokens[cell]! / 64, 2);
      expect(answer.active[cell]).toBe(64);
      const isSlow = Math.floor(cell / answer.layers.length) === 2;
      expect(answer.expertNs[cell]! / SPEC.expertNs > 1.2).toBe(isSlow);
    }
    expect(answer.experts).toHaveLength(cells);
    for (const { tokens } of answer.experts) expect(tokens).toHaveLength(64);
    expect(answer.summary!.keys).toBe(80 * 11 * 3);
  });

  test('of nothing', async () => {
    const answer = await experts(store, { deployment: 'slow', from: '-2h', to: '-1h' }, now);
    expect(answer).toMatchObject({ summary: null, workers: [], tokens: [], experts: [], steps: 0 });
  });
});
