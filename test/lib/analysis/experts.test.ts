/** Expert load against sums made naively of the same events, and against the simulator's hot expert. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildReport } from '#lib/analysis/build-report.ts';
import type { ExpertReport } from '#lib/analysis/expert-types.ts';
import { fitLoadSums } from '#lib/analysis/load-model.ts';
import { joinParts, SlicedWindow } from '#lib/analysis/sliced-report.ts';
import { reportSchema } from '#lib/api/report-schema.ts';
import { HOT_EXPERT } from '#lib/pipeline/expert-load.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { NO_NOISE, type PipelineSpec } from '#lib/pipeline/spec.ts';
import { Stage } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { EventRow } from '#lib/table/event-table-builder.ts';
import { changeRows } from '#test/support/change-rows.ts';
import { readRow } from '#test/support/pick-rows.ts';

const SPEC = scenarioSpec('healthy', { layers: 8, denseLayers: 1 });

const run = (faults: Faults = {}, spec: PipelineSpec = SPEC, steps = 6, seed = 2) =>
  simulateSteps(spec, { steps, seed, faults });

function expertsOf(table: EventTable): ExpertReport {
  const report = buildReport({ events: [table], deployment: 'demo' });
  expect(reportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  return report.experts!;
}

/** Rows by key, of keys that all four workers took part in. */
function keysOf(table: EventTable): EventRow[][] {
  const byKey = new Map<string, EventRow[]>();
  for (let i = 0; i < table.length; i++) {
    const row = readRow(table, i);
    if (row.stage !== Stage.expert) continue;
    const key = `${row.step} ${row.layer} ${row.microbatch}`;
    byKey.set(key, [...(byKey.get(key) ?? []), row]);
  }
  return [...byKey.values()].filter((rows) => rows.length === 4);
}

const tokensOf = (rows: readonly EventRow[]) => rows.map((row) => row.measures!.tokens!);
const meanOf = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function pearson(x: readonly number[], y: readonly number[]): number {
  const mx = meanOf(x);
  const my = meanOf(y);
  const cov = meanOf(x.map((value, i) => (value - mx) * (y[i]! - my)));
  return cov / Math.sqrt(meanOf(x.map((v) => (v - mx) ** 2)) * meanOf(y.map((v) => (v - my) ** 2)));
}

describe('expert balance', () => {
  it('is what the definitions say, over all keys', () => {
    void fc.assert(
      fc.property(
        fc.nat(1000),
        fc.double({ min: 0.01, max: 0.3, noNaN: true }),
        fc.constantFrom(0, 0.1),
        (seed, routing, lostSpansRatio) => {
          const spec = { ...SPEC, noise: { ...SPEC.noise, routing } };
          const table = run({ lostSpansRatio }, spec, 6, seed);
          const found = expertsOf(table);
          const keys = keysOf(table);
          const tokens = keys.map(tokensOf);
          const max = tokens.map((own) => Math.max(...own));
          const mean = tokens.map(meanOf);
          expect(found.keys).toBe(keys.length);
          expect(found.vllmBalancedness).toBeCloseTo(meanOf(mean) / meanOf(max), 6);
          const sglang = mean.map((one, i) => (one + 1e-5) / (max[i]! + 1e-5));
          expect(found.sglangBalancedness).toBeCloseTo(meanOf(sglang), 6);
          const maxOverMean = mean.map((one, i) => max[i]! / one);
          expect(found.maxOverMean).toBeCloseTo(meanOf(maxOverMean), 6);
          const rows = keys.flat();
          const expected = pearson(
            tokensOf(rows),
            rows.map(({ durationNs }) => durationNs),
          );
          expect(found.tokensTimeCorrelation).toBeCloseTo(expected, 3);
          const active = rows.map((row) => row.measures!.expertsActive!);
          expect(found.activePerRank).toBeCloseTo(meanOf(active), 6);
          const expertMax = keys.map((own) =>
            Math.max(...own.map((row) => row.measures!.expertsMaxTokens!)),
          );
          const expertMean = keys.map((own) =>
            meanOf(own.map((row) => row.measures!.expertsMeanTokens!)),
          );
          expect(found.expertMaxOverMean).toBeCloseTo(meanOf(expertMax) / meanOf(expertMean), 4);
          expect(found.forcedRouting).toBe(false);
          for (const { layer, vllmBalancedness } of found.layers!) {
            const own = keys.flatMap((rows, i) => (rows[0]!.layer === layer ? [i] : []));
            const ratio = meanOf(own.map((i) => mean[i]!)) / meanOf(own.map((i) => max[i]!));
            expect(vllmBalancedness).toBeCloseTo(ratio, 6);
          }
        },
      ),
      { seed: 4, numRuns: 20 },
    );
  });

  it('names the worker and the layers of a hot expert, and the expert where events list them', () => {
    const faults: Faults = { hotExpert: { rank: 1, factor: 2, fromLayer: 3, toLayer: 5 } };
    const outline = expertsOf(run(faults));
    const hot = outline.hottest.slice(0, 3).map(({ worker, layer }) => `${worker} ${layer}`);
    expect([...hot].sort()).toEqual(['ffn/1 3', 'ffn/1 4', 'ffn/1 5']);
    expect(new Set(outline.hottest.map(({ expert }) => expert))).toEqual(new Set([-1]));
    const uneven = outline.layers!.filter(({ maxOverMean }) => maxOverMean > 1.5);
    expect(uneven.map(({ layer, worker }) => `${worker} ${layer}`)).toEqual([
      'ffn/1 3',
      'ffn/1 4',
      'ffn/1 5',
    ]);
    const worst = outline.workers!.reduce((a, b) => (a.tokensRatio > b.tokensRatio ? a : b));
    expect(worst.worker).toBe('ffn/1');

    const listed = expertsOf(run(faults, { ...SPEC, listExperts: true }));
    expect(listed.hottest.slice(0, 3).map(({ expert }) => expert)).toEqual([
      HOT_EXPERT,
      HOT_EXPERT,
      HOT_EXPERT,
    ]);
    // Half of the worker's tokens, and its part of the rest.
    const tokens = SPEC.requests * 8 * 8 * (2 / 4);
    expect(listed.hottest[0]!.tokens / (tokens / 2 + tokens / 2 / 64)).toBeCloseTo(1, 1);
  });

  it('lists add up to the routed tokens', () => {
    const table = run({ hotExpert: { rank: 0, factor: 3 } }, { ...SPEC, listExperts: true }, 1);
    for (const row of keysOf(table).flat()) {
      const list = [...row.lists!.expertTokens!];
      expect(list).toHaveLength(64);
      expect(list.reduce((sum, count) => sum + count, 0)).toBe(row.measures!.tokens);
      expect(Math.max(...list)).toBe(row.measures!.expertsMaxTokens);
      expect(list.filter((count) => count > 0)).toHaveLength(row.measures!.expertsActive!);
    }
  });

  it('tells routing that is forced from routing that happens to be even', () => {
    const even = { ...SPEC, noise: { ...SPEC.noise, routing: 0.002 } };
    expect(expertsOf(run({}, even)).forcedRouting).toBe(false);
    // Ranks get the same to the token.
    expect(expertsOf(run({}, { ...SPEC, noise: NO_NOISE })).forcedRouting).toBe(true);
    // They differ, but each gets the same every time: half of the ranks have nothing to do.
    const half = changeRows(run({}, SPEC, 8), (row, worker) =>
      row.stage === Stage.expert
        ? { ...row, measures: { tokens: worker < 'ffn/2' ? 4096 : 0 } }
        : row,
    );
    expect(expertsOf(half).forcedRouting).toBe(true);
    // A few keys say nothing.
    expect(expertsOf(run({}, { ...SPEC, layers: 2, noise: NO_NOISE }, 2)).forcedRouting).toBe(
      false,
    );
  });

  it('is not there without routed tokens', () => {
    const bare = changeRows(run(), (row) => ({ ...row, measures: {} }));
    expect(buildReport({ events: [bare], deployment: 'demo' }).experts).toBeNull();
  });

  it('is the same in slices', async () => {
    const faults: Faults = { hotExpert: { rank: 2, factor: 1.7 }, lostSpansRatio: 0.02 };
    const table = run(faults, { ...SPEC, listExperts: true }, 20);
    const sliced = SlicedWindow.of([table], 'demo', {}, {}, 1500)!;
    expect(sliced.length).toBeGreaterThan(5);
    sliced.setLoadModel(fitLoadSums([sliced.loadSums()]));
    const joined = await joinParts(
      sliced.parts(),
      sliced.part.bind(sliced),
      'demo',
      sliced.window,
      {},
    );
    expect(joined!.experts).toEqual(expertsOf(table));
  });
});
