/**
 * Clock alignment over any length of time (README, Definitions, "Clocks").
 *
 *     bucket      0     1     2     3        fits over two buckets each, half of them shared:
 *     fit 0       ###########                drift is a line inside a fit
 *     fit 1             ###########
 *     fit 2                   ###########
 *     applied     0    0->1  1->2    2       where two overlap, one fades into the other: both
 *                                            satisfy every limit there, so does their mixture
 *
 * A clock that may stand as it is over the whole time stays as it is.
 */
import { addNanos, nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import { CLOCK_RESOLUTION_NS, type ClockBoundsPart } from './clock-bounds.ts';
import type { ClockCorrection } from './clock-correction.ts';
import { drawCorrection, type FittedStretch } from './clock-draw.ts';
import { type ClockFit, ClockState, fitClocks } from './clock-fit.ts';
import { MAX_SLOPE } from './clock-hull.ts';
import { chooseReference, roughOffsets, type Stretch, stretchesOf } from './clock-stretches.ts';

export interface AlignOptions {
  /** Largest drift of one clock against another that is believed, in ppm; at most 500. */
  readonly maxDriftPpm?: number;
  /** Named first where several would do; a live view names the one it had. */
  readonly reference?: string;
}

export interface DomainClock {
  readonly domain: string;
  /** Added to raw times in the middle of the time that transfers cover; 0: left as they are. */
  readonly offsetNs: number;
  /**
   * The true offset is at most this far from the applied one, at any time that transfers cover: half
   * the feasible interval where its middle is applied. null: not bound on both sides, or in conflict
   * for part of the time.
   */
  readonly errorNs: number | null;
  /** The feasible interval in the middle; null where that side is open. */
  readonly lowNs: number | null;
  readonly highNs: number | null;
  /** Change of the offset; null where nothing is known. */
  readonly driftPpm: number | null;
  /** null: times are left as they are. */
  readonly correction: ClockCorrection | null;
}

export interface ClockConflict {
  readonly fromUnixNs: UnixNanos;
  readonly toUnixNs: UnixNanos;
  readonly domains: readonly string[];
  /** By how much causes and effects cannot be brought in order. */
  readonly depthNs: number;
}

export interface ClockAlignment {
  /** The clock that all times are in; null: there is none that others agree with. */
  readonly referenceDomain: string | null;
  /** Every domain of a transfer, by name. */
  readonly domains: readonly DomainClock[];
  readonly conflicts: readonly ClockConflict[];
  readonly transfers: number;
  /** Transfers that raw times show received before they were sent. */
  readonly violationsBefore: number;
}

const DEFAULT_MAX_DRIFT_PPM = 200;

export function alignClocks(part: ClockBoundsPart, options: AlignOptions = {}): ClockAlignment {
  const maxDrift = Math.min((options.maxDriftPpm ?? DEFAULT_MAX_DRIFT_PPM) * 1e-6, MAX_SLOPE);
  const names = [...new Set(part.pairs.flatMap(({ left, right }) => [left, right]))].sort();
  const refused = new Set<string>();
  let outcome = fitAll(part, names, chooseReference(part, names, options.reference), maxDrift);
  // A reference that most others contradict is none.
  while (outcome.lost * 2 > outcome.stretches.length && refused.size < MOST_REFERENCES) {
    refused.add(names[outcome.reference]!);
    const left = names.filter((name) => !refused.has(name));
    const next = chooseReference(part, left, options.reference);
    if (next < 0) break;
    outcome = fitAll(part, names, names.indexOf(left[next]!), maxDrift);
  }
  const { stretches, reference } = outcome;
  const isLost = reference < 0 || outcome.lost === stretches.length;
  return {
    referenceDomain: isLost ? null : names[reference]!,
    domains: names.map((name, node) => domainClock(name, node, outcome, part.bucketNs)),
    conflicts: stretches.flatMap(({ originUnixNs, fit }) =>
      fit.conflicts.map(({ nodes, depthNs }) => ({
        fromUnixNs: addNanos(originUnixNs, Math.floor(fit.atNs[0])),
        toUnixNs: addNanos(originUnixNs, Math.ceil(fit.atNs[2])),
        domains: nodes.map((node) => names[node]!),
        depthNs,
      })),
    ),
    transfers: part.pairs.reduce((sum, pair) => sum + pair.transfers, 0),
    violationsBefore: part.pairs.reduce((sum, pair) => sum + pair.violations, 0),
  };
}

interface Outcome {
  readonly reference: number;
  readonly stretches: readonly FittedStretch[];
  /** Stretches whose conflicts the reference is part of. */
  readonly lost: number;
  readonly maxDrift: number;
}

function fitAll(
  part: ClockBoundsPart,
  names: readonly string[],
  reference: number,
  maxDrift: number,
): Outcome {
  if (reference < 0) return { reference, stretches: [], lost: 0, maxDrift };
  const rough = roughOffsets(part, names, reference);
  const plans = stretchesOf(part, names, rough, CLOCK_RESOLUTION_NS);
  const asItIs = rough.map((ns) => -ns);
  const fitPlan = (plan: Stretch, mayStay: Uint8Array | null, wanted: Float64Array): ClockFit => {
    const pairs = plan.pairsNear(rough);
    return fitClocks({ nodes: names.length, pairs, reference, asItIs, mayStay, wanted, maxDrift });
  };
  const first: FittedStretch[] = plans.map((plan) => {
    return { ...plan, near: rough, fit: fitPlan(plan, null, asItIs) };
  });
  // Once more where the whole of time says something else than a stretch by itself.
  const mayStay = new Uint8Array(names.length).fill(1);
  for (const { fit } of first) {
    for (let node = 0; node < names.length; node++) {
      if (isUsable(fit, node) && fit.stays[node] === 0) mayStay[node] = 0;
    }
  }
  const stretches = first.map((stretch, i) => {
    const wanted = wantedIn(stretch, first, asItIs, mayStay);
    const differs = stretch.fit.stays.some((stays, node) => stays === 1 && mayStay[node] === 0);
    if (!differs && wanted === asItIs) return stretch;
    return { ...stretch, fit: fitPlan(plans[i]!, mayStay, wanted) };
  });
  const lost = stretches.filter(({ fit }) => fit.state[reference] === ClockState.conflict).length;
  return { reference, stretches, lost, maxDrift };
}

/** What is known of clocks from other stretches, for those that this one does not bind. */
function wantedIn(
  stretch: FittedStretch,
  all: readonly FittedStretch[],
  asItIs: Float64Array,
  mayStay: Uint8Array,
): Float64Array {
  let wanted = asItIs;
  for (let node = 0; node < asItIs.length; node++) {
    if (stretch.fit.state[node] !== ClockState.open || mayStay[node] === 1) continue;
    const known = nearestBound(stretch, all, node);
    if (known === undefined) continue;
    if (wanted === asItIs) wanted = asItIs.slice();
    wanted[node] = correctionIn(known, node, stretch.originUnixNs, 0);
  }
  return wanted;
}

function nearestBound(
  stretch: FittedStretch,
  all: readonly FittedStretch[],
  node: number,
): FittedStretch | undefined {
  let best: FittedStretch | undefined;
  const distance = (other: FittedStretch): number =>
    Math.abs(other.firstBucket - stretch.firstBucket);
  for (const other of all) {
    if (other.fit.state[node] !== ClockState.bound) continue;
    if (best === undefined || distance(other) < distance(best)) best = other;
  }
  return best;
}

/** The fit's line at an instant after some origin, before the rough offset is added. */
function correctionIn(
  { fit, originUnixNs }: FittedStretch,
  node: number,
  origin: UnixNanos,
  atNs: number,
): number {
  const t = nanosBetween(originUnixNs, origin) + atNs;
  return fit.offset[node]! + fit.drift[node]! * t;
}

/** Fits that a clock is drawn from. */
function isUsable(fit: ClockFit, node: number): boolean {
  return fit.state[node] === ClockState.bound || fit.state[node] === ClockState.open;
}

/**
 * How far the true correction can be from the applied one in a stretch. Where it is not bound, it is
 * where the nearest stretch says, and has drifted since.
 */
function errorIn(
  stretch: FittedStretch,
  all: readonly FittedStretch[],
  node: number,
  maxDrift: number,
): number {
  const { fit, originUnixNs } = stretch;
  if (fit.state[node] === ClockState.bound) {
    return Math.max(
      ...fit.at.map(({ applied, low, high }) =>
        Math.max(applied[node]! - low[node]!, high[node]! - applied[node]!),
      ),
    );
  }
  const known = nearestBound(stretch, all, node);
  if (known === undefined) return Number.POSITIVE_INFINITY;
  const error = errorIn(known, all, node, maxDrift);
  const toStretch = nanosBetween(known.originUnixNs, originUnixNs);
  const edge = toStretch > 0 ? known.fit.atNs[2] : known.fit.atNs[0];
  const there = correctionIn(known, node, known.originUnixNs, edge);
  return Math.max(
    ...fit.atNs.map((t) => {
      const here = correctionIn(stretch, node, originUnixNs, t);
      return error + Math.abs(here - there) + maxDrift * Math.abs(toStretch + t - edge);
    }),
  );
}

function domainClock(name: string, node: number, outcome: Outcome, bucketNs: number): DomainClock {
  const { stretches } = outcome;
  const usable = stretches.filter(({ fit }) => isUsable(fit, node));
  const hasConflict = stretches.some(({ fit }) => fit.state[node] === ClockState.conflict);
  const bound = usable.filter(({ fit }) => fit.state[node] === ClockState.bound);
  const isBound = !hasConflict && bound.length > 0;
  if (usable.length === 0) {
    return {
      domain: name,
      offsetNs: 0,
      errorNs: null,
      lowNs: null,
      highNs: null,
      driftPpm: null,
      correction: null,
    };
  }
  const middle = bound[bound.length >>> 1] ?? usable[usable.length >>> 1]!;
  const stays = usable.every(({ fit }) => fit.stays[node] === 1);
  const near = middle.near[node]!;
  const applied = stays ? 0 : near + middle.fit.at[1]!.applied[node]!;
  const low = near + middle.fit.at[1]!.low[node]!;
  const high = near + middle.fit.at[1]!.high[node]!;
  const errorNs = isBound
    ? Math.max(...usable.map((stretch) => errorIn(stretch, stretches, node, outcome.maxDrift)))
    : 0;
  const drift = bound.reduce((sum, { fit }) => sum + fit.drift[node]! / bound.length, 0);
  return {
    domain: name,
    offsetNs: Math.round(applied),
    errorNs: isBound ? Math.ceil(errorNs) : null,
    lowNs: Number.isFinite(low) ? Math.floor(low) : null,
    highNs: Number.isFinite(high) ? Math.ceil(high) : null,
    driftPpm: isBound ? (stays ? 0 : drift * 1e6) : null,
    correction: stays ? null : drawCorrection(node, stretches, usable, bucketNs),
  };
}

const MOST_REFERENCES = 8;
