/**
 * Numbers the steps of a sorted table. A step is all events of one (domain, step number); where a
 * number comes back after `NO_DATA_GAP_NS` without any event of it (the engine was restarted and
 * counts anew), that is another step.
 */
import type { ColumnRoom } from '#lib/base/column-room.ts';
import { ABSENT } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { NO_DATA_GAP_NS, type StepTable, type WorkerSteps } from './assembled.ts';
import { PairSorter } from './pair-sorter.ts';

export interface StepIndex {
  readonly steps: StepTable;
  readonly stepOf: Int32Array;
  readonly workerSteps: WorkerSteps;
}

/** Also fills `endNs`, and tells the extent of all rows. */
export function indexSteps(
  events: EventTable,
  endNs: Float64Array,
  offsets: Uint32Array,
  room: ColumnRoom,
): StepIndex & { readonly extent: EventExtent } {
  const stepOf = room.int32(events.length);
  const { found, extent } = numberSteps(events, endNs, stepOf);
  splitRestarts(events, endNs, stepOf, found);
  const { steps, rowOf } = sortSteps(found);
  const workerSteps = renumber(events, offsets, stepOf, rowOf);
  return { steps, stepOf, workerSteps, extent };
}

export interface EventExtent {
  /** Infinity and -Infinity without rows. */
  readonly firstStartNs: number;
  readonly lastEndNs: number;
  /** One more than the largest index; 0 where no event names one. */
  readonly layers: number;
  readonly microbatches: number;
}

interface FoundSteps {
  readonly domain: number[];
  readonly step: number[];
  readonly startNs: number[];
  readonly endNs: number[];
}

/** One pass over all rows, of which neighbours most often share their step. */
function numberSteps(
  events: EventTable,
  endNs: Float64Array,
  stepOf: Int32Array,
): { found: FoundSteps; extent: EventExtent } {
  const { startNs, durationNs, step: stepColumn, domain: domainColumn, layer, microbatch } = events;
  const found: FoundSteps = { domain: [], step: [], startNs: [], endNs: [] };
  const idByDomain = new Map<number, Map<number, number>>();
  let firstStartNs = Number.POSITIVE_INFINITY;
  let lastEndNs = Number.NEGATIVE_INFINITY;
  let lastLayer = ABSENT;
  let lastMicrobatch = ABSENT;
  let domain = Number.NaN;
  let step = Number.NaN;
  let id = -1;
  let stepStartNs = Number.POSITIVE_INFINITY;
  let stepEndNs = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < events.length; row++) {
    const start = startNs[row]!;
    const end = start + durationNs[row]!;
    endNs[row] = end;
    if (start < firstStartNs) firstStartNs = start;
    if (end > lastEndNs) lastEndNs = end;
    if (layer[row]! > lastLayer) lastLayer = layer[row]!;
    if (microbatch[row]! > lastMicrobatch) lastMicrobatch = microbatch[row]!;
    if (stepColumn[row] !== step || domainColumn[row] !== domain) {
      if (id >= 0) {
        found.startNs[id] = stepStartNs;
        found.endNs[id] = stepEndNs;
      }
      step = stepColumn[row]!;
      domain = domainColumn[row]!;
      id = step === ABSENT ? -1 : numberOf(found, idByDomain, domain, step);
      stepStartNs = id < 0 ? 0 : found.startNs[id]!;
      stepEndNs = id < 0 ? 0 : found.endNs[id]!;
    }
    stepOf[row] = id;
    if (start < stepStartNs) stepStartNs = start;
    if (end > stepEndNs) stepEndNs = end;
  }
  if (id >= 0) {
    found.startNs[id] = stepStartNs;
    found.endNs[id] = stepEndNs;
  }
  const layers = lastLayer + 1;
  const microbatches = lastMicrobatch + 1;
  return { found, extent: { firstStartNs, lastEndNs, layers, microbatches } };
}

function numberOf(
  found: FoundSteps,
  idByDomain: Map<number, Map<number, number>>,
  domain: number,
  step: number,
): number {
  let idByStep = idByDomain.get(domain);
  if (idByStep === undefined) {
    idByStep = new Map();
    idByDomain.set(domain, idByStep);
  }
  const known = idByStep.get(step);
  if (known !== undefined) return known;
  const id = found.step.length;
  idByStep.set(step, id);
  found.domain.push(domain);
  found.step.push(step);
  found.startNs.push(Number.POSITIVE_INFINITY);
  found.endNs.push(Number.NEGATIVE_INFINITY);
  return id;
}

/** Gives every later part of a number that came back a row of its own. */
function splitRestarts(
  events: EventTable,
  endNs: Float64Array,
  stepOf: Int32Array,
  found: FoundSteps,
): void {
  const suspects = new Map<number, number[]>();
  for (let id = 0; id < found.step.length; id++) {
    if (found.endNs[id]! - found.startNs[id]! > NO_DATA_GAP_NS) suspects.set(id, []);
  }
  if (suspects.size === 0) return;
  for (let row = 0; row < stepOf.length; row++) suspects.get(stepOf[row]!)?.push(row);
  for (const [id, rows] of suspects) {
    const order = Int32Array.from(rows);
    const startsNs = Float64Array.from(rows, (row) => events.startNs[row]!);
    new PairSorter().sort(startsNs, order, 0, order.length);
    let current = id;
    let reachedNs = Number.NEGATIVE_INFINITY;
    for (const row of order) {
      const start = events.startNs[row]!;
      const end = endNs[row]!;
      if (reachedNs === Number.NEGATIVE_INFINITY) {
        found.startNs[current] = start;
      } else if (start - reachedNs > NO_DATA_GAP_NS) {
        found.endNs[current] = reachedNs;
        current = found.step.length;
        found.domain.push(found.domain[id]!);
        found.step.push(found.step[id]!);
        found.startNs.push(start);
        found.endNs.push(end);
      }
      if (end > reachedNs) reachedNs = end;
      stepOf[row] = current;
    }
    found.endNs[current] = reachedNs;
  }
}

/** `rowOf`: the row of every found step. */
function sortSteps(found: FoundSteps): { steps: StepTable; rowOf: Int32Array } {
  const length = found.step.length;
  const order = Array.from({ length }, (_, id) => id).sort(
    (a, b) =>
      found.domain[a]! - found.domain[b]! ||
      found.step[a]! - found.step[b]! ||
      found.startNs[a]! - found.startNs[b]!,
  );
  const rowOf = new Int32Array(length);
  for (let i = 0; i < length; i++) rowOf[order[i]!] = i;
  const domain = Int32Array.from(order, (id) => found.domain[id]!);
  const step = Float64Array.from(order, (id) => found.step[id]!);
  const startNs = Float64Array.from(order, (id) => found.startNs[id]!);
  const endNs = Float64Array.from(order, (id) => found.endNs[id]!);
  const table = { length, domain, step, startNs, endNs };
  return {
    steps: { ...table, next: Int32Array.from(order, (_, row) => nextStep(table, row)) },
    rowOf,
  };
}

/** Turns the ids in `stepOf` into rows of the step table, and lists every worker's steps. */
function renumber(
  events: EventTable,
  offsets: Uint32Array,
  stepOf: Int32Array,
  rowOf: Int32Array,
): WorkerSteps {
  const seenBy = new Int32Array(rowOf.length).fill(-1);
  const ownOffsets = new Uint32Array(offsets.length);
  const firstRows: number[] = [];
  for (let w = 0; w + 1 < offsets.length; w++) {
    renumberWorker(w, offsets[w]!, offsets[w + 1]!, stepOf, rowOf, seenBy, firstRows);
    ownOffsets[w + 1] = firstRows.length;
  }
  return {
    step: Int32Array.from(firstRows, (row) => stepOf[row]!),
    firstStartNs: Float64Array.from(firstRows, (row) => events.startNs[row]!),
    offsets: ownOffsets,
  };
}

/** Adds the first row of each of the worker's steps to `firstRows`. */
function renumberWorker(
  worker: number,
  from: number,
  to: number,
  stepOf: Int32Array,
  rowOf: Int32Array,
  seenBy: Int32Array,
  firstRows: number[],
): void {
  let lastId = -1;
  let last = -1;
  for (let row = from; row < to; row++) {
    const id = stepOf[row]!;
    if (id !== lastId) {
      lastId = id;
      last = id < 0 ? -1 : rowOf[id]!;
      if (last >= 0 && seenBy[last] !== worker) {
        seenBy[last] = worker;
        firstRows.push(row);
      }
    }
    stepOf[row] = last;
  }
}

/** Of the steps with the next number, the first that is not a pause away, else -1. */
function nextStep(steps: Omit<StepTable, 'next'>, row: number): number {
  const { domain, step, startNs, endNs } = steps;
  let other = row + 1;
  while (other < steps.length && domain[other] === domain[row] && step[other] === step[row]) {
    other++;
  }
  for (; other < steps.length && domain[other] === domain[row]; other++) {
    if (step[other] !== step[row]! + 1) return -1;
    const pauseNs = Math.max(startNs[other]! - endNs[row]!, startNs[row]! - endNs[other]!);
    if (pauseNs <= NO_DATA_GAP_NS) return other;
  }
  return -1;
}
