/**
 * What had to end before an event could start.
 *
 *     attention/0  [attention 0][attention 1]          [combine 0]
 *     a2f_send                  [0     ][1     ]
 *     f2a_recv                          ░░░░░░░░░░░░░▓▓
 *     ffn/0                             [expert 0][f2a ]
 *
 *     attention 1  worker   attention 0
 *     a2f_send 1   data     attention 1      link    a2f_send 0
 *     f2a_recv 0   network  f2a_send 0 of every FFN worker that sends to it
 *     combine 0    data     f2a_recv 0       worker  attention 1
 *
 * The one of them that ended last is binding. No chain of predecessors comes back to where it
 * started: each has a smaller (time, class, row), where the time of a receive is its end, of any other
 * event its start, and receives come before work before sends. docs/definitions.md, "Critical path",
 * says the same in words.
 */
import { Direction } from '#lib/model/assembled.ts';
import { firstListed, listHas } from '#lib/model/peers.ts';
import { ABSENT, Stage } from '#lib/table/codes.ts';
import { classOf, type DependencyIndex, NodeClass } from './dependency-index.ts';
import { EarlierEvents, firstAbove } from './earlier-events.ts';

/** Why one node comes before another. */
export const Edge = {
  /** Its data: a receive, or what it sends. */
  data: 0,
  /** The worker was busy. */
  worker: 1,
  /** The worker's link was busy. */
  link: 2,
  /** A receive's data was sent. */
  network: 3,
  /** What came before a receive that was posted late. */
  posted: 4,
  /** The worker was idle but for a send. */
  blocked: 5,
} as const;

export class Predecessors {
  /** Of the node last looked for: predecessors, when each had done its part, and why; `count` of them. */
  count = 0;
  readonly node: number[] = [];
  readonly doneNs: number[] = [];
  readonly edge: number[] = [];
  readonly #index: DependencyIndex;
  readonly #earlier: EarlierEvents;
  /** Keep every event that a send's data comes from, not only the last of them. */
  readonly #all: boolean;

  constructor(index: DependencyIndex, all = false) {
    this.#index = index;
    this.#earlier = new EarlierEvents(index);
    this.#all = all;
  }

  /** Predecessors are looked for from now on as this step sees them: no earlier than its start. */
  enter(step: number): void {
    this.#earlier.enter(step);
  }

  /** Do events of a step count? Of every step that overlaps the one that is looked at. */
  counts(step: number): boolean {
    return this.#earlier.counts(step);
  }

  /** When a node's own part begins: of a rendezvous send, when its first receiver is there. */
  startNs(node: number): number {
    return this.#earlier.startNs(node);
  }

  /** Index of the binding predecessor: the last that was done, the first of equals; -1: none. */
  get binding(): number {
    const { doneNs } = this;
    let best = -1;
    for (let i = 0; i < this.count; i++) if (best < 0 || doneNs[i]! > doneNs[best]!) best = i;
    return best;
  }

  find(node: number): void {
    this.count = 0;
    const { events } = this.#index.assembled;
    if (node >= events.length) this.#ofReceive(node - events.length);
    else if (this.#earlier.classOf(node) === NodeClass.send) this.#ofSend(node);
    else this.#ofWork(node);
  }

  #push(node: number, doneNs: number, edge: number): void {
    const at = this.count++;
    this.node[at] = node;
    this.doneNs[at] = doneNs;
    this.edge[at] = edge;
  }

  #pushReceive(receive: number): void {
    const { events, receives } = this.#index.assembled;
    this.#push(events.length + receive, receives.endNs[receive]!, Edge.data);
  }

  #ofWork(row: number): void {
    const { assembled } = this.#index;
    const startNs = assembled.events.startNs[row]!;
    const key = assembled.keyOf[row]!;
    const hasLayer = key >= 0 && assembled.keys.layer[key] !== ABSENT;
    if (hasLayer) this.#dataOf(row, key, startNs);
    const work = this.#earlier.lastWork(row, startNs);
    const isFirst = work < 0 || assembled.stepOf[work] !== assembled.stepOf[row];
    if (!hasLayer || (isFirst && this.count === 0)) {
      // Sampling, and the start of a step, come after all that the domain received before them.
      const receive = this.#earlier.lastReceive(row, startNs);
      if (receive >= 0) this.#pushReceive(receive);
    }
    if (work >= 0) this.#push(work, assembled.endNs[work]!, Edge.worker);
    const best = this.binding;
    const readyNs = best < 0 ? this.#earlier.fromNs : this.doneNs[best]!;
    if (readyNs >= startNs) return;
    const send = this.#earlier.lastSend(row, startNs, readyNs, startNs);
    if (send >= 0) this.#push(send, assembled.endNs[send]!, Edge.blocked);
  }

  /** The receive that brought the data of a key's work; the sends themselves where it is missing. */
  #dataOf(row: number, key: number, startNs: number): void {
    const { assembled, previousKey } = this.#index;
    const { events } = assembled;
    const worker = events.worker[row]!;
    const { role } = events.workers[worker]!;
    // Attention starts a layer with the replies of the layer before, which `combine` belongs to.
    const before =
      role === 'attention' && events.stage[row] !== Stage.combine ? previousKey[key]! : -1;
    const receive = this.#earlier.receiveOf(worker, key, before, startNs);
    if (receive >= 0) {
      this.#pushReceive(receive);
      return;
    }
    if (role !== 'attention' && role !== 'ffn') return;
    const way = role === 'ffn' ? Direction.a2f : Direction.f2a;
    this.#pushSends(key * 2 + way, worker, ABSENT, startNs);
    if (before >= 0 && this.count === 0) {
      this.#pushSends(before * 2 + way, worker, ABSENT, startNs);
    }
  }

  /** Sends of a key and direction that reach the worker and had begun before `limitNs`. */
  #pushSends(slot: number, worker: number, peer: number, limitNs: number): void {
    const { assembled, firstSend, nextSend, postsOnly } = this.#index;
    const { events, endNs, source } = assembled;
    const { rank } = events.workers[worker]!;
    const { peers } = events.lists;
    for (let send = firstSend[slot]!; send >= 0; send = nextSend[send]!) {
      if (this.startNs(send) >= limitNs) continue;
      if (peer >= 0 && events.workers[events.worker[send]!]!.rank !== peer) continue;
      const to = events.peer[send]!;
      if (firstListed(to, peers, send) !== ABSENT && !listHas(to, peers, send, rank)) continue;
      const arrives = postsOnly[source[send]!] === 0;
      this.#push(send, arrives ? Math.min(endNs[send]!, limitNs) : limitNs, Edge.network);
    }
  }

  #ofSend(row: number): void {
    const { assembled, previousKey } = this.#index;
    const { events, endNs, keyOf } = assembled;
    const startNs = events.startNs[row]!;
    const worker = events.worker[row]!;
    const key = keyOf[row]!;
    if (key >= 0) {
      this.#pushSent(row, key, startNs);
      if (this.count === 0) {
        const before = events.workers[worker]!.role === 'attention' ? previousKey[key]! : -1;
        const receive = this.#earlier.receiveOf(worker, key, before, startNs);
        if (receive >= 0) this.#pushReceive(receive);
      }
    }
    if (this.count === 0) {
      const work = this.#earlier.lastWork(row, startNs);
      if (work >= 0) this.#push(work, endNs[work]!, Edge.worker);
    }
    const link = this.#earlier.lastSend(row, startNs, -Infinity, Infinity);
    if (link >= 0) this.#push(link, endNs[link]!, Edge.link);
    this.#awaitReceiver(row, worker, key);
  }

  /** Work of the key that ended before it was sent; the shared expert stays where it is. */
  #pushSent(row: number, key: number, limitNs: number): void {
    const { assembled, longestWorkNs, sendStage } = this.#index;
    const { events, endNs, keyOf, offsets } = assembled;
    const { startNs, kind, stage } = events;
    const worker = events.worker[row]!;
    const kept = events.workers[worker]!.role === 'attention' ? Stage.shared_expert : -1;
    const longestNs = longestWorkNs[worker]!;
    const first = offsets[worker]!;
    let r = row;
    while (r + 1 < offsets[worker + 1]! && startNs[r + 1] === limitNs) r++;
    let best = -1;
    let bestNs = this.#earlier.fromNs;
    for (; r >= first && startNs[r]! >= this.#earlier.firstNs; r--) {
      if (startNs[r]! + longestNs <= bestNs) break;
      if (keyOf[r] !== key || endNs[r]! > limitNs || endNs[r]! <= bestNs) continue;
      if (classOf(kind[r]!, stage[r]!, sendStage[worker]!) > NodeClass.aside) continue;
      if (stage[r] === kept) continue;
      if (this.#all) {
        this.#push(r, endNs[r]!, Edge.data);
        continue;
      }
      best = r;
      bestNs = endNs[r]!;
    }
    if (best >= 0) this.#push(best, bestNs, Edge.data);
  }

  /** A rendezvous send that waited: for what its first receiver did before it was there. */
  #awaitReceiver(row: number, worker: number, key: number): void {
    const { assembled } = this.#index;
    const { events, transferStartNs, receives } = assembled;
    if (transferStartNs === null || key < 0) return;
    const thereNs = transferStartNs[row]!;
    if (thereNs <= events.startNs[row]!) return;
    const way = events.workers[worker]!.role === 'ffn' ? Direction.f2a : Direction.a2f;
    for (let w = 0; w < events.workers.length; w++) {
      const from = receives.offsets[w]!;
      const last = firstAbove(receives.startNs, from, receives.offsets[w + 1]!, thereNs) - 1;
      for (let r = last; r >= from && receives.startNs[r] === thereNs; r--) {
        if (receives.key[r] !== key || receives.direction[r] !== way) continue;
        this.#pushPosted(r, thereNs);
      }
    }
  }

  #ofReceive(r: number): void {
    const { receives } = this.#index.assembled;
    const key = receives.key[r]!;
    const way = receives.direction[r]!;
    if (key >= 0 && way !== Direction.none) {
      this.#pushSends(key * 2 + way, receives.worker[r]!, receives.peer[r]!, receives.endNs[r]!);
    }
    const best = this.binding;
    if (best < 0 || this.doneNs[best]! < receives.startNs[r]!) {
      this.#pushPosted(r, receives.endNs[r]!);
    }
  }

  /** What ended last on the worker before it posted the receive. `untilNs`: how late it may begin. */
  #pushPosted(r: number, untilNs: number): void {
    const { events, receives } = this.#index.assembled;
    const node = this.#earlier.lastBefore(r, untilNs);
    if (node < 0) return;
    const doneNs =
      node < events.length
        ? this.#index.assembled.endNs[node]!
        : receives.endNs[node - events.length]!;
    this.#push(node, doneNs, Edge.posted);
  }
}
