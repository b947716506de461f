/**
 * Transfers of keys in which sends or receives name their peers: every send that addresses a worker,
 * with the receives there that name its sender (or nobody). As `receives.ts` matches them, but by
 * sender, so that a receive that names one peer is a limit of that peer's clock alone.
 *
 *     rows of a block -> sorted by slot -> sends by the rank that they address
 *                                          receives of one worker by the rank that they name
 */
import { ABSENT, Kind } from '#lib/table/codes.ts';
import { Direction } from './assembled.ts';
import { firstListed, listHas } from './peers.ts';
import { directionOf } from './receives.ts';
import type { TransferBuffer } from './transfer-buffer.ts';
import type { TransferRuns, TransferSource } from './transfer-runs.ts';

export class AddressedTransfers {
  readonly #runs: TransferRuns;
  readonly #buffer: TransferBuffer;
  readonly #sends: NamedRows;
  readonly #receives: NamedRows;
  /** Ranks of workers as dense numbers. */
  readonly #rankIds: ReadonlyMap<number, number>;
  readonly #rankOfSource: Int32Array;
  /** By rank: the first send of the slot that addresses it alone; by send: the next one. */
  readonly #firstTo: Int32Array;
  #nextTo = new Int32Array(0);
  /** By rank: from the first start to the last end of the worker's receives that name it. */
  readonly #startNs: Float64Array;
  readonly #endNs: Float64Array;

  constructor(runs: TransferRuns, slots: number, buffer: TransferBuffer) {
    this.#runs = runs;
    this.#buffer = buffer;
    this.#sends = new NamedRows(slots);
    this.#receives = new NamedRows(slots);
    const ranks = [...new Set(runs.sources.map(({ rank }) => rank))];
    this.#rankIds = new Map(ranks.map((rank, id) => [rank, id]));
    this.#rankOfSource = Int32Array.from(runs.sources, ({ rank }) => this.#rankIds.get(rank)!);
    this.#firstTo = new Int32Array(ranks.length).fill(-1);
    this.#startNs = new Float64Array(ranks.length).fill(Number.POSITIVE_INFINITY);
    this.#endNs = new Float64Array(ranks.length).fill(Number.NEGATIVE_INFINITY);
  }

  /** Of the runs `order`, by worker, those rows whose slot is `named`. */
  add(order: Int32Array, slotOf: (run: number) => number, named: Uint8Array): void {
    let rows = 0;
    for (let i = 0; i < order.length; i++) {
      rows += this.#runs.to[order[i]!]! - this.#runs.from[order[i]!]!;
    }
    this.#sends.reserve(rows);
    this.#receives.reserve(rows);
    for (let i = 0; i < order.length; i++) this.#gather(order[i]!, slotOf(order[i]!), named);
    this.#sends.sort();
    this.#receives.sort();
    if (this.#nextTo.length < this.#sends.length) {
      this.#nextTo = new Int32Array(this.#sends.length);
    }
    for (let slot = 0; slot < named.length; slot++) if (named[slot] === 1) this.#match(slot);
    this.#sends.empty();
    this.#receives.empty();
  }

  #gather(run: number, firstSlot: number, named: Uint8Array): void {
    const { from, to, source, sources, table: tableOf, shiftNs, layers, microbatches } = this.#runs;
    const s = source[run]!;
    const { role, sendStage } = sources[s]!;
    const t = tableOf[run]!;
    const table = this.#runs.tables[t]!;
    const { kind, stage, startNs, durationNs, layer, microbatch, peer, lists } = table;
    const way = role === 'ffn' ? Direction.f2a : Direction.a2f;
    const width = microbatches + 1;
    for (let row = from[run]!; row < to[run]!; row++) {
      const isReceive = kind[row] === Kind.receive;
      if (!isReceive && stage[row] !== sendStage) continue;
      const direction = isReceive ? directionOf(stage[row]!, role) : way;
      if (direction === Direction.none) continue;
      if (layer[row]! >= layers || microbatch[row]! >= microbatches) continue;
      const slot = firstSlot + ((layer[row]! + 1) * width + microbatch[row]! + 1) * 2 + direction;
      if (named[slot] === 0) continue;
      const start = startNs[row]! + shiftNs[t]!;
      const list = isReceive ? this.#receives : this.#sends;
      const first = firstListed(peer[row]!, lists.peers, row);
      list.add(slot, s, t, row, first, start, start + durationNs[row]!);
    }
  }

  #match(slot: number): void {
    const sends = this.#sends;
    const receives = this.#receives;
    const toSeveral: number[] = [];
    for (let i = sends.offsets[slot]!; i < sends.offsets[slot + 1]!; i++) {
      const send = sends.order[i]!;
      const peer = sends.peer[send]!;
      if (peer < 0) {
        toSeveral.push(send);
        continue;
      }
      const rank = this.#rankIds.get(peer);
      if (rank === undefined) continue;
      this.#nextTo[send] = this.#firstTo[rank]!;
      this.#firstTo[rank] = send;
    }
    const end = receives.offsets[slot + 1]!;
    for (let from = receives.offsets[slot]!; from < end; ) {
      const own = this.#sourceOf(receives, receives.order[from]!);
      let to = from + 1;
      while (to < end && this.#sourceOf(receives, receives.order[to]!).worker === own.worker) to++;
      this.#matchWorker(own, from, to, toSeveral);
      from = to;
    }
    for (let i = sends.offsets[slot]!; i < sends.offsets[slot + 1]!; i++) {
      const rank = this.#rankIds.get(sends.peer[sends.order[i]!]!);
      if (rank !== undefined) this.#firstTo[rank] = -1;
    }
  }

  /** The worker's receives `[from, to)` of a slot, with the sends that address it. */
  #matchWorker(own: TransferSource, from: number, to: number, toSeveral: readonly number[]): void {
    const { order, peer, startNs, endNs } = this.#receives;
    let fromAll = false;
    let allStartNs = Number.POSITIVE_INFINITY;
    let allEndNs = Number.NEGATIVE_INFINITY;
    for (let i = from; i < to; i++) {
      const receive = order[i]!;
      if (peer[receive] === ABSENT) fromAll = true;
      if (startNs[receive]! < allStartNs) allStartNs = startNs[receive]!;
      if (endNs[receive]! > allEndNs) allEndNs = endNs[receive]!;
    }
    if (!fromAll) this.#eachNamed(from, to, true);
    const limit = (send: number): void => {
      const rank = this.#rankOfSource[this.#sends.source[send]!]!;
      if (fromAll) this.#limit(send, own, allStartNs, allEndNs);
      else this.#limit(send, own, this.#startNs[rank]!, this.#endNs[rank]!);
    };
    let send = this.#firstTo[this.#rankIds.get(own.rank)!]!;
    for (; send >= 0; send = this.#nextTo[send]!) limit(send);
    for (const several of toSeveral) if (this.#addresses(several, own.rank)) limit(several);
    if (!fromAll) this.#eachNamed(from, to, false);
  }

  /** Notes what the receives say of the ranks that they name, or forgets it. */
  #eachNamed(from: number, to: number, notes: boolean): void {
    const { order, peer, table: tableOf, row: rowOf, startNs, endNs } = this.#receives;
    for (let i = from; i < to; i++) {
      const receive = order[i]!;
      const start = notes ? startNs[receive]! : Number.POSITIVE_INFINITY;
      const end = notes ? endNs[receive]! : Number.NEGATIVE_INFINITY;
      if (peer[receive]! >= 0) {
        this.#note(peer[receive]!, start, end, notes);
        continue;
      }
      const row = rowOf[receive]!;
      const table = this.#runs.tables[tableOf[receive]!]!;
      this.#note(table.peer[row]!, start, end, notes);
      const { offsets, values } = table.lists.peers!;
      for (let v = offsets[row]!; v < offsets[row + 1]!; v++) {
        this.#note(values[v]!, start, end, notes);
      }
    }
  }

  #note(rank: number, startNs: number, endNs: number, widens: boolean): void {
    const id = this.#rankIds.get(rank);
    if (id === undefined) return;
    if (!widens || startNs < this.#startNs[id]!) this.#startNs[id] = startNs;
    if (!widens || endNs > this.#endNs[id]!) this.#endNs[id] = endNs;
  }

  #addresses(send: number, rank: number): boolean {
    if (this.#sends.peer[send] === ABSENT) return true;
    const table = this.#runs.tables[this.#sends.table[send]!]!;
    const row = this.#sends.row[send]!;
    return listHas(table.peer[row]!, table.lists.peers, row, rank);
  }

  /** An end of -Infinity: no receive of the worker names the sender. */
  #limit(send: number, receiver: TransferSource, readyNs: number, receivedNs: number): void {
    const { domain, arrival, rendezvous } = this.#sourceOf(this.#sends, send);
    if (domain === receiver.domain || receivedNs === Number.NEGATIVE_INFINITY) return;
    const sendEnd = this.#sends.endNs[send]!;
    const sent = arrival ? sendEnd : this.#sends.startNs[send]!;
    if (rendezvous) {
      this.#buffer.addRendezvous(domain, receiver.domain, sent, sendEnd, readyNs, receivedNs);
    } else {
      this.#buffer.add(domain, receiver.domain, sent, receivedNs);
    }
  }

  #sourceOf(rows: NamedRows, index: number): TransferSource {
    return this.#runs.sources[rows.source[index]!]!;
  }
}

/** Sends or receives of a block, in the order of workers; `order` and `offsets` sort them by slot. */
class NamedRows {
  length = 0;
  source = new Int32Array(0);
  table = new Int32Array(0);
  row = new Int32Array(0);
  /** As `firstListed` says. */
  peer = new Int32Array(0);
  startNs = new Float64Array(0);
  endNs = new Float64Array(0);
  order = new Int32Array(0);
  readonly offsets: Int32Array;
  #slot = new Int32Array(0);

  constructor(slots: number) {
    this.offsets = new Int32Array(slots + 2);
  }

  add(
    slot: number,
    source: number,
    table: number,
    row: number,
    peer: number,
    startNs: number,
    endNs: number,
  ): void {
    const at = this.length++;
    this.#slot[at] = slot;
    this.source[at] = source;
    this.table[at] = table;
    this.row[at] = row;
    this.peer[at] = peer;
    this.startNs[at] = startNs;
    this.endNs[at] = endNs;
    this.offsets[slot + 2] = this.offsets[slot + 2]! + 1;
  }

  /** Rows of slot s are then `order[offsets[s]] …`. */
  sort(): void {
    const { offsets, length, order } = this;
    for (let s = 2; s < offsets.length; s++) offsets[s] = offsets[s]! + offsets[s - 1]!;
    for (let i = 0; i < length; i++) {
      const slot = this.#slot[i]!;
      order[offsets[slot + 1]!] = i;
      offsets[slot + 1] = offsets[slot + 1]! + 1;
    }
  }

  empty(): void {
    this.length = 0;
    this.offsets.fill(0);
  }

  /** Room for so many; what was there is gone. */
  reserve(rows: number): void {
    if (this.row.length >= rows) return;
    const room = Math.ceil(rows * 1.25);
    this.#slot = new Int32Array(room);
    this.source = new Int32Array(room);
    this.table = new Int32Array(room);
    this.row = new Int32Array(room);
    this.peer = new Int32Array(room);
    this.startNs = new Float64Array(room);
    this.endNs = new Float64Array(room);
    this.order = new Int32Array(room);
  }
}
