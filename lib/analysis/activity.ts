/**
 * Busy, bubble and its exact partition, overlap (README, Definitions). Lengths are sums of
 * `ActivitySweep`; a group's figures are sums over its workers, divided after.
 */
import type { RollupLengthName } from '#lib/table/rollups.ts';
import { Bit } from './activity-sweep.ts';
import { CAUSES, Cause } from './causes.ts';
import type { Activity } from './report-types.ts';

/** Interval lengths that add over workers and time. */
export type ActivityLengths = Record<RollupLengthName, number>;

export function noActivity(): ActivityLengths {
  return {
    windowNs: 0,
    observedNs: 0,
    activeNs: 0,
    computeNs: 0,
    transferNs: 0,
    waitNs: 0,
    copyNs: 0,
    hostNs: 0,
    overlapNs: 0,
    bubbleNs: 0,
    activeBubbleNs: 0,
    htaCommNs: 0,
    htaOverlapNs: 0,
    exposedTransferNs: 0,
    waitPeerNs: 0,
    bubbleCopyNs: 0,
    bubbleHostNs: 0,
    unattributedNs: 0,
    a2fNetworkNs: 0,
    fanInNs: 0,
    peerQueueNs: 0,
    peerComputeNs: 0,
    loadExcessNs: 0,
    deviceExcessNs: 0,
    f2aNetworkNs: 0,
    peerHostNs: 0,
    fillDrainNs: 0,
    unknownCauseNs: 0,
  };
}

/**
 * Reads the masks of one bucket: `time[from .. from + 512)`. All of bubble ∩ receives is unknown until
 * `addCauses`.
 */
export function lengthsOfMasks(time: Float64Array, from: number): ActivityLengths {
  const sum = noActivity();
  for (let mask = 0; mask < 1 << 9; mask++) {
    const ns = time[from + mask]!;
    if (ns === 0) continue;
    const compute = (mask & Bit.compute) !== 0;
    sum.windowNs += ns;
    if (mask & Bit.observed) sum.observedNs += ns;
    if (mask & Bit.active) sum.activeNs += ns;
    if (compute) sum.computeNs += ns;
    if (mask & Bit.transfer) sum.transferNs += ns;
    if (mask & Bit.wait) sum.waitNs += ns;
    if (mask & Bit.copy) sum.copyNs += ns;
    if (mask & Bit.host) sum.hostNs += ns;
    if (mask & Bit.communication) sum.htaCommNs += ns;
    if (compute) {
      if (mask & Bit.transfer) sum.overlapNs += ns;
      if (mask & Bit.communication) sum.htaOverlapNs += ns;
    } else {
      addBubble(sum, mask, ns);
    }
  }
  return sum;
}

/** The order of the tests is the order of the partition. */
function addBubble(sum: ActivityLengths, mask: number, ns: number): void {
  sum.bubbleNs += ns;
  if (mask & Bit.active) sum.activeBubbleNs += ns;
  if (mask & Bit.receive) sum.unknownCauseNs += ns;
  if (mask & Bit.transfer) sum.exposedTransferNs += ns;
  else if (mask & Bit.wait) sum.waitPeerNs += ns;
  else if (mask & Bit.copy) sum.bubbleCopyNs += ns;
  else if (mask & Bit.host) sum.bubbleHostNs += ns;
  else sum.unattributedNs += ns;
}

/** Takes the nine causes that are known (causeNs[from + cause]) out of what is unknown. */
export function addCauses(sum: ActivityLengths, causeNs: Float64Array, from: number): void {
  for (let cause = 0; cause < Cause.unknown; cause++) {
    const name = CAUSES[cause] as Exclude<(typeof CAUSES)[number], 'unknownNs'>;
    sum[name] += causeNs[from + cause]!;
    sum.unknownCauseNs -= causeNs[from + cause]!;
  }
}

export function addLengths(sum: ActivityLengths, other: ActivityLengths): void {
  for (const name of Object.keys(sum) as (keyof ActivityLengths)[]) sum[name] += other[name];
}

/** The report's form. */
export function activityOf(lengths: ActivityLengths): Activity {
  return {
    windowNs: lengths.windowNs,
    observedNs: lengths.observedNs,
    activeNs: lengths.activeNs,
    computeNs: lengths.computeNs,
    transferNs: lengths.transferNs,
    waitNs: lengths.waitNs,
    copyNs: lengths.copyNs,
    hostNs: lengths.hostNs,
    overlapNs: lengths.overlapNs,
    exposedTransferNs: lengths.exposedTransferNs,
    bubbleNs: lengths.bubbleNs,
    activeBubbleNs: lengths.activeBubbleNs,
    htaCommNs: lengths.htaCommNs,
    htaOverlapNs: lengths.htaOverlapNs,
    busyRatio: ratio(lengths.computeNs, lengths.windowNs) ?? 0,
    bubbleRatio: ratio(lengths.bubbleNs, lengths.windowNs) ?? 0,
    activeBubbleRatio: ratio(lengths.activeBubbleNs, lengths.activeNs),
    overlapRatio: ratio(lengths.overlapNs, lengths.transferNs),
    htaOverlapRatio: ratio(lengths.htaOverlapNs, lengths.htaCommNs),
    bubble: {
      exposedTransferNs: lengths.exposedTransferNs,
      waitPeerNs: lengths.waitPeerNs,
      copyNs: lengths.bubbleCopyNs,
      hostNs: lengths.bubbleHostNs,
      unattributedNs: lengths.unattributedNs,
    },
    causes: {
      a2fNetworkNs: lengths.a2fNetworkNs,
      fanInNs: lengths.fanInNs,
      peerQueueNs: lengths.peerQueueNs,
      peerComputeNs: lengths.peerComputeNs,
      loadExcessNs: lengths.loadExcessNs,
      deviceExcessNs: lengths.deviceExcessNs,
      f2aNetworkNs: lengths.f2aNetworkNs,
      peerHostNs: lengths.peerHostNs,
      fillDrainNs: lengths.fillDrainNs,
      unknownNs: lengths.unknownCauseNs,
    },
  };
}

/** null where there is no whole. */
export function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
