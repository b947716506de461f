/**
 * A reply's way back, from its send to where its sender had everything that it needed:
 *
 *     attention/0 waits                                          |····· receive ·····|
 *     ffn/0       |receive|  other keys    [compute of the key]  idle  other send [send ···
 *                         ^ ready  queue   ^                  ^  host  network    ^ send starts
 *
 * The same for everybody who waits for the reply, so it is walked once a send. An FFN worker waits for
 * an attention worker in the same way; its receive is that of the layer before, and what it computes
 * on the way from there to the send (combine, dense layers, attention, gate) is the key's compute.
 * At a step's first layer an attention worker has no such receive: the way begins with the step.
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { Direction } from '#lib/model/assembled.ts';
import type { CauseIndex } from './cause-index.ts';
import type { CellExcess } from './cell-excess.ts';
import type { KeyTimes } from './key-times.ts';
import { coveredNs, coveredOnlyNs, type WorkerRuns } from './worker-runs.ts';

/** How a way begins. */
export const Begin = {
  /** With the end of a receive that matched a send. */
  receive: 0,
  /** With the start of the step. */
  step: 1,
  /** Nobody knows: the sender's receive, or the send that it awaited, is missing. */
  unknown: 2,
} as const;

/**
 * Fields of a way in `SendWays.fields`: all that a receiver has to know, in one place, since the columns
 * that it comes from are far apart. The lengths reach from `readyNs` to the send's start.
 */
export const Way = {
  send: 0,
  /** Its start. */
  sendNs: 1,
  sender: 2,
  linkNs: 3,
  hostNs: 4,
  queueNs: 5,
  /** Without the excess. */
  computeNs: 6,
  excessNs: 7,
  /** From the start of the step to the first compute, but for the host's. */
  fillNs: 8,
  unknownNs: 9,
  begin: 10,
  readyNs: 11,
  /** The key that the sender's receive is of; -1 without one. */
  receivedKey: 12,
  /** Who sent last what the sender's receive awaited, when, and when its compute for that ended. */
  lastSender: 13,
  lastSendNs: 14,
  lastComputeNs: 15,
  /** Of the sender, and of the last sender: where the fields of its excess begin. */
  excess: 16,
  lastExcess: 21,
} as const;
/** All excess of a cell; its loads over the median are known once they were asked for. */
export const Excess = { ns: 0, cell: 1, isKnown: 2, firstOver: 3, secondOver: 4 } as const;
const WAY_FIELDS = 26;

export class SendWays {
  /** Field f of a way at `at` is `fields[at + f]`. */
  readonly fields: Float64Array;
  readonly #assembled: Assembled;
  readonly #times: KeyTimes;
  readonly #index: CauseIndex;
  readonly #runs: WorkerRuns;
  readonly #excess: CellExcess;

  constructor(
    assembled: Assembled,
    times: KeyTimes,
    index: CauseIndex,
    runs: WorkerRuns,
    excess: CellExcess,
  ) {
    this.#assembled = assembled;
    this.#times = times;
    this.#index = index;
    this.#runs = runs;
    this.#excess = excess;
    // The last way of every key and direction is kept: most often all receivers await the same send.
    this.fields = assembled.room.float64(assembled.keys.length * 2 * WAY_FIELDS).fill(-1);
  }

  /** Where the way of a receive's send is, until the next call. */
  of(send: number, key: number, direction: number): number {
    const at = (key * 2 + direction) * WAY_FIELDS;
    if (this.fields[at + Way.send] !== send) this.#walk(send, key, direction, at);
    return at;
  }

  #walk(send: number, key: number, direction: number, at: number): void {
    const { events } = this.#assembled;
    const times = this.#times;
    const way = this.fields.fill(0, at, at + WAY_FIELDS);
    const sendNs = events.startNs[send]!;
    const sender = events.worker[send]!;
    way[at + Way.send] = send;
    way[at + Way.sendNs] = sendNs;
    way[at + Way.sender] = sender;
    const cell = this.#index.cellOf(key, sender);
    const untilNs = cell < 0 ? sendNs : Math.min(times.startNs[cell]! + times.sNs[cell]!, sendNs);
    const fromNs = cell < 0 ? sendNs : Math.min(times.startNs[cell]!, untilNs);
    const chainNs = this.#findBegin(at, sender, key, direction, fromNs);
    if (cell < 0) {
      way[at + Way.unknownNs] = fromNs - way[at + Way.readyNs]!;
      return;
    }
    this.#addBeforeSend(at, sender, untilNs, sendNs);
    const workNs = coveredNs(this.#runs.work, sender, fromNs, untilNs);
    this.#add(at + Way.computeNs, workNs);
    this.#add(at + Way.hostNs, untilNs - fromNs - workNs);
    if (way[at + Way.begin] === Begin.step) this.#addFill(at, sender, fromNs);
    else this.#addQueue(at, sender, chainNs, fromNs);
    this.#noteExcess(at + Way.excess, cell);
    const excessNs = Math.min(way[at + Way.excess + Excess.ns]!, way[at + Way.computeNs]!);
    way[at + Way.excessNs] = excessNs;
    this.#add(at + Way.computeNs, -excessNs);
  }

  /** Makes the loads of an excess known: few are waited for. */
  knowLoads(excessAt: number): void {
    const way = this.fields;
    if (way[excessAt + Excess.isKnown] === 1) return;
    const cell = way[excessAt + Excess.cell]!;
    way[excessAt + Excess.isKnown] = 1;
    way[excessAt + Excess.firstOver] = this.#excess.firstOver(cell);
    way[excessAt + Excess.secondOver] = this.#excess.secondOver(cell);
  }

  #noteExcess(at: number, cell: number): void {
    this.fields[at + Excess.ns] = this.#excess.of(cell);
    this.fields[at + Excess.cell] = cell;
  }

  /** Who sent last what the sender received, and by how much it was later than its side. */
  #noteLastSend(at: number, awaited: number, key: number): void {
    const { events } = this.#assembled;
    const way = this.fields;
    const lastSender = events.worker[awaited]!;
    const lastSendNs = Math.min(events.startNs[awaited]!, way[at + Way.readyNs]!);
    way[at + Way.lastSender] = lastSender;
    way[at + Way.lastSendNs] = lastSendNs;
    const cell = this.#index.cellOf(key, lastSender);
    if (cell < 0) return;
    const computeNs = this.#times.startNs[cell]! + this.#times.sNs[cell]!;
    way[at + Way.lastComputeNs] = Math.min(computeNs, lastSendNs);
    this.#noteExcess(at + Way.lastExcess, cell);
  }

  #add(field: number, ns: number): void {
    this.fields[field] = this.fields[field]! + ns;
  }

  /** From the end of the key's compute to the send: the link is busy, or the worker, or neither. */
  #addBeforeSend(at: number, sender: number, fromNs: number, toNs: number): void {
    if (fromNs >= toNs) return;
    const { link, work } = this.#runs;
    const linkNs = coveredNs(link, sender, fromNs, toNs);
    const queueNs = coveredOnlyNs(work, link, sender, fromNs, toNs);
    this.#add(at + Way.linkNs, linkNs);
    this.#add(at + Way.queueNs, queueNs);
    this.#add(at + Way.hostNs, toNs - fromNs - linkNs - queueNs);
  }

  /**
   * Sets where the way begins. Returns how much the sender may have worked for the key before
   * `fromNs`: on keys of earlier layers, after their receive.
   */
  #findBegin(at: number, sender: number, key: number, direction: number, fromNs: number): number {
    const { receives, steps, keys } = this.#assembled;
    const way = this.fields;
    const index = this.#index;
    let receivedKey = key;
    let receive = -1;
    let chainNs = 0;
    if (direction === Direction.f2a) {
      receive = index.receiveOf(key, sender, Direction.a2f);
    } else if (index.isFirst(key)) {
      way[at + Way.begin] = Begin.step;
      way[at + Way.readyNs] = Math.min(steps.startNs[keys.step[key]!]!, fromNs);
      way[at + Way.receivedKey] = -1;
      way[at + Way.lastSender] = -1;
      return 0;
    } else {
      receivedKey = index.previousKey[key]!;
      for (; receivedKey >= 0; receivedKey = index.previousKey[receivedKey]!) {
        receive = index.receiveOf(receivedKey, sender, Direction.f2a);
        const cell = index.cellOf(receivedKey, sender);
        if (receive >= 0) {
          if (cell >= 0) chainNs += this.#times.combineNs[cell]!;
          break;
        }
        if (cell < 0) continue;
        // It sent, so it must have received.
        if (this.#times.sendNs[cell]! < Number.POSITIVE_INFINITY) break;
        chainNs += this.#times.oNs[cell]!;
      }
    }
    const awaited = receive < 0 ? -1 : receives.lastArrival[receive]!;
    way[at + Way.begin] = awaited < 0 ? Begin.unknown : Begin.receive;
    way[at + Way.readyNs] = receive < 0 ? fromNs : Math.min(receives.endNs[receive]!, fromNs);
    way[at + Way.receivedKey] = receive < 0 ? -1 : receivedKey;
    if (awaited < 0) way[at + Way.lastSender] = -1;
    else this.#noteLastSend(at, awaited, receivedKey);
    return chainNs;
  }

  /** From what it received to the key's compute. */
  #addQueue(at: number, sender: number, chainNs: number, toNs: number): void {
    const readyNs = this.fields[at + Way.readyNs]!;
    if (readyNs >= toNs) return;
    const workNs = coveredNs(this.#runs.work, sender, readyNs, toNs);
    const ownNs = Math.min(chainNs, workNs);
    this.#add(at + Way.computeNs, ownNs);
    this.#add(at + Way.queueNs, workNs - ownNs);
    this.#add(at + Way.hostNs, toNs - readyNs - workNs);
  }

  #addFill(at: number, sender: number, toNs: number): void {
    const readyNs = this.fields[at + Way.readyNs]!;
    if (readyNs >= toNs) return;
    const { host, work } = this.#runs;
    const hostNs = coveredOnlyNs(host, work, sender, readyNs, toNs);
    this.#add(at + Way.hostNs, hostNs);
    this.#add(at + Way.fillNs, toNs - readyNs - hostNs);
  }
}
