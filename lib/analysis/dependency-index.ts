/**
 * What finding an event's predecessors needs to know of a whole table: made in one pass.
 *
 *     firstSend[2·key + direction] -> a send of the key -> nextSend[row] -> another … -> -1
 *
 * A node is an event's row, or, from `events.length` on, a logical receive: rows of receives are no
 * nodes of their own.
 */
import { type Assembled, Direction } from '#lib/model/assembled.ts';
import { sendStageOf } from '#lib/model/receives.ts';
import { Kind, Stage } from '#lib/table/codes.ts';

export interface DependencyIndex {
  readonly assembled: Assembled;
  readonly firstSend: Int32Array;
  /** Set for sends with a key only. */
  readonly nextSend: Int32Array;
  /** By key: that of the layer before, same step and micro-batch, else -1. */
  readonly previousKey: Int32Array;
  /** By worker: the longest of its events, receives, and sends. */
  readonly longestWorkNs: Float64Array;
  readonly longestReceiveNs: Float64Array;
  readonly longestSendNs: Float64Array;
  /** By step: the node that ends it, -1 where the step has no event. */
  readonly lastNode: Int32Array;
  /** By worker: the stage of its sends, -1 where it has none. */
  readonly sendStage: Int32Array;
  /** By sender's description: does the end of its sends say nothing of their arrival? */
  readonly postsOnly: Uint8Array;
}

/** What an event is to the ones around it. */
export const NodeClass = {
  /** Occupies its worker: compute and collectives. */
  work: 0,
  /** Host, copy, other transfers: holds up events of its own step. */
  aside: 1,
  send: 2,
  receive: 3,
  wait: 4,
} as const;

export function classOf(kind: number, stage: number, sendStage: number): number {
  if (kind === Kind.receive) return NodeClass.receive;
  if (stage === sendStage) return NodeClass.send;
  if (kind === Kind.compute || stage === Stage.collective) return NodeClass.work;
  return kind === Kind.wait ? NodeClass.wait : NodeClass.aside;
}

export function indexDependencies(assembled: Assembled): DependencyIndex {
  const { events, keys, steps, room } = assembled;
  const workers = events.workers.length;
  const firstSend = new Int32Array(keys.length * 2).fill(-1);
  const nextSend = room.int32(events.length);
  const found = {
    firstSend,
    nextSend,
    longestWorkNs: new Float64Array(workers),
    longestSendNs: new Float64Array(workers),
    lastNode: new Int32Array(steps.length).fill(-1),
    sendStage: Int32Array.from(events.workers, ({ role }) => sendStageOf(role)),
  };
  for (let w = 0; w < workers; w++) addWorker(assembled, w, found);
  return {
    assembled,
    ...found,
    previousKey: previousKeys(assembled),
    longestReceiveNs: addReceives(assembled, found.lastNode),
    postsOnly: Uint8Array.from(assembled.sources, ({ sendEnd }) => (sendEnd === 'posted' ? 1 : 0)),
  };
}

/** Its events but receives. */
function addWorker(
  { events, endNs, offsets, keyOf, steps, stepOf }: Assembled,
  w: number,
  found: Pick<
    DependencyIndex,
    'firstSend' | 'nextSend' | 'longestWorkNs' | 'longestSendNs' | 'lastNode' | 'sendStage'
  >,
): void {
  const { kind, stage, startNs, workers } = events;
  const { firstSend, nextSend, lastNode } = found;
  const stepEndNs = steps.endNs;
  const ownStage = found.sendStage[w]!;
  const way = workers[w]!.role === 'ffn' ? Direction.f2a : Direction.a2f;
  let workNs = 0;
  let sendNs = 0;
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    if (kind[row] === Kind.receive) continue;
    const end = endNs[row]!;
    const step = stepOf[row]!;
    // Of events that end at the same time, the first of the table.
    if (step >= 0 && end === stepEndNs[step] && lastNode[step] === -1) lastNode[step] = row;
    const lengthNs = end - startNs[row]!;
    if (stage[row] !== ownStage) {
      if (lengthNs > workNs) workNs = lengthNs;
      continue;
    }
    if (lengthNs > sendNs) sendNs = lengthNs;
    const key = keyOf[row]!;
    if (key < 0) continue;
    const slot = key * 2 + way;
    nextSend[row] = firstSend[slot]!;
    firstSend[slot] = row;
  }
  found.longestWorkNs[w] = workNs;
  found.longestSendNs[w] = sendNs;
}

function previousKeys({ keys }: Assembled): Int32Array {
  const previous = new Int32Array(keys.length).fill(-1);
  for (let key = 0; key < keys.length; key++) {
    const next = keys.next[key]!;
    if (next >= 0) previous[next] = key;
  }
  return previous;
}

/** Their longest by worker; a receive ends a step only where nothing else does. */
function addReceives(
  { receives, events, keys, steps }: Assembled,
  lastNode: Int32Array,
): Float64Array {
  const longestNs = new Float64Array(events.workers.length);
  for (let r = 0; r < receives.length; r++) {
    const w = receives.worker[r]!;
    const end = receives.endNs[r]!;
    const lengthNs = end - receives.startNs[r]!;
    if (lengthNs > longestNs[w]!) longestNs[w] = lengthNs;
    const key = receives.key[r]!;
    if (key < 0) continue;
    const step = keys.step[key]!;
    if (lastNode[step] === -1 && end === steps.endNs[step]) lastNode[step] = events.length + r;
  }
  return longestNs;
}
