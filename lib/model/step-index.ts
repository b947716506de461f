/**
 * Numbers the steps of a sorted table. A step is all events of one (domain, step number); where a
 * number comes back after `NO_DATA_GAP_NS` without any event of it (the engine was restarted and
 * counts anew), that is another step.
 */
import { ABSENT } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { NO_DATA_GAP_NS, type StepTable } from './assembled.ts';
import { PairSorter } from './pair-sorter.ts';

export interface StepIndex {
  readonly steps: StepTable;
  readonly stepOf: Int32Array;
}

export function indexSteps(events: EventTable, endNs: Float64Array): StepIndex {
  const stepOf = new Int32Array(events.length).fill(-1);
  const found = numberSteps(events, endNs, stepOf);
  splitRestarts(events, endNs, stepOf, found);
  const steps = sortSteps(found, stepOf);
  return { steps, stepOf };
}

interface FoundSteps {
  readonly domain: number[];
  readonly step: number[];
  readonly startNs: number[];
  readonly endNs: number[];
}

function numberSteps(events: EventTable, endNs: Float64Array, stepOf: Int32Array): FoundSteps {
  const found: FoundSteps = { domain: [], step: [], startNs: [], endNs: [] };
  const idByDomain = new Map<number, Map<number, number>>();
  let lastDomain = Number.NaN;
  let lastStep = Number.NaN;
  let lastId = -1;
  for (let row = 0; row < events.length; row++) {
    const step = events.step[row]!;
    if (step === ABSENT) continue;
    const domain = events.domain[row]!;
    if (domain !== lastDomain || step !== lastStep) {
      lastDomain = domain;
      lastStep = step;
      let idByStep = idByDomain.get(domain);
      if (idByStep === undefined) {
        idByStep = new Map();
        idByDomain.set(domain, idByStep);
      }
      lastId = idByStep.get(step) ?? -1;
      if (lastId < 0) {
        lastId = found.step.length;
        idByStep.set(step, lastId);
        found.domain.push(domain);
        found.step.push(step);
        found.startNs.push(Number.POSITIVE_INFINITY);
        found.endNs.push(Number.NEGATIVE_INFINITY);
      }
    }
    stepOf[row] = lastId;
    const start = events.startNs[row]!;
    const end = endNs[row]!;
    if (start < found.startNs[lastId]!) found.startNs[lastId] = start;
    if (end > found.endNs[lastId]!) found.endNs[lastId] = end;
  }
  return found;
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

function sortSteps(found: FoundSteps, stepOf: Int32Array): StepTable {
  const length = found.step.length;
  const order = Array.from({ length }, (_, id) => id).sort(
    (a, b) =>
      found.domain[a]! - found.domain[b]! ||
      found.step[a]! - found.step[b]! ||
      found.startNs[a]! - found.startNs[b]!,
  );
  const rowOf = new Int32Array(length);
  for (let i = 0; i < length; i++) rowOf[order[i]!] = i;
  for (let row = 0; row < stepOf.length; row++) {
    if (stepOf[row]! >= 0) stepOf[row] = rowOf[stepOf[row]!]!;
  }
  const domain = Int32Array.from(order, (id) => found.domain[id]!);
  const step = Float64Array.from(order, (id) => found.step[id]!);
  const startNs = Float64Array.from(order, (id) => found.startNs[id]!);
  const endNs = Float64Array.from(order, (id) => found.endNs[id]!);
  const table = { length, domain, step, startNs, endNs };
  return { ...table, next: Int32Array.from(order, (_, row) => nextStep(table, row)) };
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
