/**
 * The grid that a timeline's bins lie on: widths are a unit times a power of two, and the window is
 * widened to tiles of many bins, so that neighbouring questions share their answer.
 */
import { floorTo, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { TimeWindow } from '#lib/store/telemetry-store.ts';

export interface TimelineGrid {
  readonly binNs: number;
  readonly length: number;
  readonly window: TimeWindow;
}

/** The window grows by at most two tiles, which are this share of it. */
const TILES_IN_WINDOW = 8;

/** A grid of about `bins` bins over the window, never more than twice as fine as asked. */
export function gridOf(window: TimeWindow, bins: number, unitNs: number): TimelineGrid {
  const lengthNs = Number(window.toUnixNs - window.fromUnixNs);
  let binNs = unitNs;
  while (binNs * bins < lengthNs) binNs *= 2;
  let tileNs = binNs;
  while (tileNs * TILES_IN_WINDOW * 2 <= binNs * bins) tileNs *= 2;
  // A tile of a long window must not be wider than the window is.
  while (tileNs > binNs && tileNs * TILES_IN_WINDOW > lengthNs) tileNs /= 2;
  const tile = BigInt(tileNs);
  const fromUnixNs = floorTo(window.fromUnixNs, tile);
  const toUnixNs = ceilTo(window.toUnixNs, tile);
  const length = Number((toUnixNs - fromUnixNs) / BigInt(binNs));
  return { binNs, length, window: { fromUnixNs, toUnixNs } };
}

function ceilTo(instant: bigint, unitNs: bigint): UnixNanos {
  return unixNanos(floorTo(instant + unitNs - 1n, unitNs));
}
