/**
 * Corrections that satisfy every constraint: for each clock a line `offset + drift·t`, to be added
 * to its times.
 *
 * With drifts given, each ordered pair of clocks leaves one difference constraint, that of its
 * tightest hull vertex, and shortest paths find the offsets. A cycle of negative length means that
 * these drifts do not go together. Its length is a concave function of the drifts, so a step along
 * its gradient, just long enough to make it zero, comes closer to every set of drifts that fits
 * (projection onto violated cuts). In the end no cycle is negative, or there is no such set.
 */
import { type ConstraintGraph, lengthOf, negativeCycle, shortestPaths } from './clock-graph.ts';
import type { HullPoints } from './clock-lines.ts';
import type { FitPair } from './clock-tree.ts';

export interface FitProblem {
  readonly nodes: number;
  readonly pairs: readonly FitPair[];
  readonly reference: number;
  /** Clocks with a given correction, at all times, and no drift: see `fixed`. */
  readonly isFixed: Uint8Array;
  /** The correction of the fixed ones; the reference has 0. */
  readonly fixed: Float64Array;
  /** Where nothing else decides, corrections come as close to these as they may. */
  readonly wanted: Float64Array;
  readonly maxDrift: number;
  /** Drifts to start from. */
  readonly likelyDrift: Float64Array;
}

export type Corrections =
  | { readonly ok: true; readonly offset: Float64Array; readonly drift: Float64Array }
  /** These clocks cannot all be right; the cycle stays `depthNs` too short. */
  | { readonly ok: false; readonly cycle: readonly number[]; readonly depthNs: number };

export function findCorrections(problem: FitProblem): Corrections {
  const drift = problem.likelyDrift.map((likely, node) =>
    problem.isFixed[node] === 1 || node === problem.reference
      ? 0
      : Math.min(Math.max(likely, -problem.maxDrift), problem.maxDrift),
  );
  const edges = new Edges(problem);
  for (let round = 0; ; round++) {
    edges.weigh(drift);
    const cycle = negativeCycle(edges);
    if (cycle === null) return { ok: true, offset: centredOffsets(problem, edges), drift };
    if (round === MAX_ROUNDS || !edges.lengthen(cycle, drift)) {
      const nodes = cycle.map((edge) => edges.to[edge]!);
      return { ok: false, cycle: nodes, depthNs: -lengthOf(edges, cycle) };
    }
  }
}

/** The constraint graph of a problem, its weights those of the drifts it was last given. */
class Edges implements ConstraintGraph {
  readonly nodes: number;
  readonly from: number[] = [];
  readonly to: number[] = [];
  readonly weight: number[] = [];
  /** Of the tightest vertex: its time by the clock of `from`, and by that of `to`. */
  readonly #fromNs: number[] = [];
  readonly #toNs: number[] = [];
  readonly #hulls: { hull: HullPoints; left: number; right: number; isUpper: boolean }[] = [];
  readonly #problem: FitProblem;

  constructor(problem: FitProblem) {
    this.#problem = problem;
    this.nodes = problem.nodes;
    for (const { left, right, limits } of problem.pairs) {
      if (limits.upper.t.length > 0) {
        this.#edge(right, left, 0);
        this.#hulls.push({ hull: limits.upper, left, right, isUpper: true });
      }
      if (limits.lower.t.length > 0) {
        this.#edge(left, right, 0);
        this.#hulls.push({ hull: limits.lower, left, right, isUpper: false });
      }
    }
    for (let node = 0; node < problem.nodes; node++) {
      if (problem.isFixed[node] === 0 || node === problem.reference) continue;
      this.#edge(problem.reference, node, problem.fixed[node]!);
      this.#edge(node, problem.reference, -problem.fixed[node]!);
    }
  }

  /**
   * A limit v at time t of `left` concerns the instants t of `left` and t + v (upper) or t - v
   * (lower) of `right`. Each clock is corrected at its own instant:
   *     upper  t + left(t) <= t + v + right(t + v)    lower  t - v + right(t - v) <= t + left(t)
   */
  weigh(drift: Float64Array): void {
    for (let e = 0; e < this.#hulls.length; e++) {
      const { hull, left, right, isUpper } = this.#hulls[e]!;
      const leftDrift = drift[left]!;
      const rightDrift = drift[right]!;
      let least = Number.POSITIVE_INFINITY;
      let vertex = 0;
      const perT = isUpper ? rightDrift - leftDrift : leftDrift - rightDrift;
      for (let i = 0; i < hull.t.length; i++) {
        const weight = hull.v[i]! * (1 + rightDrift) + perT * hull.t[i]!;
        if (weight < least) {
          least = weight;
          vertex = i;
        }
      }
      const leftNs = hull.t[vertex]!;
      const rightNs = isUpper ? leftNs + hull.v[vertex]! : leftNs - hull.v[vertex]!;
      this.weight[e] = least;
      this.#fromNs[e] = isUpper ? rightNs : leftNs;
      this.#toNs[e] = isUpper ? leftNs : rightNs;
    }
  }

  /** Changes the drifts so that the cycle is not negative any more; false where none can. */
  lengthen(cycle: readonly number[], drift: Float64Array): boolean {
    const gradient = new Map<number, number>();
    const add = (node: number, by: number): void => {
      if (this.#problem.isFixed[node] === 1 || node === this.#problem.reference) return;
      gradient.set(node, (gradient.get(node) ?? 0) + by);
    };
    for (const edge of cycle) {
      if (edge >= this.#hulls.length) continue;
      add(this.from[edge]!, this.#fromNs[edge]!);
      add(this.to[edge]!, -this.#toNs[edge]!);
    }
    let square = 0;
    for (const slope of gradient.values()) square += slope * slope;
    if (square < 1) return false;
    const { maxDrift } = this.#problem;
    const step = (OVERSHOOT * -lengthOf(this, cycle) + MARGIN_NS) / square;
    let moved = false;
    for (const [node, slope] of gradient) {
      const before = drift[node]!;
      drift[node] = Math.min(Math.max(before + step * slope, -maxDrift), maxDrift);
      if (drift[node] !== before) moved = true;
    }
    return moved;
  }

  #edge(from: number, to: number, weight: number): void {
    this.from.push(from);
    this.to.push(to);
    this.weight.push(weight);
    this.#fromNs.push(0);
    this.#toNs.push(0);
  }
}

/**
 * The middle between the largest and the smallest offsets. Both satisfy all constraints, so their
 * mean does. Clocks that are not bound on both sides then follow one by one.
 */
function centredOffsets(problem: FitProblem, edges: ConstraintGraph): Float64Array {
  const { nodes, reference, wanted } = problem;
  const high = shortestPaths(edges, reference);
  const low = shortestPaths(edges, reference, true);
  const offset = new Float64Array(nodes);
  const open: number[] = [];
  const settled: number[] = [];
  for (let node = 0; node < nodes; node++) {
    offset[node] = (high[node]! - low[node]!) / 2;
    if (Number.isFinite(high[node]! + low[node]!)) settled.push(node);
    else open.push(node);
  }
  if (open.length === 0) return offset;
  const graph = {
    nodes,
    from: [...edges.from],
    to: [...edges.to],
    weight: [...edges.weight],
  };
  const settle = (node: number): void => {
    graph.from.push(reference, node);
    graph.to.push(node, reference);
    graph.weight.push(offset[node]!, -offset[node]!);
  };
  for (const node of settled) settle(node);
  for (const node of open) {
    const most = shortestPaths(graph, reference)[node]!;
    const least = -shortestPaths(graph, reference, true)[node]!;
    const aim = wanted[node]!;
    const isBound = Number.isFinite(most - least);
    if (isBound && (aim < least || aim > most)) offset[node] = (least + most) / 2;
    else offset[node] = Math.min(Math.max(aim, least), most);
    settle(node);
  }
  return offset;
}

const MAX_ROUNDS = 1000;
const OVERSHOOT = 1.2;
/** Lands inside what fits, not on its edge. */
const MARGIN_NS = 0.05;
