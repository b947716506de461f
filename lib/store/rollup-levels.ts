/**
 * The bucket lengths of rollups, how long each is kept, and which rows add up to a window.
 *
 *     level      kept for (of retention.rollups = 90 d)     made from
 *     1 s        a 2160th: 1 h                              events
 *     10 s       a 360th: 6 h                               1 s
 *     60 s       a 30th: 3 d                                10 s
 *     3600 s     all of it                                  60 s
 *     86400 s    all of it                                  3600 s
 *
 * No level is kept shorter than raw events.
 */
import { floorTo, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { earlierOf, laterOf } from '#lib/table/instants.ts';
import { STAGE_ROLLUP_RESOLUTIONS_NS } from '#lib/table/stage-rollups.ts';
import type { RetentionPolicy, RollupPart, TimeWindow } from './telemetry-store.ts';

/** Days make answers about months short; no picture is drawn from them. */
export const ROLLUP_LEVELS_NS: readonly number[] = [...STAGE_ROLLUP_RESOLUTIONS_NS, 86_400e9];

const COARSEST = ROLLUP_LEVELS_NS.length - 1;

/** Share of `rollupsNs` that each level is kept for. */
const KEPT_SHARES = [1 / 2160, 1 / 360, 1 / 30, 1, 1];

/** How long rows of a level are kept. */
export function keptNs(level: number, policy: RetentionPolicy): number {
  return Math.max(policy.rawNs, policy.rollupsNs * KEPT_SHARES[level]!);
}

/**
 * Rows of the level that end at or before this may go: whole buckets of the next level only, so that
 * a coarse bucket never is made from a part of its fine ones.
 */
export function keptFrom(
  level: number,
  policy: RetentionPolicy,
  nowUnixNs: bigint,
  oldestStaleUnixNs: bigint | null,
): UnixNanos {
  const cutoff = nowUnixNs - BigInt(Math.round(keptNs(level, policy)));
  const coarserNs = BigInt(ROLLUP_LEVELS_NS[Math.min(level + 1, ROLLUP_LEVELS_NS.length - 1)]!);
  const bound = earlierOf(unixNanos(oldestStaleUnixNs ?? cutoff), unixNanos(cutoff));
  return floorTo(bound, coarserNs);
}

/** What a store knows about its levels. */
export interface LevelState {
  /** Rows that start before it are gone, or going. */
  keptFromUnixNs(level: number): bigint;
  /** Buckets of the level that start in the window and do not hold what the finer ones do, ascending. */
  unmade(level: number, window: TimeWindow): readonly bigint[];
}

/**
 * Coarse rows inside the window, finer ones at its edges and where a coarse one is not made. The
 * window is widened to whole buckets of `finestNs`, or of the finest level that is still kept there.
 * Parts ascend and do not overlap.
 */
export function rollupPartsOf(
  window: TimeWindow,
  finestNs: number,
  state: LevelState,
  coarsestNs: number = ROLLUP_LEVELS_NS[COARSEST]!,
): readonly RollupPart[] {
  const level = Math.max(0, ROLLUP_LEVELS_NS.indexOf(finestNs));
  const planned: RollupPart[] = [];
  const coarsest = ROLLUP_LEVELS_NS.indexOf(coarsestNs);
  cover(window.fromUnixNs, earlierOf(window.toUnixNs, LAST_END), level, coarsest, state, planned);
  const parts: RollupPart[] = [];
  for (const part of planned) refine(part, state, parts);
  return parts;
}

/** Buckets that end later do not fit 64 bits; nothing lies there (2262). */
const LAST_END = unixNanos(2n ** 63n - 2n * 86_400_000_000_000n);

/** As if every coarse bucket were made. */
function cover(
  fromUnixNs: bigint,
  toUnixNs: bigint,
  level: number,
  coarsest: number,
  state: LevelState,
  parts: RollupPart[],
): void {
  if (fromUnixNs >= toUnixNs) return;
  const from = floorTo(fromUnixNs, lengthOf(level));
  const to = ceilTo(toUnixNs, lengthOf(level));
  if (level === COARSEST) {
    push(parts, level, from, to);
    return;
  }
  const keptFromUnixNs = state.keptFromUnixNs(level);
  if (from < keptFromUnixNs) {
    const border = earlierOf(unixNanos(keptFromUnixNs), to);
    cover(from, border, level + 1, coarsest, state, parts);
    // Coarser buckets may reach beyond the border.
    cover(
      laterOf(parts.at(-1)?.window.toUnixNs ?? border, border),
      to,
      level,
      coarsest,
      state,
      parts,
    );
    return;
  }
  if (level >= coarsest) {
    push(parts, level, from, to);
    return;
  }
  const inner = ceilTo(from, lengthOf(level + 1));
  const innerEnd = floorTo(to, lengthOf(level + 1));
  if (inner >= innerEnd) {
    push(parts, level, from, to);
    return;
  }
  push(parts, level, from, inner);
  cover(inner, innerEnd, level + 1, coarsest, state, parts);
  push(parts, level, innerEnd, to);
}

/** Replaces unmade buckets by the next finer level's rows, where those are kept. */
function refine(part: RollupPart, state: LevelState, parts: RollupPart[]): void {
  const level = ROLLUP_LEVELS_NS.indexOf(part.resolutionNs);
  const { fromUnixNs, toUnixNs } = part.window;
  const unmade = level > 0 ? state.unmade(level, part.window) : [];
  let at: bigint = fromUnixNs;
  for (const bucket of unmade) {
    if (state.keptFromUnixNs(level - 1) > bucket) continue;
    const end = bucket + lengthOf(level);
    push(parts, level, at, bucket);
    const finer = { fromUnixNs: unixNanos(bucket), toUnixNs: unixNanos(end) };
    refine({ resolutionNs: ROLLUP_LEVELS_NS[level - 1]!, window: finer }, state, parts);
    at = end;
  }
  push(parts, level, at, toUnixNs);
}

/** Neighbours of one level are one part. */
function push(parts: RollupPart[], level: number, from: bigint, to: bigint): void {
  if (from >= to) return;
  const resolutionNs = ROLLUP_LEVELS_NS[level]!;
  const last = parts.at(-1);
  const joins = last?.resolutionNs === resolutionNs && last.window.toUnixNs === from;
  const fromUnixNs = joins ? last.window.fromUnixNs : unixNanos(from);
  if (joins) parts.pop();
  parts.push({ resolutionNs, window: { fromUnixNs, toUnixNs: unixNanos(to) } });
}

function lengthOf(level: number): bigint {
  return BigInt(ROLLUP_LEVELS_NS[level]!);
}

function ceilTo(instant: bigint, unitNs: bigint): UnixNanos {
  return floorTo(instant + unitNs - 1n, unitNs);
}
