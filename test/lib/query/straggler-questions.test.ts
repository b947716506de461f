/** The questions about slow and hung workers and about experts, asked of a store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stragglersSchema } from '#lib/api/stragglers.ts';
import { addNanos, type UnixNanos } from '#lib/base/units.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
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

  test('of nothing', async () => {
    const answer = await ask('slow', later, '-2h', '-1h');
    expect(answer).toMatchObject({ ranking: [], trends: [], hangs: [], loadModel: null });
  });
});
