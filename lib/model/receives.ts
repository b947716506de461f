/**
 * Logical receives and the sends they await.
 *
 *     send  (attention/0)   ·····████·············
 *     send  (attention/1)   ·········████·········     last matching send starts at s
 *     receive  (ffn/0)      ··░░░░░░░▓▓▓▓▓▓▓·······    wait before s, transfer after
 *
 * The receives of one worker with one key and direction are one receive, from the first start to
 * the last end. A send matches where it comes from the other side, has the same key, addresses the
 * receiver's rank (or everybody), and the receive names the sender's rank (or nobody).
 */
import { ABSENT, Kind, Stage } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { Direction, type KeyTable, type ReceiveTable } from './assembled.ts';
import { firstListed, listHas, SEVERAL } from './peers.ts';

interface MutableReceives {
  length: number;
  readonly worker: Int32Array;
  readonly key: Int32Array;
  readonly direction: Uint8Array;
  readonly stage: Uint16Array;
  readonly peer: Int32Array;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  readonly cutNs: Float64Array;
  readonly lastSend: Int32Array;
  readonly offsets: Uint32Array;
  /** First row, and the next row of the same receive by row (-1 ends the chain). */
  readonly firstRow: Int32Array;
  readonly lastRow: Int32Array;
  readonly nextRow: Int32Array;
  /** 1: some event of the receive names no peer, so that every sender counts. */
  readonly fromAll: Uint8Array;
}

export interface MatchedReceives {
  readonly receives: ReceiveTable;
  /** See `Assembled.transferStartNs`. */
  readonly transferStartNs: Float64Array | null;
}

export function matchReceives(
  events: EventTable,
  endNs: Float64Array,
  keyOf: Int32Array,
  keys: KeyTable,
  source: Int32Array,
  sources: readonly WorkerInfo[],
): MatchedReceives {
  const receives = findReceives(events, endNs, keyOf, keys.length);
  const sends = sendsByKey(events, keyOf, keys.length);
  const rendezvous = sources.some((info) => info.sendMode === 'rendezvous');
  const readyNs = rendezvous
    ? new Float64Array(events.length).fill(Number.POSITIVE_INFINITY)
    : null;
  for (let r = 0; r < receives.length; r++) cutAtLastSend(events, receives, sends, r, readyNs);
  cutUnmatched(receives);
  const transferStartNs =
    readyNs === null ? null : transferStarts(events, endNs, readyNs, source, sources);
  return { receives, transferStartNs };
}

/** Direction that a receive event awaits: told by its stage, else by its worker's role. */
function directionOf(stage: number, role: string): number {
  if (stage === Stage.a2f_recv) return Direction.a2f;
  if (stage === Stage.f2a_recv) return Direction.f2a;
  if (role === 'ffn') return Direction.a2f;
  return role === 'attention' ? Direction.f2a : Direction.none;
}

function findReceives(
  events: EventTable,
  endNs: Float64Array,
  keyOf: Int32Array,
  keyCount: number,
): MutableReceives {
  let rows = 0;
  for (let row = 0; row < events.length; row++) if (events.kind[row] === Kind.receive) rows++;
  const found: MutableReceives = {
    length: 0,
    worker: new Int32Array(rows),
    key: new Int32Array(rows),
    direction: new Uint8Array(rows),
    stage: new Uint16Array(rows),
    peer: new Int32Array(rows),
    startNs: new Float64Array(rows),
    endNs: new Float64Array(rows),
    cutNs: new Float64Array(rows),
    lastSend: new Int32Array(rows).fill(-1),
    offsets: new Uint32Array(events.workers.length + 1),
    firstRow: new Int32Array(rows),
    lastRow: new Int32Array(rows),
    nextRow: new Int32Array(rows > 0 ? events.length : 0).fill(-1),
    fromAll: new Uint8Array(rows),
  };
  const latest = new Int32Array(rows > 0 ? keyCount * 3 : 0).fill(-1);
  const peers = events.lists.peers;
  for (let row = 0; row < events.length; row++) {
    if (events.kind[row] !== Kind.receive) continue;
    const worker = events.worker[row]!;
    const stage = events.stage[row]!;
    const direction = directionOf(stage, events.workers[worker]!.role);
    const key = keyOf[row]!;
    const known = key < 0 ? -1 : latest[key * 3 + direction]!;
    const peer = firstListed(events.peer[row]!, peers, row);
    if (known >= 0 && found.worker[known] === worker) {
      if (endNs[row]! > found.endNs[known]!) found.endNs[known] = endNs[row]!;
      if (peer === ABSENT) found.fromAll[known] = 1;
      if (found.peer[known] !== peer) {
        found.peer[known] = found.fromAll[known] === 1 ? ABSENT : SEVERAL;
      }
      if (stage < found.stage[known]!) found.stage[known] = stage;
      found.nextRow[found.lastRow[known]!] = row;
      found.lastRow[known] = row;
      continue;
    }
    const r = found.length++;
    if (key >= 0) latest[key * 3 + direction] = r;
    found.worker[r] = worker;
    found.key[r] = key;
    found.direction[r] = direction;
    found.stage[r] = stage;
    found.peer[r] = peer;
    found.startNs[r] = events.startNs[row]!;
    found.endNs[r] = endNs[row]!;
    found.fromAll[r] = peer === ABSENT ? 1 : 0;
    found.firstRow[r] = row;
    found.lastRow[r] = row;
    found.offsets[worker + 1] = r + 1;
  }
  for (let w = 1; w < found.offsets.length; w++) {
    if (found.offsets[w]! < found.offsets[w - 1]!) found.offsets[w] = found.offsets[w - 1]!;
  }
  return found;
}

/** Send rows by key and direction: those of slot `2·key + direction` are a range of `row`. */
interface Sends {
  readonly row: Int32Array;
  readonly offsets: Uint32Array;
  /** The latest starting send that addresses everybody, -1 where there is none. */
  readonly lastToAll: Int32Array;
  /** 1: some send of the slot addresses single ranks. */
  readonly addressed: Uint8Array;
}

/** Which way a send goes; `none` for what is not a send of a worker on that side. */
export function sendDirection(events: EventTable, row: number): number {
  const stage = events.stage[row]!;
  if (stage !== Stage.a2f_send && stage !== Stage.f2a_send) return Direction.none;
  if (events.kind[row] === Kind.receive) return Direction.none;
  const role = events.workers[events.worker[row]!]!.role;
  if (stage === Stage.a2f_send) return role === 'attention' ? Direction.a2f : Direction.none;
  return role === 'ffn' ? Direction.f2a : Direction.none;
}

function sendsByKey(events: EventTable, keyOf: Int32Array, keyCount: number): Sends {
  const offsets = new Uint32Array(keyCount * 2 + 1);
  const slotOf = new Int32Array(events.length).fill(-1);
  for (let row = 0; row < events.length; row++) {
    if (keyOf[row]! < 0) continue;
    const direction = sendDirection(events, row);
    if (direction === Direction.none) continue;
    const slot = keyOf[row]! * 2 + direction;
    slotOf[row] = slot;
    offsets[slot + 1] = offsets[slot + 1]! + 1;
  }
  for (let slot = 1; slot < offsets.length; slot++) {
    offsets[slot] = offsets[slot]! + offsets[slot - 1]!;
  }
  const filled = offsets.slice();
  const rows = new Int32Array(offsets[keyCount * 2]!);
  const lastToAll = new Int32Array(keyCount * 2).fill(-1);
  const addressed = new Uint8Array(keyCount * 2);
  const peers = events.lists.peers;
  for (let row = 0; row < events.length; row++) {
    const slot = slotOf[row]!;
    if (slot < 0) continue;
    rows[filled[slot]!] = row;
    filled[slot] = filled[slot]! + 1;
    if (firstListed(events.peer[row]!, peers, row) !== ABSENT) {
      addressed[slot] = 1;
    } else {
      const last = lastToAll[slot]!;
      if (last < 0 || events.startNs[row]! > events.startNs[last]!) lastToAll[slot] = row;
    }
  }
  return { row: rows, offsets, lastToAll, addressed };
}

function cutAtLastSend(
  events: EventTable,
  receives: MutableReceives,
  sends: Sends,
  r: number,
  readyNs: Float64Array | null,
): void {
  const direction = receives.direction[r]!;
  if (receives.key[r]! < 0 || direction === Direction.none) return;
  const slot = receives.key[r]! * 2 + direction;
  let last = -1;
  if (readyNs === null && receives.fromAll[r] === 1 && sends.addressed[slot] === 0) {
    last = sends.lastToAll[slot]!;
  } else {
    for (let i = sends.offsets[slot]!; i < sends.offsets[slot + 1]!; i++) {
      const send = sends.row[i]!;
      if (!matches(events, receives, r, send)) continue;
      if (last < 0 || events.startNs[send]! > events.startNs[last]!) last = send;
      if (readyNs !== null && receives.startNs[r]! < readyNs[send]!) {
        readyNs[send] = receives.startNs[r]!;
      }
    }
  }
  if (last < 0) return;
  receives.lastSend[r] = last;
  const start = receives.startNs[r]!;
  receives.cutNs[r] = Math.min(Math.max(events.startNs[last]!, start), receives.endNs[r]!);
}

function matches(events: EventTable, receives: MutableReceives, r: number, send: number): boolean {
  const peers = events.lists.peers;
  const receiverRank = events.workers[receives.worker[r]!]!.rank;
  if (
    firstListed(events.peer[send]!, peers, send) !== ABSENT &&
    !listHas(events.peer[send]!, peers, send, receiverRank)
  ) {
    return false;
  }
  if (receives.fromAll[r] === 1) return true;
  const senderRank = events.workers[events.worker[send]!]!.rank;
  for (let row = receives.firstRow[r]!; row >= 0; row = receives.nextRow[row]!) {
    if (listHas(events.peer[row]!, peers, row, senderRank)) return true;
  }
  return false;
}

/**
 * An unmatched receive is transfer for as long as the smallest matched one on its link (receiver,
 * stage, peer as given), at its end; the rest, or all of it where none is known, is wait.
 */
function cutUnmatched(receives: MutableReceives): void {
  let unmatched = 0;
  for (let r = 0; r < receives.length; r++) if (receives.lastSend[r]! < 0) unmatched++;
  if (unmatched === 0) return;
  const smallestNs = smallestTransfers(receives);
  for (let r = 0; r < receives.length; r++) {
    if (receives.lastSend[r]! >= 0) continue;
    const transferNs = smallestNs.get(endOfLink(receives, r))?.get(receives.peer[r]!) ?? 0;
    receives.cutNs[r] = Math.max(receives.startNs[r]!, receives.endNs[r]! - transferNs);
  }
}

/** By receiver and stage, then peer. */
function smallestTransfers(receives: MutableReceives): Map<number, Map<number, number>> {
  const smallestNs = new Map<number, Map<number, number>>();
  for (let r = 0; r < receives.length; r++) {
    if (receives.lastSend[r]! < 0) continue;
    const end = endOfLink(receives, r);
    const byPeer = smallestNs.get(end) ?? new Map<number, number>();
    smallestNs.set(end, byPeer);
    const transferNs = receives.endNs[r]! - receives.cutNs[r]!;
    const known = byPeer.get(receives.peer[r]!);
    if (known === undefined || transferNs < known) byPeer.set(receives.peer[r]!, transferNs);
  }
  return smallestNs;
}

/** Worker and stage (16 bits) as one number. */
function endOfLink(receives: MutableReceives, r: number): number {
  return receives.worker[r]! * 65_536 + receives.stage[r]!;
}

/** A rendezvous send waits until the first of its receivers is there. */
function transferStarts(
  events: EventTable,
  endNs: Float64Array,
  readyNs: Float64Array,
  source: Int32Array,
  sources: readonly WorkerInfo[],
): Float64Array {
  const starts = events.startNs.slice();
  for (let row = 0; row < events.length; row++) {
    if (events.kind[row] !== Kind.transfer) continue;
    if (sources[source[row]!]!.sendMode !== 'rendezvous') continue;
    const ready = readyNs[row]!;
    if (ready !== Number.POSITIVE_INFINITY && ready > starts[row]!) {
      starts[row] = Math.min(ready, endNs[row]!);
    }
  }
  return starts;
}
