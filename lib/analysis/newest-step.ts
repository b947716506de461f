/**
 * The newest step that everybody has finished, as boxes: one a stage event, receives split in two.
 * A worker has finished a step when it shows a later one, or when it went silent.
 */
import { lowerBound, upperBound } from '#lib/base/bisect.ts';
import { addNanos, NS_PER_S, type UnixNanos } from '#lib/base/units.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { endsInWindow, type WindowNs } from '#lib/model/select-window.ts';
import { KINDS, Kind } from '#lib/table/codes.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { type ReportWindow, windowOf } from './build-report.ts';

export interface StepBoxes {
  readonly domain: number;
  readonly step: number;
  readonly startUnixNs: UnixNanos;
  /** Of what is shown. */
  readonly durationNs: number;
  /** Layers shown, from the lowest, of those in the step. */
  readonly shownLayers: number;
  readonly layers: number;
  readonly rows: readonly {
    readonly workerId: string;
    readonly group: string;
    readonly role: string;
    readonly rank: number;
  }[];
  readonly hiddenWorkers: number;
  /** Names behind `stage` and `boxKind`. */
  readonly stages: readonly string[];
  readonly kinds: readonly string[];
  /** Parallel arrays, one entry a box, by row, then start. `startNs` counts from the step's start. */
  readonly row: readonly number[];
  readonly startNs: readonly number[];
  readonly boxDurationNs: readonly number[];
  readonly layer: readonly number[];
  readonly microbatch: readonly number[];
  readonly stage: readonly number[];
  readonly boxKind: readonly number[];
}

export interface StepBoxesOptions {
  /** A step with more boxes is cut after a layer; the answer says after how many. */
  readonly maxBoxes?: number;
  readonly maxRows?: number;
  /** Those that get a row, as indices into `events.workers`, ascending. Absent: a choice of each role. */
  readonly workers?: readonly number[];
  /** Default: the domain whose complete step is the newest. */
  readonly domain?: number;
}

/** Room for a whole step of 8A4F with 61 layers and 3 micro-batches: 11,300 boxes, 0.3 MB of JSON. */
const DEFAULT_MAX_BOXES = 16_000;
const DEFAULT_MAX_ROWS = 48;

/** A worker whose last event lies this far back no longer holds up the newest step. */
const SILENT_NS = 2 * NS_PER_S;

/** Of the steps that end in the window (default: of all). null where there is none. */
export function newestStep(
  assembled: Assembled,
  window?: ReportWindow,
  options: StepBoxesOptions = {},
): StepBoxes | null {
  const step = newestStepRow(assembled, windowOf(assembled, window), options.domain);
  return step < 0 ? null : stepBoxes(assembled, step, options);
}

/** Complete steps first; where there is none yet, the newest step of all; -1 where there is none. */
export function newestStepRow(
  assembled: Assembled,
  window: WindowNs,
  domain: number | undefined,
): number {
  const { steps } = assembled;
  const finishedBefore = latestCommonStart(assembled);
  let newest = -1;
  let newestIsComplete = false;
  for (let step = 0; step < steps.length; step++) {
    const own = steps.domain[step]!;
    if (domain !== undefined && own !== domain) continue;
    if (!endsInWindow(steps.startNs[step]!, steps.endNs[step]!, window)) continue;
    const complete = steps.startNs[step]! < (finishedBefore.get(own) ?? Number.NEGATIVE_INFINITY);
    if (newestIsComplete && !complete) continue;
    const better =
      newest < 0 ||
      (complete && !newestIsComplete) ||
      steps.startNs[step]! > steps.startNs[newest]!;
    if (!better) continue;
    newest = step;
    newestIsComplete = complete;
  }
  return newest;
}

/**
 * Per domain, the start of the newest step that every worker which still sends has reached: steps
 * that started before it are over for all of them.
 */
function latestCommonStart(assembled: Assembled): Map<number, number> {
  const lastEnd = new Map<number, number>();
  const reached: Reached[] = [];
  for (let w = 0; w < assembled.events.workers.length; w++) {
    for (const entry of reachedBy(assembled, w)) {
      reached.push(entry);
      lastEnd.set(entry.domain, Math.max(lastEnd.get(entry.domain) ?? -Infinity, entry.endNs));
    }
  }
  const common = new Map<number, number>();
  for (const { domain, stepStartNs, endNs: workerEndNs } of reached) {
    if (lastEnd.get(domain)! - workerEndNs > SILENT_NS) continue;
    common.set(domain, Math.min(common.get(domain) ?? Number.POSITIVE_INFINITY, stepStartNs));
  }
  return common;
}

/** How far a worker got in a domain: its newest step, and its last end. */
interface Reached {
  readonly domain: number;
  stepStartNs: number;
  endNs: number;
}

function reachedBy({ endNs, offsets, steps, stepOf }: Assembled, w: number): Iterable<Reached> {
  const own = new Map<number, Reached>();
  let entry: Reached = { domain: -1, stepStartNs: -Infinity, endNs: -Infinity };
  let lastStep = -1;
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    const step = stepOf[row]!;
    if (step < 0) continue;
    if (step !== lastStep) {
      lastStep = step;
      const domain = steps.domain[step]!;
      entry = own.get(domain) ?? { domain, stepStartNs: -Infinity, endNs: -Infinity };
      own.set(domain, entry);
      entry.stepStartNs = Math.max(entry.stepStartNs, steps.startNs[step]!);
    }
    if (endNs[row]! > entry.endNs) entry.endNs = endNs[row]!;
  }
  return own.values();
}

interface Box {
  readonly worker: number;
  readonly startNs: number;
  readonly endNs: number;
  readonly layer: number;
  readonly microbatch: number;
  readonly stage: number;
  readonly kind: number;
}

/** `step`: row of the step table. */
export function stepBoxes(
  assembled: Assembled,
  step: number,
  options: StepBoxesOptions,
): StepBoxes {
  const { events, steps } = assembled;
  const maxBoxes = options.maxBoxes ?? DEFAULT_MAX_BOXES;
  const all = collectBoxes(assembled, step);
  const present = workersOfStep(assembled, step);
  const shownWorkers =
    options.workers === undefined
      ? chooseWorkers(assembled, present, options.maxRows ?? DEFAULT_MAX_ROWS)
      : { shown: options.workers, hidden: present.length - options.workers.length };
  const rowOf = new Map(shownWorkers.shown.map((w, row) => [w, row]));
  const inRows = all.filter((box) => rowOf.has(box.worker));
  const layers = [...new Set(all.map((box) => box.layer))].filter((l) => l >= 0);
  layers.sort((a, b) => a - b);
  const shownLayers = layersThatFit(inRows, layers, maxBoxes);
  const shown = cutLayers(inRows, layers, shownLayers);
  if (shown.length > maxBoxes) {
    shown.sort((a, b) => a.startNs - b.startNs);
    shown.length = maxBoxes;
  }
  const startNs = steps.startNs[step]!;
  const endNs = shown.reduce((end, box) => Math.max(end, box.endNs), startNs);
  shown.sort(
    (a, b) =>
      a.worker - b.worker || a.startNs - b.startNs || a.endNs - b.endNs || a.stage - b.stage,
  );
  return {
    domain: steps.domain[step]!,
    step: steps.step[step]!,
    startUnixNs: addNanos(events.baseUnixNs, startNs),
    durationNs: (shown.length < inRows.length ? endNs : steps.endNs[step]!) - startNs,
    shownLayers,
    layers: layers.length,
    rows: shownWorkers.shown.map((w) => {
      const worker = events.workers[w]!;
      const { group, role, rank } = worker;
      return { workerId: workerId(worker), group, role, rank };
    }),
    hiddenWorkers: shownWorkers.hidden,
    stages: events.stageNames,
    kinds: KINDS,
    row: shown.map((box) => rowOf.get(box.worker)!),
    startNs: shown.map((box) => box.startNs - startNs),
    boxDurationNs: shown.map((box) => box.endNs - box.startNs),
    layer: shown.map((box) => box.layer),
    microbatch: shown.map((box) => box.microbatch),
    stage: shown.map((box) => box.stage),
    boxKind: shown.map((box) => box.kind),
  };
}

/** In the table's order. Only rows that start within the step's time are looked at. */
function rowsOfStep({ events, offsets, steps, stepOf }: Assembled, step: number): number[] {
  const rows: number[] = [];
  for (let w = 0; w < events.workers.length; w++) {
    const from = offsets[w]!;
    const startsNs = events.startNs.subarray(from, offsets[w + 1]!);
    const first = from + lowerBound(startsNs, steps.startNs[step]!);
    const last = from + upperBound(startsNs, steps.endNs[step]!);
    addRowsOf(stepOf, step, first, last, rows);
  }
  return rows;
}

function addRowsOf(
  stepOf: Int32Array,
  step: number,
  from: number,
  to: number,
  rows: number[],
): void {
  for (let row = from; row < to; row++) if (stepOf[row] === step) rows.push(row);
}

function collectBoxes(assembled: Assembled, step: number): Box[] {
  const { events, endNs, keys, receives, transferStartNs } = assembled;
  const boxes: Box[] = [];
  const add = (box: Box): void => {
    if (box.startNs < box.endNs) boxes.push(box);
  };
  for (const row of rowsOfStep(assembled, step)) {
    if (events.kind[row] === Kind.receive) continue;
    const box = {
      worker: events.worker[row]!,
      startNs: events.startNs[row]!,
      endNs: endNs[row]!,
      layer: events.layer[row]!,
      microbatch: events.microbatch[row]!,
      stage: events.stage[row]!,
      kind: events.kind[row]!,
    };
    const cutNs = transferStartNs === null ? box.startNs : transferStartNs[row]!;
    add({ ...box, endNs: cutNs, kind: Kind.wait });
    add({ ...box, startNs: cutNs });
  }
  for (let r = 0; r < receives.length; r++) {
    const key = receives.key[r]!;
    if (key < 0 || keys.step[key] !== step) continue;
    const box = {
      worker: receives.worker[r]!,
      layer: keys.layer[key]!,
      microbatch: keys.microbatch[key]!,
      stage: receives.stage[r]!,
    };
    add({ ...box, startNs: receives.startNs[r]!, endNs: receives.cutNs[r]!, kind: Kind.wait });
    add({ ...box, startNs: receives.cutNs[r]!, endNs: receives.endNs[r]!, kind: Kind.transfer });
  }
  return boxes;
}

/** Ascending. */
export function workersOfStep(assembled: Assembled, step: number): number[] {
  const present = new Set<number>();
  for (const row of rowsOfStep(assembled, step)) present.add(assembled.events.worker[row]!);
  return [...present].sort((a, b) => a - b);
}

/** Each role gets its share of the rows, the lowest ranks first, so that no side disappears. */
function chooseWorkers(
  { events }: Assembled,
  workers: readonly number[],
  maxRows: number,
): { shown: readonly number[]; hidden: number } {
  if (workers.length <= maxRows) return { shown: workers, hidden: 0 };
  const byRole = Map.groupBy(workers, (w) => events.workers[w]!.role);
  const shown: number[] = [];
  for (const own of byRole.values()) {
    const share = Math.floor((own.length / workers.length) * maxRows);
    shown.push(...own.slice(0, Math.max(1, share)));
  }
  shown.sort((a, b) => a - b);
  return { shown, hidden: workers.length - shown.length };
}

function layersThatFit(boxes: readonly Box[], layers: readonly number[], maxBoxes: number): number {
  const counts = new Map<number, number>();
  for (const box of boxes) counts.set(box.layer, (counts.get(box.layer) ?? 0) + 1);
  let total = counts.get(-1) ?? 0;
  if (boxes.length <= maxBoxes) return layers.length;
  for (let i = 0; i < layers.length; i++) {
    total += counts.get(layers[i]!) ?? 0;
    if (total > maxBoxes) return Math.max(1, i);
  }
  return layers.length;
}

/** Boxes of a step's end (sampling) would stretch the picture past the layers that are shown. */
function cutLayers(boxes: Box[], layers: readonly number[], shownLayers: number): Box[] {
  if (shownLayers >= layers.length) return [...boxes];
  const last = layers[shownLayers - 1]!;
  const inLayers = boxes.filter((box) => box.layer >= 0 && box.layer <= last);
  const endNs = inLayers.reduce((end, box) => Math.max(end, box.endNs), Number.NEGATIVE_INFINITY);
  return boxes.filter((box) => (box.layer < 0 ? box.endNs <= endNs : box.layer <= last));
}
