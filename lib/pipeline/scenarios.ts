/**
 * The workloads of the demo and the tests: DeepSeek-V3.2 decoding (61 layers, 3 of them dense,
 * hidden 7168, 256 experts, 8 per token) at four points of its design space.
 *
 *     scenario        Ta   Tf  A2F  F2A  m    C   bubble A / F     (µs)
 *     healthy        270  255   70  130  3  810    0 /  6 %
 *     ffn-bound      150  240   70  130  3  720   38 /  0 %
 *     latency-bound  270  250  120  200  2  840   36 / 40 %
 *     strict          80   70   15   24  3  240    0 / 13 %
 *
 * Ta is all compute of attention for one micro-batch in one layer: attention, gate and combine.
 */
import { NS_PER_US } from '#lib/base/units.ts';
import type { PipelineNoise, PipelineSpec } from './spec.ts';

export const SCENARIO_NAMES = ['healthy', 'ffn-bound', 'latency-bound', 'strict'] as const;
export type ScenarioName = (typeof SCENARIO_NAMES)[number];

interface ScenarioTimes {
  readonly taUs: number;
  readonly tfUs: number;
  readonly a2fUs: number;
  readonly f2aUs: number;
  readonly microbatches: number;
  readonly gateUs: number;
  readonly combineUs: number;
  readonly denseUs: number;
  readonly sampleUs: number;
  readonly hostGapUs: number;
  readonly requests: number;
  readonly contextTokens: number;
}

const FIFTY_MS = {
  gateUs: 5,
  combineUs: 6,
  denseUs: 60,
  sampleUs: 700,
  hostGapUs: 200,
  requests: 128,
  contextTokens: 4096,
} as const;

export const SCENARIOS: Readonly<Record<ScenarioName, ScenarioTimes>> = {
  healthy: { ...FIFTY_MS, taUs: 270, tfUs: 255, a2fUs: 70, f2aUs: 130, microbatches: 3 },
  'ffn-bound': {
    ...FIFTY_MS,
    taUs: 150,
    tfUs: 240,
    a2fUs: 70,
    f2aUs: 130,
    microbatches: 3,
    contextTokens: 2048,
  },
  'latency-bound': { ...FIFTY_MS, taUs: 270, tfUs: 250, a2fUs: 120, f2aUs: 200, microbatches: 2 },
  strict: {
    taUs: 80,
    tfUs: 70,
    a2fUs: 15,
    f2aUs: 24,
    microbatches: 3,
    gateUs: 2,
    combineUs: 2,
    denseUs: 18,
    sampleUs: 250,
    hostGapUs: 80,
    requests: 32,
    contextTokens: 4096,
  },
};

/** About 3 % on everything that is timed, slightly uneven contexts and routing. */
export const DEFAULT_NOISE: PipelineNoise = {
  compute: 0.03,
  transfer: 0.03,
  context: 0.01,
  routing: 0.02,
};

/** The scenario as a spec of 8 attention and 4 FFN workers; `changes` replaces any field. */
export function scenarioSpec(
  name: ScenarioName,
  changes: Partial<PipelineSpec> = {},
): PipelineSpec {
  const times = SCENARIOS[name];
  return {
    deployment: 'demo',
    attentionWorkers: 8,
    ffnWorkers: 4,
    domains: 1,
    microbatches: times.microbatches,
    layers: 61,
    denseLayers: 3,
    attentionNs: (times.taUs - times.gateUs - times.combineUs) * NS_PER_US,
    gateNs: times.gateUs * NS_PER_US,
    denseNs: times.denseUs * NS_PER_US,
    a2fNs: times.a2fUs * NS_PER_US,
    expertNs: times.tfUs * NS_PER_US,
    sharedExpertNs: 0,
    sharedExpertSide: 'ffn',
    f2aNs: times.f2aUs * NS_PER_US,
    combineNs: times.combineUs * NS_PER_US,
    sampleNs: times.sampleUs * NS_PER_US,
    hostGapNs: times.hostGapUs * NS_PER_US,
    sends: 'all',
    requests: times.requests,
    contextTokens: times.contextTokens,
    attentionFixedRatio: 0.3,
    expertFixedRatio: 0.3,
    hiddenSize: 7168,
    experts: 256,
    expertsPerToken: 8,
    noise: DEFAULT_NOISE,
    gpusPerHost: 8,
    model: 'DeepSeek-V3.2 (simulated)',
    connector: 'simulated',
    ...changes,
  };
}
