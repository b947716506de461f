/**
 * Charges stretches of waiting for one receive: looks the awaited reply's way up, adds what lies
 * between it and the waiter's own send, and gives every nanosecond its cause and culprit.
 *
 *     the waiter's own send        last send to the peer         the reply's send     receive ends
 *              |······ fan-in ··········|··· network, to the peer ···|·· way ··|·· network ··|
 */
import { type Assembled, Direction } from '#lib/model/assembled.ts';
import { CauseBands } from './cause-bands.ts';
import { Before, type CauseBefore } from './cause-before.ts';
import { Begin, type SendWays, Way } from './cause-chain.ts';
import type { CauseIndex } from './cause-index.ts';
import { Cause, type CauseSink, NOBODY } from './causes.ts';
import type { CellExcess } from './cell-excess.ts';
import type { ExcessSplit } from './excess-split.ts';
import type { KeyTimes } from './key-times.ts';
import { mixedPartNs } from './mixed-part.ts';

export class CauseCharge {
  readonly #assembled: Assembled;
  readonly #times: KeyTimes;
  readonly #index: CauseIndex;
  readonly #ways: SendWays;
  readonly #excess: CellExcess;
  readonly #before: CauseBefore;
  readonly #split: ExcessSplit;
  readonly #bands = new CauseBands();
  /** What the bands are of. */
  #receive = -1;
  /** What explains instants before the bands, and whom it blames. */
  #beforeIs: number = Before.unknown;
  #beforeCulprit = NOBODY;
  /** Lengths of the last look between the waiter's send and the peer's receive. */
  #networkNs = 0;
  #networkCulprit = NOBODY;
  #fanInNs = 0;
  #fanInExcessNs = 0;
  #fanInCell = -1;

  constructor(
    assembled: Assembled,
    times: KeyTimes,
    index: CauseIndex,
    ways: SendWays,
    excess: CellExcess,
    split: ExcessSplit,
    before: CauseBefore,
  ) {
    this.#assembled = assembled;
    this.#times = times;
    this.#index = index;
    this.#ways = ways;
    this.#excess = excess;
    this.#split = split;
    this.#before = before;
  }

  /** `[fromNs, toNs)` lies in the receive and in the bucket, and the worker computes nothing in it. */
  add(
    bucket: number,
    worker: number,
    receive: number,
    fromNs: number,
    toNs: number,
    sink: CauseSink,
  ): void {
    if (this.#receive !== receive) this.#look(worker, receive);
    const endNs = this.#assembled.receives.endNs[receive]!;
    const bands = this.#bands;
    // Distances back from the receive's end.
    const farNs = endNs - fromNs;
    let nearNs = endNs - toNs;
    if (farNs > bands.totalNs) {
      const until = endNs - Math.max(nearNs, bands.totalNs);
      this.#before.add(
        this.#beforeIs,
        this.#beforeCulprit,
        bucket,
        worker,
        receive,
        fromNs,
        until,
        sink,
      );
    }
    let offsetNs = 0;
    for (let band = 0; band < bands.length && nearNs < farNs; band++) {
      const endOfBand = offsetNs + bands.firstNs[band]! + bands.secondNs[band]!;
      if (nearNs < endOfBand) {
        const untilNs = Math.min(farNs, endOfBand);
        this.#addPart(worker, bucket, receive, band, offsetNs, nearNs, untilNs, endNs, sink);
        nearNs = untilNs;
      }
      offsetNs = endOfBand;
    }
  }

  /** From `nearNs` to `farNs` before the receive's end, all of it in the band. */
  #addPart(
    worker: number,
    bucket: number,
    receive: number,
    band: number,
    offsetNs: number,
    nearNs: number,
    farNs: number,
    endNs: number,
    sink: CauseSink,
  ): void {
    const bands = this.#bands;
    const firstNs = bands.firstNs[band]!;
    const culprit = bands.firstCulprit[band]!;
    const from = endNs - farNs;
    const to = endNs - nearNs;
    const cell = bands.cell[band]!;
    const near = nearNs - offsetNs;
    const far = farNs - offsetNs;
    const wholeNs = firstNs + bands.secondNs[band]!;
    const partNs =
      cell < 0
        ? mixedPartNs(firstNs, wholeNs, far) - mixedPartNs(firstNs, wholeNs, near)
        : this.#split.loadNs(bucket, cell, wholeNs, near, far);
    const middle = to - partNs;
    if (middle < to)
      sink.add(worker, bucket, receive, bands.firstCause[band]!, culprit, middle, to);
    if (from < middle) {
      const second = bands.secondCulprit[band]!;
      sink.add(worker, bucket, receive, bands.secondCause[band]!, second, from, middle);
    }
  }

  #look(worker: number, receive: number): void {
    const { receives, events } = this.#assembled;
    const bands = this.#bands;
    this.#receive = receive;
    bands.clear();
    this.#beforeIs = Before.unknown;
    this.#beforeCulprit = NOBODY;
    const send = receives.lastArrival[receive]!;
    const endNs = receives.endNs[receive]!;
    if (send < 0 || events.startNs[send]! > endNs) return;
    const direction = receives.direction[receive]!;
    const at = this.#ways.of(send, direction);
    const way = this.#ways.fields;
    const sender = way[at + Way.sender]!;
    const begin = way[at + Way.begin]!;
    this.#networkNs = 0;
    this.#fanInNs = 0;
    this.#fanInExcessNs = 0;
    if (begin === Begin.receive) {
      this.#lookBeyond(
        worker,
        sender,
        way[at + Way.readyNs]!,
        way[at + Way.receivedKey]!,
        way[at + Way.awaitedSend]!,
      );
    } else if (begin === Begin.step) {
      this.#beforeIs = Before.step;
      this.#beforeCulprit = sender;
    }
    const awaited = way[at + Way.awaitedSend]!;
    const last = begin === Begin.receive ? events.worker[awaited]! : NOBODY;
    const toAttention = direction === Direction.f2a;
    // Nothing else could have been in the pipeline then: it fills, or drains.
    const isEdge = toAttention ? this.#index.isLast(receives.key[receive]!) : begin === Begin.step;
    const normal = isEdge ? NOBODY : sender;
    const network = toAttention ? Cause.f2aNetwork : Cause.a2fNetwork;
    const otherNetwork = toAttention ? Cause.a2fNetwork : Cause.f2aNetwork;
    bands.add(Cause.peerHost, sender, way[at + Way.hostNs]!);
    bands.addExcess(sender, way[at + Way.excessNs]!, way[at + Way.cell]!);
    bands.addExcess(last, this.#fanInExcessNs, this.#fanInCell);
    bands.add(Cause.fanIn, last, this.#fanInNs);
    bands.add(isEdge ? Cause.fillDrain : Cause.peerQueue, normal, way[at + Way.queueNs]!);
    bands.addTwo(
      network,
      sender,
      endNs - events.startNs[send]! + way[at + Way.linkNs]!,
      otherNetwork,
      this.#networkCulprit,
      this.#networkNs,
    );
    bands.add(isEdge ? Cause.fillDrain : Cause.peerCompute, normal, way[at + Way.computeNs]!);
    bands.add(Cause.fillDrain, NOBODY, way[at + Way.fillNs]!);
    bands.add(Cause.unknown, NOBODY, way[at + Way.unknownNs]!);
  }

  /** From the waiter's own send of the key to the end of the peer's receive of it. */
  #lookBeyond(
    worker: number,
    peer: number,
    readyNs: number,
    key: number,
    awaitedSend: number,
  ): void {
    const { events } = this.#assembled;
    const lastSender = events.worker[awaitedSend]!;
    const lastSendNs = Math.min(events.startNs[awaitedSend]!, readyNs);
    this.#networkCulprit = lastSender === worker ? peer : lastSender;
    const ownCell = this.#index.cellOf(key, worker);
    const ownSendNs = ownCell < 0 ? Number.POSITIVE_INFINITY : this.#times.sendNs[ownCell]!;
    if (ownSendNs === Number.POSITIVE_INFINITY) {
      this.#networkNs = readyNs - lastSendNs;
      if (ownCell < 0) return;
      // It works on the key, but others send for it.
      this.#beforeIs = Before.fanIn;
      this.#beforeCulprit = lastSender;
      return;
    }
    this.#beforeIs = Before.send;
    this.#beforeCulprit = worker;
    const beginNs = Math.min(ownSendNs, readyNs);
    if (lastSender === worker) {
      this.#networkNs = readyNs - beginNs;
      return;
    }
    this.#networkNs = readyNs - Math.max(lastSendNs, beginNs);
    if (lastSendNs <= beginNs) return;
    this.#fanInNs = lastSendNs - beginNs;
    this.#lookAtLastSender(lastSender, key, beginNs, lastSendNs);
  }

  /** The last sender's excess is why it was the last, as far as it lies in the fan-in. */
  #lookAtLastSender(sender: number, key: number, fromNs: number, toNs: number): void {
    const cell = this.#index.cellOf(key, sender);
    if (cell < 0) return;
    const endNs = Math.min(this.#times.startNs[cell]! + this.#times.sNs[cell]!, toNs);
    const excessNs = endNs - Math.max(fromNs, endNs - this.#excess.of(cell));
    if (excessNs <= 0) return;
    this.#fanInExcessNs = excessNs;
    this.#fanInCell = cell;
    this.#fanInNs -= excessNs;
  }
}
