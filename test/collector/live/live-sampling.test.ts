import { describe, expect, test } from 'vitest';
import { LiveEngine } from '#collector/live/live-engine.ts';
import { LIVE_DEFAULTS, type LiveSettings } from '#collector/live/live-settings.ts';
import { rollupBuckets } from '#lib/analysis/rollup-buckets.ts';
import type { TrendPoint } from '#lib/api/live-event.ts';
import { NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { pickRows } from '#lib/live/partition-table.ts';
import { isLookedAt } from '#lib/live/step-sampling.ts';
import { assemble } from '#lib/model/assemble.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { WorkerRollup } from '#lib/table/rollups.ts';
import { keptSteps } from '#test/support/kept-steps.ts';
import { committed, FEED_START, inBatches, slowSteps } from '#test/support/live-feed.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';

const SETTINGS: LiveSettings = { ...LIVE_DEFAULTS, store: 'memory:', dataDir: 'none' };
/** What the engine takes an event to cost before it has measured. */
const FIRST_COST_NS = 500;
const unpacker = new PackedUnpacker();

interface Played {
  readonly engine: LiveEngine;
  readonly workers: ReadonlyMap<string, WorkerRollup>;
  readonly points: readonly TrendPoint[];
  readonly reports: number;
  readonly every: readonly number[];
  readonly eventsPerSecond: number;
}

/**
 * One cycle a second, of a thread that has time for about `budget` events a second: what it does not
 * ask for is left out of what it gets.
 */
function play(
  table: EventTable,
  seconds: number,
  packed: boolean,
  budget: number,
  maxEvents: number = SETTINGS.maxEvents,
): Played {
  const settings = { ...SETTINGS, maxEvents, rollupShare: (budget * FIRST_COST_NS) / 1e9 };
  const engine = new LiveEngine(settings, { unpacker, cpuMs: () => 0 });
  engine.setWatched('demo', true);
  const deliveries = inBatches(table, 2 * NS_PER_S);
  const workers = new Map<string, WorkerRollup>();
  const points: TrendPoint[] = [];
  const chosen: number[] = [];
  let every = 1;
  let reports = 0;
  let next = 0;
  let eventsPerSecond = 0;
  for (let second = 1; second <= seconds; second++) {
    const nowUnixNs = FEED_START + BigInt(second) * 1_000_000_000n;
    const nowMs = Number(nowUnixNs / 1_000_000n);
    for (; next < deliveries.length && deliveries[next]!.atUnixNs <= nowUnixNs; next++) {
      const whole = deliveries[next]!.table;
      const rows = [...whole.step.keys()].filter((row) => isLookedAt(whole.step[row]!, every));
      const part = pickRows(whole, rows);
      const message = packed
        ? { ...committed(), packed: part.length === 0 ? [] : keptSteps(part) }
        : committed(part);
      engine.take({ ...message, leftOut: new Map([['demo', whole.length - part.length]]) }, nowMs);
    }
    const outcome = engine.cycle(nowMs);
    if (outcome.sampling !== null) every = outcome.sampling.get('demo') ?? 1;
    chosen.push(every);
    for (const row of outcome.rollups?.workers ?? []) {
      workers.set(`${row.resolutionNs} ${row.bucketStartUnixNs} ${row.workerId}`, row);
    }
    for (const update of outcome.updates) {
      points.push(...update.points);
      if (update.overview.report !== null) reports++;
      eventsPerSecond = Math.max(eventsPerSecond, update.overview.ingest.eventsPerSecond);
    }
  }
  return { engine, workers, points, reports, every: chosen, eventsPerSecond };
}

const SECONDS = 66;
const table = slowSteps({ seconds: SECONDS });
const RATE = table.length / SECONDS;
const expected = new Map(
  rollupBuckets(
    assemble([table], 'demo'),
    FEED_START,
    unixNanos(FEED_START + 60n * 1_000_000_000n),
    NS_PER_S,
  ).workers.map((row) => [`${NS_PER_S} ${row.bucketStartUnixNs} ${row.workerId}`, row]),
);

function sums(rows: Iterable<WorkerRollup>) {
  const total = { computeNs: 0, activeNs: 0, waitNs: 0, observedNs: 0 };
  for (const { lengths } of rows) {
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += lengths[name];
  }
  return total;
}

describe('packed steps', () => {
  test('give the buckets that plain spans give, to the nanosecond', () => {
    const played = play(table, 35, true, 1e9);
    expect(Math.max(...played.every)).toBe(1);
    let closed = 0;
    for (const [key, row] of expected) {
      if (row.bucketStartUnixNs >= FEED_START + 20_000_000_000n) continue;
      expect(played.workers.get(key)).toEqual(row);
      closed++;
    }
    expect(closed).toBe(60);
    expect(played.points.length).toBeGreaterThan(25);
    expect(played.reports).toBeGreaterThan(25);
  });
});

test('more events than there is memory for until their buckets close: steps are left out, buckets close', () => {
  const most = Math.ceil(RATE * 6);
  const { every, workers } = play(table, 50, true, 1e9, most);
  expect(Math.max(...every)).toBeGreaterThan(1);
  const closed = [...workers.values()].filter(
    ({ bucketStartUnixNs, events, resolutionNs }) =>
      resolutionNs === NS_PER_S && events > 0 && bucketStartUnixNs >= FEED_START + 20_000_000_000n,
  );
  expect(closed.length).toBeGreaterThan(20);
});

describe('more events than there is time for', () => {
  const BUDGET = RATE / 5;

  test.for([true, false])(
    'ratios stay right, coverage tells how little was seen (packed: %s)',
    (packed) => {
      const { workers, every, points, reports, eventsPerSecond } = play(table, 50, packed, BUDGET);
      expect(Math.max(...every)).toBeGreaterThanOrEqual(4);
      const seconds = [...workers].filter(([key, row]) => {
        const at = row.bucketStartUnixNs - FEED_START;
        return key.startsWith(`${NS_PER_S} `) && at >= 12_000_000_000n && at < 32_000_000_000n;
      });
      const seen = sums(seconds.map(([, row]) => row));
      const all = sums(seconds.map(([key]) => expected.get(key)!));
      expect(seconds.length).toBeGreaterThan(20);
      // Observed is the time of the steps that were looked at, and no more.
      const coverage = seen.observedNs / all.observedNs;
      expect(coverage).toBeLessThan(0.7);
      expect(coverage).toBeGreaterThan(1 / (3 * Math.max(...every)));
      const ratio = (total: typeof seen) => total.computeNs / total.activeNs;
      expect(Math.abs(ratio(seen) - ratio(all))).toBeLessThan(0.03);
      expect(reports).toBeGreaterThan(40);
      expect(points.length).toBeGreaterThan(10);
      const times = points.map(({ atUnixMs }) => atUnixMs);
      expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
      // What was left out was received all the same.
      expect(eventsPerSecond).toBeGreaterThan(RATE * 0.8);
    },
  );

  test('minutes with rows of some steps are made whole from the store when there is time', async () => {
    const { engine } = play(table, SECONDS + 14, true, BUDGET);
    const store = await openTelemetryWriter({ store: 'memory:', data: 'sampling', unpacker });
    await store.append([batchOf('all', { packed: keptSteps(table) })]);
    expect(engine.rebuild.pending).toBe(true);
    const rebuilt = new Map<string, WorkerRollup>();
    for (let turn = 0; turn < 50 && engine.rebuild.pending; turn++) {
      const rows = await engine.rebuild.next(store, (deployment, minute) =>
        engine.isClosed(deployment, minute),
      );
      for (const row of rows?.workers ?? []) {
        rebuilt.set(`${row.resolutionNs} ${row.bucketStartUnixNs} ${row.workerId}`, row);
      }
    }
    await store.close();
    for (const [key, row] of expected) {
      const { lengths, events } = rebuilt.get(key)!;
      expect({ lengths, events }).toEqual({ lengths: row.lengths, events: row.events });
    }
  });
});
