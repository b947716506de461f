import { describe, expect, test } from 'vitest';
import {
  type CycleOutcome,
  LiveEngine,
  type LiveEngineParts,
} from '#collector/live/live-engine.ts';
import { LIVE_DEFAULTS, type LiveSettings } from '#collector/live/live-settings.ts';
import { reportOf } from '#lib/analysis/build-report.ts';
import type { Report } from '#lib/analysis/report-types.ts';
import { mergeRollups, rollupBuckets } from '#lib/analysis/rollup-buckets.ts';
import { liveEventSchema, type TrendPoint } from '#lib/api/live-event.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';
import { NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { alignEvents } from '#lib/model/align-events.ts';
import { assemble } from '#lib/model/assemble.ts';
import { trendPoints } from '#lib/query/trend-points.ts';
import { tableSpan } from '#lib/table/event-tables.ts';
import type { DeploymentRollup, WorkerRollup } from '#lib/table/rollups.ts';
import {
  committed,
  type Delivery,
  FEED_START,
  inBatches,
  slowSteps,
} from '#test/support/live-feed.ts';
import { gauge, metricTable } from '#test/support/metric-points.ts';

const SETTINGS: LiveSettings = { ...LIVE_DEFAULTS, store: 'memory:', dataDir: 'none' };
const PARTS: LiveEngineParts = { unpacker: new PackedUnpacker(), cpuMs: () => 0 };

interface Played {
  readonly outcomes: readonly CycleOutcome[];
  readonly engine: LiveEngine;
  readonly workers: ReadonlyMap<string, WorkerRollup>;
  readonly deployments: ReadonlyMap<string, DeploymentRollup>;
  readonly late: number;
}

/** One cycle a second; what is due by then was taken in. Of `lost` only its time is told. */
function play(
  deliveries: readonly Delivery[],
  seconds: number,
  settings = SETTINGS,
  lost?: Delivery,
): Played {
  const engine = new LiveEngine(settings, PARTS);
  engine.setWatched('demo', true);
  const outcomes: CycleOutcome[] = [];
  const workers = new Map<string, WorkerRollup>();
  const deployments = new Map<string, DeploymentRollup>();
  let late = 0;
  let next = 0;
  for (let second = 1; second <= seconds; second++) {
    const nowUnixNs = FEED_START + BigInt(second) * 1_000_000_000n;
    const nowMs = Number(nowUnixNs / 1_000_000n);
    for (; next < deliveries.length && deliveries[next]!.atUnixNs <= nowUnixNs; next++) {
      const delivery = deliveries[next]!;
      const missed = [{ deployment: 'demo', ...tableSpan(delivery.table)! }];
      engine.take(
        delivery === lost ? { ...committed(), missed } : committed(delivery.table),
        nowMs,
      );
    }
    const outcome = engine.cycle(nowMs);
    outcomes.push(outcome);
    for (const row of outcome.rollups?.workers ?? []) {
      workers.set(`${row.resolutionNs} ${row.bucketStartUnixNs} ${row.workerId}`, row);
    }
    for (const row of outcome.rollups?.deployments ?? []) {
      deployments.set(`${row.resolutionNs} ${row.bucketStartUnixNs}`, row);
    }
    for (const { events } of outcome.rollups?.late ?? []) late += events;
  }
  return { outcomes, engine, workers, deployments, late };
}

/** The report but for what it says of clocks, which the live view knows more of than its window. */
function withoutClocks({ clock: _clock, workers, ...rest }: ReportJson | Report) {
  return { ...rest, workers: workers.map(({ clockErrorNs: _error, ...worker }) => worker) };
}

function bucketsOf(seconds: number, table = slowSteps({ seconds })) {
  const assembled = assemble([table], 'demo');
  const to = unixNanos(FEED_START + BigInt(seconds) * 1_000_000_000n);
  return rollupBuckets(assembled, FEED_START, to, NS_PER_S);
}

describe('LiveEngine', () => {
  const table = slowSteps({ seconds: 65 });
  const deliveries = inBatches(table, 5 * NS_PER_S);
  const played = play(deliveries, 90);

  test('closed buckets are those of the whole table, whatever the batches', () => {
    const expected = bucketsOf(60, table);
    expect(expected.workers.length).toBe(180);
    for (const row of expected.workers) {
      const key = `${NS_PER_S} ${row.bucketStartUnixNs} ${row.workerId}`;
      expect(played.workers.get(key)).toEqual(row);
    }
    for (const row of expected.deployments) {
      expect(played.deployments.get(`${NS_PER_S} ${row.bucketStartUnixNs}`)).toEqual(row);
    }
    expect(played.late).toBe(0);
  });

  test('10 s and 60 s buckets are the sums of the 1 s ones', () => {
    for (const resolutionNs of [10 * NS_PER_S, 60 * NS_PER_S]) {
      const expected = mergeRollups(bucketsOf(60, table), resolutionNs);
      expect(expected.deployments.length).toBe(60e9 / resolutionNs);
      for (const row of expected.workers) {
        const key = `${resolutionNs} ${row.bucketStartUnixNs} ${row.workerId}`;
        expect(played.workers.get(key)).toEqual(row);
      }
      for (const row of expected.deployments) {
        expect(played.deployments.get(`${resolutionNs} ${row.bucketStartUnixNs}`)).toEqual(row);
      }
    }
  });

  test('every second has one point, in order, the same as the history will show', () => {
    const points: TrendPoint[] = played.outcomes.flatMap((outcome) =>
      outcome.updates.flatMap((update) => update.points),
    );
    const times = points.map((point) => point.atUnixMs);
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
    expect(points.length).toBeGreaterThan(58);
    const all = bucketsOf(60, table);
    const history = new Map(
      trendPoints(all.workers, all.deployments, NS_PER_S).map((point) => [point.atUnixMs, point]),
    );
    // The first points come before the first worker's neighbours are known.
    const comparable = points.filter((point) => history.has(point.atUnixMs)).slice(5, -2);
    expect(comparable.length).toBeGreaterThan(45);
    for (const point of comparable) expect(point).toEqual(history.get(point.atUnixMs));
  });

  test('a host whose clock is off: the same buckets, as far as its error allows', () => {
    const skew = { target: 'node-1', offsetNs: 8_400_000, driftPpm: -33 };
    const reported = slowSteps({ seconds: 45, faults: { clockOffset: [skew] } });
    const skewed = play(inBatches(reported, 5 * NS_PER_S), 70);
    const right = bucketsOf(40, slowSteps({ seconds: 45 }));
    const errorNs = Math.max(
      ...skewed.outcomes.flatMap(({ updates }) =>
        updates.flatMap(({ overview }) =>
          (overview.report?.clock.domains ?? []).map((domain) => domain.errorNs!),
        ),
      ),
    );
    expect(errorNs).toBeLessThan(20_000);
    expect(right.workers.length).toBe(120);
    for (const row of right.workers) {
      const own = skewed.workers.get(`${NS_PER_S} ${row.bucketStartUnixNs} ${row.workerId}`)!;
      // Some hundred instants of a worker in a second, each off by little.
      for (const length of ['computeNs', 'transferNs', 'waitNs', 'observedNs'] as const) {
        expect(Math.abs(own.lengths[length] - row.lengths[length])).toBeLessThan(20_000);
      }
    }
    const counted = (rows: Iterable<DeploymentRollup>) =>
      [...rows]
        .filter(
          (row) =>
            row.resolutionNs === NS_PER_S &&
            row.bucketStartUnixNs < FEED_START + 40n * 1_000_000_000n,
        )
        .reduce((sum, row) => sum + row.steps, 0);
    expect(
      Math.abs(counted(skewed.deployments.values()) - counted(right.deployments)),
    ).toBeLessThan(2);
  });

  test('the report covers whole steps that all workers have reported', () => {
    const reports = played.outcomes.flatMap((outcome) =>
      outcome.updates.flatMap(({ overview }) => (overview.report === null ? [] : [overview])),
    );
    expect(reports.length).toBeGreaterThan(50);
    const late = reports[30]!;
    const report = late.report!;
    expect(report.workers.map((worker) => worker.id)).toEqual([
      'attention/0',
      'attention/1',
      'ffn/0',
    ]);
    const window = {
      fromUnixNs: unixNanos(BigInt(report.window.startUnixNs)),
      toUnixNs: unixNanos(BigInt(report.window.endUnixNs)),
    };
    expect(Number(window.toUnixNs - window.fromUnixNs)).toBeGreaterThan(4e9);
    expect(late.atUnixMs - Number(window.toUnixNs / 1_000_000n)).toBeLessThan(11_000);
    const { tables, clock } = alignEvents([table], 'demo');
    // Right clocks stay untouched.
    expect(tables[0]).toBe(table);
    const whole = reportOf(assemble(tables, 'demo'), window, { clock });
    expect(withoutClocks(report)).toEqual(withoutClocks(whole));
    expect(report.workers.every((worker) => worker.activeBubbleRatio! < 0.5)).toBe(true);
  });

  test('all events pass the schema of the stream; strip and heat map come while watched', () => {
    const kinds = new Set<string>();
    for (const { updates } of played.outcomes) {
      for (const { overview, strip, heatmap, points, deployment } of updates) {
        const events = [
          overview,
          strip,
          heatmap,
          ...points.map((p) => ({ kind: 'point', deployment, ...p })),
        ];
        for (const event of events) {
          if (event === null) continue;
          kinds.add(liveEventSchema.parse(event).kind);
        }
      }
    }
    expect([...kinds].sort()).toEqual(['heatmap', 'overview', 'point', 'strip']);
  });

  test('a deployment without new events becomes quiet, and its last buckets are closed', () => {
    const states = played.outcomes.map((outcome) => outcome.updates[0]?.overview.state);
    expect(states.slice(10, 60).every((state) => state === 'live')).toBe(true);
    expect(states.at(-1)).toBe('quiet');
    const lastEndNs = Math.max(
      ...Array.from(table.startNs, (start, i) => start + table.durationNs[i]!),
    );
    const newest = [...played.deployments.values()]
      .filter((row) => row.resolutionNs === NS_PER_S)
      .map((row) => Number(row.bucketStartUnixNs - FEED_START) / NS_PER_S);
    expect(Math.max(...newest)).toBe(Math.floor(lastEndNs / NS_PER_S));
  });

  test('late events are counted and their minute is queued to be rebuilt', () => {
    const batches = inBatches(table, NS_PER_S);
    const heldBack = batches.findIndex(({ atUnixNs }) => atUnixNs > FEED_START + 5_000_000_000n);
    const late: Delivery = { ...batches[heldBack]!, atUnixNs: FEED_START + 40_500_000_000n };
    const others = batches.filter((_, i) => i !== heldBack);
    const order = [...others, late].sort((a, b) => (a.atUnixNs < b.atUnixNs ? -1 : 1));
    const outcome = play(order, 90);
    expect(outcome.late).toBe(late.table.length);
    expect(outcome.engine.rebuild.length).toBe(1);
    expect(outcome.engine.isClosed('demo', FEED_START)).toBe(true);
  });

  test('a worker that falls silent holds the picture back for 10 s, no longer', () => {
    const silentAfter = FEED_START + 20_000_000_000n;
    const some = inBatches(table, NS_PER_S).filter(
      ({ atUnixNs, table: part }) => part.worker[0] !== 2 || atUnixNs < silentAfter,
    );
    const { outcomes } = play(some, 50);
    const ends = outcomes.map((outcome) => outcome.updates[0]?.overview.report?.window.endUnixNs);
    const endS = (second: number): number =>
      Number(BigInt(ends[second - 1]!) - FEED_START) / NS_PER_S;
    expect(endS(26)).toBeLessThan(20.5);
    expect(endS(45)).toBeGreaterThan(42);
  });

  test('the minute of what the thread never got is queued to be rebuilt from the store', () => {
    const batches = inBatches(table, NS_PER_S);
    const lost = batches.findIndex(({ atUnixNs }) => atUnixNs > FEED_START + 20_000_000_000n);
    const { engine } = play(batches, 90, SETTINGS, batches[lost]);
    expect(engine.rebuild.length).toBe(1);
    expect(engine.isClosed('demo', FEED_START)).toBe(true);
  });

  test('memory stays bounded: oldest events go, are counted, and are rebuilt later', () => {
    const { engine } = play(deliveries, 60, { ...SETTINGS, maxEvents: 8000 });
    const stats = engine.stats(0, 1000);
    expect(stats.events).toBeLessThanOrEqual(8000);
    expect(stats.droppedEvents).toBeGreaterThan(0);
    expect(played.engine.stats(0, 1000).droppedEvents).toBe(0);
  });

  test('clocks that were hours ahead for a moment leave neither figures nor memory behind', () => {
    const startUnixNs = unixNanos(FEED_START + 8n * 3_600_000_000_000n);
    const ahead = slowSteps({ seconds: 1, startUnixNs });
    const wrong = { atUnixNs: FEED_START + 30_000_000_000n, table: ahead };
    const batches = [...deliveries, wrong].sort((a, b) => (a.atUnixNs < b.atUnixNs ? -1 : 1));
    const { engine, outcomes } = play(batches, 60);
    expect(engine.stats(0, 1000).droppedEvents).toBe(ahead.length);
    expect(engine.stats(0, 1000).events).toBe(play(deliveries, 60).engine.stats(0, 1000).events);
    const last = outcomes.at(-1)!.updates[0]!.overview;
    expect(last.state).toBe('live');
    expect(last.ingest.lagMs).toBeLessThan(5000);
    const endMs = Number(BigInt(last.report!.window.endUnixNs) / 1_000_000n);
    expect(last.atUnixMs - endMs).toBeLessThan(15_000);
  });

  test('idle deployments leave the memory', () => {
    const engine = new LiveEngine({ ...SETTINGS, evictAfterMs: 60_000 }, PARTS);
    const nowMs = Number(FEED_START / 1_000_000n);
    const one = slowSteps({ seconds: 1, deployment: 'gone' });
    engine.take(committed(one), nowMs);
    expect(engine.cycle(nowMs + 1000).evicted).toEqual([]);
    expect(engine.cycle(nowMs + 61_000).evicted).toEqual(['gone']);
    expect(engine.stats(0, 0).deployments).toBe(0);
  });

  test('a deployment that nobody knows is empty; one that only the store knows is quiet', () => {
    const engine = new LiveEngine(SETTINGS, PARTS);
    engine.setStored(['old']);
    engine.setWatched('old', true);
    engine.setWatched('new', true);
    const states = engine
      .cycle(1000)
      .updates.map(({ deployment, overview }) => [deployment, overview.state]);
    expect(states).toEqual([
      ['old', 'quiet'],
      ['new', 'empty'],
    ]);
  });

  test('GPU figures join by the UUID, from a sender that knows no deployment', () => {
    const engine = new LiveEngine(SETTINGS, PARTS);
    engine.setWatched('demo', true);
    const nowUnixNs = (FEED_START + 6_000_000_000n) as UnixNanos;
    const nowMs = Number(nowUnixNs / 1_000_000n);
    engine.take(committed(table), nowMs);
    const { hwId } = table.workers.find((worker) => worker.role === 'ffn')!;
    const series = gauge('DCGM_FI_PROF_PIPE_TENSOR_ACTIVE', { hwId, deployment: 'default' });
    const metrics = [metricTable(nowUnixNs, [[series, 0, 0.42]])];
    engine.take({ ...committed(), metrics }, nowMs);
    const { overview } = engine.cycle(nowMs).updates[0]!;
    expect(overview.gpu.find((row) => row.group === 'ffn')?.tensorActiveRatio).toBe(0.42);
    expect(overview.gpu.find((row) => row.group === 'attention')?.tensorActiveRatio).toBeNull();
  });
});
