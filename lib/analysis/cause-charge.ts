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
import { Begin, Excess, type SendWays, Way } from './cause-chain.ts';
import type { CauseIndex } from './cause-index.ts';
import { Cause, type CauseSink, NOBODY } from './causes.ts';
import { loadOfExcess } from './excess-split.ts';
import { type KeyTimes, Side } from './key-times.ts';
import type { LoadModel } from './load-model.ts';
import { mixedPartNs } from './mixed-part.ts';

export class CauseCharge {
  readonly #assembled: Assembled;
  readonly #times: KeyTimes;
  readonly #index: CauseIndex;
  readonly #ways: SendWays;
  readonly #models: readonly LoadModel[];
  readonly #before: CauseBefore;
  readonly #bands = new CauseBands();
  #worker = -1;
  /** By key: the worker's cell, if it is not below its first one. */
  readonly #ownCell: Int32Array;
  #firstCell = 0;
  /** What the bands are of. */
  #receive = -1;
  /** What explains instants before the bands, and whom it blames. */
  #beforeIs: number = Before.unknown;
  #beforeCulprit = NOBODY;
  /** Lengths of the last look between the waiter's send and the peer's receive. */
  #networkNs = 0;
  #fanInNs = 0;
  #fanInExcessNs = 0;

  /** `models`: of every bucket; the last one is that of all further buckets. */
  constructor(
    assembled: Assembled,
    times: KeyTimes,
    index: CauseIndex,
    ways: SendWays,
    models: readonly LoadModel[],
    before: CauseBefore,
  ) {
    this.#assembled = assembled;
    this.#times = times;
    this.#index = index;
    this.#ways = ways;
    this.#models = models;
    this.#before = before;
    this.#ownCell = new Int32Array(assembled.keys.length).fill(-1);
  }

  /** Whose receives come from now on. */
  startWorker(worker: number): void {
    const { offsets, key } = this.#times;
    this.#worker = worker;
    this.#firstCell = offsets[worker]!;
    for (let cell = this.#firstCell; cell < offsets[worker + 1]!; cell++) {
      this.#ownCell[key[cell]!] = cell;
    }
  }

  /** `[fromNs, toNs)` lies in the receive and in the bucket, and the worker computes nothing in it. */
  add(bucket: number, receive: number, fromNs: number, toNs: number, sink: CauseSink): void {
    const worker = this.#worker;
    if (this.#receive !== receive) this.#look(receive);
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
        this.#addPart(bucket, receive, band, offsetNs, nearNs, untilNs, endNs, sink);
        nearNs = untilNs;
      }
      offsetNs = endOfBand;
    }
  }

  /** From `nearNs` to `farNs` before the receive's end, all of it in the band. */
  #addPart(
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
    const near = nearNs - offsetNs;
    const far = farNs - offsetNs;
    const wholeNs = firstNs + bands.secondNs[band]!;
    const partNs =
      bands.side[band]! < 0
        ? mixedPartNs(firstNs, wholeNs, far) - mixedPartNs(firstNs, wholeNs, near)
        : this.#loadNs(bucket, band, wholeNs, near, far);
    const worker = this.#worker;
    const middle = to - partNs;
    if (middle < to)
      sink.add(worker, bucket, receive, bands.firstCause[band]!, culprit, middle, to);
    if (from < middle) {
      const second = bands.secondCulprit[band]!;
      sink.add(worker, bucket, receive, bands.secondCause[band]!, second, from, middle);
    }
  }

  #loadNs(bucket: number, band: number, bandNs: number, nearNs: number, farNs: number): number {
    const bands = this.#bands;
    const models = this.#models;
    const model = models[Math.min(bucket, models.length - 1)]![bands.side[band]! as 0 | 1];
    if (!model.usable) return 0;
    const at = bands.excessAt[band]!;
    const way = this.#ways.fields;
    this.#ways.knowLoads(at);
    return loadOfExcess(
      model,
      way[at + Excess.ns]!,
      way[at + Excess.firstOver]!,
      way[at + Excess.secondOver]!,
      bandNs,
      nearNs,
      farNs,
    );
  }

  #look(receive: number): void {
    const { receives } = this.#assembled;
    const bands = this.#bands;
    this.#receive = receive;
    bands.clear();
    this.#beforeIs = Before.unknown;
    this.#beforeCulprit = NOBODY;
    const send = receives.lastArrival[receive]!;
    if (send < 0) return;
    const endNs = receives.endNs[receive]!;
    const key = receives.key[receive]!;
    const toAttention = receives.direction[receive] === Direction.f2a;
    const at = this.#ways.of(send, key, receives.direction[receive]!);
    const way = this.#ways.fields;
    const sendNs = way[at + Way.sendNs]!;
    if (sendNs > endNs) return;
    const sender = way[at + Way.sender]!;
    const begin = way[at + Way.begin]!;
    const last = way[at + Way.lastSender]!;
    this.#networkNs = 0;
    this.#fanInNs = 0;
    this.#fanInExcessNs = 0;
    if (begin === Begin.receive) {
      this.#lookBeyond(at);
    } else if (begin === Begin.step) {
      this.#beforeIs = Before.step;
      this.#beforeCulprit = sender;
    }
    // Nothing else could have been in the pipeline then: it fills, or drains.
    const isEdge = toAttention ? this.#index.isLast(key) : begin === Begin.step;
    const normal = isEdge ? NOBODY : sender;
    const side = toAttention ? Side.ffn : Side.attention;
    const lastSide = toAttention ? Side.attention : Side.ffn;
    bands.add(Cause.peerHost, sender, way[at + Way.hostNs]!);
    bands.addExcess(sender, way[at + Way.excessNs]!, side, at + Way.excess);
    bands.addExcess(last, this.#fanInExcessNs, lastSide, at + Way.lastExcess);
    bands.add(Cause.fanIn, last, this.#fanInNs);
    bands.add(isEdge ? Cause.fillDrain : Cause.peerQueue, normal, way[at + Way.queueNs]!);
    bands.addTwo(
      toAttention ? Cause.f2aNetwork : Cause.a2fNetwork,
      sender,
      endNs - sendNs + way[at + Way.linkNs]!,
      toAttention ? Cause.a2fNetwork : Cause.f2aNetwork,
      last === this.#worker ? sender : last,
      this.#networkNs,
    );
    bands.add(isEdge ? Cause.fillDrain : Cause.peerCompute, normal, way[at + Way.computeNs]!);
    bands.add(Cause.fillDrain, NOBODY, way[at + Way.fillNs]!);
    bands.add(Cause.unknown, NOBODY, way[at + Way.unknownNs]!);
  }

  /** From the waiter's own send of what the peer received to the end of the peer's receive. */
  #lookBeyond(at: number): void {
    const way = this.#ways.fields;
    const readyNs = way[at + Way.readyNs]!;
    const lastSender = way[at + Way.lastSender]!;
    const lastSendNs = way[at + Way.lastSendNs]!;
    const ownCell = this.#ownCell[way[at + Way.receivedKey]!]!;
    const isOwn = ownCell >= this.#firstCell;
    const ownSendNs = isOwn ? this.#times.sendNs[ownCell]! : Number.POSITIVE_INFINITY;
    if (ownSendNs === Number.POSITIVE_INFINITY) {
      this.#networkNs = readyNs - lastSendNs;
      if (!isOwn) return;
      // It works on the key, but others send for it.
      this.#beforeIs = Before.fanIn;
      this.#beforeCulprit = lastSender;
      return;
    }
    this.#beforeIs = Before.send;
    this.#beforeCulprit = this.#worker;
    const beginNs = Math.min(ownSendNs, readyNs);
    if (lastSender === this.#worker) {
      this.#networkNs = readyNs - beginNs;
      return;
    }
    this.#networkNs = readyNs - Math.max(lastSendNs, beginNs);
    if (lastSendNs <= beginNs) return;
    // The last sender's excess is why it was the last, as far as it lies in the fan-in.
    const computeNs = way[at + Way.lastComputeNs]!;
    const excessFromNs = computeNs - way[at + Way.lastExcess + Excess.ns]!;
    this.#fanInExcessNs = Math.max(0, computeNs - Math.max(beginNs, excessFromNs));
    this.#fanInNs = lastSendNs - beginNs - this.#fanInExcessNs;
  }
}
