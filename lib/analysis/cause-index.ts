/**
 * Where to find, on the way back of a reply, what a worker has of a key, and where a step's edges are.
 *
 *     key 7    receives  5 (attention/0)  33 (attention/1)  61 (ffn/0)      ascending, as workers are
 */
import type { Assembled } from '#lib/model/assembled.ts';
import type { KeyMedians } from './key-medians.ts';
import { sideOf } from './key-times.ts';

export class CauseIndex {
  /** The key of the layer before, of the same step and micro-batch; -1: none. */
  readonly previousKey: Int32Array;
  /** The step with the number before, within the same pause as `StepTable.next`; -1: none. */
  readonly previousStep: Int32Array;
  readonly #assembled: Assembled;
  readonly #medians: KeyMedians;
  /** By worker, -1: not disaggregated, and so without cells. */
  readonly #side: Int8Array;
  readonly #receiveOffsets: Uint32Array;
  readonly #receives: Int32Array;
  /** By step: the first and the last layer of its receives. */
  readonly #firstLayer: Int32Array;
  readonly #lastLayer: Int32Array;

  constructor(assembled: Assembled, medians: KeyMedians) {
    const { keys, steps, receives, room } = assembled;
    this.#assembled = assembled;
    this.previousKey = backwards(keys.next);
    this.previousStep = backwards(steps.next);
    this.#medians = medians;
    this.#side = Int8Array.from(assembled.events.workers, ({ role }) => sideOf(role));
    this.#receiveOffsets = new Uint32Array(keys.length + 1);
    this.#receives = room.int32(receives.length);
    listByKey(receives.key, receives.length, this.#receiveOffsets, this.#receives);
    this.#firstLayer = new Int32Array(steps.length).fill(0x7fffffff);
    this.#lastLayer = new Int32Array(steps.length).fill(-1);
    for (let key = 0; key < keys.length; key++) {
      if (this.#receiveOffsets[key] === this.#receiveOffsets[key + 1]) continue;
      const step = keys.step[key]!;
      const layer = keys.layer[key]!;
      if (layer < this.#firstLayer[step]!) this.#firstLayer[step] = layer;
      if (layer > this.#lastLayer[step]!) this.#lastLayer[step] = layer;
    }
  }

  /** The worker's cell (row in the key times) of the key, -1 where it did no work in it. */
  cellOf(key: number, worker: number): number {
    const side = this.#side[worker]!;
    return side < 0 ? -1 : this.#medians.cellOf(key * 2 + side, worker);
  }

  /** The worker's receive of the key in this direction, -1 where it has none. */
  receiveOf(key: number, worker: number, direction: number): number {
    const { offsets, direction: directions } = this.#assembled.receives;
    const end = offsets[worker + 1]!;
    let at = firstNotBelow(this.#receives, this.#receiveOffsets, key, offsets[worker]!);
    if (at < 0) return -1;
    for (; at < this.#receiveOffsets[key + 1]!; at++) {
      const receive = this.#receives[at]!;
      if (receive >= end) return -1;
      if (directions[receive] === direction) return receive;
    }
    return -1;
  }

  /** Is the key's layer the first, or the last, of its step in which anybody receives? */
  isFirst(key: number): boolean {
    const { step, layer } = this.#assembled.keys;
    return layer[key] === this.#firstLayer[step[key]!];
  }

  isLast(key: number): boolean {
    const { step, layer } = this.#assembled.keys;
    return layer[key] === this.#lastLayer[step[key]!];
  }
}

function backwards(next: Int32Array): Int32Array {
  const previous = new Int32Array(next.length).fill(-1);
  for (let i = 0; i < next.length; i++) if (next[i]! >= 0) previous[next[i]!] = i;
  return previous;
}

/** Sets `offsets` and lists the rows of every key, ascending; rows without a key stay out. */
function listByKey(
  keyOf: Int32Array,
  length: number,
  offsets: Uint32Array,
  listed: Int32Array,
): void {
  for (let row = 0; row < length; row++) {
    const key = keyOf[row]!;
    if (key >= 0) offsets[key + 1] = offsets[key + 1]! + 1;
  }
  const keys = offsets.length - 1;
  for (let key = 0; key < keys; key++) offsets[key + 1] = offsets[key + 1]! + offsets[key]!;
  const filled = offsets.slice();
  for (let row = 0; row < length; row++) {
    const key = keyOf[row]!;
    if (key < 0) continue;
    listed[filled[key]!] = row;
    filled[key] = filled[key]! + 1;
  }
}

/** Where the key's list has its first row that is not below `row`; -1: nowhere. */
function firstNotBelow(listed: Int32Array, offsets: Uint32Array, key: number, row: number): number {
  let low = offsets[key]!;
  const end = offsets[key + 1]!;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (listed[middle]! < row) low = middle + 1;
    else high = middle;
  }
  return low < end ? low : -1;
}
