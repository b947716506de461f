/**
 * Rollups: the exact interval lengths of every worker, and the steps of the deployment, per bucket.
 * Lengths add up over buckets to the activity over all of them, to the nanosecond; whole samples
 * (steps, periods) count in the bucket in which they end; tokens are spread over their step.
 */
import { lowerBound, upperBound } from '#lib/base/bisect.ts';
import { addNanos, floorTo, type UnixNanos } from '#lib/base/units.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { endsInWindow, selectWindow, type WindowNs } from '#lib/model/select-window.ts';
import {
  type DeploymentRollup,
  ROLLUP_LENGTHS,
  type RollupLengths,
  type WorkerRollup,
} from '#lib/table/rollups.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { sumPeriods } from './balance.ts';
import { windowOf } from './build-report.ts';
import { indexExtent } from './index-extent.ts';
import { groupCompleteKeys } from './key-facts.ts';
import type { KeyTimes } from './key-times.ts';
import { fitLoadSums, type LoadModel } from './load-model.ts';
import { ALL_STEPS, loadSumsOf } from './load-sums.ts';
import { type PipelineSamples, pipelineSamples, pipelineTerms } from './pipeline-terms.ts';
import { tokensByStep } from './step-report.ts';
import { tokensBefore } from './throughput.ts';
import { workerActivity } from './worker-activity.ts';

export interface Rollups {
  readonly workers: readonly WorkerRollup[];
  readonly deployments: readonly DeploymentRollup[];
}

/**
 * Buckets of `[fromUnixNs, toUnixNs)`, ordered by bucket, then worker. The first and the last are
 * partial where the window is not aligned to the resolution.
 */
export function rollupBuckets(
  assembled: Assembled,
  fromUnixNs: UnixNanos,
  toUnixNs: UnixNanos,
  resolutionNs: number,
): Rollups {
  if (toUnixNs <= fromUnixNs) return { workers: [], deployments: [] };
  const window = windowOf(assembled, { fromUnixNs, toUnixNs });
  const selected = selectWindow(assembled, window);
  const firstUnixNs = floorTo(fromUnixNs, BigInt(resolutionNs));
  const edgesNs = bucketEdges(window, Number(fromUnixNs - firstUnixNs), resolutionNs);
  const bucketOf = (b: number) => ({
    deployment: assembled.deployment,
    resolutionNs,
    bucketStartUnixNs: addNanos(firstUnixNs, b * resolutionNs),
  });
  const samples = pipelineSamples(selected);
  const models = bucketModels(selected, samples.times, edgesNs);
  const activity = workerActivity(selected, samples.times, models, edgesNs);
  const events = eventsByBucket(selected, edgesNs);
  const buckets = edgesNs.length - 1;
  const workers: WorkerRollup[] = [];
  for (let b = 0; b < buckets; b++) {
    selected.events.workers.forEach((worker, w) => {
      workers.push({
        ...bucketOf(b),
        workerId: workerId(worker),
        group: worker.group,
        role: worker.role,
        rank: worker.rank,
        events: events[w * buckets + b]!,
        lengths: activity[w]![b]!.lengths,
      });
    });
  }
  const deployments = stepBuckets(selected, samples, window, edgesNs).map((sums, b) => ({
    ...bucketOf(b),
    ...sums,
  }));
  return { workers, deployments };
}

/** The same at a coarser resolution, a multiple of the rows' own. */
export function mergeRollups(rollups: Rollups, resolutionNs: number): Rollups {
  const workers = new Map<string, WorkerRollup>();
  for (const row of rollups.workers) {
    const start = floorTo(row.bucketStartUnixNs, BigInt(resolutionNs));
    const key = JSON.stringify([row.deployment, String(start), row.workerId]);
    const sum = workers.get(key);
    const merged = { ...row, resolutionNs, bucketStartUnixNs: start };
    workers.set(
      key,
      sum === undefined
        ? merged
        : {
            ...merged,
            events: sum.events + row.events,
            lengths: addStored(sum.lengths, row.lengths),
          },
    );
  }
  const deployments = new Map<string, DeploymentRollup>();
  for (const row of rollups.deployments) {
    const start = floorTo(row.bucketStartUnixNs, BigInt(resolutionNs));
    const key = JSON.stringify([row.deployment, String(start)]);
    const sum = deployments.get(key);
    const merged = { ...row, resolutionNs, bucketStartUnixNs: start };
    deployments.set(key, sum === undefined ? merged : addDeployment(sum, merged));
  }
  return { workers: [...workers.values()], deployments: [...deployments.values()] };
}

function bucketEdges(window: WindowNs, intoBucketNs: number, resolutionNs: number): Float64Array {
  const edges = [window.fromNs];
  let edge = window.fromNs - intoBucketNs + resolutionNs;
  for (; edge < window.toNs; edge += resolutionNs) edges.push(edge);
  edges.push(window.toNs);
  return Float64Array.from(edges);
}

function addStored(a: RollupLengths, b: RollupLengths): RollupLengths {
  const sum = { ...a };
  for (const name of ROLLUP_LENGTHS) sum[name] += b[name];
  return sum;
}

function addDeployment(a: DeploymentRollup, b: DeploymentRollup): DeploymentRollup {
  return {
    ...b,
    steps: a.steps + b.steps,
    stepLatencySumNs: a.stepLatencySumNs + b.stepLatencySumNs,
    stepLatencyMaxNs: Math.max(a.stepLatencyMaxNs, b.stepLatencyMaxNs),
    tokens: a.tokens + b.tokens,
    periodSumNs: a.periodSumNs + b.periodSumNs,
    periodCount: a.periodCount + b.periodCount,
    idealPeriodSumNs: a.idealPeriodSumNs + b.idealPeriodSumNs,
    idealPeriodCount: a.idealPeriodCount + b.idealPeriodCount,
  };
}

/** Each bucket's load model is that of its own steps, so that it is the same whenever it is made. */
function bucketModels(assembled: Assembled, times: KeyTimes, edgesNs: Float64Array): LoadModel[] {
  const ranges = Array.from({ length: edgesNs.length - 1 }, (_, b) => ({
    ...ALL_STEPS,
    ownFromNs: edgesNs[b]!,
    ownToNs: edgesNs[b + 1]!,
  }));
  return loadSumsOf(assembled, times, ranges).map((sums) => fitLoadSums([sums]));
}

/** Events by their start, at `worker · buckets + bucket`. */
function eventsByBucket(assembled: Assembled, edgesNs: Float64Array): Uint32Array {
  const { events, offsets } = assembled;
  const buckets = edgesNs.length - 1;
  const counts = new Uint32Array(events.workers.length * buckets);
  for (let w = 0; w < events.workers.length; w++) {
    const startsNs = events.startNs.subarray(offsets[w], offsets[w + 1]);
    let from = lowerBound(startsNs, edgesNs[0]!);
    for (let b = 0; b < buckets; b++) {
      const to = lowerBound(startsNs, edgesNs[b + 1]!);
      counts[w * buckets + b] = to - from;
      from = to;
    }
  }
  return counts;
}

type StepSums = Omit<DeploymentRollup, 'deployment' | 'resolutionNs' | 'bucketStartUnixNs'>;
type MutableStepSums = { -readonly [name in keyof StepSums]: number };

function stepBuckets(
  assembled: Assembled,
  samples: PipelineSamples,
  window: WindowNs,
  edgesNs: Float64Array,
): StepSums[] {
  const { steps, keys } = assembled;
  const sums: MutableStepSums[] = Array.from({ length: edgesNs.length - 1 }, () => ({
    steps: 0,
    stepLatencySumNs: 0,
    stepLatencyMaxNs: 0,
    tokens: 0,
    periodSumNs: 0,
    periodCount: 0,
    idealPeriodSumNs: 0,
    idealPeriodCount: 0,
  }));
  const sumsAt = (endNs: number): MutableStepSums => sums[bucketOfEnd(edgesNs, endNs)]!;
  const tokens = tokensByStep(assembled);
  for (let step = 0; step < steps.length; step++) {
    const start = steps.startNs[step]!;
    const end = steps.endNs[step]!;
    if (tokens !== null) spreadTokens(sums, edgesNs, tokens[step]!, start, end);
    if (!endsInWindow(start, end, window)) continue;
    const sum = sumsAt(end);
    sum.steps++;
    sum.stepLatencySumNs += end - start;
    sum.stepLatencyMaxNs = Math.max(sum.stepLatencyMaxNs, end - start);
  }
  const { periods, facts } = samples;
  for (let i = 0; i < periods.key.length; i++) {
    const periodNs = periods.periodNs[i]!;
    const end = periods.endNs[i]!;
    if (!endsInWindow(end - periodNs, end, window)) continue;
    const sum = sumsAt(end);
    sum.periodSumNs += periodNs;
    sum.periodCount++;
  }
  const groupsOfBucket = new Map<number, Map<number, number>>();
  const bucketOfGroup: number[] = [];
  const groupOfKey = groupCompleteKeys(facts, window, (key) => {
    const b = bucketOfEnd(edgesNs, facts.endNs[key]!);
    const layer = keys.layer[key]!;
    let groupOfLayer = groupsOfBucket.get(b);
    if (groupOfLayer === undefined) {
      groupOfLayer = new Map();
      groupsOfBucket.set(b, groupOfLayer);
    }
    let group = groupOfLayer.get(layer);
    if (group === undefined) {
      group = bucketOfGroup.push(b) - 1;
      groupOfLayer.set(layer, group);
    }
    return group;
  });
  const terms = pipelineTerms(samples, groupOfKey, bucketOfGroup.length);
  const { microbatches } = indexExtent(assembled, window);
  bucketOfGroup.forEach((b, group) => {
    const { layers, sumNs } = sumPeriods(terms, [group], microbatches);
    sums[b]!.idealPeriodSumNs += sumNs;
    sums[b]!.idealPeriodCount += layers;
  });
  return sums;
}

/** A step's tokens, evenly over its time: what a bucket has matches what it observed. */
function spreadTokens(
  sums: MutableStepSums[],
  edgesNs: Float64Array,
  tokens: number,
  startNs: number,
  endNs: number,
): void {
  const first = Math.max(0, upperBound(edgesNs, startNs) - 1);
  for (let b = first; b < sums.length && edgesNs[b]! <= endNs; b++) {
    sums[b]!.tokens +=
      tokensBefore(edgesNs[b + 1]!, tokens, startNs, endNs) -
      tokensBefore(edgesNs[b]!, tokens, startNs, endNs);
  }
}

/** The bucket `(edge, next edge]` of an end; what ends on the very first edge is in the first. */
function bucketOfEnd(edgesNs: Float64Array, endNs: number): number {
  return Math.max(0, lowerBound(edgesNs, endNs) - 1);
}
