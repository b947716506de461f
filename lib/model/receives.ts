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
import type { ColumnRoom } from '#lib/base/column-room.ts';
import { ABSENT, Kind, Stage } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { Direction, type KeyTable, type ReceiveTable } from './assembled.ts';
import { firstListed, listHas, SEVERAL } from './peers.ts';
import { cutUnmatched, type SmallestTransfers } from './smallest-transfers.ts';

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
  readonly lastArrival: Int32Array;
  readonly offsets: Uint32Array;
  /** First and last row, and, where a receive has several, the next of it by row (-1: none). */
  readonly firstRow: Int32Array;
  readonly lastRow: Int32Array;
  nextRow: Int32Array | null;
  /** 1: some event of the receive names no peer, so that every sender counts. */
  readonly fromAll: Uint8Array;
}

/** When the data of sends came, as far as their spans tell. */
class Arrivals {
  readonly #startNs: Float64Array;
  readonly #endNs: Float64Array;
  readonly #source: Int32Array;
  /** By source, 1: its sends end when they are posted. null: nobody's do. */
  readonly #isPosted: Uint8Array | null;

  constructor(
    { startNs }: EventTable,
    endNs: Float64Array,
    source: Int32Array,
    sources: readonly WorkerInfo[],
  ) {
    this.#startNs = startNs;
    this.#endNs = endNs;
    this.#source = source;
    const posted = Uint8Array.from(sources, ({ sendEnd }) => (sendEnd === 'posted' ? 1 : 0));
    this.#isPosted = posted.includes(1) ? posted : null;
  }

  /** Did `send` come later than the one that is known, if any? */
  isLater(send: number, known: number): boolean {
    if (known < 0) return true;
    const laterNs = this.#arrivalNs(send) - this.#arrivalNs(known);
    return laterNs > 0 || (laterNs === 0 && this.#startNs[send]! > this.#startNs[known]!);
  }

  #arrivalNs(send: number): number {
    const posted = this.#isPosted !== null && this.#isPosted[this.#source[send]!] === 1;
    return posted ? this.#startNs[send]! : this.#endNs[send]!;
  }
}

export interface MatchedReceives {
  readonly receives: ReceiveTable;
  /** See `Assembled.transferStartNs`. */
  readonly transferStartNs: Float64Array | null;
}

export function matchReceives(
  events: EventTable,
  endNs: Float64Array,
  offsets: Uint32Array,
  keyOf: Int32Array,
  keys: KeyTable,
  source: Int32Array,
  sources: readonly WorkerInfo[],
  knownTransfers: SmallestTransfers | null,
  room: ColumnRoom,
): MatchedReceives {
  const arrivalsNs = new Arrivals(events, endNs, source, sources);
  const { receives, sends } = findTransfers(
    events,
    endNs,
    arrivalsNs,
    offsets,
    keyOf,
    keys.length,
    room,
  );
  const rendezvous = sources.some((info) => info.sendMode === 'rendezvous');
  if (rendezvous || !everybodyMeansEverybody(receives, sends)) {
    listSends(events, offsets, keyOf, sends);
  }
  const readyNs = rendezvous
    ? new Float64Array(events.length).fill(Number.POSITIVE_INFINITY)
    : null;
  for (let r = 0; r < receives.length; r++)
    cutAtLastSend(events, arrivalsNs, receives, sends, r, readyNs);
  cutUnmatched(events, receives, knownTransfers);
  const transferStartNs =
    readyNs === null ? null : transferStarts(events, endNs, readyNs, source, sources);
  return { receives: onlyFound(receives), transferStartNs };
}

/** Room was made for one receive a row. */
function onlyFound(found: MutableReceives): ReceiveTable {
  const { length } = found;
  return {
    length,
    worker: found.worker.subarray(0, length),
    key: found.key.subarray(0, length),
    direction: found.direction.subarray(0, length),
    stage: found.stage.subarray(0, length),
    peer: found.peer.subarray(0, length),
    startNs: found.startNs.subarray(0, length),
    endNs: found.endNs.subarray(0, length),
    cutNs: found.cutNs.subarray(0, length),
    lastSend: found.lastSend.subarray(0, length),
    lastArrival: found.lastArrival.subarray(0, length),
    offsets: found.offsets,
  };
}

/** Then a receive's last send is the last of its key, whoever sends it and whoever receives it. */
function everybodyMeansEverybody(receives: MutableReceives, sends: Sends): boolean {
  for (let r = 0; r < receives.length; r++) if (receives.fromAll[r] === 0) return false;
  return !sends.addressed.includes(1);
}

/** Direction that a receive event awaits: told by its stage, else by its worker's role. */
export function directionOf(stage: number, role: string): number {
  if (stage === Stage.a2f_recv) return Direction.a2f;
  if (stage === Stage.f2a_recv) return Direction.f2a;
  if (role === 'ffn') return Direction.a2f;
  return role === 'attention' ? Direction.f2a : Direction.none;
}

/** One pass over all rows finds receives and, of sends, the last of each key. */
function findTransfers(
  events: EventTable,
  endNs: Float64Array,
  arrivals: Arrivals,
  offsets: Uint32Array,
  keyOf: Int32Array,
  keyCount: number,
  room: ColumnRoom,
): { receives: MutableReceives; sends: Sends } {
  let rows = 0;
  for (let row = 0; row < events.length; row++) if (events.kind[row] === Kind.receive) rows++;
  const found = roomForReceives(rows, offsets.length, room);
  const sends: Sends = {
    byKey: null,
    lastToAll: new Int32Array(keyCount * 2).fill(-1),
    arrivedToAll: new Int32Array(keyCount * 2).fill(-1),
    addressed: new Uint8Array(keyCount * 2),
  };
  const latest = new Int32Array(rows > 0 ? keyCount * 3 : 0).fill(-1);
  for (let worker = 0; worker + 1 < offsets.length; worker++) {
    const [from, to] = [offsets[worker]!, offsets[worker + 1]!];
    findOfWorker(events, endNs, arrivals, worker, from, to, keyOf, latest, found, sends);
    found.offsets[worker + 1] = found.length;
  }
  return { receives: found, sends };
}

/** `latest`: by `3·key + direction`, the newest receive that was found; -1 without one. */
function findOfWorker(
  events: EventTable,
  endNs: Float64Array,
  arrivals: Arrivals,
  worker: number,
  from: number,
  to: number,
  keyOf: Int32Array,
  latest: Int32Array,
  found: MutableReceives,
  sends: Sends,
): void {
  const { kind, stage: stages, startNs, peer: peerColumn } = events;
  const { lastToAll, arrivedToAll, addressed } = sends;
  const peers = events.lists.peers;
  const { role } = events.workers[worker]!;
  const sendStage = sendStageOf(role);
  const way = role === 'ffn' ? Direction.f2a : Direction.a2f;
  for (let row = from; row < to; row++) {
    const stage = stages[row]!;
    if (kind[row] !== Kind.receive) {
      const key = stage === sendStage ? keyOf[row]! : -1;
      if (key < 0) continue;
      const slot = key * 2 + way;
      if (firstListed(peerColumn[row]!, peers, row) !== ABSENT) {
        addressed[slot] = 1;
        continue;
      }
      const last = lastToAll[slot]!;
      if (last < 0 || startNs[row]! > startNs[last]!) lastToAll[slot] = row;
      if (arrivals.isLater(row, arrivedToAll[slot]!)) arrivedToAll[slot] = row;
      continue;
    }
    const direction = directionOf(stage, role);
    const key = keyOf[row]!;
    const known = key < 0 ? -1 : latest[key * 3 + direction]!;
    const peer = firstListed(peerColumn[row]!, peers, row);
    if (known >= 0 && found.worker[known] === worker) {
      addToReceive(found, known, events.length, row, endNs[row]!, peer, stage);
      continue;
    }
    const r = found.length++;
    if (key >= 0) latest[key * 3 + direction] = r;
    found.worker[r] = worker;
    found.key[r] = key;
    found.direction[r] = direction;
    found.stage[r] = stage;
    found.peer[r] = peer;
    found.startNs[r] = startNs[row]!;
    found.endNs[r] = endNs[row]!;
    found.fromAll[r] = peer === ABSENT ? 1 : 0;
    found.firstRow[r] = row;
    found.lastRow[r] = row;
  }
}

function roomForReceives(rows: number, offsets: number, room: ColumnRoom): MutableReceives {
  return {
    length: 0,
    worker: room.int32(rows),
    key: room.int32(rows),
    direction: room.uint8(rows),
    stage: room.uint16(rows),
    peer: room.int32(rows),
    startNs: room.float64(rows),
    endNs: room.float64(rows),
    cutNs: room.float64(rows),
    lastSend: room.int32(rows).fill(-1),
    lastArrival: room.int32(rows).fill(-1),
    offsets: new Uint32Array(offsets),
    firstRow: room.int32(rows),
    lastRow: room.int32(rows),
    nextRow: null,
    fromAll: room.uint8(rows),
  };
}

function addToReceive(
  found: MutableReceives,
  r: number,
  rows: number,
  row: number,
  endNs: number,
  peer: number,
  stage: number,
): void {
  if (endNs > found.endNs[r]!) found.endNs[r] = endNs;
  if (peer === ABSENT) found.fromAll[r] = 1;
  if (found.peer[r] !== peer) found.peer[r] = found.fromAll[r] === 1 ? ABSENT : SEVERAL;
  if (stage < found.stage[r]!) found.stage[r] = stage;
  found.nextRow ??= new Int32Array(rows).fill(-1);
  found.nextRow[found.lastRow[r]!] = row;
  found.lastRow[r] = row;
}

/** Slot of a key and direction: `2·key + direction`. */
interface Sends {
  /** Rows by slot, in the table's order; null where nobody has to look at single sends. */
  byKey: { readonly row: Int32Array; readonly offsets: Uint32Array } | null;
  /** The latest starting send that addresses everybody, -1 where there is none. */
  readonly lastToAll: Int32Array;
  /** The one whose data came last. */
  readonly arrivedToAll: Int32Array;
  /** 1: some send of the slot addresses single ranks. */
  readonly addressed: Uint8Array;
}

/** The stage of a worker's sends; -1 where its role has none. */
export function sendStageOf(role: string): number {
  if (role === 'attention') return Stage.a2f_send;
  return role === 'ffn' ? Stage.f2a_send : -1;
}

function listSends(
  events: EventTable,
  workerOffsets: Uint32Array,
  keyOf: Int32Array,
  sends: Sends,
): void {
  const { kind, stage } = events;
  const slots = sends.lastToAll.length;
  const offsets = new Uint32Array(slots + 1);
  const slotOf = new Int32Array(events.length).fill(-1);
  for (let w = 0; w + 1 < workerOffsets.length; w++) {
    const { role } = events.workers[w]!;
    const sendStage = sendStageOf(role);
    const way = role === 'ffn' ? Direction.f2a : Direction.a2f;
    for (let row = workerOffsets[w]!; row < workerOffsets[w + 1]!; row++) {
      if (stage[row] !== sendStage || kind[row] === Kind.receive || keyOf[row]! < 0) continue;
      const slot = keyOf[row]! * 2 + way;
      slotOf[row] = slot;
      offsets[slot + 1] = offsets[slot + 1]! + 1;
    }
  }
  for (let slot = 1; slot <= slots; slot++) offsets[slot] = offsets[slot]! + offsets[slot - 1]!;
  const filled = offsets.slice();
  const rows = new Int32Array(offsets[slots]!);
  for (let row = 0; row < events.length; row++) {
    const slot = slotOf[row]!;
    if (slot < 0) continue;
    rows[filled[slot]!] = row;
    filled[slot] = filled[slot]! + 1;
  }
  sends.byKey = { row: rows, offsets };
}

function cutAtLastSend(
  events: EventTable,
  arrivals: Arrivals,
  receives: MutableReceives,
  sends: Sends,
  r: number,
  readyNs: Float64Array | null,
): void {
  const direction = receives.direction[r]!;
  if (receives.key[r]! < 0 || direction === Direction.none) return;
  const slot = receives.key[r]! * 2 + direction;
  let last = -1;
  let arrived = -1;
  const { byKey } = sends;
  if (
    byKey === null ||
    (readyNs === null && receives.fromAll[r] === 1 && sends.addressed[slot] === 0)
  ) {
    last = sends.lastToAll[slot]!;
    arrived = sends.arrivedToAll[slot]!;
  } else {
    for (let i = byKey.offsets[slot]!; i < byKey.offsets[slot + 1]!; i++) {
      const send = byKey.row[i]!;
      if (!matches(events, receives, r, send)) continue;
      if (last < 0 || events.startNs[send]! > events.startNs[last]!) last = send;
      if (arrivals.isLater(send, arrived)) arrived = send;
      if (readyNs !== null && receives.startNs[r]! < readyNs[send]!) {
        readyNs[send] = receives.startNs[r]!;
      }
    }
  }
  if (last < 0) return;
  receives.lastSend[r] = last;
  receives.lastArrival[r] = arrived;
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
  let row = receives.firstRow[r]!;
  while (row >= 0) {
    if (listHas(events.peer[row]!, peers, row, senderRank)) return true;
    row = receives.nextRow === null ? -1 : receives.nextRow[row]!;
  }
  return false;
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
