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
import { addNanos, type UnixNanos } from '#lib/base/units.ts';
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
}

function fitAll(
  part: ClockBoundsPart,
  names: readonly string[],
  reference: number,
  maxDrift: number,
): Outcome {
  if (reference < 0) return { reference, stretches: [], lost: 0 };
  const rough = roughOffsets(part, names, reference);
  const plans = stretchesOf(part, names, rough, CLOCK_RESOLUTION_NS);
  const fitPlan = (plan: Stretch, mayStay: Uint8Array | null) =>
    fitClocks({
      nodes: names.length,
      pairs: plan.pairsNear(rough),
      reference,
      asItIs: rough.map((ns) => -ns),
      mayStay,
      maxDrift,
    });
  let stretches: FittedStretch[] = plans.map((plan) => {
    return { ...plan, near: rough, fit: fitPlan(plan, null) };
  });
  const mayStay = new Uint8Array(names.length).fill(1);
  for (const { fit } of stretches) {
    for (let node = 0; node < names.length; node++) {
      if (isUsable(fit, node, stretches) && fit.stays[node] === 0) mayStay[node] = 0;
    }
  }
  stretches = stretches.map((stretch, i) => {
    const differs = stretch.fit.stays.some((stays, node) => stays === 1 && mayStay[node] === 0);
    if (!differs) return stretch;
    return { ...stretch, fit: fitPlan(plans[i]!, mayStay) };
  });
  const lost = stretches.filter(({ fit }) => fit.state[reference] === ClockState.conflict).length;
  return { reference, stretches, lost };
}

/** The fits that a clock is drawn from: where it is bound; only if it never is, where it is open. */
function isUsable(fit: ClockFit, node: number, all: readonly FittedStretch[]): boolean {
  if (fit.state[node] === ClockState.bound) return true;
  if (fit.state[node] !== ClockState.open) return false;
  return !all.some((other) => other.fit.state[node] === ClockState.bound);
}

function domainClock(name: string, node: number, outcome: Outcome, bucketNs: number): DomainClock {
  const { stretches } = outcome;
  const usable = stretches.filter(({ fit }) => isUsable(fit, node, stretches));
  const hasConflict = stretches.some(({ fit }) => fit.state[node] === ClockState.conflict);
  const isBound = !hasConflict && usable[0]?.fit.state[node] === ClockState.bound;
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
  const middle = usable[usable.length >>> 1]!;
  const stays = usable.every(({ fit }) => fit.stays[node] === 1);
  const near = middle.near[node]!;
  const applied = stays ? 0 : near + middle.fit.at[1]!.applied[node]!;
  const low = near + middle.fit.at[1]!.low[node]!;
  const high = near + middle.fit.at[1]!.high[node]!;
  let errorNs = 0;
  let drift = 0;
  for (const { fit } of usable) {
    drift += fit.drift[node]! / usable.length;
    for (const { applied, low, high } of fit.at) {
      errorNs = Math.max(errorNs, applied[node]! - low[node]!, high[node]! - applied[node]!);
    }
  }
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
