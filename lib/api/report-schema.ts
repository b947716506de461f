/** The report contract as zod; `lib/analysis/report-types.ts` holds the words. */
import { z } from 'zod';
import { pathSumsSchema } from './critical-path.ts';
import { expertLayerSchema, expertWorkerSchema } from './experts.ts';
import { hangSchema } from './hangs.ts';
import { loadModelSchema, stragglerSchema } from './stragglers.ts';

export const quantilesSchema = z.object({
  min: z.number(),
  p50: z.number(),
  p90: z.number(),
  p99: z.number(),
  max: z.number(),
  mean: z.number(),
});

const bound = z.enum(['attention-bound', 'ffn-bound', 'network-bound', 'latency-bound']);

/** Why a worker waited; the ten add up to its bubble while a receive was open. */
export const bubbleCausesSchema = z.object({
  a2fNetworkNs: z.number(),
  fanInNs: z.number(),
  peerQueueNs: z.number(),
  peerComputeNs: z.number(),
  loadExcessNs: z.number(),
  deviceExcessNs: z.number(),
  f2aNetworkNs: z.number(),
  peerHostNs: z.number(),
  fillDrainNs: z.number(),
  unknownNs: z.number(),
});

const activity = z.object({
  windowNs: z.number(),
  observedNs: z.number(),
  activeNs: z.number(),
  computeNs: z.number(),
  transferNs: z.number(),
  waitNs: z.number(),
  copyNs: z.number(),
  hostNs: z.number(),
  overlapNs: z.number(),
  exposedTransferNs: z.number(),
  bubbleNs: z.number(),
  activeBubbleNs: z.number(),
  htaCommNs: z.number(),
  htaOverlapNs: z.number(),
  busyRatio: z.number(),
  bubbleRatio: z.number(),
  activeBubbleRatio: z.number().nullable(),
  overlapRatio: z.number().nullable(),
  htaOverlapRatio: z.number().nullable(),
  bubble: z.object({
    exposedTransferNs: z.number(),
    waitPeerNs: z.number(),
    copyNs: z.number(),
    hostNs: z.number(),
    unattributedNs: z.number(),
  }),
  causes: bubbleCausesSchema,
});

const steadyBubble = z.object({ imbalance: z.number(), network: z.number(), latency: z.number() });

const balance = z.object({
  taNs: z.number(),
  tfNs: z.number(),
  taEffectiveNs: z.number(),
  tfEffectiveNs: z.number(),
  ta2fNs: z.number(),
  tf2aNs: z.number(),
  idealPeriodNs: z.number(),
  measuredPeriodNs: z.number().nullable(),
  bound,
  attentionBubble: z.number(),
  ffnBubble: z.number(),
  minMicrobatches: z.number(),
  imbalanceCostNs: z.number(),
  termsNs: z
    .object({
      attention: z.number(),
      ffn: z.number(),
      a2fLink: z.number(),
      f2aLink: z.number(),
      latency: z.number(),
    })
    .optional(),
  attentionSteadyBubble: steadyBubble.optional(),
  ffnSteadyBubble: steadyBubble.optional(),
  advice: z.array(
    z.object({
      kind: z.string(),
      change: z.string(),
      gain: z.number(),
      low: z.number(),
      high: z.number(),
      assumes: z.string(),
      set: z.array(z.string()).optional(),
      periodNs: z.number().optional(),
    }),
  ),
  ratioMargin: z
    .object({ gain: z.number(), low: z.number(), high: z.number() })
    .nullable()
    .optional(),
});

const groupUtilization = z.object({
  group: z.string(),
  role: z.string(),
  gpu: z.string().nullable(),
  busyRatio: z.number(),
  flopsFrom: z.enum(['events', 'model']).nullable(),
  bytesFrom: z.enum(['events', 'model']).nullable(),
  flopsPerSecond: z.number().nullable(),
  busyFlopsPerSecond: z.number().nullable(),
  bytesPerSecond: z.number().nullable(),
  busyBytesPerSecond: z.number().nullable(),
  flopsPerByte: z.number().nullable(),
  precision: z.enum(['bf16', 'fp8']).nullable(),
  peakFlopsPerSecond: z.number().nullable(),
  peakBytesPerSecond: z.number().nullable(),
  mfuRatio: z.number().nullable(),
  mbuRatio: z.number().nullable(),
  ridgeFlopsPerByte: z.number().nullable(),
});

const utilization = z.object({
  model: z.string().nullable(),
  modelShape: z.string().nullable(),
  groups: z.array(groupUtilization),
  missing: z.array(z.string()),
  deadZone: z
    .object({
      inZone: z.boolean(),
      dispatchNs: z.number(),
      expertNs: z.number(),
      because: z.string(),
    })
    .nullable(),
});

export const reportSchema = z.object({
  schema: z.literal('afdscope.report/1'),
  deployment: z.string(),
  exactness: z.enum(['raw', 'rollup']),
  quantileErrorRatio: z.number().optional(),
  window: z.object({ startUnixNs: z.string(), endUnixNs: z.string(), durationNs: z.number() }),
  topology: z.object({
    attention: z.number(),
    ffn: z.number(),
    microbatches: z.number(),
    layers: z.number(),
  }),
  steps: z.object({
    count: z.number(),
    latencyNs: quantilesSchema.nullable(),
    meanLatencyNs: z.number().optional(),
    maxLatencyNs: z.number().optional(),
    cadenceNs: quantilesSchema.nullable(),
    tokens: z.number().nullable(),
    tokensPerSecond: z.number().nullable(),
  }),
  groups: z.array(activity.extend({ group: z.string(), role: z.string(), workers: z.number() })),
  workers: z.array(
    activity.extend({
      id: z.string(),
      group: z.string(),
      role: z.string(),
      rank: z.number(),
      host: z.string(),
      clockDomain: z.string(),
      clockOffsetNs: z.number(),
      clockErrorNs: z.number().nullable(),
      /** How its stages are timed; absent: it does not say. */
      timing: z.enum(['host', 'cuda_event', 'cuda_graph']).optional(),
    }),
  ),
  layers: z.array(
    z.object({
      layer: z.number(),
      attentionNs: quantilesSchema.nullable(),
      a2fNs: quantilesSchema.nullable(),
      ffnNs: quantilesSchema.nullable(),
      f2aNs: quantilesSchema.nullable(),
      periodNs: quantilesSchema.nullable(),
      idealPeriodNs: z.number().nullable(),
      bound: bound.nullable(),
    }),
  ),
  stages: z.array(
    z.object({
      group: z.string(),
      stage: z.string(),
      count: z.number(),
      totalNs: z.number(),
      durationNs: quantilesSchema,
    }),
  ),
  balance: balance.nullable(),
  stragglers: z.array(stragglerSchema),
  loadModel: loadModelSchema.optional(),
  hangs: z.array(hangSchema).optional(),
  criticalPath: pathSumsSchema.nullable(),
  experts: z
    .object({
      maxOverMean: z.number(),
      vllmBalancedness: z.number(),
      sglangBalancedness: z.number(),
      activePerRank: z.number(),
      hottest: z.array(
        z.object({
          worker: z.string(),
          layer: z.number(),
          expert: z.number(),
          tokens: z.number(),
        }),
      ),
      forcedRouting: z.boolean(),
      keys: z.number().optional(),
      expertMaxOverMean: z.number().nullable().optional(),
      tokensTimeCorrelation: z.number().nullable().optional(),
      layers: z.array(expertLayerSchema).optional(),
      workers: z.array(expertWorkerSchema).optional(),
    })
    .nullable(),
  clock: z.object({
    referenceDomain: z.string().nullable(),
    domains: z.array(
      z.object({
        domain: z.string(),
        offsetNs: z.number(),
        errorNs: z.number().nullable(),
        driftPpm: z.number().nullable(),
        lowNs: z.number().nullable().optional(),
        highNs: z.number().nullable().optional(),
      }),
    ),
    conflicts: z.number(),
    conflictSpans: z
      .array(
        z.object({
          startUnixNs: z.string(),
          endUnixNs: z.string(),
          domains: z.array(z.string()),
          depthNs: z.number(),
        }),
      )
      .optional(),
    transfers: z.number().optional(),
    violationsBefore: z.number().optional(),
    violationsAfter: z.number().optional(),
  }),
  quality: z.object({
    events: z.number(),
    duplicates: z.number(),
    late: z.number(),
    rejected: z.record(z.string(), z.number()),
    unmatchedReceives: z.number(),
    completeKeys: z.number().optional(),
    incompleteKeys: z.number().optional(),
  }),
  utilization: utilization.nullable().optional(),
});
export type ReportJson = z.infer<typeof reportSchema>;
