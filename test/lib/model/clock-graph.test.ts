import { expect, test } from 'vitest';
import { Random } from '#lib/base/random.ts';
import {
  type ConstraintGraph,
  lengthOf,
  negativeCycle,
  shortestPaths,
} from '#lib/model/clock-graph.ts';

function randomGraph(random: Random, lowest: number): ConstraintGraph {
  const nodes = 2 + random.below(5);
  const from: number[] = [];
  const to: number[] = [];
  const weight: number[] = [];
  for (let edge = 0; edge < nodes * 3; edge++) {
    const a = random.below(nodes);
    const b = random.below(nodes);
    if (a === b) continue;
    from.push(a);
    to.push(b);
    weight.push(random.below(100) + lowest);
  }
  return { nodes, from, to, weight };
}

/** Every simple path from `start`, told at each node it reaches; a closed one reports `start`. */
function walk(
  graph: ConstraintGraph,
  start: number,
  visit: (node: number, length: number) => void,
): void {
  const onPath = new Set<number>();
  const go = (node: number, length: number): void => {
    onPath.add(node);
    for (let e = 0; e < graph.from.length; e++) {
      if (graph.from[e] !== node) continue;
      const next = graph.to[e]!;
      const total = length + graph.weight[e]!;
      if (next === start || !onPath.has(next)) visit(next, total);
      if (!onPath.has(next)) go(next, total);
    }
    onPath.delete(node);
  };
  go(start, 0);
}

test('distances and negative cycles are those of all simple paths', () => {
  let withCycle = 0;
  for (let seed = 1; seed <= 600; seed++) {
    const random = new Random(seed);
    const graph = randomGraph(random, -5 * (seed % 6));
    let shortestCycle = Number.POSITIVE_INFINITY;
    for (let node = 0; node < graph.nodes; node++) {
      walk(graph, node, (at, length) => {
        if (at === node) shortestCycle = Math.min(shortestCycle, length);
      });
    }
    const cycle = negativeCycle(graph);
    expect(cycle !== null).toBe(shortestCycle < 0);
    if (cycle !== null) {
      withCycle++;
      expect(lengthOf(graph, cycle)).toBeLessThan(0);
      cycle.forEach((edge, i) => {
        expect(graph.from[cycle[(i + 1) % cycle.length]!]).toBe(graph.to[edge]);
      });
      continue;
    }
    const best = new Float64Array(graph.nodes).fill(Number.POSITIVE_INFINITY);
    best[0] = 0;
    walk(graph, 0, (node, length) => {
      best[node] = Math.min(best[node]!, length);
    });
    expect(shortestPaths(graph, 0)).toEqual(best);
    const reversed = { ...graph, from: graph.to, to: graph.from };
    expect(shortestPaths(graph, 0, true)).toEqual(shortestPaths(reversed, 0));
  }
  expect(withCycle).toBeGreaterThan(50);
  expect(withCycle).toBeLessThan(500);
});
