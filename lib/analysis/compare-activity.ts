/**
 * What workers did in each sampled step: lengths of the activity report (activity.ts) between a step's
 * start and the next one's, of a group or all workers together. Lengths are per GPU and step, so that
 * clusters of different sizes compare.
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { type ActivityLengths, addLengths, noActivity } from './activity.ts';
import type { SampledSteps } from './compare-steps.ts';
import type { KeyTimes } from './key-times.ts';
import { fitLoadModel } from './load-model.ts';
import { workerActivity } from './worker-activity.ts';

export interface ActivityFigure {
  readonly id: string;
  /** Row of the alignment; null: all workers. */
  readonly group: string | null;
  readonly worker: string | null;
  readonly values: Float64Array;
}

type LengthFigure = readonly [id: string, of: (sum: ActivityLengths, workers: number) => number];

const RATIOS: readonly LengthFigure[] = [
  ['busyRatio', (sum) => sum.computeNs / sum.windowNs],
  ['bubbleRatio', (sum) => sum.bubbleNs / sum.windowNs],
  ['overlapRatio', (sum) => sum.overlapNs / sum.transferNs],
];

const LENGTHS: readonly LengthFigure[] = [
  ['exposedTransferNs', (sum, workers) => sum.exposedTransferNs / workers],
  ['waitPeerNs', (sum, workers) => sum.waitPeerNs / workers],
  ['bubbleCopyNs', (sum, workers) => sum.bubbleCopyNs / workers],
  ['bubbleHostNs', (sum, workers) => sum.bubbleHostNs / workers],
  ['unattributedNs', (sum, workers) => sum.unattributedNs / workers],
  ['cause.a2fNetworkNs', (sum, workers) => sum.a2fNetworkNs / workers],
  ['cause.fanInNs', (sum, workers) => sum.fanInNs / workers],
  ['cause.peerQueueNs', (sum, workers) => sum.peerQueueNs / workers],
  ['cause.peerComputeNs', (sum, workers) => sum.peerComputeNs / workers],
  ['cause.loadExcessNs', (sum, workers) => sum.loadExcessNs / workers],
  ['cause.deviceExcessNs', (sum, workers) => sum.deviceExcessNs / workers],
  ['cause.f2aNetworkNs', (sum, workers) => sum.f2aNetworkNs / workers],
  ['cause.peerHostNs', (sum, workers) => sum.peerHostNs / workers],
  ['cause.fillDrainNs', (sum, workers) => sum.fillDrainNs / workers],
  ['cause.unknownNs', (sum, workers) => sum.unknownCauseNs / workers],
];

/**
 * `groupOf`: row of each worker, `nameOf`: its name there. Slices of time are those of the domain with the
 * most sampled steps; other domains' workers are looked at in the same slices.
 */
export function activityFigures(
  assembled: Assembled,
  sampled: SampledSteps,
  times: KeyTimes,
  groupOf: readonly string[],
  nameOf: readonly string[],
): ActivityFigure[] {
  const { edgesNs, slices } = slicesOf(assembled, sampled);
  if (slices.length === 0) return [];
  const activity = workerActivity(assembled, times, [fitLoadModel(assembled, times)], edgesNs);
  const figures: ActivityFigure[] = [];
  const add = (
    members: readonly number[],
    group: string | null,
    worker: string | null,
    wanted: readonly LengthFigure[],
  ): void => {
    const sums = slices.map((bucket) => {
      const sum = noActivity();
      for (const w of members) addLengths(sum, activity[w]![bucket]!.lengths);
      return sum;
    });
    for (const [id, of] of wanted) {
      const values = Float64Array.from(sums, (sum) => of(sum, members.length));
      figures.push({ id, group, worker, values });
    }
  };
  const all = [...groupOf.keys()];
  add(all, null, null, RATIOS);
  for (const group of new Set(groupOf)) {
    const members = all.filter((w) => groupOf[w] === group);
    add(members, group, null, [...RATIOS, ...LENGTHS]);
    for (const w of members) add([w], group, nameOf[w]!, RATIOS.slice(0, 1));
  }
  return figures;
}

/** Edges of buckets, and which of the buckets are sampled steps. */
function slicesOf(
  { steps }: Assembled,
  { rows, stepNs }: SampledSteps,
): { readonly edgesNs: number[]; readonly slices: number[] } {
  const counts = new Map<number, number>();
  for (const row of rows) counts.set(steps.domain[row]!, (counts.get(steps.domain[row]!) ?? 0) + 1);
  const [domain] = [...counts].sort(([a, x], [b, y]) => y - x || a - b)[0] ?? [-1];
  const edgesNs: number[] = [];
  const slices: number[] = [];
  rows.forEach((row, i) => {
    if (steps.domain[row] !== domain || !(stepNs[i]! > 0)) return;
    const reached = edgesNs[edgesNs.length - 1] ?? Number.NEGATIVE_INFINITY;
    const from = Math.max(reached, steps.startNs[row]!);
    const to = steps.startNs[row]! + stepNs[i]!;
    if (to <= from) return;
    if (from > reached) edgesNs.push(from);
    slices.push(edgesNs.length - 1);
    edgesNs.push(to);
  });
  return { edgesNs, slices };
}
