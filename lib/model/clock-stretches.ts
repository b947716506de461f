/**
 * From bounds by pair and bucket to stretches of two buckets, in which every clock is moved by about
 * its offset, so that all read about the same at the same instant.
 */
import { type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { BoundsBucket, ClockBoundsPart, PairBounds } from './clock-bounds.ts';
import type { ClockPair } from './clock-fit.ts';
import { LowerHull } from './clock-hull.ts';
import type { HullPoints } from './clock-lines.ts';

export interface Stretch {
  /** The buckets that it covers, by the reference's clock: one or two. */
  readonly firstBucket: number;
  readonly lastBucket: number;
  /** Times of the fit count from here, which keeps them small. */
  readonly originUnixNs: UnixNanos;
  /** The limits, each clock moved by its rough offset. */
  pairsNear(offsetNs: Float64Array): ClockPair[];
}

/**
 * The clock that all others are compared with: of those that transfers bind to most others on both
 * sides, the one preferred, else the first by name, so that it stays the same from day to day. -1
 * without any.
 */
export function chooseReference(
  part: ClockBoundsPart,
  names: readonly string[],
  preferred: string | undefined,
): number {
  const index = new Map(names.map((name, i) => [name, i]));
  const forward: number[][] = names.map(() => []);
  const backward: number[][] = names.map(() => []);
  for (const pair of part.pairs) {
    const left = index.get(pair.left);
    const right = index.get(pair.right);
    if (left === undefined || right === undefined) continue;
    if (pair.buckets.some(({ upperT }) => upperT.length > 0)) {
      forward[left]!.push(right);
      backward[right]!.push(left);
    }
    if (pair.buckets.some(({ lowerT }) => lowerT.length > 0)) {
      forward[right]!.push(left);
      backward[left]!.push(right);
    }
  }
  let best = -1;
  let most = 0;
  const done = new Uint8Array(names.length);
  for (let node = 0; node < names.length; node++) {
    if (done[node] === 1) continue;
    const onward = reached(forward, node);
    const back = reached(backward, node);
    const bound = [...onward].filter((other) => back.has(other));
    for (const other of bound) done[other] = 1;
    if (bound.length > most) {
      most = bound.length;
      const wanted = preferred === undefined ? -1 : names.indexOf(preferred);
      best = bound.includes(wanted) ? wanted : node;
    }
  }
  return best;
}

function reached(edges: readonly (readonly number[])[], start: number): Set<number> {
  const seen = new Set([start]);
  for (const node of seen) for (const next of edges[node]!) seen.add(next);
  return seen;
}

/** Corrections that are right to within the drift and the spread of limits: one pass over pairs. */
export function roughOffsets(
  part: ClockBoundsPart,
  names: readonly string[],
  reference: number,
): Float64Array {
  const offset = new Float64Array(names.length);
  const index = new Map(names.map((name, i) => [name, i]));
  const neighbours: { other: number; ns: number }[][] = names.map(() => []);
  for (const pair of part.pairs) {
    const left = index.get(pair.left)!;
    const right = index.get(pair.right)!;
    const ahead = roughlyAhead(pair);
    neighbours[left]!.push({ other: right, ns: -ahead });
    neighbours[right]!.push({ other: left, ns: ahead });
  }
  const seen = new Set<number>();
  for (let node = reference; node < names.length + reference; node++) {
    const start = node % names.length;
    if (seen.has(start)) continue;
    const queue = new Set([start]);
    seen.add(start);
    for (const from of queue) {
      for (const { other, ns } of neighbours[from]!) {
        if (seen.has(other)) continue;
        seen.add(other);
        offset[other] = Math.round(offset[from]! + ns);
        queue.add(other);
      }
    }
  }
  return offset;
}

/** How far `right` is ahead of `left`, taken from the bucket with most limits. */
function roughlyAhead({ buckets }: PairBounds): number {
  let best: BoundsBucket | undefined;
  const worth = (b: BoundsBucket): number => Math.min(b.upperT.length, b.lowerT.length);
  for (const bucket of buckets) {
    if (best === undefined || worth(bucket) > worth(best)) best = bucket;
  }
  if (best === undefined) return 0;
  const high = Math.min(...best.upperV);
  const low = -Math.min(...best.lowerV);
  if (Number.isFinite(high) && Number.isFinite(low)) return (high + low) / 2;
  // Bound on one side: as it is, unless that side says otherwise.
  return Number.isFinite(high) ? Math.min(high, 0) : Math.max(low, 0);
}

export function stretchesOf(
  part: ClockBoundsPart,
  names: readonly string[],
  rough: Float64Array,
  resolutionNs: number,
): Stretch[] {
  const { bucketNs } = part;
  const index = new Map(names.map((name, i) => [name, i]));
  const members = new Map<number, Member[]>();
  for (const pair of part.pairs) {
    const left = index.get(pair.left)!;
    const right = index.get(pair.right)!;
    const later = Math.round(rough[left]! / bucketNs);
    for (const limits of pair.buckets) {
      const list = members.get(limits.bucket + later) ?? [];
      list.push({ left, right, limits });
      members.set(limits.bucket + later, list);
    }
  }
  const buckets = [...members.keys()].sort((a, b) => a - b);
  const stretches: Stretch[] = [];
  buckets.forEach((bucket, i) => {
    const hasNext = buckets[i + 1] === bucket + 1;
    const isAlone = !hasNext && buckets[i - 1] !== bucket - 1;
    if (!hasNext && !isAlone) return;
    const own = [...members.get(bucket)!, ...(hasNext ? members.get(bucket + 1)! : [])];
    const origin = bucket + 1;
    stretches.push({
      firstBucket: bucket,
      lastBucket: hasNext ? bucket + 1 : bucket,
      originUnixNs: unixNanos(BigInt(origin) * BigInt(bucketNs)),
      pairsNear: (offsetNs) => pairsOf(own, offsetNs, origin, bucketNs, resolutionNs),
    });
  });
  return stretches;
}

interface Member {
  readonly left: number;
  readonly right: number;
  readonly limits: BoundsBucket;
}

function pairsOf(
  members: readonly Member[],
  offsetNs: Float64Array,
  origin: number,
  bucketNs: number,
  resolutionNs: number,
): ClockPair[] {
  const pairs = new Map<
    number,
    {
      left: number;
      right: number;
      upper: LowerHull;
      lower: LowerHull;
      fromNs: number;
      toNs: number;
    }
  >();
  for (const { left, right, limits } of members) {
    const id = left * offsetNs.length + right;
    let pair = pairs.get(id);
    if (pair === undefined) {
      pair = {
        left,
        right,
        upper: new LowerHull(),
        lower: new LowerHull(),
        fromNs: Number.POSITIVE_INFINITY,
        toNs: Number.NEGATIVE_INFINITY,
      };
      pairs.set(id, pair);
    }
    const later = (limits.bucket - origin) * bucketNs + offsetNs[left]!;
    pair.fromNs = Math.min(pair.fromNs, limits.fromNs + later);
    pair.toNs = Math.max(pair.toNs, limits.toNs + later);
    const apart = offsetNs[right]! - offsetNs[left]!;
    const upper = limits.upperV.map((ns) => ns + apart + resolutionNs);
    const lower = limits.lowerV.map((ns) => ns - apart + resolutionNs);
    pair.upper.addAll(limits.upperT, upper, upper.length, later);
    pair.lower.addAll(limits.lowerT, lower, lower.length, later);
  }
  return [...pairs.values()].map(({ left, right, upper, lower, fromNs, toNs }) => ({
    left,
    right,
    fromNs,
    toNs,
    limits: { upper: pointsOf(upper), lower: pointsOf(lower) },
  }));
}

function pointsOf({ t, v, length }: LowerHull): HullPoints {
  return { t: t.slice(0, length), v: v.slice(0, length) };
}
