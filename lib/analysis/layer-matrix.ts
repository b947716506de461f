/**
 * Worker × layer: where bubbles, compute and waiting sit, per step.
 *
 *     compute of a worker   ██ l3 ██·······██ l4 ██····
 *     bubble                        ^^^^^^^ charged to layer 4, whose compute ends it
 *
 * Steps that end in the window count, each whole, so that "per step" divides by whole steps.
 */
import type { Intervals } from '#lib/base/intervals.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { endsInWindow, selectWindow } from '#lib/model/select-window.ts';
import { Kind } from '#lib/table/codes.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { type ReportWindow, windowOf } from './build-report.ts';
import { presenceOf } from './observed.ts';

/** Row-major by worker, one column a layer; null where a worker has nothing in a layer. */
export interface LayerMatrix {
  readonly steps: number;
  readonly workers: readonly {
    readonly workerId: string;
    readonly group: string;
    readonly role: string;
    readonly rank: number;
  }[];
  readonly layers: readonly number[];
  /** Bubble in active time, per step of the worker. */
  readonly bubbleNs: readonly (number | null)[];
  /** Union of the layer's compute, per step of the worker. */
  readonly durationNs: readonly (number | null)[];
  /** Wait parts of the layer's receives, per step of the worker. */
  readonly waitNs: readonly (number | null)[];
}

export function layerMatrix(assembled: Assembled, window?: ReportWindow): LayerMatrix {
  const span = windowOf(assembled, window);
  const selected = selectWindow(assembled, span);
  const { events, steps } = selected;
  const counted = new Uint8Array(steps.length);
  for (let step = 0; step < steps.length; step++) {
    if (endsInWindow(steps.startNs[step]!, steps.endNs[step]!, span)) counted[step] = 1;
  }
  const layers = countedLayers(selected, counted);
  const columnOfKey = columnsOfKeys(selected, counted, layers);
  const size = events.workers.length * layers.length;
  const bubble = new Float64Array(size).fill(Number.NaN);
  const duration = new Float64Array(size).fill(Number.NaN);
  const wait = new Float64Array(size).fill(Number.NaN);
  const presence = presenceOf(selected);
  const seenBy = new Int32Array(steps.length).fill(-1);
  events.workers.forEach((_, w) => {
    const at = w * layers.length;
    addCompute(selected, w, columnOfKey, presence[w]!.active, at, bubble, duration);
    addWaits(selected, w, columnOfKey, at, wait);
    const own = countSteps(selected, w, counted, seenBy);
    for (const column of [bubble, duration, wait]) {
      for (let i = at; i < at + layers.length; i++) column[i] = column[i]! / own;
    }
  });
  const finish = (column: Float64Array) =>
    Array.from(column, (ns) => (Number.isFinite(ns) ? ns : null));
  return {
    steps: counted.reduce((count, one) => count + one, 0),
    workers: events.workers.map((worker) => ({
      workerId: workerId(worker),
      group: worker.group,
      role: worker.role,
      rank: worker.rank,
    })),
    layers,
    bubbleNs: finish(bubble),
    durationNs: finish(duration),
    waitNs: finish(wait),
  };
}

function countedLayers(assembled: Assembled, counted: Uint8Array): number[] {
  const { keys } = assembled;
  const layers = new Set<number>();
  for (let key = 0; key < keys.length; key++) {
    if (keys.layer[key]! >= 0 && counted[keys.step[key]!] === 1) layers.add(keys.layer[key]!);
  }
  return [...layers].sort((a, b) => a - b);
}

/** Column of every key; -1 for keys of other steps, or of none of the layers. */
function columnsOfKeys(
  { keys }: Assembled,
  counted: Uint8Array,
  layers: readonly number[],
): Int32Array {
  const columnOf = new Map(layers.map((layer, column) => [layer, column]));
  return keys.layer.map((layer, key) =>
    counted[keys.step[key]!] === 1 ? (columnOf.get(layer) ?? -1) : -1,
  );
}

/** `seenBy`: per step, the last worker that was counted. */
function countSteps(
  { offsets, stepOf }: Assembled,
  w: number,
  counted: Uint8Array,
  seenBy: Int32Array,
): number {
  let count = 0;
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    const step = stepOf[row]!;
    if (step < 0 || seenBy[step] === w) continue;
    seenBy[step] = w;
    count += counted[step]!;
  }
  return count;
}

function addCompute(
  assembled: Assembled,
  w: number,
  columnOfKey: Int32Array,
  active: Intervals,
  at: number,
  bubble: Float64Array,
  duration: Float64Array,
): void {
  const { events, endNs, keyOf, offsets } = assembled;
  const reachedInLayer = new Map<number, number>();
  let reachedNs = Number.NEGATIVE_INFINITY;
  let pointer = 0;
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    if (events.kind[row] !== Kind.compute) continue;
    const start = events.startNs[row]!;
    const end = endNs[row]!;
    if (start === end) continue;
    const column = keyOf[row]! < 0 ? -1 : columnOfKey[keyOf[row]!]!;
    while (pointer < active.length && active[pointer + 1]! <= reachedNs) pointer += 2;
    if (column >= 0) {
      const reached = reachedInLayer.get(column) ?? Number.NEGATIVE_INFINITY;
      duration[at + column] =
        orZero(duration[at + column]!) + Math.max(0, end - Math.max(start, reached));
      reachedInLayer.set(column, Math.max(reached, end));
      const gapNs = start > reachedNs ? activeBetween(active, pointer, reachedNs, start) : 0;
      bubble[at + column] = orZero(bubble[at + column]!) + gapNs;
    }
    if (end > reachedNs) reachedNs = end;
  }
}

/** Active time in `[fromNs, toNs)`; entries before `pointer` end before it. */
function activeBetween(active: Intervals, pointer: number, fromNs: number, toNs: number): number {
  let total = 0;
  for (let i = pointer; i < active.length && active[i]! < toNs; i += 2) {
    total += Math.max(0, Math.min(active[i + 1]!, toNs) - Math.max(active[i]!, fromNs));
  }
  return total;
}

function addWaits(
  assembled: Assembled,
  w: number,
  columnOfKey: Int32Array,
  at: number,
  wait: Float64Array,
): void {
  const { receives } = assembled;
  for (let r = receives.offsets[w]!; r < receives.offsets[w + 1]!; r++) {
    const key = receives.key[r]!;
    const column = key < 0 ? -1 : columnOfKey[key]!;
    if (column < 0) continue;
    wait[at + column] = orZero(wait[at + column]!) + receives.cutNs[r]! - receives.startNs[r]!;
  }
}

function orZero(value: number): number {
  return Number.isNaN(value) ? 0 : value;
}
