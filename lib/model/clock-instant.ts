/**
 * Where every clock can be at one instant: shortest paths over what all pairs say then.
 *
 * A pair's limits are read at an instant of its left clock, whose reading is itself what is asked
 * for. So they are first read at about that instant, with as much slack as limits change over the
 * doubt; the answer leaves less doubt, and so on.
 */
import { type ConstraintGraph, lengthOf, negativeCycle, shortestPaths } from './clock-graph.ts';
import { rangeAt } from './clock-lines.ts';
import { type FitPair, steepest } from './clock-pair.ts';

export interface FitConflict {
  /** Sorted. */
  readonly nodes: readonly number[];
  /** By how much causes and effects cannot be brought in order. */
  readonly depthNs: number;
}

export interface InstantRanges {
  readonly conflict: null;
  /** Least and greatest corrections; infinite where that side is open. */
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** About what each clock reads. */
  readonly readingNs: Float64Array;
}

/** @param t the instant, as the reference reads it. */
export function rangesAt(
  nodes: number,
  pairs: readonly FitPair[],
  reference: number,
  t: number,
): InstantRanges | { readonly conflict: FitConflict } {
  const readingNs = new Float64Array(nodes).fill(t);
  const doubtNs = new Float64Array(nodes).fill(FIRST_DOUBT_NS);
  doubtNs[reference] = 0;
  for (let round = 1; ; round++) {
    const graph = graphAt(nodes, pairs, readingNs, doubtNs);
    const cycle = negativeCycle(graph);
    if (cycle !== null) {
      const members = sortedNodes(cycle.map((edge) => graph.to[edge]!));
      return { conflict: { nodes: members, depthNs: -lengthOf(graph, cycle) } };
    }
    const high = shortestPaths(graph, reference);
    const low = shortestPaths(graph, reference, true).map((distance) => -distance);
    let gainNs = 0;
    for (let node = 0; node < nodes; node++) {
      const width = high[node]! - low[node]!;
      if (!(width / 2 < doubtNs[node]!)) continue;
      gainNs = Math.max(gainNs, doubtNs[node]! - width / 2);
      readingNs[node] = t - (high[node]! + low[node]!) / 2;
      doubtNs[node] = width / 2;
    }
    if (round === MAX_ROUNDS || gainNs < ENOUGH_NS) return { conflict: null, low, high, readingNs };
  }
}

export function sortedNodes(nodes: readonly number[]): number[] {
  return [...new Set(nodes)].sort((a, b) => a - b);
}

function graphAt(
  nodes: number,
  pairs: readonly FitPair[],
  readingNs: Float64Array,
  doubtNs: Float64Array,
): ConstraintGraph {
  const from: number[] = [];
  const to: number[] = [];
  const weight: number[] = [];
  for (const pair of pairs) {
    const { left, right, limits, minSlope, maxSlope } = pair;
    const { low, high } = rangeAt(limits, readingNs[left]!, minSlope, maxSlope);
    const slackNs = steepest(pair) * doubtNs[left]!;
    if (high < Number.POSITIVE_INFINITY) {
      from.push(right);
      to.push(left);
      weight.push(high + slackNs);
    }
    if (low > Number.NEGATIVE_INFINITY) {
      from.push(left);
      to.push(right);
      weight.push(slackNs - low);
    }
  }
  return { nodes, from, to, weight };
}

/** Clocks have been moved to within a second of each other before. */
const FIRST_DOUBT_NS = 1e9;
/** A doubt that changes limits by far less than their resolution. */
const ENOUGH_NS = 100;
const MAX_ROUNDS = 6;
