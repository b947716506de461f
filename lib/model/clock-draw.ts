/** From the fits of overlapping stretches to one continuous correction of one clock. */
import { addNanos, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { ClockCorrection } from './clock-correction.ts';
import { type ClockFit, ClockState } from './clock-fit.ts';

export interface FittedStretch {
  readonly firstBucket: number;
  readonly lastBucket: number;
  readonly originUnixNs: UnixNanos;
  /** By how much each clock was moved before the fit. */
  readonly near: Float64Array;
  readonly fit: ClockFit;
}

/** A straight correction: `offset + drift·x` after the start of a piece. */
interface Straight {
  readonly offset: number;
  readonly drift: number;
}

/** @param usable those of `stretches` that say something of this clock; at least one. */
export function drawCorrection(
  node: number,
  stretches: readonly FittedStretch[],
  usable: readonly FittedStretch[],
  bucketNs: number,
): ClockCorrection {
  const buckets = new Set<number>();
  for (const { firstBucket, lastBucket } of stretches) buckets.add(firstBucket).add(lastBucket);
  const order = [...buckets].sort((a, b) => a - b);
  const first = order[0]!;
  // Pieces begin where the clock itself reads the start of a bucket of the reference.
  const shiftNs = Math.round(usable[0]!.near[node]!);
  const pieces = order.map((bucket) => {
    const before = usable.find((s) => s.lastBucket === bucket && s.firstBucket < bucket);
    const after = usable.find((s) => s.firstBucket === bucket);
    const at = (stretch: FittedStretch): Straight =>
      straightAt(stretch, node, bucket, bucketNs, shiftNs);
    const startNs = (bucket - first) * bucketNs;
    if (before !== undefined && after !== undefined) {
      const a = at(before);
      const b = at(after);
      return {
        startNs,
        offset: a.offset,
        drift: a.drift + (b.offset - a.offset) / bucketNs,
        bend: (b.drift - a.drift) / bucketNs,
      };
    }
    const only = before ?? after;
    if (only !== undefined) return { startNs, ...at(only), bend: 0 };
    const hasConflict = stretches.some(
      ({ firstBucket, lastBucket, fit }) =>
        firstBucket <= bucket && bucket <= lastBucket && fit.state[node] === ClockState.conflict,
    );
    if (hasConflict) return { startNs, offset: 0, drift: 0, bend: 0 };
    return { startNs, ...at(nearest(usable, bucket)), bend: 0 };
  });
  return {
    fromUnixNs: addNanos(unixNanos(BigInt(first) * BigInt(bucketNs)), -shiftNs),
    startNs: Float64Array.from(pieces, (piece) => piece.startNs),
    offsetNs: Float64Array.from(pieces, (piece) => piece.offset),
    drift: Float64Array.from(pieces, (piece) => piece.drift),
    bend: Float64Array.from(pieces, (piece) => piece.bend),
  };
}

/** The fit's line, from where the clock reads the bucket's start less `shiftNs`. */
function straightAt(
  { firstBucket, near, fit }: FittedStretch,
  node: number,
  bucket: number,
  bucketNs: number,
  shiftNs: number,
): Straight {
  const t = (bucket - (firstBucket + 1)) * bucketNs - shiftNs + near[node]!;
  const drift = fit.drift[node]!;
  return { offset: near[node]! + fit.offset[node]! + drift * t, drift };
}

function nearest(usable: readonly FittedStretch[], bucket: number): FittedStretch {
  let best = usable[0]!;
  for (const stretch of usable) {
    if (Math.abs(stretch.firstBucket - bucket) < Math.abs(best.firstBucket - bucket))
      best = stretch;
  }
  return best;
}
