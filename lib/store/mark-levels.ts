/**
 * How long marks of ingest keep their second: later they are added up to minutes and hours, like
 * rollups, so that there never are many.
 *
 *     length     kept for (of retention.rollups = 90 d)
 *     1 s        as rollups of 10 s: 6 h
 *     60 s       as rollups of 60 s: 3 d
 *     3600 s     all of it
 */
import { floorTo, NS_PER_S } from '#lib/base/units.ts';
import type { RejectReason } from '#lib/table/reject-reasons.ts';
import { keptNs, ROLLUP_LEVELS_NS } from './rollup-levels.ts';
import type { IngestMarkBucket, RetentionPolicy, TimeWindow } from './telemetry-store.ts';

export const MARK_LENGTHS_S: readonly number[] = [1, 60, 3600];

/** The rollup level whose time each length is kept for. */
const KEPT_AS = [1, 2, ROLLUP_LEVELS_NS.length - 1];

/** Marks of the length that start before it are added up to the next length, or go. */
export function marksKeptFromS(level: number, policy: RetentionPolicy, nowUnixNs: bigint): number {
  const coarserS = BigInt(MARK_LENGTHS_S[level + 1] ?? 1);
  const before = nowUnixNs - BigInt(Math.round(keptNs(KEPT_AS[level]!, policy)));
  const beforeS = before < 0n ? 0n : before / BigInt(NS_PER_S);
  return Number((beforeS / coarserS) * coarserS);
}

/** The whole buckets that overlap a window, in seconds since the epoch; the end is exclusive. */
export function wholeMarkBuckets(
  { fromUnixNs, toUnixNs }: TimeWindow,
  lengthS: number,
): { readonly fromS: number; readonly toS: number } {
  const lengthNs = BigInt(lengthS) * BigInt(NS_PER_S);
  const bucket = (instant: bigint) => Number(floorTo(instant, lengthNs) / BigInt(NS_PER_S));
  return { fromS: bucket(fromUnixNs), toS: bucket(toUnixNs - 1n) + lengthS };
}

/** Adds marks up to buckets. */
export class MarkSums {
  readonly #buckets = new Map<string, IngestMarkBucket>();

  /** `lengthS`: of the bucket that begins at `startUnixS`. */
  add(startUnixS: number, lengthS: number, reason: RejectReason, events: number): void {
    const key = `${startUnixS} ${lengthS} ${reason}`;
    const known = this.#buckets.get(key)?.events ?? 0;
    this.#buckets.set(key, { startUnixS, lengthS, reason, events: known + events });
  }

  /** By start, then reason. */
  buckets(): readonly IngestMarkBucket[] {
    return [...this.#buckets.values()].sort(
      (a, b) =>
        a.startUnixS - b.startUnixS || a.lengthS - b.lengthS || (a.reason < b.reason ? -1 : 1),
    );
  }
}
