/** Who is named, why and since when, against faults that the simulator was given. */
import { describe, expect, it } from 'vitest';
import { buildReport } from '#lib/analysis/build-report.ts';
import { fitLoadSums } from '#lib/analysis/load-model.ts';
import type { Report } from '#lib/analysis/report-types.ts';
import { joinParts, SlicedWindow } from '#lib/analysis/sliced-report.ts';
import { reportSchema } from '#lib/api/report-schema.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { SCENARIO_NAMES, type ScenarioName, scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { PipelineSpec } from '#lib/pipeline/spec.ts';
import { Stage } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { changeRows } from '#test/support/change-rows.ts';

/** Ten times as slow as the scenario and with few layers, so that seconds are quickly simulated. */
function slowed(name: ScenarioName, changes: Partial<PipelineSpec> = {}): PipelineSpec {
  const spec = scenarioSpec(name, { layers: 12, denseLayers: 1, ...changes });
  const slow: Record<string, number> = {};
  for (const [field, value] of Object.entries(spec)) {
    if (field.endsWith('Ns')) slow[field] = 10 * value;
  }
  return { ...spec, ...slow };
}

const SPEC = slowed('healthy');
/** About seven seconds. */
const STEPS = 60;

const run = (faults: Faults, spec: PipelineSpec = SPEC, steps = STEPS) =>
  simulateSteps(spec, { steps, seed: 11, faults });

function report(table: EventTable): Report {
  return buildReport({ events: [table], deployment: 'demo' });
}

const named = ({ stragglers }: Report): string[] =>
  stragglers.map(({ worker, stage, class: kind, cause }) => `${worker} ${stage} ${kind} ${cause}`);

describe('stragglers of a report', () => {
  it.each(SCENARIO_NAMES)('there are none in a healthy %s cluster', (name) => {
    expect(named(report(run({}, slowed(name))))).toEqual([]);
  });

  it.each<[string, Faults, string, number]>([
    [
      'a device that is 10 % slow',
      { slowRank: { role: 'attention', rank: 5, factor: 1.1 } },
      'attention/5 attention compute-slow device',
      0.1,
    ],
    [
      'an FFN device that is 10 % slow',
      { slowRank: { role: 'ffn', rank: 2, factor: 1.1 } },
      'ffn/2 expert compute-slow device',
      0.1,
    ],
    [
      'long contexts',
      { longContext: { rank: 3, factor: 1.5 } },
      'attention/3 attention compute-slow load',
      0.35,
    ],
    [
      'a hot expert',
      { hotExpert: { rank: 1, factor: 1.5 } },
      'ffn/1 expert compute-slow load',
      // 1.5 of the mean, where the others have 2.5/3.
      (0.3 + 0.7 * 1.5) / (0.3 + (0.7 * 2.5) / 3) - 1,
    ],
  ])('%s is named, and why', (_, faults, expected, excessRatio) => {
    const found = report(run(faults));
    expect(named(found)).toEqual([expected]);
    const [one] = found.stragglers;
    expect(Math.abs(one!.excessRatio - excessRatio)).toBeLessThan(0.02);
    expect(one!.loadRatio + one!.residualRatio).toBeCloseTo(one!.excessRatio, 12);
    const part = expected.endsWith('load') ? one!.loadRatio : one!.residualRatio;
    expect(Math.abs(part - excessRatio)).toBeLessThan(0.05);
    expect(one!.windows!.of).toBeGreaterThanOrEqual(5);
    expect(one!.confidence).toBe('high');
    expect(reportSchema.parse(JSON.parse(JSON.stringify(found)))).toEqual(found);
  });

  it('a slow device with long contexts is told as both, each with its part', () => {
    const found = report(
      run({
        slowRank: { role: 'attention', rank: 5, factor: 1.3 },
        longContext: { rank: 5, factor: 2 },
      }),
    );
    expect(named(found)).toEqual(['attention/5 attention compute-slow both']);
    const [one] = found.stragglers;
    // 1.7 times the work, 1.3 times as slowly.
    expect(Math.abs(one!.excessRatio - (1.7 * 1.3 - 1))).toBeLessThan(0.03);
    expect(Math.abs(one!.loadRatio - 0.7)).toBeLessThan(0.12);
    expect(Math.abs(one!.residualRatio - 0.51)).toBeLessThan(0.12);
  });

  it('two workers with a fault each are both named, the worse first', () => {
    const found = report(
      run({
        slowRank: { role: 'attention', rank: 4, factor: 1.1 },
        longContext: { rank: 5, factor: 1.5 },
      }),
    );
    expect(named(found)).toEqual([
      'attention/5 attention compute-slow load',
      'attention/4 attention compute-slow device',
    ]);
  });

  it('sends that take longer than their peers’ are told from slow computing', () => {
    const slowSends = (table: EventTable) =>
      changeRows(table, (row, worker) =>
        worker === 'ffn/1' && row.stage === Stage.f2a_send
          ? { ...row, durationNs: Math.round(row.durationNs * 1.4) }
          : row,
      );
    expect(named(report(slowSends(run({}))))).toEqual(['ffn/1 f2a_send comm-slow device']);
    const both = report(slowSends(run({ slowRank: { role: 'ffn', rank: 1, factor: 1.2 } })));
    expect(named(both)).toEqual(['ffn/1 f2a_send mixed device', 'ffn/1 expert mixed device']);
  });

  it('sends of more bytes may take longer in proportion', () => {
    const more = (factor: number) =>
      changeRows(run({}), (row, worker) =>
        worker === 'attention/2' && row.stage === Stage.a2f_send
          ? {
              ...row,
              durationNs: Math.round(row.durationNs * 1.4),
              measures: { ...row.measures, bytes: Math.round(row.measures!.bytes! * factor) },
            }
          : row,
      );
    expect(named(report(more(1.4)))).toEqual(['attention/2 a2f_send comm-slow load']);
    expect(named(report(more(1.15)))).toEqual(['attention/2 a2f_send comm-slow both']);
  });

  it('transfers that are slow for everybody now and then accuse nobody', () => {
    expect(named(report(run({ commTail: { probability: 0.02, factor: 7 } })))).toEqual([]);
  });

  it('groups of two and three are compared by their excess alone', () => {
    const small = { ...SPEC, attentionWorkers: 3, ffnWorkers: 2 };
    expect(named(report(run({}, small)))).toEqual([]);
    const found = report(run({ slowRank: { role: 'ffn', rank: 1, factor: 1.1 } }, small));
    expect(named(found)).toEqual(['ffn/1 expert compute-slow device']);
    expect(found.stragglers[0]!.score).toBeCloseTo(5, 0);
    expect(found.stragglers[0]!.confidence).toBe('low');
    expect(named(report(run({}, { ...SPEC, attentionWorkers: 1, ffnWorkers: 1 })))).toEqual([]);
  });

  it('says since when, and forgets what is over', () => {
    const table = run({});
    const lastNs = table.startNs.reduce((a, b) => Math.max(a, b));
    const slow = (fromNs: number, toNs: number) =>
      changeRows(table, (row, worker) =>
        worker === 'attention/6' &&
        row.stage === Stage.attention &&
        row.startNs >= fromNs &&
        row.startNs < toNs
          ? { ...row, durationNs: Math.round(row.durationNs * 1.2) }
          : row,
      );
    // Seconds of the clock, since windows begin with them.
    const began = 2e9;
    const found = report(slow(began, Number.POSITIVE_INFINITY));
    expect(named(found)).toEqual(['attention/6 attention compute-slow device']);
    const since = Number(BigInt(found.stragglers[0]!.sinceUnixNs) - table.baseUnixNs);
    expect(since).toBe(began);
    expect(Math.abs(found.stragglers[0]!.excessRatio - 0.2)).toBeLessThan(0.02);
    expect(named(report(slow(0, lastNs - 4.5e9)))).toEqual([]);
  });

  it('one long pause of a worker makes no straggler', () => {
    let paused = 0;
    const table = changeRows(run({}), (row, worker) => {
      const hit = worker === 'attention/1' && row.stage === Stage.attention && row.step === 30;
      if (!hit || paused > 0) return row;
      paused++;
      return { ...row, durationNs: row.durationNs + 600e6 };
    });
    expect(paused).toBe(1);
    expect(named(report(table))).toEqual([]);
  });

  it('are the same in slices, each worked on alone', async () => {
    const table = run({
      slowRank: { role: 'ffn', rank: 0, factor: 1.2 },
      longContext: { rank: 5, factor: 1.5 },
    });
    const sliced = SlicedWindow.of([table], 'demo', {}, {}, 4_000)!;
    expect(sliced.length).toBeGreaterThan(5);
    sliced.setLoadModel(fitLoadSums([sliced.loadSums()]));
    const again = sliced.part.bind(sliced);
    const joined = await joinParts(sliced.parts(), again, 'demo', sliced.window, {});
    const whole = report(table);
    expect(whole.stragglers).toHaveLength(2);
    expect(joined!.stragglers).toEqual(whole.stragglers);
    expect(joined!.loadModel).toEqual(whole.loadModel);
  });
});
