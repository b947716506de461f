/**
 * Looks back from an event for the ones before it on the same worker: the last to end of a class of
 * them. Rows are sorted by start, so a look back ends where even the longest event would have ended
 * too early, or where no step that counts had begun.
 */
import { classOf, type DependencyIndex, NodeClass } from './dependency-index.ts';

export class EarlierEvents {
  readonly #index: DependencyIndex;
  /** Starts of steps, sorted, and the last end of each and all before it. */
  readonly #stepStartNs: Float64Array;
  readonly #reachedNs: Float64Array;
  #fromNs = 0;
  #toNs = 0;
  /** No step that counts starts before. */
  #firstNs = 0;

  constructor(index: DependencyIndex) {
    this.#index = index;
    const { steps } = index.assembled;
    const order = Array.from({ length: steps.length }, (_, step) => step);
    order.sort((a, b) => steps.startNs[a]! - steps.startNs[b]!);
    this.#stepStartNs = Float64Array.from(order, (step) => steps.startNs[step]!);
    let reachedNs = Number.NEGATIVE_INFINITY;
    this.#reachedNs = Float64Array.from(order, (step) => {
      reachedNs = Math.max(reachedNs, steps.endNs[step]!);
      return reachedNs;
    });
  }

  /** Only what ended after the step's start is found from now on. */
  enter(step: number): void {
    const { steps } = this.#index.assembled;
    this.#fromNs = steps.startNs[step]!;
    this.#toNs = steps.endNs[step]!;
    const reached = this.#reachedNs;
    const overlapping = firstAbove(reached, 0, reached.length, this.#fromNs);
    this.#firstNs = Math.min(this.#fromNs, this.#stepStartNs[overlapping] ?? this.#fromNs);
  }

  get fromNs(): number {
    return this.#fromNs;
  }

  /** No event that counts starts before. */
  get firstNs(): number {
    return this.#firstNs;
  }

  /** Do events of a step count? Of every step that overlaps the one that is looked at. */
  counts(step: number): boolean {
    const { steps } = this.#index.assembled;
    return step >= 0 && steps.startNs[step]! < this.#toNs && steps.endNs[step]! > this.#fromNs;
  }

  /** When a node's own part begins: of a rendezvous send, when its first receiver is there. */
  startNs(node: number): number {
    const { events, receives, transferStartNs } = this.#index.assembled;
    if (node >= events.length) return receives.startNs[node - events.length]!;
    return (transferStartNs ?? events.startNs)[node]!;
  }

  classOf(row: number): number {
    const { events } = this.#index.assembled;
    const sendStage = this.#index.sendStage[events.worker[row]!]!;
    return classOf(events.kind[row]!, events.stage[row]!, sendStage);
  }

  /** The worker's receive of the key, else of the one before, that ended by then; -1: none did. */
  receiveOf(worker: number, key: number, before: number, limitNs: number): number {
    const { receives, keys, steps } = this.#index.assembled;
    const first = receives.offsets[worker]!;
    const floorNs = steps.startNs[keys.step[key]!]!;
    const last = firstAbove(receives.startNs, first, receives.offsets[worker + 1]!, limitNs) - 1;
    for (let r = last; r >= first && receives.startNs[r]! >= floorNs; r--) {
      const own = receives.key[r]!;
      if ((own === key || (own === before && own >= 0)) && receives.endNs[r]! <= limitNs) return r;
    }
    return -1;
  }

  /** Of the worker's receives of the row's domain that ended by then, the one that ended last. */
  lastReceive(row: number, limitNs: number): number {
    const { assembled, longestReceiveNs } = this.#index;
    const { events, receives, keys, steps } = assembled;
    const worker = events.worker[row]!;
    const first = receives.offsets[worker]!;
    let best = -1;
    let bestNs = this.#fromNs;
    let r = firstAbove(receives.startNs, first, receives.offsets[worker + 1]!, limitNs) - 1;
    for (; r >= first && receives.startNs[r]! >= this.#firstNs; r--) {
      if (receives.startNs[r]! + longestReceiveNs[worker]! <= bestNs) break;
      const doneNs = receives.endNs[r]!;
      const key = receives.key[r]!;
      if (doneNs > limitNs || doneNs <= bestNs || key < 0) continue;
      const step = keys.step[key]!;
      if (steps.domain[step] !== events.domain[row] || !this.counts(step)) continue;
      best = r;
      bestNs = doneNs;
    }
    return best;
  }

  /** Of events before `row` that ended by then and hold it up, the one that ended last. */
  lastWork(row: number, limitNs: number): number {
    const { assembled, longestWorkNs, sendStage } = this.#index;
    const { events, endNs, offsets, stepOf } = assembled;
    const { startNs, kind, stage } = events;
    const worker = events.worker[row]!;
    const longestNs = longestWorkNs[worker]!;
    const ownStage = sendStage[worker]!;
    const first = offsets[worker]!;
    let best = -1;
    let bestNs = this.#fromNs;
    for (let r = row - 1; r >= first && startNs[r]! >= this.#firstNs; r--) {
      if (startNs[r]! + longestNs <= bestNs) break;
      const doneNs = endNs[r]!;
      if (doneNs > limitNs || doneNs <= bestNs) continue;
      const own = classOf(kind[r]!, stage[r]!, ownStage);
      if (own > NodeClass.aside) continue;
      const step = stepOf[r]!;
      if (step !== stepOf[row] && (own === NodeClass.aside || !this.counts(step))) continue;
      best = r;
      bestNs = doneNs;
    }
    return best;
  }

  /**
   * Of the worker's sends before `row` that ended by then, the last; of those that began at `fromNs`
   * or later, and whose own part began before `beforeNs`.
   */
  lastSend(row: number, limitNs: number, fromNs: number, beforeNs: number): number {
    const { assembled, longestSendNs, sendStage } = this.#index;
    const { events, endNs, offsets, stepOf } = assembled;
    const { startNs, kind, stage } = events;
    const worker = events.worker[row]!;
    const longestNs = longestSendNs[worker]!;
    const first = offsets[worker]!;
    const floorNs = Math.max(fromNs, this.#firstNs);
    let best = -1;
    let bestNs = this.#fromNs;
    for (let r = row - 1; r >= first && startNs[r]! >= floorNs; r--) {
      if (startNs[r]! + longestNs <= bestNs) break;
      if (classOf(kind[r]!, stage[r]!, sendStage[worker]!) !== NodeClass.send) continue;
      const doneNs = endNs[r]!;
      if (doneNs > limitNs || doneNs <= bestNs || this.startNs(r) >= beforeNs) continue;
      if (!this.counts(stepOf[r]!)) continue;
      best = r;
      bestNs = doneNs;
    }
    return best;
  }

  /** The node that ended last on the worker before it posted a receive, and began before `untilNs`. */
  lastBefore(r: number, untilNs: number): number {
    const { assembled, longestWorkNs, longestSendNs, longestReceiveNs } = this.#index;
    const { events, endNs, offsets, stepOf, receives, keys } = assembled;
    const limitNs = receives.startNs[r]!;
    const worker = receives.worker[r]!;
    const longestNs = Math.max(longestWorkNs[worker]!, longestSendNs[worker]!);
    let best = -1;
    let bestNs = this.#fromNs;
    const first = offsets[worker]!;
    let row = firstAbove(events.startNs, first, offsets[worker + 1]!, limitNs) - 1;
    for (; row >= first && events.startNs[row]! >= this.#firstNs; row--) {
      if (events.startNs[row]! + longestNs <= bestNs) break;
      const doneNs = endNs[row]!;
      if (doneNs > limitNs || doneNs <= bestNs || this.startNs(row) >= untilNs) continue;
      if (this.classOf(row) >= NodeClass.receive || !this.counts(stepOf[row]!)) continue;
      best = row;
      bestNs = doneNs;
    }
    const from = receives.offsets[worker]!;
    for (let other = r - 1; other >= from; other--) {
      if (receives.startNs[other]! < this.#firstNs) break;
      if (receives.startNs[other]! + longestReceiveNs[worker]! <= bestNs) break;
      const doneNs = receives.endNs[other]!;
      const key = receives.key[other]!;
      if (doneNs > limitNs || doneNs <= bestNs || key < 0) continue;
      if (!this.counts(keys.step[key]!)) continue;
      best = events.length + other;
      bestNs = doneNs;
    }
    return best;
  }
}

/** First place in `[from, to)` whose value is above `value`, else `to`. */
export function firstAbove(sorted: Float64Array, from: number, to: number, value: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
