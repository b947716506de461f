/**
 * About where every clock stands when the reference shows a given time: along the tree of pairs
 * whose lines are known best (Prim's algorithm). A first guess, with a bound on its own error; the
 * answer comes from all pairs together.
 */
import { centreLine, type PairLimits, rangeAt } from './clock-lines.ts';

/** Two clocks, and how far `right` can be ahead of `left` at times of `left`. */
export interface FitPair {
  readonly left: number;
  readonly right: number;
  readonly limits: PairLimits;
  /** Slopes that fit between the limits. */
  readonly minSlope: number;
  readonly maxSlope: number;
}

interface Branch {
  readonly node: number;
  readonly parent: number;
  readonly pair: FitPair;
  /** `right` reads `x + offset + slope·x` when `left` reads x. */
  readonly offset: number;
  readonly slope: number;
}

export interface ClockTree {
  readonly nodes: number;
  readonly reference: number;
  /** Parents before children. Clocks without a way to the reference hang on one that has none. */
  readonly branches: readonly Branch[];
  /** How fast each clock runs against the reference, as a ratio: the drift of its correction. */
  readonly drift: Float64Array;
}

export interface Readings {
  /** What each clock reads, and how far that may be wrong; 0 where nothing bounds it. */
  readonly ns: Float64Array;
  readonly errorNs: Float64Array;
}

export function clockTree(nodes: number, pairs: readonly FitPair[], reference: number): ClockTree {
  const byNode: FitPair[][] = Array.from({ length: nodes }, () => []);
  for (const pair of pairs) {
    byNode[pair.left]!.push(pair);
    byNode[pair.right]!.push(pair);
  }
  const spread = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
  const best: (FitPair | undefined)[] = new Array(nodes);
  const done = new Uint8Array(nodes);
  const drift = new Float64Array(nodes);
  const branches: Branch[] = [];
  for (let count = 0; count < nodes; count++) {
    let node = count === 0 ? reference : -1;
    for (let other = 0; other < nodes && count > 0; other++) {
      if (done[other] === 0 && (node < 0 || spread[other]! < spread[node]!)) node = other;
    }
    done[node] = 1;
    const pair = best[node];
    if (pair !== undefined) {
      const { a, b } = centreLine(pair.limits, pair.minSlope, pair.maxSlope);
      const parent = pair.left === node ? pair.right : pair.left;
      branches.push({ node, parent, pair, offset: a, slope: b });
      const rate = 1 + drift[parent]!;
      drift[node] = (pair.left === node ? rate * (1 + b) : rate / (1 + b)) - 1;
    }
    for (const next of byNode[node]!) {
      const other = next.left === node ? next.right : next.left;
      const width = widthOf(next);
      if (done[other] === 1 || width >= spread[other]!) continue;
      spread[other] = width;
      best[other] = next;
    }
  }
  return { nodes, reference, branches, drift };
}

/** Pairs with limits on one side only come last. */
function widthOf({ limits, minSlope, maxSlope }: FitPair): number {
  const isOpen = limits.upper.t.length === 0 || limits.lower.t.length === 0;
  return maxSlope - minSlope + (isOpen ? 1 : 0);
}

/** What every clock reads when the reference reads `t`. */
export function readingsAt({ nodes, branches }: ClockTree, t: number): Readings {
  const ns = new Float64Array(nodes).fill(t);
  const errorNs = new Float64Array(nodes);
  for (const { node, parent, pair, offset, slope } of branches) {
    const isLeft = pair.left === node;
    ns[node] = isLeft ? (ns[parent]! - offset) / (1 + slope) : ns[parent]! * (1 + slope) + offset;
    const at = isLeft ? node : parent;
    const { low, high } = rangeAt(pair.limits, ns[at]!, pair.minSlope, pair.maxSlope);
    const ahead = offset + slope * ns[at]!;
    const width = Math.max(high - ahead, ahead - low);
    const bound = errorNs[parent]! * (1 + steepest(pair)) + width * (1 + steepest(pair));
    errorNs[node] = Number.isFinite(bound) ? bound : 0;
  }
  return { ns, errorNs };
}

/** By how much a pair's limits can change in a nanosecond. */
export function steepest({ minSlope, maxSlope }: FitPair): number {
  return Math.max(Math.abs(minSlope), Math.abs(maxSlope));
}
