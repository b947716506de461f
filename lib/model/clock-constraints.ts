/**
 * The limits between pairs of clocks as difference constraints on the offsets of their corrections,
 * once drifts are chosen.
 */
import type { ConstraintGraph } from './clock-graph.ts';
import type { HullPoints } from './clock-lines.ts';
import type { FitPair } from './clock-pair.ts';

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
}

/** The constraint graph of a problem, its weights those of the drifts it was last given. */
export class ConstraintEdges implements ConstraintGraph {
  readonly nodes: number;
  readonly from: number[] = [];
  readonly to: number[] = [];
  readonly weight: number[] = [];
  /** Of the tightest vertex: its time by the clock of `from`, and by that of `to`. */
  readonly #fromNs: number[] = [];
  readonly #toNs: number[] = [];
  readonly #hulls: { hull: HullPoints; left: number; right: number; isUpper: boolean }[] = [];

  constructor(problem: FitProblem) {
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

  /** How the length of a cycle changes with each clock's drift. */
  gradientOf(cycle: readonly number[]): Float64Array {
    const gradient = new Float64Array(this.nodes);
    for (const edge of cycle) {
      if (edge >= this.#hulls.length) continue;
      const from = this.from[edge]!;
      const to = this.to[edge]!;
      gradient[from] = gradient[from]! + this.#fromNs[edge]!;
      gradient[to] = gradient[to]! - this.#toNs[edge]!;
    }
    return gradient;
  }

  #edge(from: number, to: number, weight: number): void {
    this.from.push(from);
    this.to.push(to);
    this.weight.push(weight);
    this.#fromNs.push(0);
    this.#toNs.push(0);
  }
}
