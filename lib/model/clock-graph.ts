/**
 * Difference constraints as a graph: an edge `from -> to` of weight w says `p[to] - p[from] <= w`.
 * Shortest paths from a node are the largest values that the others can have above it; a cycle of
 * negative length says that no values satisfy all constraints (Bellman and Ford; Cormen et al.,
 * "Difference constraints and shortest paths").
 */

export interface ConstraintGraph {
  readonly nodes: number;
  readonly from: readonly number[];
  readonly to: readonly number[];
  /** Infinite: no constraint. */
  readonly weight: readonly number[];
}

/**
 * Shortest distances from `root`; +Infinity where no path leads. Only meaningful in a graph without
 * negative cycles. With `reversed`, distances to `root`.
 */
export function shortestPaths(
  graph: ConstraintGraph,
  root: number,
  reversed = false,
): Float64Array {
  const distance = new Float64Array(graph.nodes).fill(Number.POSITIVE_INFINITY);
  distance[root] = 0;
  const from = reversed ? graph.to : graph.from;
  const to = reversed ? graph.from : graph.to;
  for (let round = 0; round < graph.nodes; round++) {
    let changed = false;
    for (let e = 0; e < from.length; e++) {
      const through = distance[from[e]!]! + graph.weight[e]!;
      if (through < distance[to[e]!]!) {
        distance[to[e]!] = through;
        changed = true;
      }
    }
    if (!changed) break;
  }
  return distance;
}

/** The edges of a cycle of negative length, in order; null where there is none. */
export function negativeCycle(graph: ConstraintGraph): number[] | null {
  const { from, to, weight, nodes } = graph;
  const distance = new Float64Array(nodes);
  const lastEdge = new Int32Array(nodes).fill(-1);
  for (let round = 0; round <= nodes; round++) {
    let changed = false;
    for (let e = 0; e < from.length; e++) {
      const through = distance[from[e]!]! + weight[e]!;
      if (through < distance[to[e]!]! - LEAST_GAIN_NS) {
        distance[to[e]!] = through;
        lastEdge[to[e]!] = e;
        changed = true;
      }
    }
    if (!changed) return null;
    const cycle = cycleOf(graph, lastEdge);
    if (cycle !== null) return cycle;
  }
  return null;
}

/** A cycle among the last edges, which is always a negative one. */
function cycleOf(graph: ConstraintGraph, lastEdge: Int32Array): number[] | null {
  const seenFrom = new Int32Array(graph.nodes).fill(-1);
  for (let start = 0; start < graph.nodes; start++) {
    let node = start;
    while (seenFrom[node] === -1 && lastEdge[node]! >= 0) {
      seenFrom[node] = start;
      node = graph.from[lastEdge[node]!]!;
    }
    if (seenFrom[node] !== start || lastEdge[node]! < 0) {
      if (seenFrom[node] === -1) seenFrom[node] = start;
      continue;
    }
    const edges: number[] = [];
    let at = node;
    do {
      edges.push(lastEdge[at]!);
      at = graph.from[lastEdge[at]!]!;
    } while (at !== node);
    return edges.reverse();
  }
  return null;
}

/** The length of a path or cycle given by its edges. */
export function lengthOf(graph: ConstraintGraph, edges: readonly number[]): number {
  let sum = 0;
  for (const edge of edges) sum += graph.weight[edge]!;
  return sum;
}

/** Gains below what doubles resolve would go on for ever. */
const LEAST_GAIN_NS = 1e-3;
