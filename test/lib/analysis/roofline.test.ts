/** Utilization against figures that were worked out elsewhere: parameter counts, ridge points, bounds. */
import { describe, expect, test } from 'vitest';
import { buildReport } from '#lib/analysis/build-report.ts';
import type { DeviceSums } from '#lib/analysis/device-sums.ts';
import { gpuPeakOf, KNOWN_GPUS } from '#lib/analysis/gpu-peaks.ts';
import { type ModelShape, modelShapeOf } from '#lib/analysis/model-shapes.ts';
import { modelledWork, utilizationOf } from '#lib/analysis/roofline.ts';
import { reportSchema } from '#lib/api/report-schema.ts';
import { unixNanos } from '#lib/base/units.ts';
import { clusterWorkers } from '#lib/pipeline/cluster.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { Kind, Stage } from '#lib/table/codes.ts';
import type { EventTable, Measure } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';

const shape = (name: string): ModelShape => modelShapeOf(name)!;

describe('model shapes', () => {
  /** Layers with experts, dense layers with their width, vocabulary: what the table leaves out. */
  test.each([
    ['DeepSeek-V3', 58, 3, 18_432, 1, 129_280, 671],
    ['moonshotai/Kimi-K2-Instruct', 60, 1, 18_432, 1, 163_840, 1026],
    ['stepfun-ai/step3', 56, 5, 18_432, 1, 128_815, 316],
    ['Qwen/Qwen3-235B-A22B-FP8', 94, 0, 0, 0, 151_936, 235],
    ['qwen3-30b-a3b', 48, 0, 0, 0, 151_936, 30.5],
    ['openai/gpt-oss-120b', 36, 0, 0, 0, 201_088, 116.8],
    ['gpt-oss-20b', 24, 0, 0, 0, 201_088, 20.9],
  ])('%s has the parameters that it is known for', (...row) => {
    const [name, moeLayers, denseLayers, denseInner, shared, vocabulary, billions] = row;
    const { attentionWeights, hidden, expertInner, experts } = shape(name);
    const expert = 3 * hidden * expertInner;
    const total =
      (moeLayers + denseLayers) * attentionWeights +
      moeLayers * (experts + shared) * expert +
      denseLayers * 3 * hidden * denseInner +
      2 * vocabulary * hidden;
    expect(total / 1e9 / billions).toBeGreaterThan(0.995);
    expect(total / 1e9 / billions).toBeLessThan(1.005);
  });

  test('names as engines write them; simulated clusters have no shape', () => {
    expect(shape('deepseek-ai/DeepSeek-V3.2-Exp').name).toBe('DeepSeek-V3.2');
    expect(shape('DeepSeek-R1').name).toBe('DeepSeek-V3');
    expect(modelShapeOf('DeepSeek-V3.2 (simulated)')).toBeNull();
    expect(modelShapeOf('step-3.5-flash')).toBeNull();
    expect(modelShapeOf('llama-3')).toBeNull();
  });
});

describe('GPU peaks', () => {
  test('names as drivers write them', () => {
    expect(gpuPeakOf('NVIDIA H20')?.name).toBe('H20');
    expect(gpuPeakOf('NVIDIA H200 141GB HBM3e')?.name).toBe('H200');
    expect(gpuPeakOf('NVIDIA GB200')?.name).toBe('GB200');
    expect(gpuPeakOf('AMD Instinct MI300X OAM')?.name).toBe('MI300X');
    expect(gpuPeakOf('Tesla T4')).toBeNull();
    for (const name of KNOWN_GPUS) expect(gpuPeakOf(name)?.name).toBe(name);
  });

  test.each([
    ['H800', 295],
    ['H200', 206],
    ['H20', 37],
  ])('%s: experts in FP8 become bound by compute from %d tokens on', (name, tokens) => {
    const { fp8FlopsPerSecond, bytesPerSecond } = gpuPeakOf(name)!;
    expect(Math.round(fp8FlopsPerSecond! / bytesPerSecond / 2)).toBe(tokens);
  });
});

const NOTHING: DeviceSums = {
  group: 'attention',
  flopsEvents: 0,
  bytesEvents: 0,
  events: 1,
  flops: 0,
  bytes: 0,
  attentionEvents: 0,
  requests: 0,
  contextTokens: 0,
  expertEvents: 0,
  expertTokens: 0,
};

describe('work by the shape', () => {
  test('MLA of 128 requests of 4,096 tokens: 180 µs to read, 246 µs at 60 % of peak on an H800', () => {
    const one = { ...NOTHING, attentionEvents: 1, requests: 128, contextTokens: 128 * 4096 };
    const projections = { ...NOTHING, attentionEvents: 1, requests: 128 };
    const v3 = shape('deepseek-v3');
    const all = modelledWork(one, v3, 4)!;
    const without = modelledWork(projections, v3, 4)!;
    const { bf16FlopsPerSecond, bytesPerSecond } = gpuPeakOf('H800')!;
    expect(((all.bytes - without.bytes) / bytesPerSecond) * 1e6).toBeCloseTo(180.3, 0);
    expect(((all.flops - without.flops) / (0.6 * bf16FlopsPerSecond)) * 1e6).toBeCloseTo(246, 0);
    expect(without.bytes / 1e6).toBeCloseTo(187, 0);
  });

  test('sparse attention looks at 2,048 tokens of each request, but indexes all', () => {
    const v32 = shape('deepseek-v3.2');
    const at = (context: number) =>
      modelledWork(
        { ...NOTHING, attentionEvents: 1, requests: 10, contextTokens: 10 * context },
        v32,
        4,
      )!;
    const perToken = (at(40_000).flops - at(20_000).flops) / 200_000;
    expect(perToken).toBeCloseTo(2 * 64 * 128, 3);
    expect((at(2000).flops - at(1000).flops) / 10_000).toBeGreaterThan(278_000);
  });

  test('experts read their weights: 105 µs for eight of them on an H800', () => {
    // 32 workers with 8 experts each, and tokens for all of them.
    const sums = { ...NOTHING, expertEvents: 1, expertTokens: 10_000 };
    const { bytes, flops } = modelledWork(sums, shape('deepseek-v3'), 32)!;
    expect((bytes / gpuPeakOf('H800')!.bytesPerSecond) * 1e6).toBeCloseTo(105, 0);
    expect(flops).toBe(2 * 3 * 7168 * 2048 * 10_000);
    const few = modelledWork({ ...sums, expertTokens: 4 }, shape('deepseek-v3'), 32)!;
    expect(few.bytes).toBeLessThan(bytes / 2);
  });
});

/** Two attention workers, one FFN worker; events of 1 ms a worker, every 2 ms. */
function tableOf(
  change: Partial<WorkerInfo>,
  measures: Partial<Record<Measure, number>>,
): EventTable {
  const spec = scenarioSpec('healthy', { attentionWorkers: 2, ffnWorkers: 1, layers: 2 });
  const workers = clusterWorkers(spec).map((info) => ({ ...info, ...change }));
  const builder = new EventTableBuilder(unixNanos(1_767_225_600_000_000_000n), workers);
  for (let step = 0; step < 3; step++) {
    for (let worker = 0; worker < 3; worker++) {
      builder.add({
        startNs: step * 2e6,
        durationNs: 1e6,
        worker,
        stage: worker < 2 ? Stage.attention : Stage.expert,
        kind: Kind.compute,
        domain: 0,
        step,
        layer: 0,
        microbatch: 0,
        peer: -1,
        measures,
      });
    }
  }
  return builder.finish();
}

const utilizationIn = (table: EventTable) =>
  buildReport({ events: [table], deployment: 'demo' }).utilization!;

describe('utilization of a report', () => {
  test('FLOPs and bytes of events, against the peaks of the GPU that senders name', () => {
    const table = tableOf(
      { gpu: 'NVIDIA H200', model: 'my-model', timing: 'cuda_event' },
      { flops: 2 ** 38, bytes: 2 ** 31 },
    );
    const report = buildReport({ events: [table], deployment: 'demo' });
    expect(reportSchema.parse(report)).toEqual(report);
    expect(report.workers[0]?.timing).toBe('cuda_event');
    const { groups, missing, modelShape } = report.utilization!;
    expect([missing, modelShape]).toEqual([[], null]);
    const attention = groups[0]!;
    // Three events a worker; observed from the first start to the last end.
    const observedS = 5e-3;
    expect(attention).toMatchObject({ group: 'attention', gpu: 'H200', flopsFrom: 'events' });
    expect(attention.flopsPerSecond).toBeCloseTo((3 * 2 ** 38) / observedS, -6);
    expect(attention.busyFlopsPerSecond).toBeCloseTo(2 ** 38 / 1e-3, -6);
    expect(attention.mfuRatio).toBeCloseTo((3 * 2 ** 38) / observedS / 989.5e12, 6);
    expect(attention.mbuRatio).toBeCloseTo((3 * 2 ** 31) / observedS / 4.8e12, 6);
    expect(attention.flopsPerByte).toBe(128);
    expect(attention.ridgeFlopsPerByte).toBeCloseTo(206.1, 1);
  });

  test('the model’s shape where events say tokens only', () => {
    const table = tableOf(
      { gpu: 'H800', model: 'DeepSeek-V3' },
      { tokens: 128, requests: 128, contextTokens: 128 * 4096 },
    );
    const { groups, modelShape } = utilizationIn(table);
    expect(modelShape).toBe('DeepSeek-V3');
    expect(groups.map(({ flopsFrom, precision }) => [flopsFrom, precision])).toEqual([
      ['model', 'bf16'],
      ['model', 'fp8'],
    ]);
    const [attention, ffn] = groups;
    // Reading takes 180 + 56 µs of each millisecond of compute.
    expect(attention!.busyBytesPerSecond! / 3.35e12).toBeCloseTo(0.236, 2);
    expect(ffn!.peakFlopsPerSecond).toBe(1979e12);
  });

  test('what is missing is said', () => {
    const unknown = utilizationIn(tableOf({ model: 'llama-3' }, {}));
    expect(unknown.groups.every(({ flopsPerSecond }) => flopsPerSecond === null)).toBe(true);
    expect(unknown.missing.join(' ')).toMatch(/shape of llama-3 is not known.*hw\.model/);
    const odd = utilizationIn(tableOf({ model: 'DeepSeek-V3', gpu: 'TPU v9' }, {}));
    expect(odd.missing.join(' ')).toContain('TPU v9 is not known; known: H100, H800');
  });

  test('a simulated cluster has no FLOPs, and says why', () => {
    const table = simulateSteps(scenarioSpec('healthy', { layers: 6 }), { steps: 3 });
    const { groups, missing, deadZone } = utilizationIn(table);
    for (const group of groups) {
      expect(group.busyRatio).toBeGreaterThan(0.3);
      expect([group.flopsPerSecond, group.bytesPerSecond, group.mfuRatio]).toEqual([
        null,
        null,
        null,
      ]);
    }
    expect(missing[0]).toBe('FLOPs and bytes: the cluster is simulated, no GPU did any.');
    expect(deadZone).toMatchObject({ inZone: false });
    expect(deadZone!.because).toContain('The network keeps up');
  });
});

describe('dead zone', () => {
  const zone = (a2fLink: number, ffnWorkers: number, model = 'DeepSeek-V3') => {
    const spec = scenarioSpec('healthy', { ffnWorkers });
    const workers = clusterWorkers(spec).map((info) => ({ ...info, model }));
    const group = { group: 'ffn', role: 'ffn', observedNs: 1, computeNs: 1, busyRatio: 1 };
    const balance = {
      taEffectiveNs: 100_000,
      termsNs: { attention: 300_000, ffn: 240_000, a2fLink, f2aLink: 0, latency: 0 },
    };
    return utilizationOf([group], workers, [], balance)!.deadZone;
  };

  test('only where dispatch is slower than the experts, on as many GPUs as a token has experts', () => {
    expect(zone(600_000, 8)).toMatchObject({ inZone: true, dispatchNs: 200_000, expertNs: 80_000 });
    expect(zone(600_000, 8)!.because).toContain('8 FFN GPUs are no fewer than the 8 experts');
    expect(zone(600_000, 4)).toMatchObject({ inZone: false });
    expect(zone(600_000, 4)!.because).toContain('would spread the traffic');
    expect(zone(200_000, 8)).toMatchObject({ inZone: false });
    expect(zone(600_000, 8, 'other')).toMatchObject({ inZone: false });
    expect(zone(600_000, 8, 'other')!.because).toContain('is not known');
    expect(zone(0, 8)).toBeNull();
  });
});
