/** Layer matrix, newest step and breakdown on drawn steps; one column is 10 ns. */
import { describe, expect, it } from 'vitest';
import { breakdownOf } from '#lib/analysis/breakdown.ts';
import { buildReport } from '#lib/analysis/build-report.ts';
import { layerMatrix } from '#lib/analysis/layer-matrix.ts';
import { newestStep } from '#lib/analysis/newest-step.ts';
import { heatmapSchema, stripSchema } from '#lib/api/live-event.ts';
import { addNanos } from '#lib/base/units.ts';
import { assemble } from '#lib/model/assemble.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { Kind } from '#lib/table/codes.ts';
import { DRAWN_BASE_UNIX_NS, drawTable } from '#test/support/step-diagram.ts';

const assembled = (drawing: string) => assemble([drawTable(drawing)], 'prod');

const TWO_STEPS = `
  attention/0 attention layer=0 step=0 |000·················|
  attention/0 attention layer=1 step=0 |·····00·············|
  attention/0 attention layer=0 step=1 |··········0000······|
  attention/0 attention layer=1 step=1 |················00··|
  attention/0 f2a_recv  layer=1 step=1 |··············00····|
  ffn/0       expert    layer=0 step=0 |···000··············|
  ffn/0       f2a_send  layer=1 step=1 |···············0····|
`;

describe('layer matrix', () => {
  it('charges a bubble to the layer whose compute ends it, per step', () => {
    const matrix = layerMatrix(assembled(TWO_STEPS));
    expect(matrix.steps).toBe(2);
    expect(matrix.workers.map((worker) => worker.workerId)).toEqual(['attention/0', 'ffn/0']);
    expect(matrix.layers).toEqual([0, 1]);
    // Attention: layer 0 is reached by no bubble in step 0 and by the pause (not in flight) in
    // step 1; layer 1 after 20 ns in each. FFN: 30 ns before its only expert event.
    expect(matrix.bubbleNs).toEqual([0, 20, 15, null]);
    expect(matrix.durationNs).toEqual([35, 20, 15, null]);
    expect(matrix.waitNs).toEqual([null, 5, null, null]);
    const heatmap = { kind: 'heatmap', deployment: 'prod', ...matrix };
    expect(heatmapSchema.parse(heatmap)).toEqual(heatmap);
  });

  it('counts only steps that end in the window', () => {
    const window = {
      fromUnixNs: DRAWN_BASE_UNIX_NS,
      toUnixNs: addNanos(DRAWN_BASE_UNIX_NS, 100),
    };
    const matrix = layerMatrix(assembled(TWO_STEPS), window);
    expect(matrix.steps).toBe(1);
    expect(matrix.durationNs).toEqual([30, 20, 30, null]);
  });

  it('counts overlapping compute of a layer once', () => {
    const matrix = layerMatrix(
      assembled(`
        attention/0 attention     layer=0 |0000······|
        attention/0 shared_expert layer=0 |··00000···|
        attention/0 gate          layer=0 |···0······|`),
    );
    expect(matrix.durationNs).toEqual([70]);
    expect(matrix.bubbleNs).toEqual([0]);
  });

  it('adds up to the compute of whole steps in a simulated cluster', () => {
    const table = simulateSteps(scenarioSpec('healthy', { layers: 6, denseLayers: 1 }), {
      steps: 3,
    });
    const matrix = layerMatrix(assemble([table], 'demo'));
    const report = buildReport({ events: [table], deployment: 'demo' });
    const sample = report.stages.find((stage) => stage.stage === 'sample')!;
    const layers = matrix.durationNs.slice(0, 6 * 8).reduce<number>((a, b) => a + (b ?? 0), 0);
    const attention = report.groups.find((group) => group.role === 'attention')!;
    expect(layers * 3 + sample.totalNs).toBeCloseTo(attention.computeNs, 3);
  });
});

describe('newest step', () => {
  it('is the newest that all workers have left behind', () => {
    const drawing = (last: string) => `
      attention/0 attention layer=0 step=4 |00··················|
      ffn/0       expert    layer=0 step=4 |··00················|
      attention/0 attention layer=0 step=5 |····00··············|
      ffn/0       expert    layer=0 step=5 |······00············|
      attention/0 attention layer=0 step=6 |········00··········|
      ${last}`;
    const unfinished = newestStep(assembled(drawing('')));
    expect(unfinished?.step).toBe(4);
    const finished = newestStep(
      assembled(drawing('ffn/0 expert layer=0 step=6 |··········0·········|')),
    );
    expect(finished?.step).toBe(5);
  });

  it('does not wait for a worker that went silent', () => {
    const unitNs = 1_000_000_000;
    const drawing = `
      attention/0 attention layer=0 step=4 |0·········|
      attention/1 attention layer=0 step=4 |0·········|
      attention/0 attention layer=0 step=5 |··0·······|
      attention/0 attention layer=0 step=6 |·····0····|`;
    expect(newestStep(assemble([drawTable(drawing, unitNs)], 'prod'))?.step).toBe(5);
  });

  it('shows receives as wait and transfer', () => {
    const strip = newestStep(
      assembled(`
        attention/0 a2f_send layer=0 |··00······|
        ffn/0       a2f_recv layer=0 |·000······|
        ffn/0       expert   layer=0 |····00····|`),
    )!;
    expect(strip.rows.map((row) => row.workerId)).toEqual(['attention/0', 'ffn/0']);
    const boxes = strip.row.map((row, i) => [
      row,
      strip.stages[strip.stage[i]!],
      strip.kinds[strip.boxKind[i]!],
      strip.startNs[i],
      strip.boxDurationNs[i],
    ]);
    expect(boxes).toEqual([
      [0, 'a2f_send', 'transfer', 10, 20],
      [1, 'a2f_recv', 'wait', 0, 10],
      [1, 'a2f_recv', 'transfer', 10, 20],
      [1, 'expert', 'compute', 30, 20],
    ]);
    expect([strip.startUnixNs, strip.durationNs]).toEqual([addNanos(DRAWN_BASE_UNIX_NS, 10), 50]);
  });

  it('is cut by layers and rows where it is too large, and says so', () => {
    const table = simulateSteps(scenarioSpec('healthy', { layers: 10 }), { steps: 3 });
    const simulated = assemble([table], 'demo');
    const all = newestStep(simulated)!;
    expect([all.shownLayers, all.layers, all.hiddenWorkers]).toEqual([10, 10, 0]);
    expect(all.boxKind.includes(Kind.receive)).toBe(false);
    const few = newestStep(simulated, undefined, { maxBoxes: 400, maxRows: 6 })!;
    expect(few.row.length).toBeLessThanOrEqual(400);
    expect(few.shownLayers).toBeLessThan(10);
    expect(Math.max(...few.layer)).toBe(few.shownLayers - 1);
    expect([few.rows.length, few.hiddenWorkers]).toEqual([6, 6]);
    expect(new Set(few.rows.map((row) => row.role))).toEqual(new Set(['attention', 'ffn']));
    expect(few.durationNs).toBeLessThan(all.durationNs);
    const { startUnixNs, stages, kinds, ...rest } = few;
    const strip = {
      ...rest,
      startUnixNs: String(startUnixNs),
      stages: [...stages],
      kinds: [...kinds],
      kind: 'strip',
      deployment: 'demo',
    };
    expect(stripSchema.parse(strip)).toEqual(strip);
  });

  it('is nothing where there is no step', () => {
    expect(newestStep(assemble([], 'prod'))).toBeNull();
    expect(newestStep(assembled('attention/0 host step=-1 |xx|'))).toBeNull();
  });
});

describe('breakdown', () => {
  it('has the medians of each layer and micro-batch', () => {
    const breakdown = breakdownOf(
      assembled(`
        attention/0 attention layer=0 |00001111··········|
        attention/0 a2f_send  layer=0 |····00··11········|
        ffn/0       a2f_recv  layer=0 |··0000············|
        ffn/0       a2f_recv  layer=0 |·········1········|
        ffn/0       expert    layer=0 |······000·11······|
        ffn/0       f2a_send  layer=0 |·········0··1·····|
        attention/0 f2a_recv  layer=0 |········00·111····|
        attention/0 attention layer=1 |··········00······|
        attention/0 a2f_send  layer=1 |············00····|
      `),
    );
    expect(breakdown).toMatchObject({ steps: 1, layers: [0, 1], microbatches: [0, 1] });
    expect(breakdown.cells).toHaveLength(4);
    expect(breakdown.cells[0]).toEqual({
      layer: 0,
      microbatch: 0,
      attentionNs: 40,
      a2fNs: 20,
      ffnNs: 30,
      f2aNs: 10,
      attentionWaitNs: 10,
      ffnWaitNs: 20,
      periodNs: 90,
      count: 1,
    });
    expect(breakdown.cells[1]).toMatchObject({
      microbatch: 1,
      ffnNs: 20,
      attentionWaitNs: 10,
      periodNs: null,
    });
    expect(breakdown.byLayer[0]).toMatchObject({
      layer: 0,
      ffnNs: 25,
      attentionWaitNs: 10,
      count: 2,
      idealPeriodNs: 95,
      bound: 'latency-bound',
    });
    expect(breakdown.byLayer[1]).toMatchObject({ count: 0, attentionNs: null, bound: null });
  });
});
