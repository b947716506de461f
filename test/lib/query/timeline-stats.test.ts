/** Statistics of areas of a timeline, by counting. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { reportOf } from '#lib/analysis/build-report.ts';
import { CAUSES } from '#lib/analysis/causes.ts';
import { type TimelineStats, timelineStatsSchema } from '#lib/api/timeline-stats.ts';
import { addNanos, NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { assemble } from '#lib/model/assemble.ts';
import { BadQuestionError } from '#lib/query/errors.ts';
import { timelineStats } from '#lib/query/timeline-stats.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryStore, TimeWindow } from '#lib/store/telemetry-store.ts';
import { StageAccumulator } from '#lib/table/stage-accumulator.ts';
import { FEED_START, inBatches, slowSteps } from '#test/support/live-feed.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';
import { type TilePart, trueParts } from '#test/support/tile-rows.ts';

const NOW = unixNanos(FEED_START + 3_600_000_000_000n);
const TABLE = slowSteps({ seconds: 20, deployment: 'prod' });
const windowOf = (fromS: number, toS: number): TimeWindow => ({
  fromUnixNs: addNanos(FEED_START, fromS * NS_PER_S),
  toUnixNs: addNanos(FEED_START, toS * NS_PER_S),
});

async function filled(open: () => Promise<TelemetryStore>): Promise<TelemetryStore> {
  const store = await open();
  const batches = inBatches(TABLE, 5 * NS_PER_S);
  await store.append(batches.map((batch, i) => batchOf(`a${i}`, { events: [batch.table] })));
  const sums = new StageAccumulator();
  sums.addTable(TABLE);
  await store.addStageRollups(sums.take(), 1);
  const policy = { rawNs: 1e17, rawBytes: 1e18, rollupsNs: 1e17 };
  while ((await store.retain(policy, NOW)).more);
  return store;
}

const STORES = [
  ['memory', () => openTelemetryWriter({ store: 'memory:', data: randomUUID() })],
  ['sqlite', () => openTelemetryWriter({ data: scratchFolder(), unpacker: new PackedUnpacker() })],
] as const;

async function ask(
  store: TelemetryStore,
  { fromUnixNs, toUnixNs }: TimeWindow,
  more: Readonly<Record<string, string>> = {},
  limits = { maxEvents: 1e6, maxBinned: 1e6, maxCells: 1 },
): Promise<TimelineStats> {
  const question = { deployment: 'prod', from: String(fromUnixNs), to: String(toUnixNs), ...more };
  return timelineStatsSchema.parse(await timelineStats(store, question, NOW, limits));
}

interface Naive {
  count: number;
  sumNs: number;
  durations: number[];
}

/** By "group stage kind". */
function naive(parts: readonly TilePart[], window: TimeWindow | null): Map<string, Naive> {
  const found = new Map<string, Naive>();
  for (const { worker, stage, kind, startUnixNs, durationNs } of parts) {
    const key = `${worker.split('/')[0]} ${stage} ${kind}`;
    const sums = found.get(key) ?? { count: 0, sumNs: 0, durations: [] };
    found.set(key, sums);
    sums.count++;
    sums.durations.push(durationNs);
    const from = window === null ? 0 : Number(window.fromUnixNs - startUnixNs);
    const to = window === null ? durationNs : Number(window.toUnixNs - startUnixNs);
    sums.sumNs += Math.min(durationNs, to) - Math.max(0, from);
  }
  for (const { durations } of found.values()) durations.sort((a, b) => a - b);
  return found;
}

function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  return low + (sorted[Math.ceil(at)]! - low) * (at - Math.floor(at));
}

function expectStages(
  answer: TimelineStats,
  expected: Map<string, Naive>,
  windowNs: number,
  workers: Readonly<Record<string, number>>,
): void {
  const keys = answer.stages.map(({ group, stage, kind }) => `${group} ${stage} ${kind}`);
  expect([...keys].sort()).toEqual([...expected.keys()].sort());
  const error = answer.exactness === 'raw' ? 1e-12 : 1 / 64;
  answer.stages.forEach(({ group, count, sumNs, share, durationNs }, i) => {
    const { durations, ...sums } = expected.get(keys[i]!)!;
    expect({ count, sumNs }).toEqual(sums);
    expect(share).toBeCloseTo(sumNs / (windowNs * workers[group]!), 12);
    expect([durationNs.min, durationNs.max]).toEqual([durations[0], durations.at(-1)]);
    for (const [name, part] of [
      ['p50', 0.5],
      ['p90', 0.9],
      ['p99', 0.99],
    ] as const) {
      const wanted = quantile(durations, part);
      expect(Math.abs(durationNs[name] - wanted)).toBeLessThanOrEqual(error * wanted + 1e-6);
    }
  });
  expect(answer.events).toBe([...expected.values()].reduce((sum, { count }) => sum + count, 0));
  const { edgesNs, count } = answer.histogram;
  const all = [...expected.values()].flatMap(({ durations }) => durations);
  expect(count.reduce((sum, n) => sum + n, 0)).toBe(all.length);
  if (answer.exactness === 'raw') {
    expect(count).toEqual(
      count.map(
        (_, i) => all.filter((ns) => (ns >= edgesNs[i]! || i === 0) && ns < edgesNs[i + 1]!).length,
      ),
    );
  }
}

describe.each(STORES)('in %s', (_, open) => {
  test('from events: cut receives, exact quantiles, causes', async () => {
    const store = await filled(open);
    for (const [from, to] of [
      [3, 5],
      [7.0301, 7.0302],
      [0, 20],
      [4, 4.2],
    ] as const) {
      const window = windowOf(from, to);
      const answer = await ask(store, window);
      expect(answer).toMatchObject({ exactness: 'raw', workers: 3 });
      const windowNs = answer.window.durationNs;
      expectStages(answer, naive(trueParts([TABLE], window), window), windowNs, {
        attention: 2,
        ffn: 1,
      });
      const { groups } = reportOf(assemble([TABLE], 'prod'), window);
      for (const cause of CAUSES) {
        const ofReport = groups.reduce((sum, { causes }) => sum + causes[cause], 0);
        const ofStats = answer.causes.find((one) => one.cause === cause)?.ns ?? 0;
        expect(ofStats, `${cause} of ${from}..${to}`).toBe(ofReport);
      }
    }
    await store.close();
  });

  test('of some workers, stages, a layer, a micro-batch', async () => {
    const store = await filled(open);
    const window = windowOf(6, 8);
    const all = trueParts([TABLE], window);
    for (const [more, takes] of [
      [{ workers: 'attention/1' }, (part: TilePart) => part.worker === 'attention/1'],
      [
        { stages: 'expert,f2a_recv' },
        (part: TilePart) => ['expert', 'f2a_recv'].includes(part.stage),
      ],
      [{ layer: '2' }, (part: TilePart) => part.layer === 2],
      [{ layer: '-1' }, (part: TilePart) => part.layer === -1],
      [
        { microbatch: '1', stages: 'a2f_recv' },
        (part: TilePart) => part.microbatch === 1 && part.stage === 'a2f_recv',
      ],
    ] as const) {
      const answer = await ask(store, window, more);
      const workers = 'workers' in more ? { attention: 1, ffn: 0 } : { attention: 2, ffn: 1 };
      expectStages(answer, naive(all.filter(takes), window), 2e9, workers);
    }
    await store.close();
  });

  test('from rollups: whole seconds, counts and sums exact', async () => {
    const store = await filled(open);
    const limits = { maxEvents: 0, maxBinned: 0, maxCells: 1 };
    for (const more of [{}, { workers: 'ffn/0' }, { layer: '1' }, { stages: 'expert' }]) {
      const answer = await ask(store, windowOf(3.3, 9.2), more, limits);
      expect(answer.exactness).toBe('rollup');
      const from = BigInt(answer.window.startUnixNs);
      const to = BigInt(answer.window.endUnixNs);
      expect([from, to]).toEqual([FEED_START + 3_000_000_000n, FEED_START + 10_000_000_000n]);
      const events = rawEvents().filter(
        (event) =>
          event.startUnixNs >= from &&
          event.startUnixNs < to &&
          (!('workers' in more) || event.worker === more.workers) &&
          (!('layer' in more) || event.layer === Number(more.layer)) &&
          (!('stages' in more) || event.stage === more.stages),
      );
      expectStages(answer, naive(events, null), 7e9, { attention: 2, ffn: 1 });
    }
    for (const name of ['microbatch', 'peer']) {
      await expect(ask(store, windowOf(3, 9), { [name]: '1' }, limits)).rejects.toThrow(
        BadQuestionError,
      );
    }
    await store.close();
  });
});

test('an empty window has nothing, and says so', async () => {
  const store = await filled(STORES[0][1]);
  const answer = await ask(store, windowOf(-100, -99));
  expect(answer).toMatchObject({ events: 0, stages: [], causes: [], workers: 0 });
  expect(answer.histogram).toEqual({ edgesNs: [0], count: [] });
  await store.close();
});

/** Uncut. */
function rawEvents(): TilePart[] {
  const kinds = ['compute', 'transfer', 'wait', 'receive', 'copy', 'host'];
  return Array.from({ length: TABLE.length }, (_, i) => ({
    worker: `${TABLE.workers[TABLE.worker[i]!]!.group}/${TABLE.workers[TABLE.worker[i]!]!.rank}`,
    stage: TABLE.stageNames[TABLE.stage[i]!]!,
    kind: kinds[TABLE.kind[i]!]!,
    startUnixNs: TABLE.baseUnixNs + BigInt(TABLE.startNs[i]!),
    durationNs: TABLE.durationNs[i]!,
    step: TABLE.step[i]!,
    layer: TABLE.layer[i]!,
    microbatch: TABLE.microbatch[i]!,
  }));
}
