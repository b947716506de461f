/**
 * The report contract, `afdscope.report/1`: what `analyze`, `report` and the HTTP API answer.
 * Other tools depend on it: add, never change. `lib/api/report-schema.ts` is the same as zod;
 * a test holds the two together. Definitions of every figure: README, "Definitions".
 */

import type { Timing } from '#lib/table/worker-info.ts';
import type { ExpertReport } from './expert-types.ts';
import type { Hang } from './hang-types.ts';
import type { LoadModelReport, Straggler } from './straggler-types.ts';

/** Linear-interpolation quantiles (numpy's default) of at least one sample. */
export interface Quantiles {
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  readonly mean: number;
}

/** The exact partition of a bubble; the five add up to `bubbleNs`. */
export interface BubbleParts {
  readonly exposedTransferNs: number;
  readonly waitPeerNs: number;
  readonly copyNs: number;
  readonly hostNs: number;
  readonly unattributedNs: number;
}

/** The exact partition of bubble ∩ unsplit receives. */
export interface BubbleCauses {
  readonly a2fNetworkNs: number;
  readonly fanInNs: number;
  readonly peerQueueNs: number;
  readonly peerComputeNs: number;
  readonly loadExcessNs: number;
  readonly deviceExcessNs: number;
  readonly f2aNetworkNs: number;
  readonly peerHostNs: number;
  readonly fillDrainNs: number;
  readonly unknownNs: number;
}

/** Interval lengths of one worker, or sums over the workers of a group. */
export interface Activity {
  readonly windowNs: number;
  readonly observedNs: number;
  readonly activeNs: number;
  readonly computeNs: number;
  readonly transferNs: number;
  readonly waitNs: number;
  readonly copyNs: number;
  readonly hostNs: number;
  readonly overlapNs: number;
  readonly exposedTransferNs: number;
  readonly bubbleNs: number;
  /** |bubble ∩ active|, the numerator of activeBubbleRatio; kept so that groups can be summed. */
  readonly activeBubbleNs: number;
  /** Whole communication events (receives unsplit), as Holistic Trace Analysis counts them. */
  readonly htaCommNs: number;
  readonly htaOverlapNs: number;
  readonly busyRatio: number;
  readonly bubbleRatio: number;
  /** null without active time. */
  readonly activeBubbleRatio: number | null;
  /** null without transfer. */
  readonly overlapRatio: number | null;
  /** null without communication. */
  readonly htaOverlapRatio: number | null;
  readonly bubble: BubbleParts;
  readonly causes: BubbleCauses;
}

export type Bound = 'attention-bound' | 'ffn-bound' | 'network-bound' | 'latency-bound';

export interface GroupReport extends Activity {
  readonly group: string;
  readonly role: string;
  readonly workers: number;
}

export interface WorkerReport extends Activity {
  readonly id: string;
  readonly group: string;
  readonly role: string;
  readonly rank: number;
  readonly host: string;
  readonly clockDomain: string;
  readonly clockOffsetNs: number;
  /** null: not known. */
  readonly clockErrorNs: number | null;
  /** How its stages are timed; absent: it does not say. */
  readonly timing?: Timing | undefined;
}

export interface LayerReport {
  readonly layer: number;
  readonly attentionNs: Quantiles | null;
  readonly a2fNs: Quantiles | null;
  readonly ffnNs: Quantiles | null;
  readonly f2aNs: Quantiles | null;
  readonly periodNs: Quantiles | null;
  readonly idealPeriodNs: number | null;
  readonly bound: Bound | null;
}

export interface StageReport {
  readonly group: string;
  readonly stage: string;
  readonly count: number;
  readonly totalNs: number;
  readonly durationNs: Quantiles;
}

export interface Advice {
  readonly kind: string;
  readonly change: string;
  readonly gain: number;
  readonly low: number;
  readonly high: number;
  readonly assumes: string;
  /** The same change as `set` values of the what-if question; absent where it cannot be replayed. */
  readonly set?: readonly string[] | undefined;
  /** Layer period after the change, as predicted. */
  readonly periodNs?: number | undefined;
}

/** m·Ea, m·Ef, m·Oa2f, m·Of2a and Sa + Sf + RT. */
export interface PeriodTerms {
  readonly attention: number;
  readonly ffn: number;
  readonly a2fLink: number;
  readonly f2aLink: number;
  readonly latency: number;
}

/** The parts of a side's steady bubble; they add up to it. */
export interface SteadyBubble {
  /** The other side is slower. */
  readonly imbalance: number;
  /** A link is busier than either side. */
  readonly network: number;
  /** One micro-batch's way through a layer is longer than m times the slower side. */
  readonly latency: number;
}

export interface Balance {
  readonly taNs: number;
  readonly tfNs: number;
  readonly taEffectiveNs: number;
  readonly tfEffectiveNs: number;
  readonly ta2fNs: number;
  readonly tf2aNs: number;
  readonly idealPeriodNs: number;
  readonly measuredPeriodNs: number | null;
  readonly bound: Bound;
  /** Steady bubble of each side, 1 - m·Ex/C. */
  readonly attentionBubble: number;
  readonly ffnBubble: number;
  readonly minMicrobatches: number;
  /** idealPeriodNs at effective times minus the same at median times. */
  readonly imbalanceCostNs: number;
  /** The terms of C, each the mean over layers: what bounds, and how far the next one is. */
  readonly termsNs?: PeriodTerms | undefined;
  readonly attentionSteadyBubble?: SteadyBubble | undefined;
  readonly ffnSteadyBubble?: SteadyBubble | undefined;
  readonly advice: readonly Advice[];
  /**
   * The largest gain in tokens per second and GPU that another A:F ratio of the same number of GPUs
   * would bring by the fitted times, 0..: what is left where no ratio is advised. null: unknown.
   */
  readonly ratioMargin?:
    | { readonly gain: number; readonly low: number; readonly high: number }
    | null
    | undefined;
}

/** What a group of GPUs achieved against what they can do; null: not known. */
export interface GroupUtilization {
  readonly group: string;
  readonly role: string;
  /** Name in the table of GPU peaks. */
  readonly gpu: string | null;
  readonly busyRatio: number;
  /** What `flops` and `bytes` come from: `events` (`afd.flops`, `afd.bytes`) or the `model`'s shape. */
  readonly flopsFrom: 'events' | 'model' | null;
  readonly bytesFrom: 'events' | 'model' | null;
  /** Per GPU: over the observed time, and over the time in which it computed. */
  readonly flopsPerSecond: number | null;
  readonly busyFlopsPerSecond: number | null;
  /** Device memory traffic, likewise. */
  readonly bytesPerSecond: number | null;
  readonly busyBytesPerSecond: number | null;
  readonly flopsPerByte: number | null;
  readonly precision: 'bf16' | 'fp8' | null;
  readonly peakFlopsPerSecond: number | null;
  readonly peakBytesPerSecond: number | null;
  /** Over observed time and peak. */
  readonly mfuRatio: number | null;
  readonly mbuRatio: number | null;
  /** Peak FLOP/s over peak bytes/s: below it memory bounds, above it compute. */
  readonly ridgeFlopsPerByte: number | null;
}

export interface Utilization {
  readonly model: string | null;
  /** Name in the table of model shapes. */
  readonly modelShape: string | null;
  readonly groups: readonly GroupUtilization[];
  /** What would have to be known for the fields that are null, in words. */
  readonly missing: readonly string[];
  /** More FFN GPUs would not raise their utilization: dispatch is bound by the scale-out network. */
  readonly deadZone: {
    readonly inZone: boolean;
    readonly dispatchNs: number;
    readonly expertNs: number;
    readonly because: string;
  } | null;
}

/** How the clocks of the hosts were brought together. */
export interface ClockReport {
  /** The clock that all times of the report are in; null: none that others agree with. */
  readonly referenceDomain: string | null;
  readonly domains: readonly ClockDomainReport[];
  /** Times and places where causes and effects cannot be brought in order. */
  readonly conflicts: number;
  /** The deepest of them, at most 20. */
  readonly conflictSpans?: readonly ClockConflictReport[] | undefined;
  /** Sends from one domain to another: each key, direction and pair of domains counts once. */
  readonly transfers?: number | undefined;
  /** Of those: received before they were sent, as the clocks show it, and as they are aligned. */
  readonly violationsBefore?: number | undefined;
  readonly violationsAfter?: number | undefined;
}

export interface ClockDomainReport {
  readonly domain: string;
  /** Added to the domain's raw times, in the middle of the time. */
  readonly offsetNs: number;
  /** The true offset is at most this far away, at any time; null: not known. */
  readonly errorNs: number | null;
  readonly driftPpm: number | null;
  /** Where the true offset lies, in the middle of the time; null: open on that side. */
  readonly lowNs?: number | null | undefined;
  readonly highNs?: number | null | undefined;
}

export interface ClockConflictReport {
  readonly startUnixNs: string;
  readonly endUnixNs: string;
  readonly domains: readonly string[];
  readonly depthNs: number;
}

/** The path's time in steps that end in the window. Each list adds up to `durationNs`. */
export interface CriticalPathSums {
  /** The latencies of the steps, added. */
  readonly durationNs: number;
  /** Steps that the path was made of. */
  readonly steps: number;
  /** Steps that end in the window; more than `steps`: evenly spread ones were taken. */
  readonly ofSteps: number;
  /** The largest; what is left is one more, of worker and stage `other` and layer -1. */
  readonly share: readonly {
    readonly worker: string;
    readonly stage: string;
    readonly layer: number;
    readonly ns: number;
  }[];
  readonly byStage: readonly { readonly stage: string; readonly ns: number }[];
  readonly byWorker: readonly { readonly worker: string; readonly ns: number }[];
  readonly byLayer: readonly { readonly layer: number; readonly ns: number }[];
  readonly byKind: readonly { readonly kind: PathKind; readonly ns: number }[];
}

export type PathKind =
  | 'compute'
  | 'a2f'
  | 'f2a'
  | 'link-queue'
  | 'collective'
  | 'copy'
  | 'host'
  | 'gap';

export interface Report {
  readonly schema: 'afdscope.report/1';
  readonly deployment: string;
  readonly exactness: 'raw' | 'rollup';
  /** Largest relative error of p50, p90 and p99; absent: they are exact. */
  readonly quantileErrorRatio?: number | undefined;
  readonly window: {
    readonly startUnixNs: string;
    readonly endUnixNs: string;
    readonly durationNs: number;
  };
  readonly topology: {
    readonly attention: number;
    readonly ffn: number;
    readonly microbatches: number;
    readonly layers: number;
  };
  readonly steps: {
    readonly count: number;
    readonly latencyNs: Quantiles | null;
    /** From rollups, which keep no quantiles of it; absent without a step. */
    readonly meanLatencyNs?: number | undefined;
    readonly maxLatencyNs?: number | undefined;
    readonly cadenceNs: Quantiles | null;
    readonly tokens: number | null;
    readonly tokensPerSecond: number | null;
  };
  readonly groups: readonly GroupReport[];
  readonly workers: readonly WorkerReport[];
  readonly layers: readonly LayerReport[];
  readonly stages: readonly StageReport[];
  readonly balance: Balance | null;
  readonly stragglers: readonly Straggler[];
  /** Absent: not looked at (from rollups). */
  readonly loadModel?: LoadModelReport | undefined;
  readonly hangs?: readonly Hang[] | undefined;
  readonly criticalPath: CriticalPathSums | null;
  readonly experts: ExpertReport | null;
  readonly clock: ClockReport;
  readonly quality: {
    readonly events: number;
    readonly duplicates: number;
    readonly late: number;
    readonly rejected: Readonly<Record<string, number>>;
    readonly unmatchedReceives: number;
    /** Keys that both sides worked on; incomplete: a worker of the step has no work on it. */
    readonly completeKeys?: number | undefined;
    readonly incompleteKeys?: number | undefined;
  };
  /** null: no events that tell. */
  readonly utilization?: Utilization | null | undefined;
}
