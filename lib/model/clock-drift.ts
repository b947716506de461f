/**
 * Corrections that satisfy every constraint: for each clock a line `offset + drift·t`, to be added
 * to its times.
 *
 * With drifts given, each ordered pair of clocks leaves one difference constraint, that of its
 * tightest hull vertex, and shortest paths find the offsets. A cycle of negative length means that
 * these drifts do not go together. Its length is a concave function of the drifts, so a step along
 * its gradient, just long enough to make it zero, comes closer to every set of drifts that fits
 * (projection onto violated cuts). In the end no cycle is negative, or no step is left.
 */
import { ConstraintEdges, type FitProblem } from './clock-constraints.ts';
import { DriftTree } from './clock-drift-tree.ts';
import { type ConstraintGraph, lengthOf, negativeCycle, shortestPaths } from './clock-graph.ts';
import { sortedNodes } from './clock-instant.ts';

export type Corrections =
  | { readonly ok: true; readonly offset: Float64Array; readonly drift: Float64Array }
  /** These clocks cannot all be right: cycles through them stay up to `depthNs` too short. */
  | { readonly ok: false; readonly nodes: readonly number[]; readonly depthNs: number };

export function findCorrections(problem: FitProblem): Corrections {
  const isRoot = problem.isFixed.slice();
  isRoot[problem.reference] = 1;
  const tree = new DriftTree(problem.nodes, problem.pairs, isRoot);
  const { drift } = tree;
  const edges = new ConstraintEdges(problem);
  const hasFixed = problem.isFixed.some((fixed, node) => fixed === 1 && node !== problem.reference);
  const rounds = hasFixed ? ROUNDS_WITH_FIXED : MAX_ROUNDS;
  const involved = new Set<number>();
  let deepestNs = 0;
  for (let round = 0; ; round++) {
    edges.weigh(drift);
    const cycle = negativeCycle(edges);
    if (cycle === null) return { ok: true, offset: centredOffsets(problem, edges), drift };
    const depthNs = -lengthOf(edges, cycle);
    const wantedNs = OVERSHOOT * depthNs + MARGIN_NS;
    const canMove = round < rounds && tree.climb(edges.gradientOf(cycle), -depthNs, wantedNs);
    // Early cycles may be mended; those that keep coming back tell who is in conflict.
    if (!canMove || round > rounds - LAST_ROUNDS) {
      for (const edge of cycle) involved.add(edges.to[edge]!);
      deepestNs = Math.max(deepestNs, depthNs);
    }
    if (!canMove) return { ok: false, nodes: sortedNodes([...involved]), depthNs: deepestNs };
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

const MAX_ROUNDS = 500;
/** Fixed clocks are a wish; it is not worth long trying. */
const ROUNDS_WITH_FIXED = 100;
const LAST_ROUNDS = 20;
const OVERSHOOT = 0.2;
/** Lands inside what fits, not on its edge. */
const MARGIN_NS = 0.05;
