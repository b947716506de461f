/** Slow and hung workers in the live stream: the real engine, with a clock of its own. */
import { describe, expect, it } from 'vitest';
import { LiveEngine } from '#collector/live/live-engine.ts';
import { LIVE_DEFAULTS } from '#collector/live/live-settings.ts';
import type { Overview } from '#lib/api/live-event.ts';
import { overviewSchema } from '#lib/api/live-event.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { PipelineSpec } from '#lib/pipeline/spec.ts';
import { Stage } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { changeRows } from '#test/support/change-rows.ts';
import { type HungOptions, hungWorld } from '#test/support/hung-world.ts';
import { committed, FEED_START, inBatches } from '#test/support/live-feed.ts';

type HungRank = NonNullable<Faults['hungRank']>;

/** Steps of about an eighth of a second, of few events. */
function slowSpec(): PipelineSpec {
  const spec = scenarioSpec('healthy', { layers: 4, denseLayers: 1, microbatches: 2 });
  const slow: Record<string, number> = {};
  for (const [field, value] of Object.entries(spec)) {
    if (field.endsWith('Ns')) slow[field] = 30 * value;
  }
  return { ...spec, ...slow };
}
const SPEC = slowSpec();

interface Seen {
  readonly atNs: number;
  readonly overview: Overview;
}

/** A look for hangs a second, a cycle at each `cycleS`; every overview that somebody who looks gets. */
function play(
  table: EventTable,
  batchNs: number,
  seconds: number,
  watched = true,
  cycleS = 1,
): { readonly seen: readonly Seen[]; readonly engine: LiveEngine } {
  const settings = { ...LIVE_DEFAULTS, store: 'memory:', dataDir: 'none' };
  const engine = new LiveEngine(settings, { unpacker: new PackedUnpacker(), cpuMs: () => 0 });
  engine.setWatched('demo', watched);
  const deliveries = inBatches(table, batchNs);
  const seen: Seen[] = [];
  let next = 0;
  for (let second = 1; second <= seconds; second++) {
    const nowUnixNs = FEED_START + BigInt(second) * 1_000_000_000n;
    while (next < deliveries.length && deliveries[next]!.atUnixNs <= nowUnixNs) {
      const { table: part, atUnixNs } = deliveries[next++]!;
      engine.take(committed(part), Number(atUnixNs / 1_000_000n));
    }
    const nowUnixMs = Number(nowUnixNs / 1_000_000n);
    const updates = [...engine.lookForHangs(nowUnixMs)];
    if (second % cycleS === 0) updates.push(...engine.cycle(nowUnixMs).updates);
    for (const { overview } of updates) {
      expect(overviewSchema.parse(JSON.parse(JSON.stringify(overview)))).toEqual(overview);
      seen.push({ atNs: second * 1e9, overview });
    }
  }
  return { seen, engine };
}

const hungAt = (hung: HungRank, options: HungOptions = {}) => {
  const world = hungWorld(SPEC, hung, { stepsBefore: 70, baseUnixNs: FEED_START, ...options });
  return { ...world, stopNs: Number(world.stopUnixNs - FEED_START) };
};

describe('a hung rank, live', () => {
  it.each<HungRank>([
    { role: 'ffn', rank: 3 },
    { role: 'ffn', rank: 0, layer: 1 },
    { role: 'ffn', rank: 2, layer: 3 },
    { role: 'attention', rank: 6 },
    { role: 'attention', rank: 0, layer: 0 },
    { role: 'attention', rank: 7, layer: 4 },
  ])('$role/$rank, layer $layer, is named within 5 s of the last event', (hung) => {
    const world = hungAt(hung);
    const { seen } = play(world.table, 1e9, Math.ceil(world.stopNs / 1e9) + 8);
    const first = seen.find(({ overview }) => overview.hangs!.length > 0)!;
    expect(first.atNs).toBeGreaterThan(world.stopNs);
    expect(first.atNs - world.stopNs).toBeLessThanOrEqual(5e9);
    const [hang] = first.overview.hangs!;
    expect(hang).toMatchObject({
      kind: 'hang',
      worker: `${hung.role}/${hung.rank}`,
      reason: 'no-progress',
      step: world.step,
      sinceUnixNs: String(world.stopUnixNs),
      untilUnixNs: null,
    });
    // It goes on being told, and lasts longer each time.
    const last = seen.at(-1)!.overview.hangs!;
    expect(last).toHaveLength(1);
    expect(last[0]!.durationNs).toBe(seen.at(-1)!.atNs - world.stopNs);
  });

  it('is told to the hub though nobody looks', () => {
    const world = hungAt({ role: 'ffn', rank: 1 });
    const { seen } = play(world.table, 1e9, Math.ceil(world.stopNs / 1e9) + 8, false);
    const told = seen.filter(({ overview }) => overview.hangs!.length > 0);
    // Each second while it lasts, so that an alert on its length sees it grow.
    const lengths = told.map(({ overview }) => overview.hangs![0]!.durationNs);
    expect(lengths.length).toBeGreaterThan(2);
    expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
    for (const { overview } of told) expect(overview.hangs![0]!.worker).toBe('ffn/1');
  });

  it('is named as soon where cycles are dear, and seldom', () => {
    const world = hungAt({ role: 'ffn', rank: 2 });
    const { seen } = play(world.table, 1e9, Math.ceil(world.stopNs / 1e9) + 8, true, 15);
    const first = seen.find(({ overview }) => overview.hangs!.length > 0)!;
    expect(first.atNs - world.stopNs).toBeLessThanOrEqual(5e9);
    expect(first.overview.hangs![0]).toMatchObject({ worker: 'ffn/2', untilUnixNs: null });
  });

  it('of senders that report every 5 s, too, as soon as their silence tells', () => {
    const world = hungAt({ role: 'ffn', rank: 3 }, { stepsBefore: 200 });
    const { seen } = play(world.table, 5e9, Math.ceil(world.stopNs / 1e9) + 15);
    const first = seen.find(({ overview }) => overview.hangs!.length > 0)!;
    expect(first.atNs - world.stopNs).toBeLessThanOrEqual(10e9);
    expect(first.overview.hangs![0]).toMatchObject({ worker: 'ffn/3', reason: 'no-progress' });
  });

  it('ends when things go on, and is remembered', () => {
    const forNs = 6e9;
    const world = hungAt({ role: 'attention', rank: 2 }, { forNs, stepsAfter: 30 });
    const endNs = Number(world.endUnixNs - FEED_START);
    const { seen } = play(world.table, 1e9, Math.ceil(endNs / 1e9) + 1);
    const { hangs } = seen.at(-1)!.overview;
    expect(hangs).toHaveLength(1);
    expect(hangs![0]).toMatchObject({
      worker: 'attention/2',
      sinceUnixNs: String(world.stopUnixNs),
    });
    expect(hangs![0]!.untilUnixNs).not.toBeNull();
    expect(Math.abs(hangs![0]!.durationNs - forNs)).toBeLessThan(0.1e9);
  });
});

describe('what is no hang, live', () => {
  it.each([0.5e9, 1e9, 5e9])('a healthy cluster that reports every %d ns', (batchNs) => {
    const table = simulateSteps(SPEC, { steps: 160, seed: 3, startUnixNs: FEED_START });
    const { seen } = play(table, batchNs, 20);
    expect(seen.length).toBeGreaterThan(10);
    expect(seen.filter(({ overview }) => overview.hangs!.length > 0)).toEqual([]);
  });

  it('a deployment without traffic, and one that starts again', () => {
    const first = simulateSteps(SPEC, { steps: 60, seed: 3, startUnixNs: FEED_START });
    const pauseNs = 25e9;
    const both = changeRows(
      simulateSteps(SPEC, { steps: 120, seed: 3, startUnixNs: FEED_START }),
      (row) => (row.step! < 60 ? row : { ...row, startNs: row.startNs + pauseNs }),
    );
    expect(both.length).toBe(2 * first.length);
    const { seen } = play(both, 1e9, 50);
    expect(seen.filter(({ overview }) => overview.hangs!.length > 0)).toEqual([]);
  });
});

it('a worker that falls silent while the others go on is told', () => {
  const table = simulateSteps(SPEC, { steps: 200, seed: 3, startUnixNs: FEED_START });
  const cut = changeRows(table, (row, worker) =>
    worker === 'ffn/2' && row.step! > 40 ? null : row,
  );
  const { seen } = play(cut, 1e9, 25);
  const told = seen.at(-1)!.overview.hangs!;
  expect(told).toHaveLength(1);
  expect(told[0]).toMatchObject({ kind: 'silent', worker: 'ffn/2' });
});

describe('a slow rank, live', () => {
  it('10 % slow is named well within 30 s, and keeps the time since when', () => {
    const healthy = simulateSteps(SPEC, { steps: 300, seed: 3, startUnixNs: FEED_START });
    const began = 10e9;
    const table = changeRows(healthy, (row, worker) =>
      worker === 'attention/5' && row.stage === Stage.attention && row.startNs >= began
        ? { ...row, durationNs: Math.round(row.durationNs * 1.1) }
        : row,
    );
    const { seen } = play(table, 1e9, 38);
    const names = ({ overview }: Seen) =>
      overview.stragglers!.map(({ worker, stage }) => `${worker} ${stage}`);
    const first = seen.find((one) => names(one).length > 0)!;
    expect(names(first)).toEqual(['attention/5 attention']);
    expect(first.atNs - began).toBeGreaterThan(0);
    expect(first.atNs - began).toBeLessThan(15e9);
    const last = seen.at(-1)!;
    expect(names(last)).toEqual(['attention/5 attention']);
    expect(last.overview.stragglers![0]).toMatchObject({ cause: 'device', class: 'compute-slow' });
    const since = Number(BigInt(last.overview.stragglers![0]!.sinceUnixNs) - FEED_START);
    expect(Math.abs(since - began)).toBeLessThanOrEqual(1e9);
  });
});
