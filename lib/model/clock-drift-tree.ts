/**
 * Drifts as the slopes of a spanning tree of pairs, the best known pairs first. Clocks that are bound
 * tightly to each other and loosely to the rest then move together: a step changes the slope that is
 * known least.
 */
import { MOST_CUTS, shortestStep } from './clock-cuts.ts';
import { type FitPair, spreadOf } from './clock-pair.ts';

export class DriftTree {
  /** Drift of each clock's correction. */
  readonly drift: Float64Array;
  /** Parents before children; roots have none and no drift. */
  readonly #order: readonly number[];
  readonly #parent: Int32Array;
  /** By node: the pair with its parent, and the slope chosen of those that fit. */
  readonly #pair: (FitPair | undefined)[];
  readonly #slope: Float64Array;
  /** How far each slope is known. */
  readonly #width: Float64Array;
  /** The functions that were last made larger, as lines: their values where all slopes are 0. */
  readonly #recent: { readonly gradient: Float64Array; readonly atZero: number }[] = [];

  /** @param isRoot clocks whose drift is given: none. At least one. */
  constructor(nodes: number, pairs: readonly FitPair[], isRoot: Uint8Array) {
    this.drift = new Float64Array(nodes);
    this.#parent = new Int32Array(nodes).fill(-1);
    this.#pair = new Array(nodes);
    this.#slope = new Float64Array(nodes);
    this.#width = new Float64Array(nodes);
    this.#order = this.#grow(nodes, pairs, isRoot);
    for (const node of this.#order) {
      const pair = this.#pair[node];
      if (pair === undefined) continue;
      this.#slope[node] = (pair.minSlope + pair.maxSlope) / 2;
      this.#width[node] = spreadOf(pair);
    }
    this.#refresh();
  }

  /**
   * Changes the slopes by the smallest step, each measured by how far it is known, that makes a
   * concave function as large as `wanted`, without undoing the steps just before; false where the
   * slopes have no room. `gradient` is by drift, and is changed.
   */
  climb(gradient: Float64Array, value: number, wanted: number): boolean {
    const bySlope = new Float64Array(gradient.length);
    let atZero = value;
    for (let i = this.#order.length - 1; i >= 0; i--) {
      const node = this.#order[i]!;
      const pair = this.#pair[node];
      if (pair === undefined) continue;
      const parent = this.#parent[node]!;
      gradient[parent] = gradient[parent]! + gradient[node]!;
      // The drift of `left` is that of `right` plus the slope.
      bySlope[node] = pair.left === node ? gradient[node]! : -gradient[node]!;
      atZero -= bySlope[node]! * this.#slope[node]!;
    }
    const cuts = this.#recent.map((cut) => {
      let now = cut.atZero;
      for (const node of this.#order) now += cut.gradient[node]! * this.#slope[node]!;
      return { gradient: cut.gradient, value: now, wanted: 0 };
    });
    const step = shortestStep([{ gradient: bySlope, value, wanted }, ...cuts], this.#width);
    if (step === null) return false;
    this.#recent.unshift({ gradient: bySlope, atZero });
    this.#recent.length = Math.min(this.#recent.length, MOST_CUTS - 1);
    let moved = false;
    for (const node of this.#order) {
      const pair = this.#pair[node];
      if (pair === undefined) continue;
      const before = this.#slope[node]!;
      this.#slope[node] = Math.min(Math.max(before + step[node]!, pair.minSlope), pair.maxSlope);
      if (this.#slope[node] !== before) moved = true;
    }
    this.#refresh();
    return moved;
  }

  #refresh(): void {
    for (const node of this.#order) {
      const pair = this.#pair[node];
      if (pair === undefined) continue;
      const rate = 1 + this.drift[this.#parent[node]!]!;
      const ratio = 1 + this.#slope[node]!;
      this.drift[node] = (pair.left === node ? rate * ratio : rate / ratio) - 1;
    }
  }

  /** Prim's algorithm from all roots at once. */
  #grow(nodes: number, pairs: readonly FitPair[], isRoot: Uint8Array): number[] {
    const byNode: FitPair[][] = Array.from({ length: nodes }, () => []);
    for (const pair of pairs) {
      byNode[pair.left]!.push(pair);
      byNode[pair.right]!.push(pair);
    }
    const spread = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
    for (let node = 0; node < nodes; node++) if (isRoot[node] === 1) spread[node] = -1;
    const done = new Uint8Array(nodes);
    const order: number[] = [];
    for (let count = 0; count < nodes; count++) {
      let node = -1;
      for (let other = 0; other < nodes; other++) {
        if (done[other] === 0 && (node < 0 || spread[other]! < spread[node]!)) node = other;
      }
      done[node] = 1;
      order.push(node);
      for (const pair of byNode[node]!) {
        const other = pair.left === node ? pair.right : pair.left;
        if (done[other] === 1 || spreadOf(pair) >= spread[other]!) continue;
        spread[other] = spreadOf(pair);
        this.#parent[other] = node;
        this.#pair[other] = pair;
      }
    }
    return order;
  }
}
