/** The load model against the simulator, whose times depend on their loads as its spec says. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CellExcess } from '#lib/analysis/cell-excess.ts';
import { KeyMedians } from '#lib/analysis/key-medians.ts';
import { keyTimes } from '#lib/analysis/key-times.ts';
import {
  fitLoadModel,
  fitLoadSums,
  type LoadModel,
  loadPart,
  reportLoadModel,
} from '#lib/analysis/load-model.ts';
import { ALL_STEPS, loadSums, MAX_LOAD_STEPS, mergeLoadSums } from '#lib/analysis/load-sums.ts';
import { loadModelSchema } from '#lib/api/stragglers.ts';
import { assemble } from '#lib/model/assemble.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { NO_NOISE, type PipelineSpec } from '#lib/pipeline/spec.ts';
import { Stage } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { changeRows } from '#test/support/change-rows.ts';

const SPEC = scenarioSpec('healthy', { layers: 21, denseLayers: 1 });

function modelOf(table: EventTable): LoadModel {
  const assembled = assemble([table], 'demo');
  return fitLoadModel(assembled, keyTimes(assembled));
}

const run = (faults: Faults = {}, spec: PipelineSpec = SPEC, steps = 20, seed = 3) =>
  simulateSteps(spec, { steps, seed, faults });

/** What the spec says that a context token and a routed token cost. */
function truth(spec: PipelineSpec): { perContext: number; perToken: number } {
  const contexts = spec.requests * spec.contextTokens;
  const routed = (spec.requests * spec.attentionWorkers * spec.expertsPerToken) / spec.ffnWorkers;
  return {
    perContext: ((1 - spec.attentionFixedRatio) * spec.attentionNs) / contexts,
    perToken: ((1 - spec.expertFixedRatio) * spec.expertNs) / routed,
  };
}

describe('the load model', () => {
  it('finds what a token costs within its own error, whatever the fixed part', () => {
    void fc.assert(
      fc.property(
        fc.nat(1000),
        fc.double({ min: 0.1, max: 0.9, noNaN: true }),
        fc.double({ min: 0.1, max: 0.9, noNaN: true }),
        (seed, attentionFixedRatio, expertFixedRatio) => {
          const spec = { ...SPEC, attentionFixedRatio, expertFixedRatio };
          const [attention, ffn] = modelOf(run({}, spec, 20, seed));
          const { perContext, perToken } = truth(spec);
          for (const [side, slope] of [
            [attention, perContext],
            [ffn, perToken],
          ] as const) {
            expect(side).toMatchObject({ usable: true, basis: 'time', nsPerSecond: 0 });
            const errorNs = (side.errorRatio * side.medianNs) / side.medianFirst;
            expect(Math.abs(side.nsPerFirst - slope)).toBeLessThan(4 * errorNs);
            expect(side.errorRatio).toBeLessThan(0.12);
          }
        },
      ),
      { seed: 5, numRuns: 25 },
    );
  });

  it.each<[string, Faults]>([
    ['slow device', { slowRank: { role: 'attention', rank: 5, factor: 1.5 } }],
    ['slow FFN device', { slowRank: { role: 'ffn', rank: 1, factor: 1.5 } }],
    ['long contexts', { longContext: { rank: 2, factor: 3 } }],
    ['hot expert', { hotExpert: { rank: 1, factor: 2 } }],
    ['hot expert in some layers', { hotExpert: { rank: 1, factor: 2, fromLayer: 5, toLayer: 9 } }],
  ])('is not bent by a %s', (_, faults) => {
    const [attention, ffn] = modelOf(run(faults));
    const { perContext, perToken } = truth(SPEC);
    expect(attention.nsPerFirst / perContext).toBeGreaterThan(0.8);
    expect(attention.nsPerFirst / perContext).toBeLessThan(1.2);
    expect(ffn.nsPerFirst / perToken).toBeGreaterThan(0.85);
    expect(ffn.nsPerFirst / perToken).toBeLessThan(1.15);
  });

  it('leaves out the steps of a worker that had a hiccup', () => {
    const table = run();
    let seen = 0;
    const hiccup = changeRows(table, (row, worker) => {
      const isHit = row.stage === Stage.attention && worker === 'attention/3' && row.layer === 4;
      return isHit && seen++ % 7 === 0 ? { ...row, durationNs: row.durationNs + 20e6 } : row;
    });
    expect(seen).toBeGreaterThan(40);
    const { perContext } = truth(SPEC);
    const [attention] = modelOf(hiccup);
    expect(attention.usable).toBe(true);
    expect(Math.abs(attention.nsPerFirst / perContext - 1)).toBeLessThan(0.25);
  });

  it('learns from loads that grow on all workers together', () => {
    // One worker a side has nobody to be compared with; its batches differ from step to step.
    const alone = { ...SPEC, attentionWorkers: 1, ffnWorkers: 1, gateNs: 0, noise: NO_NOISE };
    const grown = changeRows(run({}, alone), (row) => {
      if (row.stage !== Stage.attention) return row;
      const factor = 1 + (row.step! % 5) / 20;
      const contextTokens = row.measures!.contextTokens! * factor;
      const durationNs = row.durationNs + 0.35 * (contextTokens - row.measures!.contextTokens!);
      return { ...row, durationNs, measures: { ...row.measures, contextTokens } };
    });
    const [attention] = modelOf(grown);
    expect(attention).toMatchObject({ usable: true, basis: 'time' });
    expect(attention.nsPerFirst).toBeCloseTo(0.35, 2);
  });

  it('compares workers where nothing varies in time', () => {
    const still = { ...SPEC, noise: NO_NOISE };
    const [attention, ffn] = modelOf(run({ longContext: { rank: 5, factor: 2 } }, still));
    expect(attention).toMatchObject({ usable: true, basis: 'workers' });
    expect(attention.nsPerFirst).toBeCloseTo(truth(SPEC).perContext, 4);
    expect(ffn).toMatchObject({ usable: false, basis: 'none', nsPerFirst: 0 });
  });

  it('never explains more than a time that is proportional to the load', () => {
    const still = { ...SPEC, noise: NO_NOISE };
    const [attention] = modelOf(
      run(
        {
          longContext: { rank: 5, factor: 1.2 },
          slowRank: { role: 'attention', rank: 5, factor: 2 },
        },
        still,
      ),
    );
    expect(attention.fixedNs).toBe(0);
    expect(attention.nsPerFirst * attention.medianFirst).toBeCloseTo(attention.medianNs, 3);
  });

  it('says that it is of no use without measures, and explains nothing', () => {
    const bare = changeRows(run({ longContext: { rank: 5, factor: 2 } }), (row) => ({
      ...row,
      measures: {},
    }));
    const [attention, ffn] = modelOf(bare);
    expect([attention.usable, ffn.usable]).toEqual([false, false]);
    expect(loadPart(attention, 1000, Number.NaN, Number.NaN)).toBe(0);
    const report = reportLoadModel([attention, ffn]);
    expect(report.attention).toMatchObject({ basis: 'none', errorRatio: null });
    expect(loadModelSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  });

  it('takes the second load where it tells what the first does not', () => {
    const two = changeRows(run(), (row) => {
      if (row.stage !== Stage.expert) return row;
      // The busiest expert goes its own way, and costs.
      const wave = 40 * ((row.layer! * 7 + row.microbatch! * 3 + row.step! * 5 + row.worker) % 11);
      const measures = { ...row.measures, expertsMaxTokens: 400 + wave };
      return { ...row, durationNs: Math.round(row.durationNs + 150 * wave), measures };
    });
    const [, ffn] = modelOf(two);
    expect(ffn.nsPerSecond).toBeGreaterThan(140);
    expect(ffn.nsPerSecond).toBeLessThan(160);
    expect(Math.abs(ffn.nsPerFirst / truth(SPEC).perToken - 1)).toBeLessThan(0.2);
  });
});

describe('the steps of a fit', () => {
  it('are the same in whatever parts their sums come, and spread over the window', () => {
    const tiny = { ...SPEC, layers: 2, denseLayers: 0, attentionWorkers: 2, ffnWorkers: 1 };
    const table = run({}, tiny, 300);
    const whole = assemble([table], 'demo');
    const times = keyTimes(whole);
    const all = loadSums(whole, times, ALL_STEPS);
    expect(all).toHaveLength(MAX_LOAD_STEPS);
    const numbers = all.map(({ step }) => step).sort((a, b) => a - b);
    const gaps = numbers.map((step, i) => step - (numbers[i - 1] ?? 0));
    expect(Math.max(...gaps)).toBeLessThan(20);
    void fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 }),
        (cuts) => {
          const edges = [...cuts].sort((a, b) => a - b).map((cut) => cut * whole.lastEndNs);
          const bounds = [Number.NEGATIVE_INFINITY, ...edges, Number.POSITIVE_INFINITY];
          const parts = bounds.slice(1).map((ownToNs, i) => {
            return loadSums(whole, times, { ...ALL_STEPS, ownFromNs: bounds[i]!, ownToNs });
          });
          expect(mergeLoadSums(parts)).toEqual(all);
          expect(fitLoadSums(parts)).toEqual(fitLoadSums([all]));
        },
      ),
      { seed: 8, numRuns: 40 },
    );
  });
});

describe('the excess of a key', () => {
  it('is that over the median of its side, split by the model', () => {
    const still = { ...SPEC, noise: NO_NOISE };
    const faults: Faults = {
      slowRank: { role: 'attention', rank: 5, factor: 1.3 },
      longContext: { rank: 2, factor: 2 },
    };
    const assembled = assemble([run(faults, still, 2)], 'demo');
    const times = keyTimes(assembled);
    const [model] = fitLoadModel(assembled, times);
    const medians = new KeyMedians(times, assembled.keys.length);
    const excess = new CellExcess(assembled, times, medians);
    const ids = assembled.events.workers.map(workerId);
    const { attentionNs, gateNs, combineNs } = still;
    let seen = 0;
    ids.forEach((id, w) => {
      for (let cell = times.offsets[w]!; cell < times.offsets[w + 1]!; cell++) {
        const { layer } = assembled.keys;
        if (times.side[cell] !== 0 || layer[times.key[cell]!] !== 7) continue;
        seen++;
        const more = id === 'attention/5' ? 0.3 * (attentionNs + gateNs + combineNs) : 0;
        const loaded = id === 'attention/2' ? 0.7 * attentionNs : 0;
        const overNs = excess.of(cell);
        expect(Math.abs(overNs - more - loaded)).toBeLessThan(3);
        const loadNs = loadPart(model, overNs, excess.firstOver(cell), excess.secondOver(cell));
        expect(Math.abs(loadNs - loaded)).toBeLessThan(3);
      }
    });
    expect(seen).toBe(2 * 3 * 8);
  });
});
