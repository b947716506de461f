/**
 * Why a worker waited: the ten causes of its bubble while a receive was open (docs/definitions.md,
 * "Causes"). How they are found:
 *
 *     worker-runs    when each worker worked, sent, was on its host
 *     cause-index    key -> cell or receive of a worker; edges of steps
 *     cause-chain    one reply's way back from its send -> lengths of parts
 *     cause-bands    the parts of one receive, in the order in which waiting is charged to them
 *     cell-excess    by how much a peer's compute exceeds that of its side
 *     cause-sweep    which receive explains an instant -> segments (cause, culprit, from, to)
 */
import type { BubbleCauses } from './report-types.ts';

/** In the order of the report. */
export const CAUSES = [
  'a2fNetworkNs',
  'fanInNs',
  'peerQueueNs',
  'peerComputeNs',
  'loadExcessNs',
  'deviceExcessNs',
  'f2aNetworkNs',
  'peerHostNs',
  'fillDrainNs',
  'unknownNs',
] as const satisfies readonly (keyof BubbleCauses)[];

/** Indices into `CAUSES`. */
export const Cause = {
  a2fNetwork: 0,
  fanIn: 1,
  peerQueue: 2,
  peerCompute: 3,
  loadExcess: 4,
  deviceExcess: 5,
  f2aNetwork: 6,
  peerHost: 7,
  fillDrain: 8,
  unknown: 9,
} as const;

/** No worker is named: the pipeline fills or drains, or nothing is known. */
export const NOBODY = -1;

/** Takes segments of waiting. All segments of one worker are disjoint; each lies in one bucket. */
export interface CauseSink {
  /** `culprit`: index of a worker, or `NOBODY`. `receive`: the row of the receive that was open. */
  add(
    worker: number,
    bucket: number,
    receive: number,
    cause: number,
    culprit: number,
    fromNs: number,
    toNs: number,
  ): void;
}
