/**
 * The lines that fit between two hulls: `lower(t) <= a + b·t <= upper(t)` at every vertex, with
 * `|b| <= maxSlope`. They are how far one clock can be ahead of another, as a function of time.
 *
 *     ‾‾\__        __/‾‾   upper hull: convex, lines stay under it
 *     ------------------   a line that fits
 *     __/‾‾‾‾‾‾‾‾‾‾‾‾‾‾\_   lower hull: concave
 *
 * For a slope b, a may lie between `max(lower - b·t)` and `min(upper - b·t)`; how much room that
 * leaves is a concave function of b, so the slopes that fit are an interval.
 */

/** Vertices of a lower convex hull, sorted by t. */
export interface HullPoints {
  readonly t: Float64Array;
  readonly v: Float64Array;
}

/** Limits `f(t) <= v` (upper) and `f(t) >= -v` (lower); either may be empty. */
export interface PairLimits {
  readonly upper: HullPoints;
  readonly lower: HullPoints;
}

export type LinesThatFit =
  | { readonly fits: true; readonly minSlope: number; readonly maxSlope: number }
  /** Every line is off by at least `depthNs`, half of it on either side. */
  | { readonly fits: false; readonly depthNs: number };

export function linesThatFit(limits: PairLimits, maxSlope: number): LinesThatFit {
  const { upper, lower } = limits;
  if (upper.t.length === 0 || lower.t.length === 0) {
    return { fits: true, minSlope: -maxSlope, maxSlope };
  }
  const from = firstSlopeWithRoom(limits, -maxSlope, maxSlope);
  const to = firstSlopeWithRoom(limits, maxSlope, -maxSlope);
  if (from === null || to === null) return { fits: false, depthNs: -mostRoom(limits, maxSlope) };
  return { fits: true, minSlope: Math.min(from, to), maxSlope: Math.max(from, to) };
}

/** The largest value at time t of a line under the hull with a slope in the range. */
export function highestLineAt(
  hull: HullPoints,
  t: number,
  minSlope: number,
  maxSlope: number,
): number {
  const { length } = hull.t;
  if (length === 0) return Number.POSITIVE_INFINITY;
  // Of all slopes the best one is that of the hull's edge at t; a line turns round its ends.
  let slope = t < hull.t[0]! ? minSlope : maxSlope;
  for (let i = 1; i < length && hull.t[i - 1]! <= t; i++) {
    if (t > hull.t[i]!) continue;
    const edge = (hull.v[i]! - hull.v[i - 1]!) / (hull.t[i]! - hull.t[i - 1]!);
    slope = Math.min(Math.max(edge, minSlope), maxSlope);
    break;
  }
  return lowestIntercept(hull, slope).a + slope * t;
}

/** Where the lines that fit can be at time t: `[low, high]`; infinite where a side is open. */
export function rangeAt(
  limits: PairLimits,
  t: number,
  minSlope: number,
  maxSlope: number,
): { low: number; high: number } {
  return {
    low: -highestLineAt(limits.lower, t, -maxSlope, -minSlope),
    high: highestLineAt(limits.upper, t, minSlope, maxSlope),
  };
}

/** `min(v - slope·t)` and the time of the vertex that gives it. */
function lowestIntercept(hull: HullPoints, slope: number): { a: number; t: number } {
  let a = Number.POSITIVE_INFINITY;
  let at = 0;
  for (let i = 0; i < hull.t.length; i++) {
    const intercept = hull.v[i]! - slope * hull.t[i]!;
    if (intercept < a) {
      a = intercept;
      at = hull.t[i]!;
    }
  }
  return { a, t: at };
}

/** Room for a line of this slope, and how it changes with the slope; negative: none fits. */
function room({ upper, lower }: PairLimits, slope: number): { room: number; change: number } {
  const above = lowestIntercept(upper, slope);
  const below = lowestIntercept(lower, -slope);
  return { room: above.a + below.a, change: below.t - above.t };
}

/**
 * From `from` towards `to`, the first slope with room; null where there is none. Newton's method on a
 * concave function of straight pieces: it never oversteps and ends after as many steps as pieces.
 */
function firstSlopeWithRoom(limits: PairLimits, from: number, to: number): number | null {
  const direction = to > from ? 1 : -1;
  let slope = from;
  const pieces = limits.upper.t.length + limits.lower.t.length;
  for (let i = 0; i <= pieces; i++) {
    const here = room(limits, slope);
    if (here.room >= -ROUNDING_NS) return slope;
    if (here.change * direction <= 0) return null;
    slope -= here.room / here.change;
    if ((slope - to) * direction > 0) return null;
  }
  return slope;
}

/** The room at the best slope, which is that of an edge or an end of the range. */
function mostRoom(limits: PairLimits, maxSlope: number): number {
  let most = Math.max(room(limits, -maxSlope).room, room(limits, maxSlope).room);
  for (const [hull, sign] of [
    [limits.upper, 1],
    [limits.lower, -1],
  ] as const) {
    for (let i = 1; i < hull.t.length; i++) {
      const edge = (sign * (hull.v[i]! - hull.v[i - 1]!)) / (hull.t[i]! - hull.t[i - 1]!);
      if (Math.abs(edge) <= maxSlope) most = Math.max(most, room(limits, edge).room);
    }
  }
  return most;
}

/** What the arithmetic of doubles may lose at offsets of seconds. */
const ROUNDING_NS = 1e-3;
