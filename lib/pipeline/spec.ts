/**
 * What is simulated: shape, stage times, loads, noise. All times are means in nanoseconds of one
 * micro-batch in one layer unless said otherwise.
 *
 *     A  [combine l-1 | attention | gate]   (shared expert)
 *                       a2f_send └──────┐
 *     F                     a2f_recv ───┤[shared expert | expert]┐
 *                                                     f2a_send └─┴───┐
 *     A                     f2a_recv ────────────────────────────────┤[combine l | attention …
 */
export interface PipelineSpec {
  readonly deployment: string;
  readonly attentionWorkers: number;
  readonly ffnWorkers: number;
  /** Data-parallel domains with a step counter each; attention ranks are dealt out in blocks. */
  readonly domains: number;
  readonly microbatches: number;
  /** All layers, the dense ones included. */
  readonly layers: number;
  /** The first layers have a dense FFN, which the attention side computes itself. */
  readonly denseLayers: number;

  readonly attentionNs: number;
  readonly gateNs: number;
  readonly denseNs: number;
  readonly a2fNs: number;
  readonly expertNs: number;
  readonly sharedExpertNs: number;
  readonly sharedExpertSide: 'attention' | 'ffn';
  readonly f2aNs: number;
  readonly combineNs: number;
  /** Once per step and attention worker, after its last micro-batch. */
  readonly sampleNs: number;
  /** Once per step and attention worker, before its first micro-batch. */
  readonly hostGapNs: number;

  /** One send event to all peers, or one to each of them (in parallel). */
  readonly sends: 'all' | 'per-peer';

  /** Sequences of one micro-batch on one attention worker; decoding, so as many tokens. */
  readonly requests: number;
  /** Mean KV tokens of a sequence. */
  readonly contextTokens: number;
  /** Part of attention time that does not grow with the context. */
  readonly attentionFixedRatio: number;
  /** Part of expert time that does not grow with the tokens: reading the weights. */
  readonly expertFixedRatio: number;
  readonly hiddenSize: number;
  readonly experts: number;
  readonly expertsPerToken: number;
  /** Expert events list the tokens of each expert (`afd.expert_tokens`). Default: they do not. */
  readonly listExperts?: boolean;

  readonly noise: PipelineNoise;

  readonly gpusPerHost: number;
  readonly model: string;
  readonly connector: string;
}

/** Relative standard deviations; zero switches that noise off. */
export interface PipelineNoise {
  /** Of each compute event. */
  readonly compute: number;
  /** Of each transfer. */
  readonly transfer: number;
  /** Of the context tokens between attention workers; changes slowly from step to step. */
  readonly context: number;
  /** Of the routed tokens between FFN workers; drawn anew for each layer and micro-batch. */
  readonly routing: number;
}

export const NO_NOISE: PipelineNoise = { compute: 0, transfer: 0, context: 0, routing: 0 };

/** The workload spec is contradictory; the message names the field and says what it must be. */
export class PipelineSpecError extends Error {
  override readonly name = 'PipelineSpecError';
}

/** @throws PipelineSpecError at the first field that cannot be simulated. */
export function checkSpec(spec: PipelineSpec): void {
  whole(spec, 'attentionWorkers', 1, 4096);
  whole(spec, 'ffnWorkers', 1, 4096);
  whole(spec, 'domains', 1, spec.attentionWorkers);
  whole(spec, 'microbatches', 1, 8);
  whole(spec, 'layers', 1, 1024);
  whole(spec, 'denseLayers', 0, spec.layers);
  whole(spec, 'requests', 1, 1e6);
  whole(spec, 'experts', 1, 1e5);
  whole(spec, 'expertsPerToken', 1, spec.experts);
  whole(spec, 'gpusPerHost', 1, 1024);
  for (const field of ['attentionNs', 'expertNs', 'a2fNs', 'f2aNs'] as const) {
    inRange(spec, field, 1, 1e12);
  }
  for (const field of [
    'gateNs',
    'denseNs',
    'sharedExpertNs',
    'combineNs',
    'sampleNs',
    'hostGapNs',
  ] as const) {
    inRange(spec, field, 0, 1e12);
  }
  inRange(spec, 'contextTokens', 0, 1e9);
  inRange(spec, 'hiddenSize', 1, 1e6);
  inRange(spec, 'attentionFixedRatio', 0, 1);
  inRange(spec, 'expertFixedRatio', 0, 1);
  for (const [field, value] of Object.entries(spec.noise)) {
    if (!(value >= 0 && value <= 1)) fail(`noise.${field}`, value, 'a number from 0 to 1');
  }
}

type NumberField = {
  [K in keyof PipelineSpec]-?: PipelineSpec[K] extends number ? K : never;
}[keyof PipelineSpec];

function whole(spec: PipelineSpec, field: NumberField, min: number, max: number): void {
  const value = spec[field];
  if (!Number.isInteger(value) || value < min || value > max) {
    fail(field, value, `a whole number from ${min} to ${max}`);
  }
}

function inRange(spec: PipelineSpec, field: NumberField, min: number, max: number): void {
  const value = spec[field];
  if (!(value >= min && value <= max)) fail(field, value, `a number from ${min} to ${max}`);
}

function fail(field: string, value: number, wanted: string): never {
  throw new PipelineSpecError(`pipeline spec: ${field} is ${value}, but must be ${wanted}`);
}
