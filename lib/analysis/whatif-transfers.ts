/**
 * How long each transfer of the replayed steps took, as the replay wants it: by sender where a send
 * goes to all at once, by pair where it names its peer, by receiver where the end of a send does not
 * tell when it arrived.
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { listHas } from '#lib/model/peers.ts';
import type { ReplayTransfers } from '#lib/pipeline/replay-program.ts';
import { ABSENT } from '#lib/table/codes.ts';
import { keyNumber } from './whatif-cells.ts';
import type { WhatifShape } from './whatif-shape.ts';

export interface CollectedTransfers {
  readonly transfers: ReplayTransfers;
  /** Do sends of one worker never overlap, so that they wait for each other? */
  readonly linkQueues: boolean;
}

/** `senders`, `receivers`: rows of `events.workers`. */
export function collectTransfers(
  assembled: Assembled,
  shape: WhatifShape,
  d: number,
  senders: readonly number[],
  receivers: readonly number[],
  sendStage: number,
): CollectedTransfers {
  const { events, offsets, source, sources } = assembled;
  const domain = shape.domains[d]!;
  const keys = domain.steps.length * shape.layers * domain.microbatches;
  const sends = new SendExtents(keys, senders.length);
  let named = false;
  let opaque = 0;
  let seen = 0;
  senders.forEach((w, sender) => {
    for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
      if (events.stage[row] !== sendStage) continue;
      const key = keyNumber(assembled, shape, d, domain.microbatches, row);
      if (key < 0) continue;
      seen++;
      if (events.peer[row] !== ABSENT || hasList(assembled, row)) named = true;
      const { sendEnd } = sources[source[row]!]!;
      if (sendEnd === 'posted' || sendEnd === 'acked') opaque++;
      sends.add(key, sender, startOf(assembled, row), assembled.endNs[row]!);
    }
  });
  const linkQueues = sends.overlapShare() < 0.001;
  const keyWidth = shape.crosses;
  const crosses = (key: number): boolean =>
    keyWidth[Math.floor(key / domain.microbatches) % shape.layers] === 1;
  if (opaque * 2 > seen) {
    const ns = receiverDelays(assembled, shape, d, receivers, sendStage, keys);
    fill(ns, receivers.length, crosses);
    const linkNs = sends.durations();
    fill(linkNs, senders.length, crosses);
    return { transfers: { by: 'receiver', ns, linkNs }, linkQueues };
  }
  if (!named) {
    const ns = sends.durations();
    fill(ns, senders.length, crosses);
    return { transfers: { by: 'sender', ns, linkNs: null }, linkQueues };
  }
  const ns = pairDelays(assembled, shape, d, senders, receivers, sendStage, sends);
  fill(ns, senders.length * receivers.length, crosses);
  return { transfers: { by: 'pair', ns, linkNs: null }, linkQueues };
}

/** First start and last end of each sender's sends of a key. */
class SendExtents {
  readonly firstNs: Float64Array;
  readonly #lastNs: Float64Array;
  readonly #senders: number;

  constructor(keys: number, senders: number) {
    this.#senders = senders;
    this.firstNs = new Float64Array(keys * senders).fill(Number.NaN);
    this.#lastNs = new Float64Array(keys * senders).fill(Number.NaN);
  }

  add(key: number, sender: number, startNs: number, endNs: number): void {
    const at = key * this.#senders + sender;
    if (!(this.firstNs[at]! <= startNs)) this.firstNs[at] = startNs;
    if (!(this.#lastNs[at]! >= endNs)) this.#lastNs[at] = endNs;
  }

  /** NaN where no send was seen. */
  durations(): Float64Array {
    return this.#lastNs.map((last, i) => last - this.firstNs[i]!);
  }

  /** Time in which two sends of a worker are under way, over all send time. */
  overlapShare(): number {
    let overlapNs = 0;
    let totalNs = 0;
    const keys = this.firstNs.length / Math.max(1, this.#senders);
    for (let sender = 0; sender < this.#senders; sender++) {
      const own: number[] = [];
      for (let key = 0; key < keys; key++) {
        const at = key * this.#senders + sender;
        if (!Number.isNaN(this.firstNs[at]!)) own.push(at);
      }
      own.sort((a, b) => this.firstNs[a]! - this.firstNs[b]!);
      let reachedNs = Number.NEGATIVE_INFINITY;
      for (const at of own) {
        const end = this.#lastNs[at]!;
        totalNs += end - this.firstNs[at]!;
        overlapNs += Math.max(0, Math.min(end, reachedNs) - this.firstNs[at]!);
        reachedNs = Math.max(reachedNs, end);
      }
    }
    return totalNs === 0 ? 0 : overlapNs / totalNs;
  }
}

function hasList({ events }: Assembled, row: number): boolean {
  const { peers } = events.lists;
  return peers !== null && peers.offsets[row + 1]! > peers.offsets[row]!;
}

/** Without the time that a rendezvous send waited for its receiver. */
function startOf({ events, transferStartNs }: Assembled, row: number): number {
  return transferStartNs === null ? events.startNs[row]! : transferStartNs[row]!;
}

/** From the last sender's start to the receive's end, where the receiver waited; else NaN. */
function receiverDelays(
  assembled: Assembled,
  shape: WhatifShape,
  d: number,
  receivers: readonly number[],
  sendStage: number,
  keys: number,
): Float64Array {
  const { receives, events } = assembled;
  const { microbatches } = shape.domains[d]!;
  const delays = new Float64Array(keys * receivers.length).fill(Number.NaN);
  receivers.forEach((w, receiver) => {
    for (let r = receives.offsets[w]!; r < receives.offsets[w + 1]!; r++) {
      const send = receives.lastSend[r]!;
      if (send < 0 || events.stage[send] !== sendStage) continue;
      if (receives.cutNs[r]! <= receives.startNs[r]!) continue;
      const key = keyNumber(assembled, shape, d, microbatches, send);
      if (key < 0) continue;
      const delayNs = Math.max(0, receives.endNs[r]! - receives.cutNs[r]!);
      const at = key * receivers.length + receiver;
      if (!(delays[at]! >= delayNs)) delays[at] = delayNs;
    }
  });
  return delays;
}

/** From the first start of the sender's sends of the key to the end of the one to this receiver. */
function pairDelays(
  assembled: Assembled,
  shape: WhatifShape,
  d: number,
  senders: readonly number[],
  receivers: readonly number[],
  sendStage: number,
  sends: SendExtents,
): Float64Array {
  const { events, endNs, offsets } = assembled;
  const { microbatches } = shape.domains[d]!;
  const { peers } = events.lists;
  const ranks = receivers.map((w) => events.workers[w]!.rank);
  const width = receivers.length;
  const delays = new Float64Array(sends.firstNs.length * width).fill(Number.NaN);
  senders.forEach((w, sender) => {
    for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
      if (events.stage[row] !== sendStage) continue;
      const key = keyNumber(assembled, shape, d, microbatches, row);
      if (key < 0) continue;
      const from = key * senders.length + sender;
      const delayNs = endNs[row]! - sends.firstNs[from]!;
      const peer = events.peer[row]!;
      const toAll = peer === ABSENT && !hasList(assembled, row);
      for (let r = 0; r < width; r++) {
        if (!toAll && !listHas(peer, peers, row, ranks[r]!)) continue;
        const at = from * width + r;
        if (!(delays[at]! >= delayNs)) delays[at] = delayNs;
      }
    }
  });
  return delays;
}

/** What is missing takes the mean of the same sender or pair, or of all; 0 in dense layers. */
function fill(column: Float64Array, width: number, crosses: (key: number) => boolean): void {
  const sums = new Float64Array(width);
  const counts = new Float64Array(width);
  let sum = 0;
  let count = 0;
  for (let i = 0; i < column.length; i++) {
    const value = column[i]!;
    if (Number.isNaN(value)) continue;
    const own = i % width;
    sums[own] = sums[own]! + value;
    counts[own] = counts[own]! + 1;
    sum += value;
    count++;
  }
  for (let key = 0; key * width < column.length; key++) {
    const isCrossing = crosses(key);
    for (let own = 0; own < width; own++) {
      const at = key * width + own;
      if (!isCrossing) column[at] = 0;
      else if (Number.isNaN(column[at]!)) {
        column[at] = counts[own]! > 0 ? sums[own]! / counts[own]! : count > 0 ? sum / count : 0;
      }
    }
  }
}
