/**
 * Units of the product. One file converts; every other name carries its unit as a suffix
 * (`startNs`, `widthPx`, `blobBytes`).
 *
 * Instants are unix nanoseconds as bigint (a double rounds 2026's nanoseconds to 256 ns steps).
 * Inside a table they are Float64 offsets from the table's base, exact up to 2^53 ns = 104 days.
 */

declare const unit: unique symbol;

/** An instant: nanoseconds since 1970-01-01T00:00:00Z. */
export type UnixNanos = bigint & { readonly [unit]: 'unix-ns' };

export const NS_PER_US = 1e3;
export const NS_PER_MS = 1e6;
export const NS_PER_S = 1e9;

export function unixNanos(value: bigint): UnixNanos {
  return value as UnixNanos;
}

/** Wall-clock milliseconds (as `Date.now()` gives them) as an instant. */
export function unixNanosFromMs(unixMs: number): UnixNanos {
  return unixNanos(BigInt(Math.round(unixMs * 1000)) * 1000n);
}

export function unixMsFromNanos(instant: UnixNanos): number {
  return Number(instant / 1000n) / 1000;
}

/** `instant + offsetNs`; the offset must be an integer below 2^53. */
export function addNanos(instant: UnixNanos, offsetNs: number): UnixNanos {
  return unixNanos(instant + BigInt(offsetNs));
}

/** `later - earlier` in nanoseconds, exact while below 2^53 (104 days). */
export function nanosBetween(earlier: UnixNanos, later: UnixNanos): number {
  return Number(later - earlier);
}

/** The last multiple of `unitNs` since the epoch at or before the instant, also before 1970. */
export function floorTo(instant: bigint, unitNs: bigint): UnixNanos {
  return unixNanos(instant - (((instant % unitNs) + unitNs) % unitNs));
}
