/** Order of instants. */
import type { UnixNanos } from '#lib/base/units.ts';

/** For `sort`. */
export function compareInstants(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

export function earlierOf(a: UnixNanos, b: UnixNanos): UnixNanos {
  return b < a ? b : a;
}

export function laterOf(a: UnixNanos, b: UnixNanos): UnixNanos {
  return b > a ? b : a;
}

export function earliest(instants: readonly UnixNanos[], start: UnixNanos): UnixNanos {
  return instants.reduce(earlierOf, start);
}

export function latest(instants: readonly UnixNanos[], start: UnixNanos): UnixNanos {
  return instants.reduce(laterOf, start);
}
