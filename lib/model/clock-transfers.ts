/**
 * Matched sends and receives between clock domains, from raw tables, for `ClockBounds`.
 *
 * Where sends go to everybody, all receives of a key await all of its sends. Then one limit says all
 * that a key says of two domains: the latest send of one against the earliest receive of the other.
 * The others follow from it, since clocks run at about the same rate.
 *
 *     host X   send    ·███·······        latest send: starts at x
 *              send    ···███·····
 *     host Y   receive ··░░░░░░▓▓▓·       earliest receive: ends at y        limit: y - x at x
 *              receive ···░░░░░░░▓▓▓
 *
 * Where sends or receives name their peers, each send gives a limit of its own
 * (addressed-transfers.ts). Work goes over blocks of a few steps, whose keys are dense numbers, so
 * that what is kept by key and domain stays in the cache.
 */
import { ABSENT, Kind } from '#lib/table/codes.ts';
import { AddressedTransfers } from './addressed-transfers.ts';
import { Direction } from './assembled.ts';
import type { TransferColumns } from './clock-bounds.ts';
import { directionOf } from './receives.ts';
import { TransferBuffer } from './transfer-buffer.ts';
import type { TransferRuns, TransferSource } from './transfer-runs.ts';

/** Cells of one block: a key and direction by a domain. */
const BLOCK_CELLS = 65_536;
/** Of one step: 64 layers, 4 micro-batches and 1,000 clocks fit. */
const MAX_CELLS = 2 ** 20;

/**
 * Calls `take` with the transfers of the chosen steps (1), in about the order of time. The columns
 * are good until it returns.
 */
export function forEachTransfer(
  runs: TransferRuns,
  chosen: Uint8Array,
  take: (columns: TransferColumns) => void,
): void {
  const slotsPerStep = (runs.layers + 1) * (runs.microbatches + 1) * 2;
  const cellsPerStep = slotsPerStep * runs.domains.length;
  // Where peers are named, all sends and receives of a block are held, not only what is latest.
  if (cellsPerStep > MAX_CELLS) return;
  const stepsPerBlock = runs.names ? 1 : Math.max(1, Math.floor(BLOCK_CELLS / cellsPerStep));
  const steps = Array.from(chosen.keys()).filter((step) => chosen[step] === 1);
  steps.sort((a, b) => runs.stepStartNs[a]! - runs.stepStartNs[b]! || a - b);
  const placeOf = new Int32Array(chosen.length).fill(-1);
  for (let i = 0; i < steps.length; i++) placeOf[steps[i]!] = i;
  const { order, offsets } = sortRuns(runs, placeOf, stepsPerBlock);
  const buffer = new TransferBuffer(runs.domains, runs.baseUnixNs, take);
  const block = new TransferBlock(runs, slotsPerStep, stepsPerBlock, buffer);
  for (let b = 0; b + 1 < offsets.length; b++) {
    block.add(order.subarray(offsets[b]!, offsets[b + 1]!), placeOf, b * stepsPerBlock);
  }
  buffer.flush();
}

/** Runs of the chosen steps by block, and inside of one by worker. */
function sortRuns(
  runs: TransferRuns,
  placeOf: Int32Array,
  stepsPerBlock: number,
): { readonly order: Int32Array; readonly offsets: Int32Array } {
  const { step, source, sources } = runs;
  let blocks = 0;
  const byWorker = new Int32Array(runs.workers + 1);
  for (let run = 0; run < step.length; run++) {
    const place = placeOf[step[run]!]!;
    if (place < 0) continue;
    blocks = Math.max(blocks, Math.floor(place / stepsPerBlock) + 1);
    const worker = sources[source[run]!]!.worker;
    byWorker[worker + 1] = byWorker[worker + 1]! + 1;
  }
  for (let w = 0; w < runs.workers; w++) byWorker[w + 1] = byWorker[w + 1]! + byWorker[w]!;
  const sorted = new Int32Array(byWorker[runs.workers]!);
  const offsets = new Int32Array(blocks + 1);
  for (let run = 0; run < step.length; run++) {
    const place = placeOf[step[run]!]!;
    if (place < 0) continue;
    const worker = sources[source[run]!]!.worker;
    sorted[byWorker[worker]!] = run;
    byWorker[worker] = byWorker[worker]! + 1;
    const block = Math.floor(place / stepsPerBlock);
    offsets[block + 1] = offsets[block + 1]! + 1;
  }
  for (let b = 0; b < blocks; b++) offsets[b + 1] = offsets[b + 1]! + offsets[b]!;
  const filled = offsets.slice();
  const order = new Int32Array(sorted.length);
  for (let i = 0; i < sorted.length; i++) {
    const block = Math.floor(placeOf[step[sorted[i]!]!]! / stepsPerBlock);
    order[filled[block]!] = sorted[i]!;
    filled[block] = filled[block]! + 1;
  }
  return { order, offsets };
}

/** What is known of the keys of a few steps. A slot is a key and a direction. */
class TransferBlock {
  readonly #runs: TransferRuns;
  readonly #slotsPerStep: number;
  readonly #slots: number;
  readonly #buffer: TransferBuffer;
  readonly #addressed: AddressedTransfers;
  readonly #hasRendezvous: boolean;
  /** By domain, then slot. */
  readonly #latestSentNs: Float64Array;
  readonly #firstReceivedNs: Float64Array;
  /** Of rendezvous senders, and of their receivers. */
  readonly #firstSendEndNs: Float64Array;
  readonly #latestReadyNs: Float64Array;
  /** 1: some send or receive of the slot names its peers. */
  readonly #named: Uint8Array;
  /** By slot: the logical receive of the worker at hand. */
  readonly #ownStartNs: Float64Array;
  readonly #ownEndNs: Float64Array;
  readonly #touched: Int32Array;
  readonly #isTouched: Uint8Array;
  #touches = 0;
  /** By direction: the domains that can have sent. */
  readonly #sendersOf: readonly (readonly number[])[];

  constructor(
    runs: TransferRuns,
    slotsPerStep: number,
    stepsPerBlock: number,
    buffer: TransferBuffer,
  ) {
    this.#runs = runs;
    this.#slotsPerStep = slotsPerStep;
    this.#buffer = buffer;
    this.#hasRendezvous = runs.sources.some(({ rendezvous }) => rendezvous);
    const slots = slotsPerStep * stepsPerBlock;
    this.#slots = slots;
    const cells = slots * runs.domains.length;
    const waiting = this.#hasRendezvous ? cells : 0;
    this.#latestSentNs = new Float64Array(cells).fill(Number.NEGATIVE_INFINITY);
    this.#firstReceivedNs = new Float64Array(cells).fill(Number.POSITIVE_INFINITY);
    this.#firstSendEndNs = new Float64Array(waiting).fill(Number.POSITIVE_INFINITY);
    this.#latestReadyNs = new Float64Array(waiting).fill(Number.NEGATIVE_INFINITY);
    this.#named = new Uint8Array(slots);
    this.#ownStartNs = new Float64Array(slots);
    this.#ownEndNs = new Float64Array(slots);
    this.#touched = new Int32Array(slots);
    this.#isTouched = new Uint8Array(slots);
    this.#addressed = new AddressedTransfers(runs, slots, buffer);
    this.#sendersOf = [senders(runs, 'attention'), senders(runs, 'ffn')];
  }

  /** `order`: the runs of the block, by worker. Its first step has the place `firstPlace`. */
  add(order: Int32Array, placeOf: Int32Array, firstPlace: number): void {
    const { source, step, sources } = this.#runs;
    let names = false;
    let worker = -1;
    let domain = -1;
    for (let i = 0; i < order.length; i++) {
      const run = order[i]!;
      const own = sources[source[run]!]!;
      if (own.worker !== worker) {
        this.#endWorker(domain);
        worker = own.worker;
        domain = own.domain;
      }
      const firstSlot = (placeOf[step[run]!]! - firstPlace) * this.#slotsPerStep;
      if (this.#addRun(run, own, firstSlot)) names = true;
    }
    this.#endWorker(domain);
    if (names) {
      const slotOf = (run: number): number =>
        (placeOf[step[run]!]! - firstPlace) * this.#slotsPerStep;
      this.#addressed.add(order, slotOf, this.#named);
    }
    this.#emit(names);
  }

  /** true: some row names its peers. */
  #addRun(run: number, own: TransferSource, firstSlot: number): boolean {
    const { from, to, table: tableOf, shiftNs, layers, microbatches } = this.#runs;
    const t = tableOf[run]!;
    const {
      kind,
      stage: stages,
      startNs,
      durationNs,
      layer,
      microbatch,
      peer,
      lists,
    } = this.#runs.tables[t]!;
    const { role, domain, sendStage, arrival, rendezvous } = own;
    const shift = shiftNs[t]!;
    const width = microbatches + 1;
    const peers = lists.peers;
    const way = role === 'ffn' ? Direction.f2a : Direction.a2f;
    const firstCell = domain * this.#slots;
    let names = false;
    for (let row = from[run]!; row < to[run]!; row++) {
      const stage = stages[row]!;
      const isReceive = kind[row] === Kind.receive;
      if (!isReceive && stage !== sendStage) continue;
      const direction = isReceive ? directionOf(stage, role) : way;
      if (direction === Direction.none) continue;
      if (layer[row]! >= layers || microbatch[row]! >= microbatches) continue;
      const slot = firstSlot + ((layer[row]! + 1) * width + microbatch[row]! + 1) * 2 + direction;
      if (
        peer[row] !== ABSENT ||
        (peers !== null && peers.offsets[row + 1]! > peers.offsets[row]!)
      ) {
        names = true;
        this.#named[slot] = 1;
        continue;
      }
      const start = startNs[row]! + shift;
      const end = start + durationNs[row]!;
      if (isReceive) {
        if (this.#isTouched[slot] === 0) {
          this.#isTouched[slot] = 1;
          this.#touched[this.#touches++] = slot;
          this.#ownStartNs[slot] = start;
          this.#ownEndNs[slot] = end;
        } else {
          if (start < this.#ownStartNs[slot]!) this.#ownStartNs[slot] = start;
          if (end > this.#ownEndNs[slot]!) this.#ownEndNs[slot] = end;
        }
        continue;
      }
      const cell = firstCell + slot;
      const sent = arrival ? end : start;
      if (sent > this.#latestSentNs[cell]!) this.#latestSentNs[cell] = sent;
      if (rendezvous && end < this.#firstSendEndNs[cell]!) this.#firstSendEndNs[cell] = end;
    }
    return names;
  }

  /** The worker's receives are whole now. */
  #endWorker(domain: number): void {
    const firstCell = domain * this.#slots;
    for (let i = 0; i < this.#touches; i++) {
      const slot = this.#touched[i]!;
      this.#isTouched[slot] = 0;
      const cell = firstCell + slot;
      const end = this.#ownEndNs[slot]!;
      if (end < this.#firstReceivedNs[cell]!) this.#firstReceivedNs[cell] = end;
      if (!this.#hasRendezvous) continue;
      const start = this.#ownStartNs[slot]!;
      if (start > this.#latestReadyNs[cell]!) this.#latestReadyNs[cell] = start;
    }
    this.#touches = 0;
  }

  /** Pair by pair, so that the limits of one pair come together, in order of time. */
  #emit(names: boolean): void {
    const count = this.#runs.domains.length;
    for (const direction of [Direction.a2f, Direction.f2a]) {
      for (const sender of this.#sendersOf[direction]!) {
        for (let receiver = 0; receiver < count; receiver++) {
          if (receiver !== sender) this.#emitPair(direction, sender, receiver, names);
        }
      }
    }
    this.#latestSentNs.fill(Number.NEGATIVE_INFINITY);
    this.#firstReceivedNs.fill(Number.POSITIVE_INFINITY);
    this.#firstSendEndNs.fill(Number.POSITIVE_INFINITY);
    this.#latestReadyNs.fill(Number.NEGATIVE_INFINITY);
    if (names) this.#named.fill(0);
  }

  #emitPair(direction: number, sender: number, receiver: number, names: boolean): void {
    const slots = this.#slots;
    const sentNs = this.#latestSentNs;
    const receivedNs = this.#firstReceivedNs;
    const buffer = this.#buffer;
    const from = sender * slots;
    const to = receiver * slots;
    for (let slot = direction; slot < slots; slot += 2) {
      const sent = sentNs[from + slot]!;
      const received = receivedNs[to + slot]!;
      if (sent === Number.NEGATIVE_INFINITY || received === Number.POSITIVE_INFINITY) continue;
      if (names && this.#named[slot] === 1) continue;
      const sendEnd = this.#hasRendezvous
        ? this.#firstSendEndNs[from + slot]!
        : Number.POSITIVE_INFINITY;
      if (sendEnd === Number.POSITIVE_INFINITY) {
        buffer.add(sender, receiver, sent, received);
      } else {
        const ready = this.#latestReadyNs[to + slot]!;
        buffer.addRendezvous(sender, receiver, sent, sendEnd, ready, received);
      }
    }
  }
}

/** Domains with a worker of the role. */
function senders({ sources }: TransferRuns, role: string): number[] {
  return [...new Set(sources.filter((own) => own.role === role).map((own) => own.domain))];
}
