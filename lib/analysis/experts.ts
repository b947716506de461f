/**
 * How evenly routed tokens are spread over ranks, layers and experts, and whether it matters.
 *
 *     key        ffn/0   ffn/1   ffn/2   ffn/3      tokens of a (step, layer, micro-batch)
 *     7/12/0     2 031   2 067   4 011   1 998      max 4 011, mean 2 527: balancedness 0.63
 *
 * Only keys that all of the step's expert workers took part in count, in the window in which they end.
 * Sums are of whole numbers (means and ratios in fixed point), the same in any order and slices.
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { endsInWindow, type WindowNs } from '#lib/model/select-window.ts';
import { Kind, Stage } from '#lib/table/codes.ts';
import { workerId } from '#lib/table/worker-info.ts';

/** Sums of a layer over its keys. */
export const LayerSum = {
  keys: 0,
  /** Largest over the ranks, and mean over them (in fixed point). */
  max: 1,
  mean: 2,
  /** In fixed point, over keys: max / mean, and (mean + 1e-5) / (max + 1e-5). */
  maxOverMean: 3,
  sglang: 4,
  /** Keys that are large enough to tell, and those in which the ranks got the same to the token. */
  telling: 5,
  equal: 6,
  /** The busiest expert of all ranks, and the mean expert (in fixed point); keys that say. */
  expertMax: 7,
  expertMean: 8,
  expertKeys: 9,
} as const;
export const LAYER_SUMS = 10;

/** Sums of a worker and layer over the same keys. */
export const CellSum = {
  count: 0,
  tokens: 1,
  active: 2,
  activeCount: 3,
  maxTokens: 4,
  maxCount: 5,
  /** In fixed point. */
  meanTokens: 6,
  meanCount: 7,
  ns: 8,
  /** x: tokens, y: time in units of `TIME_UNIT_NS`, for the correlation. */
  y: 9,
  xx: 10,
  yy: 11,
  xy: 12,
  /** Keys in which every expert of the worker got the same, of those large enough to tell. */
  evenExperts: 13,
  tellingExperts: 14,
} as const;
export const CELL_SUMS = 15;

export const MEAN_SCALE = 2 ** 12;
export const RATIO_SCALE = 2 ** 24;
const TIME_UNIT_NS = 16;
/** A hiccup must not decide a correlation. */
const MAX_TIME_UNITS = 2 ** 20;

/** Fewer tokens are equal by chance. */
const TELLING_TOKENS = 64;
const TELLING_TOKENS_PER_EXPERT = 8;

export interface ExpertPart {
  readonly workers: readonly string[];
  readonly layers: readonly number[];
  /** `LAYER_SUMS` a layer, and `CELL_SUMS` a (worker, layer), row-major by worker. */
  readonly byLayer: Float64Array;
  readonly byCell: Float64Array;
  /** By (worker, layer), row-major: smallest and largest tokens of a key; Infinity without any. */
  readonly smallest: Float64Array;
  readonly largest: Float64Array;
  /** Tokens of single experts, where events carry lists. */
  readonly experts: readonly {
    readonly worker: number;
    readonly layer: number;
    readonly tokens: readonly number[];
  }[];
}

/** null: no event carries routed tokens. */
export function expertPart(assembled: Assembled, window: WindowNs): ExpertPart | null {
  const { events, keys } = assembled;
  if (events.measures.tokens === null) return null;
  const workers = events.workers.flatMap(({ role }, w) => (role === 'attention' ? [] : [w]));
  const found = new KeyTokens(assembled, workers);
  const counted = found.complete(assembled, workers, window);
  const layers = new Set<number>();
  for (let k = 0; k < keys.length; k++) if (counted[k] === 1) layers.add(keys.layer[k]!);
  if (layers.size === 0) return null;
  const sorted = [...layers].sort((a, b) => a - b);
  const part = {
    workers: workers.map((w) => workerId(events.workers[w]!)),
    layers: sorted,
    byLayer: found.layerSums(assembled, counted, sorted),
    byCell: new Float64Array(workers.length * sorted.length * CELL_SUMS),
    smallest: new Float64Array(workers.length * sorted.length).fill(Number.POSITIVE_INFINITY),
    largest: new Float64Array(workers.length * sorted.length).fill(Number.NEGATIVE_INFINITY),
    experts: [] as { worker: number; layer: number; tokens: number[] }[],
  };
  const indexOfLayer = new Map(sorted.map((layer, i) => [layer, i]));
  workers.forEach((w, i) => {
    addCells(assembled, w, i, counted, indexOfLayer, part);
  });
  return part;
}

/** Tokens by key, over the workers. */
class KeyTokens {
  readonly #ranks: Uint32Array;
  readonly #total: Float64Array;
  readonly #max: Float64Array;
  readonly #min: Float64Array;
  readonly #startNs: Float64Array;
  readonly #endNs: Float64Array;
  readonly #expertMax: Float64Array;
  readonly #expertMean: Float64Array;
  readonly #expertRanks: Uint32Array;

  constructor(assembled: Assembled, workers: readonly number[]) {
    const { length } = assembled.keys;
    this.#ranks = new Uint32Array(length);
    this.#total = new Float64Array(length);
    this.#max = new Float64Array(length);
    this.#min = new Float64Array(length).fill(Number.POSITIVE_INFINITY);
    this.#startNs = new Float64Array(length).fill(Number.POSITIVE_INFINITY);
    this.#endNs = new Float64Array(length).fill(Number.NEGATIVE_INFINITY);
    this.#expertMax = new Float64Array(length);
    this.#expertMean = new Float64Array(length);
    this.#expertRanks = new Uint32Array(length);
    const seenBy = new Int32Array(length).fill(-1);
    for (const w of workers) this.#addWorker(assembled, w, seenBy);
  }

  #addWorker({ events, endNs, offsets, keyOf }: Assembled, w: number, seenBy: Int32Array): void {
    const { stage, kind, startNs, measures } = events;
    const tokens = measures.tokens!;
    const { expertsMaxTokens, expertsMeanTokens } = measures;
    for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
      if (stage[row] !== Stage.expert || kind[row] !== Kind.compute) continue;
      const key = keyOf[row]!;
      const count = tokens[row]!;
      if (key < 0 || count < 0) continue;
      if (startNs[row]! < this.#startNs[key]!) this.#startNs[key] = startNs[row]!;
      if (endNs[row]! > this.#endNs[key]!) this.#endNs[key] = endNs[row]!;
      // Of several events of a worker and key, the first says how much it got.
      if (seenBy[key] === w) continue;
      seenBy[key] = w;
      this.#ranks[key] = this.#ranks[key]! + 1;
      this.#total[key] = this.#total[key]! + count;
      if (count > this.#max[key]!) this.#max[key] = count;
      if (count < this.#min[key]!) this.#min[key] = count;
      if (expertsMaxTokens === null || expertsMeanTokens === null) continue;
      if (expertsMaxTokens[row]! < 0 || expertsMeanTokens[row]! < 0) continue;
      this.#expertRanks[key] = this.#expertRanks[key]! + 1;
      this.#expertMean[key] = this.#expertMean[key]! + fixed(expertsMeanTokens[row]!, MEAN_SCALE);
      if (expertsMaxTokens[row]! > this.#expertMax[key]!) {
        this.#expertMax[key] = expertsMaxTokens[row]!;
      }
    }
  }

  /** 1: all expert workers of the step took part, and it ends in the window. */
  complete(
    { keys, steps, workerSteps }: Assembled,
    workers: readonly number[],
    window: WindowNs,
  ): Uint8Array {
    const present = new Uint32Array(steps.length);
    for (const w of workers) {
      for (let i = workerSteps.offsets[w]!; i < workerSteps.offsets[w + 1]!; i++) {
        present[workerSteps.step[i]!] = present[workerSteps.step[i]!]! + 1;
      }
    }
    const complete = new Uint8Array(keys.length);
    for (let key = 0; key < keys.length; key++) {
      if (keys.layer[key]! < 0 || this.#ranks[key] === 0) continue;
      if (this.#ranks[key] !== present[keys.step[key]!]) continue;
      if (endsInWindow(this.#startNs[key]!, this.#endNs[key]!, window)) complete[key] = 1;
    }
    return complete;
  }

  layerSums({ keys }: Assembled, counted: Uint8Array, layers: readonly number[]): Float64Array {
    const sums = new Float64Array(layers.length * LAYER_SUMS);
    const indexOf = new Map(layers.map((layer, i) => [layer, i]));
    for (let key = 0; key < keys.length; key++) {
      if (counted[key] === 0) continue;
      const at = indexOf.get(keys.layer[key]!)! * LAYER_SUMS;
      const add = (field: number, value: number): void => {
        sums[at + field] = sums[at + field]! + value;
      };
      const ranks = this.#ranks[key]!;
      const max = this.#max[key]!;
      const mean = this.#total[key]! / ranks;
      add(LayerSum.keys, 1);
      add(LayerSum.max, max);
      add(LayerSum.mean, fixed(mean, MEAN_SCALE));
      add(LayerSum.maxOverMean, fixed(mean > 0 ? max / mean : 1, RATIO_SCALE));
      add(LayerSum.sglang, fixed((mean + 1e-5) / (max + 1e-5), RATIO_SCALE));
      if (ranks > 1 && this.#total[key]! >= TELLING_TOKENS) {
        add(LayerSum.telling, 1);
        if (max - this.#min[key]! <= 1) add(LayerSum.equal, 1);
      }
      if (this.#expertRanks[key] !== ranks) continue;
      add(LayerSum.expertKeys, 1);
      add(LayerSum.expertMax, this.#expertMax[key]!);
      add(LayerSum.expertMean, Math.round(this.#expertMean[key]! / ranks));
    }
    return sums;
  }
}

type MutablePart = ExpertPart & {
  readonly experts: { worker: number; layer: number; tokens: number[] }[];
};

function addCells(
  { events, offsets, keys, keyOf }: Assembled,
  w: number,
  worker: number,
  counted: Uint8Array,
  indexOfLayer: ReadonlyMap<number, number>,
  part: MutablePart,
): void {
  const { stage, kind, durationNs, measures, lists } = events;
  const tokens = measures.tokens!;
  const { expertsActive, expertsMaxTokens, expertsMeanTokens } = measures;
  const { byCell, smallest, largest } = part;
  const experts = new Map<number, number[]>();
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    if (stage[row] !== Stage.expert || kind[row] !== Kind.compute) continue;
    const key = keyOf[row]!;
    const count = tokens[row]!;
    if (key < 0 || count < 0 || counted[key] === 0) continue;
    const layer = indexOfLayer.get(keys.layer[key]!)!;
    const cell = worker * indexOfLayer.size + layer;
    const at = cell * CELL_SUMS;
    const y = Math.min(MAX_TIME_UNITS, Math.round(durationNs[row]! / TIME_UNIT_NS));
    byCell[at] = byCell[at]! + 1;
    byCell[at + CellSum.tokens] = byCell[at + CellSum.tokens]! + count;
    byCell[at + CellSum.ns] = byCell[at + CellSum.ns]! + durationNs[row]!;
    byCell[at + CellSum.y] = byCell[at + CellSum.y]! + y;
    byCell[at + CellSum.xx] = byCell[at + CellSum.xx]! + count * count;
    byCell[at + CellSum.yy] = byCell[at + CellSum.yy]! + y * y;
    byCell[at + CellSum.xy] = byCell[at + CellSum.xy]! + count * y;
    if (count < smallest[cell]!) smallest[cell] = count;
    if (count > largest[cell]!) largest[cell] = count;
    const active = expertsActive?.[row] ?? -1;
    const max = expertsMaxTokens?.[row] ?? -1;
    const mean = expertsMeanTokens?.[row] ?? -1;
    addKnown(byCell, at + CellSum.active, active, 1);
    addKnown(byCell, at + CellSum.maxTokens, max, 1);
    addKnown(byCell, at + CellSum.meanTokens, mean, MEAN_SCALE);
    if (max >= 0 && mean >= TELLING_TOKENS_PER_EXPERT) {
      byCell[at + CellSum.tellingExperts] = byCell[at + CellSum.tellingExperts]! + 1;
      if (max - mean < 1) byCell[at + CellSum.evenExperts] = byCell[at + CellSum.evenExperts]! + 1;
    }
    if (lists.expertTokens === null) continue;
    addList(experts, layer, lists.expertTokens, row);
  }
  for (const [layer, sums] of experts) part.experts.push({ worker, layer, tokens: sums });
}

function addKnown(sums: Float64Array, at: number, value: number, scale: number): void {
  if (value < 0) return;
  sums[at] = sums[at]! + fixed(value, scale);
  sums[at + 1] = sums[at + 1]! + 1;
}

function addList(
  experts: Map<number, number[]>,
  layer: number,
  list: { readonly offsets: Uint32Array; readonly values: Float64Array },
  row: number,
): void {
  const from = list.offsets[row]!;
  const count = list.offsets[row + 1]! - from;
  if (count === 0) return;
  let sums = experts.get(layer);
  if (sums === undefined) {
    sums = [];
    experts.set(layer, sums);
  }
  while (sums.length < count) sums.push(0);
  for (let e = 0; e < count; e++) sums[e] = sums[e]! + list.values[from + e]!;
}

function fixed(value: number, scale: number): number {
  return Math.round(value * scale);
}
