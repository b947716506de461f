/**
 * The critical path of a step: from its last end back to its first start, always to the predecessor
 * that ended last, without holes.
 *
 *     attention/0  [attention][gate]                    [combine]     last end
 *     a2f_send             ·········[a2f   ]
 *     ffn/0                                 [expert]
 *     f2a_send                                      [f2a]
 *     path         attention  gate  a2f     expert  f2a  combine      adds up to the latency
 */
import { Direction } from '#lib/model/assembled.ts';
import { Kind, Stage } from '#lib/table/codes.ts';
import { classOf, type DependencyIndex, NodeClass } from './dependency-index.ts';
import { Edge, Predecessors } from './predecessors.ts';
import type { PathKind } from './report-types.ts';

/** Codes of `PathKind`, the code being the place. */
export const PATH_KINDS: readonly PathKind[] = [
  'compute',
  'a2f',
  'f2a',
  'link-queue',
  'collective',
  'copy',
  'host',
  'gap',
];
const Path = {
  compute: 0,
  a2f: 1,
  f2a: 2,
  linkQueue: 3,
  collective: 4,
  copy: 5,
  host: 6,
  gap: 7,
} as const;

/** Takes one segment of a path; later segments come first. `stage` is -1 for a gap. */
export type SegmentSink = (
  startNs: number,
  endNs: number,
  worker: number,
  stage: number,
  layer: number,
  microbatch: number,
  kind: number,
) => void;

export class CriticalPaths {
  readonly #index: DependencyIndex;
  readonly #before: Predecessors;

  constructor(index: DependencyIndex) {
    this.#index = index;
    this.#before = new Predecessors(index);
  }

  /**
   * The segments of one step's path, from last to first; they touch, and none is empty.
   * `visit` is told the nodes (dependency-index.ts) that it leads through.
   */
  walk(step: number, sink: SegmentSink, visit?: (node: number) => void): void {
    const { lastNode, assembled } = this.#index;
    const fromNs = assembled.steps.startNs[step]!;
    const before = this.#before;
    before.enter(step);
    let node = lastNode[step]!;
    let edge: number = Edge.network;
    let reachedNs = assembled.steps.endNs[step]!;
    while (node >= 0 && reachedNs > fromNs) {
      visit?.(node);
      before.find(node);
      const at = before.binding;
      const next = at < 0 ? -1 : before.node[at]!;
      const readyNs = at < 0 ? fromNs : Math.max(fromNs, before.doneNs[at]!);
      const by = at < 0 ? Edge.posted : before.edge[at]!;
      const ownNs = this.#ownStartNs(node, readyNs, by);
      const isTail = by === Edge.network && readyNs === ownNs;
      const place = this.#placeOf(node, edge, isTail ? next : -1, reachedNs - readyNs);
      const put = (startNs: number, endNs: number, kind: number): void => {
        if (startNs >= endNs) return;
        const stage = kind === Path.gap ? -1 : place.stage;
        sink(startNs, endNs, place.worker, stage, place.layer, place.microbatch, kind);
      };
      const startNs = Math.max(fromNs, ownNs);
      put(startNs, reachedNs, place.kind);
      put(readyNs, startNs, Path.gap);
      reachedNs = Math.min(readyNs, startNs);
      node = next;
      edge = by;
    }
  }

  /** From when on the node itself is what takes the time. */
  #ownStartNs(node: number, readyNs: number, edge: number): number {
    const { events, receives } = this.#index.assembled;
    if (node < events.length) return this.#before.startNs(node);
    const r = node - events.length;
    if (edge === Edge.network) return Math.max(readyNs, receives.startNs[r]!);
    return receives.lastSend[r]! < 0 ? receives.cutNs[r]! : receives.startNs[r]!;
  }

  /** Where a segment is counted. `edge`: how the path came to the node. Else as `#kindOfReceive`. */
  #placeOf(
    node: number,
    edge: number,
    lastSend: number,
    tailNs: number,
  ): {
    readonly worker: number;
    readonly stage: number;
    readonly layer: number;
    readonly microbatch: number;
    readonly kind: number;
  } {
    const { events, receives, keys } = this.#index.assembled;
    if (node < events.length) {
      return {
        worker: events.worker[node]!,
        stage: events.stage[node]!,
        layer: events.layer[node]!,
        microbatch: events.microbatch[node]!,
        kind: this.#kindOf(node, edge),
      };
    }
    const r = node - events.length;
    const key = receives.key[r]!;
    return {
      worker: receives.worker[r]!,
      stage: receives.stage[r]!,
      layer: keys.layer[key]!,
      microbatch: keys.microbatch[key]!,
      kind: this.#kindOfReceive(r, lastSend, tailNs),
    };
  }

  #kindOf(row: number, edge: number): number {
    const { events } = this.#index.assembled;
    const worker = events.worker[row]!;
    const kind = events.kind[row]!;
    const stage = events.stage[row]!;
    switch (classOf(kind, stage, this.#index.sendStage[worker]!)) {
      case NodeClass.send:
        if (edge === Edge.link) return Path.linkQueue;
        return events.workers[worker]!.role === 'ffn' ? Path.f2a : Path.a2f;
      case NodeClass.work:
        return stage === Stage.collective ? Path.collective : Path.compute;
      case NodeClass.wait:
        return Path.gap;
      default:
        if (kind === Kind.copy) return Path.copy;
        return kind === Kind.host ? Path.host : Path.collective;
    }
  }

  /** `lastSend`: the send after whose end the receive went on for `tailNs`, if one did; else -1. */
  #kindOfReceive(r: number, lastSend: number, tailNs: number): number {
    const { events, receives, source, sources } = this.#index.assembled;
    // Sends that end as they arrive leave what clocks are off by; what is longer than a send was
    // waiting for one that nobody saw.
    const arrived = lastSend >= 0 && sources[source[lastSend]!]!.sendEnd === 'arrival';
    if (arrived && tailNs > events.durationNs[lastSend]!) return Path.gap;
    const direction = receives.direction[r]!;
    if (direction === Direction.a2f) return Path.a2f;
    return direction === Direction.f2a ? Path.f2a : Path.collective;
  }
}
