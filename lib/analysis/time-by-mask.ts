/**
 * One sweep over several interval sets: how long was which combination of them open?
 *
 *     compute   ████████······████      bit 0
 *     transfer  ····████████······      bit 1
 *     mask      1···3···2···0·1···      -> time[1], time[3], time[2], time[0]
 *
 * Every length of the activity report is a sum over masks, so its parts add up by construction.
 */
import { upperBound } from '#lib/base/bisect.ts';
import type { Intervals } from '#lib/base/intervals.ts';

/**
 * Time per bucket and mask, `masks = 1 << sets.length` entries a bucket. Bucket b is
 * `[edgesNs[b], edgesNs[b + 1])`; edges ascend. Bit k of a mask stands for `sets[k]`.
 */
export function timeByMask(sets: readonly Intervals[], edgesNs: ArrayLike<number>): Float64Array {
  const masks = 1 << sets.length;
  const buckets = Math.max(0, edgesNs.length - 1);
  const time = new Float64Array(buckets * masks);
  if (buckets === 0) return time;
  const used: Intervals[] = [];
  const bits: number[] = [];
  for (let k = 0; k < sets.length; k++) {
    if (sets[k]!.length === 0) continue;
    used.push(sets[k]!);
    bits.push(1 << k);
  }
  const position = new Int32Array(used.length);
  const nextNs = new Float64Array(used.length);
  let now = edgesNs[0]!;
  let mask = 0;
  for (let k = 0; k < used.length; k++) {
    const set = used[k]!;
    const at = upperBound(set, now);
    if (at % 2 === 1) mask |= bits[k]!;
    position[k] = at;
    nextNs[k] = at < set.length ? set[at]! : Number.POSITIVE_INFINITY;
  }
  let upcomingNs = Number.POSITIVE_INFINITY;
  for (let k = 0; k < used.length; k++) if (nextNs[k]! < upcomingNs) upcomingNs = nextNs[k]!;
  for (let bucket = 0; bucket < buckets; bucket++) {
    const bucketEnd = edgesNs[bucket + 1]!;
    const base = bucket * masks;
    while (now < bucketEnd) {
      const until = Math.min(upcomingNs, bucketEnd);
      time[base + mask] = time[base + mask]! + (until - now);
      now = until;
      if (upcomingNs > now) continue;
      upcomingNs = Number.POSITIVE_INFINITY;
      for (let k = 0; k < used.length; k++) {
        let next = nextNs[k]!;
        if (next <= now) {
          const set = used[k]!;
          const at = position[k]! + 1;
          position[k] = at;
          next = at < set.length ? set[at]! : Number.POSITIVE_INFINITY;
          nextNs[k] = next;
          mask ^= bits[k]!;
        }
        if (next < upcomingNs) upcomingNs = next;
      }
    }
  }
  return time;
}
