/**
 * All events of one step, what each had to wait for, and how much later each could have ended.
 *
 *     node   events and logical receives, predecessors first    0  1  2  3
 *     edges  of node i: [offsets[i], offsets[i + 1])            predecessor, doneNs, edge
 *
 * Events of other steps that lie between (another domain on the same FFN worker, the step before) are
 * nodes too, so that a delay is followed through them.
 */
import { GrowableFloat64 } from '#lib/base/growable.ts';
import { classOf, type DependencyIndex, NodeClass } from './dependency-index.ts';
import { Edge, Predecessors } from './predecessors.ts';

export interface DependencyGraph {
  readonly length: number;
  /** Event row, or `events.length` + receive row. */
  readonly node: Int32Array;
  readonly worker: Int32Array;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  /** 1: of the step itself. */
  readonly isOwn: Uint8Array;
  readonly offsets: Uint32Array;
  /** Places in this graph, each smaller than that of the node it comes before. */
  readonly predecessor: Int32Array;
  /** When the predecessor had done its part, at most its end. */
  readonly doneNs: Float64Array;
  /** `Edge` code. */
  readonly edge: Uint8Array;
  /** When the last predecessor was done; the node's start, or its step's, without any. */
  readonly readyNs: Float64Array;
}

interface Nodes {
  readonly length: number;
  readonly node: Int32Array;
  readonly class: Uint8Array;
  readonly worker: Int32Array;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  readonly isOwn: Uint8Array;
}

export function dependencyGraph(index: DependencyIndex, step: number): DependencyGraph {
  const before = new Predecessors(index, true);
  before.enter(step);
  const nodes = nodesOf(index, step, before);
  const placeOf = new Map<number, number>();
  for (let i = 0; i < nodes.length; i++) placeOf.set(nodes.node[i]!, i);
  const to = new GrowableFloat64();
  const from = new GrowableFloat64();
  const done = new GrowableFloat64();
  const why = new GrowableFloat64();
  const add = (place: number, predecessor: number, doneNs: number, edge: number): void => {
    to.push(place);
    from.push(predecessor);
    done.push(doneNs);
    why.push(edge);
  };
  for (let i = 0; i < nodes.length; i++) {
    before.find(nodes.node[i]!);
    for (let e = 0; e < before.count; e++) {
      const place = placeOf.get(before.node[e]!);
      if (place !== undefined) add(i, place, before.doneNs[e]!, before.edge[e]!);
    }
  }
  addSuccessors(nodes, NodeClass.work, Edge.worker, add);
  addSuccessors(nodes, NodeClass.send, Edge.link, add);
  return withEdges(nodes, to.finish(), from.finish(), done.finish(), why.finish());
}

/**
 * How much later each event could have ended without the step ending later, if every event started as
 * long after its last predecessor as it did. Infinity: nothing of the step comes after.
 */
export function slackOf(graph: DependencyGraph, stepEndNs: number): Float64Array {
  const slackNs = new Float64Array(graph.length);
  for (let i = 0; i < graph.length; i++) {
    slackNs[i] = graph.isOwn[i] === 1 ? stepEndNs - graph.endNs[i]! : Number.POSITIVE_INFINITY;
  }
  for (let i = graph.length - 1; i >= 0; i--) {
    for (let e = graph.offsets[i]!; e < graph.offsets[i + 1]!; e++) {
      const through = slackNs[i]! + graph.readyNs[i]! - graph.doneNs[e]!;
      const predecessor = graph.predecessor[e]!;
      if (through < slackNs[predecessor]!) slackNs[predecessor] = through;
    }
  }
  return slackNs;
}

/** Events of the step, and of those that count for it where they overlap it, predecessors first. */
function nodesOf(index: DependencyIndex, step: number, before: Predecessors): Nodes {
  const { assembled, sendStage } = index;
  const { events, endNs, stepOf, steps, receives, keys } = assembled;
  const fromNs = steps.startNs[step]!;
  const toNs = steps.endNs[step]!;
  const found: number[] = [];
  const belongs = (own: number, startNs: number, end: number): boolean =>
    own === step || (own >= 0 && startNs < toNs && end > fromNs && before.counts(own));
  const classAt = (row: number): number =>
    classOf(events.kind[row]!, events.stage[row]!, sendStage[events.worker[row]!]!);
  for (let row = 0; row < events.length; row++) {
    const own = classAt(row);
    if (own === NodeClass.receive) continue;
    // A send that ends when it is posted may be under way for as long as its receive.
    const isOpen = own === NodeClass.send && index.postsOnly[assembled.source[row]!] === 1;
    const end = isOpen ? Number.POSITIVE_INFINITY : endNs[row]!;
    if (belongs(stepOf[row]!, events.startNs[row]!, end)) found.push(row);
  }
  for (let r = 0; r < receives.length; r++) {
    const key = receives.key[r]!;
    if (key < 0) continue;
    if (belongs(keys.step[key]!, receives.startNs[r]!, receives.endNs[r]!)) {
      found.push(events.length + r);
    }
  }
  const isEvent = (node: number): boolean => node < events.length;
  const timeNs = (node: number): number =>
    isEvent(node) ? before.startNs(node) : receives.endNs[node - events.length]!;
  const rank = (node: number): number => {
    if (!isEvent(node)) return 0;
    return classAt(node) === NodeClass.send ? 2 : 1;
  };
  found.sort((a, b) => timeNs(a) - timeNs(b) || rank(a) - rank(b) || a - b);
  return {
    length: found.length,
    node: Int32Array.from(found),
    class: Uint8Array.from(found, (n) => (isEvent(n) ? classAt(n) : NodeClass.receive)),
    worker: Int32Array.from(found, (n) =>
      isEvent(n) ? events.worker[n]! : receives.worker[n - events.length]!,
    ),
    startNs: Float64Array.from(found, (n) =>
      isEvent(n) ? events.startNs[n]! : receives.startNs[n - events.length]!,
    ),
    endNs: Float64Array.from(found, (n) =>
      isEvent(n) ? endNs[n]! : receives.endNs[n - events.length]!,
    ),
    isOwn: Uint8Array.from(found, (n) =>
      (isEvent(n) ? stepOf[n] : keys.step[receives.key[n - events.length]!]) === step ? 1 : 0,
    ),
  };
}

/**
 * Where events of a worker run side by side, the last of them to end is what the next one waits for,
 * but a delay of any of them would hold it up.
 */
function addSuccessors(
  nodes: Nodes,
  ofClass: number,
  edge: number,
  add: (place: number, predecessor: number, doneNs: number, edge: number) => void,
): void {
  const byWorker = new Map<number, number[]>();
  for (let i = 0; i < nodes.length; i++) {
    if (nodes.class[i] !== ofClass) continue;
    const own = byWorker.get(nodes.worker[i]!);
    if (own === undefined) byWorker.set(nodes.worker[i]!, [i]);
    else own.push(i);
  }
  for (const own of byWorker.values()) {
    for (let i = 0; i < own.length; i++) {
      const endNs = nodes.endNs[own[i]!]!;
      let next = i + 1;
      while (next < own.length && nodes.startNs[own[next]!]! < endNs) next++;
      if (next === own.length) continue;
      const startNs = nodes.startNs[own[next]!]!;
      for (; next < own.length && nodes.startNs[own[next]!] === startNs; next++) {
        add(own[next]!, own[i]!, endNs, edge);
      }
    }
  }
}

function withEdges(
  nodes: Nodes,
  to: Float64Array,
  from: Float64Array,
  done: Float64Array,
  why: Float64Array,
): DependencyGraph {
  const offsets = new Uint32Array(nodes.length + 1);
  for (const place of to) offsets[place + 1] = offsets[place + 1]! + 1;
  for (let i = 0; i < nodes.length; i++) offsets[i + 1] = offsets[i + 1]! + offsets[i]!;
  const filled = offsets.slice();
  const predecessor = new Int32Array(to.length);
  const doneNs = new Float64Array(to.length);
  const edge = new Uint8Array(to.length);
  const readyNs = new Float64Array(nodes.length).fill(Number.NEGATIVE_INFINITY);
  for (let e = 0; e < to.length; e++) {
    const place = to[e]!;
    const at = filled[place]!;
    filled[place] = at + 1;
    predecessor[at] = from[e]!;
    doneNs[at] = done[e]!;
    edge[at] = why[e]!;
    if (done[e]! > readyNs[place]!) readyNs[place] = done[e]!;
  }
  for (let i = 0; i < nodes.length; i++) {
    if (offsets[i] === offsets[i + 1]) readyNs[i] = nodes.startNs[i]!;
  }
  const { length, node, worker, startNs, endNs, isOwn } = nodes;
  return {
    length,
    node,
    worker,
    startNs,
    endNs,
    isOwn,
    offsets,
    predecessor,
    doneNs,
    edge,
    readyNs,
  };
}
