/** Order of instants. */
import type { UnixNanos } from '#lib/base/units.ts';

/** For `sort`. */
export function compareInstants(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

export function earliest(instants: readonly UnixNanos[], start: UnixNanos): UnixNanos {
  let best = start;
  for (const instant of instants) if (instant < best) best = instant;
  return best;
}

export function latest(instants: readonly UnixNanos[], start: UnixNanos): UnixNanos {
  let best = start;
  for (const instant of instants) if (instant > best) best = instant;
  return best;
}
