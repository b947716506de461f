/** Predecessors, paths and slack against slow ways to the same answers. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CriticalPaths } from '#lib/analysis/critical-path.ts';
import { type DependencyGraph, dependencyGraph, slackOf } from '#lib/analysis/dependency-graph.ts';
import { indexDependencies } from '#lib/analysis/dependency-index.ts';
import { Edge, Predecessors } from '#lib/analysis/predecessors.ts';
import { assemble } from '#lib/model/assemble.ts';
import type { EventDependencies } from '#lib/pipeline/dependency-recorder.ts';
import { SCENARIO_NAMES, scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { SlowDependencies, thingsOf } from '#test/support/oracle-dependencies.ts';
import { pipelineTable, wildTables } from '#test/support/random-tables.ts';

const tables = fc.oneof(
  wildTables,
  fc.nat(1_000_000).map((seed) => [pipelineTable(seed)]),
);
const EDGES = Object.keys(Edge) as (keyof typeof Edge)[];

describe('predecessors', () => {
  it('are those that a look at every other event finds', () => {
    const seen = new Map<string, number>();
    const property = fc.property(tables, (events) => {
      const assembled = assemble(events, 'prod');
      const things = thingsOf(assembled);
      const before = new Predecessors(indexDependencies(assembled), true);
      for (let step = 0; step < assembled.steps.length; step++) {
        const slow = new SlowDependencies(assembled, things, step);
        before.enter(step);
        for (const thing of things) {
          if (thing.step !== step) continue;
          before.find(thing.node);
          // Of events that ended together either may be named.
          const found = Array.from(
            { length: before.count },
            (_, i) => `${EDGES[before.edge[i]!]} ${before.doneNs[i]}`,
          );
          const wanted = slow.of(thing).map(({ why, doneNs }) => `${why} ${doneNs}`);
          expect(found.sort()).toEqual(wanted.sort());
          for (const edge of before.edge.slice(0, before.count)) {
            seen.set(EDGES[edge]!, (seen.get(EDGES[edge]!) ?? 0) + 1);
          }
        }
      }
    });
    fc.assert(property, { seed: 41, numRuns: 250 });
    // Sends that ended together, one of which began too late.
    fc.assert(property, { seed: 101, path: '1476', numRuns: 1 });
    for (const edge of EDGES) expect(seen.get(edge), edge).toBeGreaterThan(20);
  });
});

interface Hop {
  readonly place: number;
  readonly doneNs: number;
}

/** All paths that end at a node, the last hop first; more than `limit`: only some. */
function allPaths(graph: DependencyGraph, node: number, limit: number): Hop[][] {
  const paths: Hop[][] = [];
  const visit = (at: number, hops: Hop[]): void => {
    if (paths.length > limit) return;
    const from = graph.offsets[at]!;
    const to = graph.offsets[at + 1]!;
    if (from === to) paths.push(hops);
    for (let e = from; e < to; e++) {
      const place = graph.predecessor[e]!;
      visit(place, [...hops, { place, doneNs: graph.doneNs[e]! }]);
    }
  };
  visit(node, []);
  return paths;
}

function doneBetween(graph: DependencyGraph, place: number, from: number): number {
  let doneNs = Number.NEGATIVE_INFINITY;
  for (let e = graph.offsets[place]!; e < graph.offsets[place + 1]!; e++) {
    if (graph.predecessor[e] === from) doneNs = Math.max(doneNs, graph.doneNs[e]!);
  }
  return doneNs;
}

/** When the step would end if one event ended so much later; the delay goes forward, edge by edge. */
function delayedEndNs(graph: DependencyGraph, place: number, byNs: number): number {
  const delayNs = new Float64Array(graph.length);
  let lastNs = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < graph.length; i++) {
    for (let e = graph.offsets[i]!; e < graph.offsets[i + 1]!; e++) {
      const done = graph.doneNs[e]! + delayNs[graph.predecessor[e]!]!;
      delayNs[i] = Math.max(delayNs[i]!, done - graph.readyNs[i]!);
    }
    if (i === place) delayNs[i] = Math.max(delayNs[i]!, byNs);
    if (graph.isOwn[i] === 1) lastNs = Math.max(lastNs, graph.endNs[i]! + delayNs[i]!);
  }
  return lastNs;
}

describe('the graph of a step', () => {
  it('has predecessors first; its binding edges are the critical path; delays eat up slack', () => {
    let enumerated = 0;
    let positive = 0;
    const property = fc.property(tables, (events) => {
      const assembled = assemble(events, 'prod');
      const { steps } = assembled;
      const index = indexDependencies(assembled);
      for (let step = 0; step < steps.length; step++) {
        const graph = dependencyGraph(index, step);
        const endNs = steps.endNs[step]!;
        let inOrder = true;
        for (let i = 0; i < graph.length; i++) {
          for (let e = graph.offsets[i]!; e < graph.offsets[i + 1]!; e++) {
            inOrder &&= graph.predecessor[e]! < i && graph.doneNs[e]! <= graph.readyNs[i]!;
          }
        }
        expect(inOrder).toBe(true);
        const slackNs = slackOf(graph, endNs);
        for (let i = 0; i < graph.length; i++) {
          if (graph.isOwn[i] === 0) continue;
          expect(delayedEndNs(graph, i, slackNs[i]!)).toBe(endNs);
          expect(delayedEndNs(graph, i, slackNs[i]! + 1)).toBe(endNs + 1);
          if (slackNs[i]! > 0) positive++;
        }
        const visited: number[] = [];
        new CriticalPaths(index).walk(
          step,
          () => {},
          (node) => visited.push(node),
        );
        if (visited.length === 0) continue;
        const places = visited.map((node) => graph.node.indexOf(node));
        for (const place of places) expect(slackNs[place]).toBe(0);
        const paths = allPaths(graph, places[0]!, 5000);
        if (paths.length > 5000) continue;
        // Wherever another path leaves this one, it leaves for what was done no later.
        let longest = 0;
        for (const path of paths) {
          let hop = 0;
          while (hop < path.length && path[hop]!.place === places[hop + 1]) hop++;
          longest = Math.max(longest, hop);
          if (hop === path.length || hop + 1 >= places.length) continue;
          const takenNs = doneBetween(graph, places[hop]!, places[hop + 1]!);
          expect(path[hop]!.doneNs).toBeLessThanOrEqual(takenNs);
        }
        expect(longest).toBe(places.length - 1);
        enumerated++;
      }
    });
    fc.assert(property, { seed: 42, numRuns: 120 });
    // A send of the step before, posted before this one starts, under way until after.
    fc.assert(property, { seed: 202, path: '378', numRuns: 1 });
    expect(enumerated).toBeGreaterThan(100);
    expect(positive).toBeGreaterThan(1000);
  });
});

/** When a recorded step ends if one event ends later, by the simulation's own dependencies. */
function replayedEndNs(
  all: readonly EventDependencies[],
  isOwn: (one: EventDependencies) => boolean,
  number: number,
  byNs: number,
): number {
  const endNs = new Float64Array(all.length);
  let lastNs = Number.NEGATIVE_INFINITY;
  const endOf = ({ event }: EventDependencies) => event.startNs + event.durationNs;
  all.forEach((one, i) => {
    const after = one.endsAfter.length > 0 ? one.endsAfter : one.startsAfter;
    const wasNs = Math.max(...after.map((before) => endOf(all[before]!)));
    const isNs = Math.max(...after.map((before) => endNs[before]!));
    endNs[i] = endOf(one) + (after.length === 0 ? 0 : isNs - wasNs) + (i === number ? byNs : 0);
    if (isOwn(one)) lastNs = Math.max(lastNs, endNs[i]!);
  });
  return lastNs;
}

describe.each(SCENARIO_NAMES)('slack in %s', (name) => {
  it('is what the simulation says: that much later, and no more', () => {
    const spec = scenarioSpec(name, { layers: 8, attentionWorkers: 4, ffnWorkers: 2 });
    const all: EventDependencies[] = [];
    const table = simulateSteps(spec, {
      steps: 2,
      seed: 3,
      dependencies: { add: (one) => all.push(one) },
    });
    const assembled = assemble([table], 'demo');
    const graph = dependencyGraph(indexDependencies(assembled), 1);
    const slackNs = slackOf(graph, assembled.steps.endNs[1]!);
    const nameOf = (...parts: number[]) => parts.join('/');
    const numberOf = new Map(
      all.map(({ event: e }, i) => [
        nameOf(e.worker, e.stage, e.step!, e.layer ?? -1, e.microbatch ?? -1),
        i,
      ]),
    );
    const isOwn = ({ event }: EventDependencies) => event.step === 1;
    const endNs = replayedEndNs(all, isOwn, -1, 0);
    const { events, receives, keys } = assembled;
    let compared = 0;
    for (let i = 0; i < graph.length; i += 3) {
      if (graph.isOwn[i] === 0) continue;
      const node = graph.node[i]!;
      const r = node - events.length;
      const number = numberOf.get(
        r < 0
          ? nameOf(
              events.worker[node]!,
              events.stage[node]!,
              events.step[node]!,
              events.layer[node]!,
              events.microbatch[node]!,
            )
          : nameOf(
              receives.worker[r]!,
              receives.stage[r]!,
              1,
              keys.layer[receives.key[r]!]!,
              keys.microbatch[receives.key[r]!]!,
            ),
      )!;
      expect(replayedEndNs(all, isOwn, number, slackNs[i]!)).toBe(endNs);
      expect(replayedEndNs(all, isOwn, number, slackNs[i]! + 1)).toBe(endNs + 1);
      compared++;
    }
    expect(compared).toBeGreaterThan(100);
  });
});
