/**
 * One bucket of one worker, or of a deployment. Interval lengths were computed exactly from raw
 * events and add over buckets, workers and time; ratios are divided after adding, never averaged.
 */
import type { UnixNanos } from '#lib/base/units.ts';

/** Interval lengths that add up; names as in the report's M. */
export const ROLLUP_LENGTHS = [
  'windowNs',
  'observedNs',
  'activeNs',
  'computeNs',
  'transferNs',
  'waitNs',
  'copyNs',
  'hostNs',
  'overlapNs',
  'bubbleNs',
  'activeBubbleNs',
  'htaCommNs',
  'htaOverlapNs',
  'exposedTransferNs',
  'waitPeerNs',
  'bubbleCopyNs',
  'bubbleHostNs',
  'unattributedNs',
  // Why a worker waited: of its bubble while a receive was open.
  'a2fNetworkNs',
  'fanInNs',
  'peerQueueNs',
  'peerComputeNs',
  'loadExcessNs',
  'deviceExcessNs',
  'f2aNetworkNs',
  'peerHostNs',
  'fillDrainNs',
  'unknownCauseNs',
] as const;
export type RollupLengthName = (typeof ROLLUP_LENGTHS)[number];
export type RollupLengths = Readonly<Record<RollupLengthName, number>>;

export interface RollupBucket {
  readonly deployment: string;
  readonly resolutionNs: number;
  /** Multiple of resolutionNs since the epoch. */
  readonly bucketStartUnixNs: UnixNanos;
}

export interface WorkerRollup extends RollupBucket {
  readonly workerId: string;
  readonly group: string;
  readonly role: string;
  readonly rank: number;
  readonly events: number;
  readonly lengths: RollupLengths;
}

/** The sums of a group's workers in one bucket. */
export interface GroupRollup extends RollupBucket {
  readonly group: string;
  readonly role: string;
  /** That have a row in the bucket. */
  readonly workers: number;
  readonly events: number;
  readonly lengths: RollupLengths;
}

/** Steps count in the bucket in which they end; tokens are spread evenly over their step. */
export interface DeploymentRollup extends RollupBucket {
  readonly steps: number;
  readonly stepLatencySumNs: number;
  readonly stepLatencyMaxNs: number;
  readonly tokens: number;
  readonly periodSumNs: number;
  readonly periodCount: number;
  readonly idealPeriodSumNs: number;
  readonly idealPeriodCount: number;
}
