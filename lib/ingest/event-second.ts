/** Under which second an event counts that is not stored as it came. */
const TWO_32 = 4294967296;
/** 2^63 ns is the year 2262, and the most that the store's integers hold. */
const MAX_HIGH = 2 ** 31;

/**
 * Second since the epoch of `high` * 2^32 + `low` + `offsetNs` nanoseconds; null: no time that a unix
 * clock gives. Doubles round to 256 ns: that close to its edge it may be the neighbour, which no mark
 * shows.
 */
export function secondOf(high: number, low: number, offsetNs = 0): number | null {
  const ns = high * TWO_32 + low + offsetNs;
  return ns > 0 && ns < MAX_HIGH * TWO_32 ? Math.floor(ns / 1e9) : null;
}
