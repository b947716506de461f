/**
 * Transfers of keys in which sends or receives name their peers: every send that addresses a worker,
 * with the receives there that name its sender (or nobody). As `receives.ts` matches them, but by
 * sender, so that a receive that names one peer is a limit of that peer's clock alone.
 */
import { ABSENT, Kind } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { Direction } from './assembled.ts';
import { firstListed, listHas } from './peers.ts';
import { directionOf } from './receives.ts';
import type { TransferBuffer } from './transfer-buffer.ts';
import type { TransferRuns, TransferSource } from './transfer-runs.ts';

/** A send or receive row. */
interface NamedRow {
  readonly own: TransferSource;
  readonly table: EventTable;
  readonly row: number;
  readonly startNs: number;
  readonly endNs: number;
  /** As `firstListed` says. */
  readonly peer: number;
}

interface NamedSlot {
  readonly sends: NamedRow[];
  /** By worker. */
  readonly receives: NamedRow[];
}

/** From the first start to the last end of the receives that name a peer. */
interface Extent {
  startNs: number;
  endNs: number;
}

export class AddressedTransfers {
  readonly #runs: TransferRuns;
  readonly #tables: readonly EventTable[];
  readonly #buffer: TransferBuffer;

  constructor(runs: TransferRuns, tables: readonly EventTable[], buffer: TransferBuffer) {
    this.#runs = runs;
    this.#tables = tables;
    this.#buffer = buffer;
  }

  /** Of the runs `order`, by worker, those rows whose slot is `named`. */
  add(order: Int32Array, slotOf: (run: number) => number, named: Uint8Array): void {
    const slots = new Map<number, NamedSlot>();
    for (let i = 0; i < order.length; i++) this.#gather(order[i]!, slotOf(order[i]!), named, slots);
    for (const slot of [...slots.keys()].sort((a, b) => a - b)) this.#match(slots.get(slot)!);
  }

  #gather(run: number, firstSlot: number, named: Uint8Array, slots: Map<number, NamedSlot>): void {
    const { from, to, source, sources, table: tableOf, shiftNs, microbatches } = this.#runs;
    const own = sources[source[run]!]!;
    const t = tableOf[run]!;
    const table = this.#tables[t]!;
    const { kind, stage, startNs, durationNs, layer, microbatch, peer, lists } = table;
    const way = own.role === 'ffn' ? Direction.f2a : Direction.a2f;
    for (let row = from[run]!; row < to[run]!; row++) {
      const isReceive = kind[row] === Kind.receive;
      if (!isReceive && stage[row] !== own.sendStage) continue;
      const direction = isReceive ? directionOf(stage[row]!, own.role) : way;
      if (direction === Direction.none) continue;
      const number =
        firstSlot + ((layer[row]! + 1) * (microbatches + 1) + microbatch[row]! + 1) * 2 + direction;
      if (named[number] === 0) continue;
      let slot = slots.get(number);
      if (slot === undefined) {
        slot = { sends: [], receives: [] };
        slots.set(number, slot);
      }
      const start = startNs[row]! + shiftNs[t]!;
      (isReceive ? slot.receives : slot.sends).push({
        own,
        table,
        row,
        startNs: start,
        endNs: start + durationNs[row]!,
        peer: firstListed(peer[row]!, lists.peers, row),
      });
    }
  }

  #match({ sends, receives }: NamedSlot): void {
    if (sends.length === 0) return;
    const toRank = new Map<number, NamedRow[]>();
    const toSeveral: NamedRow[] = [];
    for (const send of sends) {
      if (send.peer < 0) toSeveral.push(send);
      else pushTo(toRank, send.peer, send);
    }
    for (let from = 0; from < receives.length; ) {
      const { own } = receives[from]!;
      let to = from + 1;
      while (to < receives.length && receives[to]!.own.worker === own.worker) to++;
      const extentOf = extents(receives.slice(from, to));
      from = to;
      for (const send of toRank.get(own.rank) ?? []) this.#limit(send, own, extentOf);
      for (const send of toSeveral) {
        const { table, row } = send;
        const addressed =
          send.peer === ABSENT || listHas(table.peer[row]!, table.lists.peers, row, own.rank);
        if (addressed) this.#limit(send, own, extentOf);
      }
    }
  }

  #limit(
    send: NamedRow,
    receiver: TransferSource,
    extentOf: (rank: number) => Extent | undefined,
  ): void {
    const { domain, rank, arrival, rendezvous } = send.own;
    if (domain === receiver.domain) return;
    const extent = extentOf(rank);
    if (extent === undefined) return;
    const sentNs = arrival ? send.endNs : send.startNs;
    if (rendezvous) {
      const { startNs, endNs } = extent;
      this.#buffer.addRendezvous(domain, receiver.domain, sentNs, send.endNs, startNs, endNs);
    } else {
      this.#buffer.add(domain, receiver.domain, sentNs, extent.endNs);
    }
  }
}

/** By the sender's rank. Where some receive of the worker names nobody, they are all one. */
function extents(receives: readonly NamedRow[]): (rank: number) => Extent | undefined {
  if (receives.some(({ peer }) => peer === ABSENT)) {
    const all = { startNs: Number.POSITIVE_INFINITY, endNs: Number.NEGATIVE_INFINITY };
    for (const receive of receives) widen(all, receive);
    return () => all;
  }
  const byRank = new Map<number, Extent>();
  for (const receive of receives) {
    const { table, row, peer } = receive;
    const ranks = peer >= 0 ? [peer] : ranksOf(table, row);
    for (const rank of ranks) {
      const known = byRank.get(rank);
      if (known !== undefined) widen(known, receive);
      else byRank.set(rank, { startNs: receive.startNs, endNs: receive.endNs });
    }
  }
  return (rank) => byRank.get(rank);
}

function ranksOf(table: EventTable, row: number): Set<number> {
  const ranks = new Set<number>();
  if (table.peer[row]! >= 0) ranks.add(table.peer[row]!);
  const { offsets, values } = table.lists.peers!;
  for (let i = offsets[row]!; i < offsets[row + 1]!; i++) ranks.add(values[i]!);
  return ranks;
}

function widen(extent: Extent, { startNs, endNs }: Extent): void {
  extent.startNs = Math.min(extent.startNs, startNs);
  extent.endNs = Math.max(extent.endNs, endNs);
}

function pushTo<T>(lists: Map<number, T[]>, key: number, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
