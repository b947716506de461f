/** Rollup rows as points of the trend charts: sums first, ratios last (README, "Definitions"). */
import { ratio } from '#lib/analysis/activity.ts';
import { countsTokens, tokensPerSecond } from '#lib/analysis/throughput.ts';
import type { TrendPoint } from '#lib/api/live-event.ts';
import { floorTo, NS_PER_MS, NS_PER_S, NS_PER_US, type UnixNanos } from '#lib/base/units.ts';
import type { DeploymentRollup, GroupRollup, WorkerRollup } from '#lib/table/rollups.ts';

interface GroupSums {
  readonly group: string;
  readonly role: string;
  windowNs: number;
  computeNs: number;
  activeNs: number;
  activeBubbleNs: number;
  transferNs: number;
  overlapNs: number;
}

interface Bucket {
  readonly startUnixNs: UnixNanos;
  readonly groups: Map<string, GroupSums>;
  steps: number;
  stepLatencySumNs: number;
  tokens: number;
  /** Of the workers whose tokens count, by worker or group. */
  readonly counting: Map<string, { observedNs: number; workers: number }>;
  periodSumNs: number;
  periodCount: number;
  idealPeriodSumNs: number;
  idealPeriodCount: number;
}

/** Workers one by one, or the sums of their groups. */
type TrendRow = WorkerRollup | GroupRollup;

/** Mean milliseconds per output token in [from, from + span); null where no engine said. */
export type TpotMs = (fromUnixNs: UnixNanos, spanNs: number) => number | null;

/**
 * One point a bucket of `resolutionNs`, oldest first; rows of finer buckets are added up. Buckets
 * without a row are left out, so that charts show a gap.
 */
export function trendPoints(
  workers: readonly TrendRow[],
  deployments: readonly DeploymentRollup[],
  resolutionNs: number,
  tpotMs: TpotMs = () => null,
): TrendPoint[] {
  const buckets = new Map<bigint, Bucket>();
  for (const row of workers) addWorker(bucketOf(buckets, row.bucketStartUnixNs, resolutionNs), row);
  for (const row of deployments) {
    addDeployment(bucketOf(buckets, row.bucketStartUnixNs, resolutionNs), row);
  }
  return [...buckets.values()]
    .sort((a, b) => (a.startUnixNs < b.startUnixNs ? -1 : 1))
    .map((bucket) => pointOf(bucket, resolutionNs, tpotMs));
}

function bucketOf(buckets: Map<bigint, Bucket>, instant: UnixNanos, resolutionNs: number): Bucket {
  const startUnixNs = floorTo(instant, BigInt(resolutionNs));
  const known = buckets.get(startUnixNs);
  if (known !== undefined) return known;
  const bucket: Bucket = {
    startUnixNs,
    groups: new Map(),
    steps: 0,
    stepLatencySumNs: 0,
    tokens: 0,
    counting: new Map(),
    periodSumNs: 0,
    periodCount: 0,
    idealPeriodSumNs: 0,
    idealPeriodCount: 0,
  };
  buckets.set(startUnixNs, bucket);
  return bucket;
}

function addWorker(bucket: Bucket, row: TrendRow): void {
  const sums = bucket.groups.get(row.group) ?? {
    group: row.group,
    role: row.role,
    windowNs: 0,
    computeNs: 0,
    activeNs: 0,
    activeBubbleNs: 0,
    transferNs: 0,
    overlapNs: 0,
  };
  bucket.groups.set(row.group, sums);
  sums.windowNs += row.lengths.windowNs;
  sums.computeNs += row.lengths.computeNs;
  sums.activeNs += row.lengths.activeNs;
  sums.activeBubbleNs += row.lengths.activeBubbleNs;
  sums.transferNs += row.lengths.transferNs;
  sums.overlapNs += row.lengths.overlapNs;
  if (countsTokens(row.role)) {
    const isWorker = 'workerId' in row;
    const id = isWorker ? row.workerId : row.group;
    const known = bucket.counting.get(id) ?? { observedNs: 0, workers: 0 };
    bucket.counting.set(id, known);
    known.observedNs += row.lengths.observedNs;
    known.workers = Math.max(known.workers, isWorker ? 1 : row.workers);
  }
}

function addDeployment(bucket: Bucket, row: DeploymentRollup): void {
  bucket.steps += row.steps;
  bucket.stepLatencySumNs += row.stepLatencySumNs;
  bucket.tokens += row.tokens;
  bucket.periodSumNs += row.periodSumNs;
  bucket.periodCount += row.periodCount;
  bucket.idealPeriodSumNs += row.idealPeriodSumNs;
  bucket.idealPeriodCount += row.idealPeriodCount;
}

function pointOf(bucket: Bucket, resolutionNs: number, tpotMs: TpotMs): TrendPoint {
  const seconds = resolutionNs / NS_PER_S;
  return {
    atUnixMs: Number(bucket.startUnixNs / 1_000_000n),
    spanMs: resolutionNs / NS_PER_MS,
    groups: [...bucket.groups.values()]
      .sort((a, b) => (a.group < b.group ? -1 : 1))
      .map((sums) => ({
        group: sums.group,
        role: sums.role,
        busyRatio: ratio(sums.computeNs, sums.windowNs),
        activeBubbleRatio: ratio(sums.activeBubbleNs, sums.activeNs),
        overlapRatio: ratio(sums.overlapNs, sums.transferNs),
      })),
    // No tokens in the whole bucket: the senders give no counts, or nothing ran.
    tokensPerSecond: tokensPerSecond(
      bucket.tokens > 0 ? bucket.tokens : null,
      [...bucket.counting.values()].flatMap(({ observedNs, workers }) =>
        new Array<number>(workers).fill(observedNs / workers),
      ),
    ),
    stepsPerSecond: bucket.steps / seconds,
    stepLatencyMs: scaled(ratio(bucket.stepLatencySumNs, bucket.steps), NS_PER_MS),
    tpotMs: tpotMs(bucket.startUnixNs, resolutionNs),
    measuredPeriodUs: scaled(ratio(bucket.periodSumNs, bucket.periodCount), NS_PER_US),
    idealPeriodUs: scaled(ratio(bucket.idealPeriodSumNs, bucket.idealPeriodCount), NS_PER_US),
  };
}

function scaled(value: number | null, unit: number): number | null {
  return value === null ? null : value / unit;
}
