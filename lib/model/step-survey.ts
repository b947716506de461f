/**
 * Which steps tables hold, without assembling them: what is needed to cut a long window into slices
 * of whole steps.
 */
import { nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import { ABSENT } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { NO_DATA_GAP_NS } from './assembled.ts';
import { commonBase, isNear, isSetAside, type RowFilter } from './concat-tables.ts';
import { overlapsWindow, type WindowNs } from './select-window.ts';

/** One entry a step of a domain, in the order of their first rows. Times are after the base. */
export interface StepSurvey {
  readonly baseUnixNs: UnixNanos;
  readonly length: number;
  readonly domain: readonly number[];
  readonly step: readonly number[];
  readonly startNs: readonly number[];
  readonly endNs: readonly number[];
  readonly rows: readonly number[];
  /** The step with the next number, -1 where it is not there or a pause away. */
  readonly next: readonly number[];
  /** First start and last end of all rows. */
  readonly firstStartNs: number;
  readonly lastEndNs: number;
  readonly tables: readonly SurveyedTable[];
}

interface SurveyedTable {
  readonly table: EventTable;
  readonly shiftNs: number;
  readonly firstStartNs: number;
  readonly lastEndNs: number;
  /** Runs of rows that count and share a worker and a step: row, end row, step (-1: without one). */
  readonly runs: Int32Array;
  /** The last start of each run, after the table's own base. */
  readonly lastStartNs: Float64Array;
}

/** null where the steps cannot be told by their numbers: restarts, or times months apart. */
export function surveySteps(tables: readonly EventTable[], deployment: string): StepSurvey | null {
  const used = tables.filter((table) => table.workers.some((w) => w.deployment === deployment));
  const baseUnixNs = commonBase(used);
  if (!used.every((table) => isNear(table, baseUnixNs))) return null;
  const steps = new Steps();
  const surveyed = used.map((table) =>
    surveyTable(table, deployment, nanosBetween(baseUnixNs, table.baseUnixNs), steps),
  );
  const { domain, step: numbers, startNs, endNs, rows } = steps;
  if (startNs.some((start, step) => endNs[step]! - start > NO_DATA_GAP_NS)) return null;
  return {
    baseUnixNs,
    length: rows.length,
    domain,
    step: numbers,
    startNs,
    endNs,
    rows,
    next: steps.nexts(),
    firstStartNs: Math.min(...surveyed.map((table) => table.firstStartNs)),
    lastEndNs: Math.max(...surveyed.map((table) => table.lastEndNs)),
    tables: surveyed,
  };
}

class Steps {
  readonly domain: number[] = [];
  readonly step: number[] = [];
  readonly startNs: number[] = [];
  readonly endNs: number[] = [];
  readonly rows: number[] = [];
  readonly #idByDomain = new Map<number, Map<number, number>>();

  idOf(domain: number, step: number): number {
    let idByStep = this.#idByDomain.get(domain);
    if (idByStep === undefined) {
      idByStep = new Map();
      this.#idByDomain.set(domain, idByStep);
    }
    let id = idByStep.get(step);
    if (id === undefined) {
      id = this.rows.length;
      idByStep.set(step, id);
      this.domain.push(domain);
      this.step.push(step);
      this.startNs.push(Number.POSITIVE_INFINITY);
      this.endNs.push(Number.NEGATIVE_INFINITY);
      this.rows.push(0);
    }
    return id;
  }

  nexts(): number[] {
    const next = new Array<number>(this.rows.length).fill(-1);
    for (const idByStep of this.#idByDomain.values()) {
      for (const [step, id] of idByStep) {
        const other = idByStep.get(step + 1);
        if (other === undefined) continue;
        const pauseNs = Math.max(
          this.startNs[other]! - this.endNs[id]!,
          this.startNs[id]! - this.endNs[other]!,
        );
        if (pauseNs <= NO_DATA_GAP_NS) next[id] = other;
      }
    }
    return next;
  }
}

function surveyTable(
  table: EventTable,
  deployment: string,
  shiftNs: number,
  steps: Steps,
): SurveyedTable {
  const { length, worker, phase, step: stepColumn, domain: domains, startNs, durationNs } = table;
  const counts = Uint8Array.from(table.workers, (info) => (info.deployment === deployment ? 1 : 0));
  const runs: number[] = [];
  const lastStarts: number[] = [];
  let firstStartNs = Number.POSITIVE_INFINITY;
  let lastEndNs = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < length; ) {
    if (counts[worker[row]!] === 0 || isSetAside(phase[row]!)) {
      row++;
      continue;
    }
    const from = row;
    const step = stepColumn[row]!;
    const domain = domains[row]!;
    const w = worker[row]!;
    let first = Number.POSITIVE_INFINITY;
    let lastStart = Number.NEGATIVE_INFINITY;
    let last = Number.NEGATIVE_INFINITY;
    for (; row < length && stepColumn[row] === step && domains[row] === domain; row++) {
      if (worker[row] !== w || isSetAside(phase[row]!)) break;
      const start = startNs[row]!;
      const end = start + durationNs[row]!;
      if (start < first) first = start;
      if (start > lastStart) lastStart = start;
      if (end > last) last = end;
    }
    const id = step === ABSENT ? -1 : steps.idOf(domain, step);
    runs.push(from, row, id);
    lastStarts.push(lastStart);
    if (first < firstStartNs) firstStartNs = first;
    if (last > lastEndNs) lastEndNs = last;
    if (id < 0) continue;
    if (first + shiftNs < steps.startNs[id]!) steps.startNs[id] = first + shiftNs;
    if (last + shiftNs > steps.endNs[id]!) steps.endNs[id] = last + shiftNs;
    steps.rows[id] = steps.rows[id]! + row - from;
  }
  return {
    table,
    shiftNs,
    firstStartNs: firstStartNs + shiftNs,
    lastEndNs: lastEndNs + shiftNs,
    runs: Int32Array.from(runs),
    lastStartNs: Float64Array.from(lastStarts),
  };
}

/** The steps with an event that overlaps the window: 1. */
export function stepsOverlapping(survey: StepSurvey, window: WindowNs): Uint8Array {
  const overlapping = new Uint8Array(survey.length);
  const crossing = new Uint8Array(survey.length);
  for (let step = 0; step < survey.length; step++) {
    const start = survey.startNs[step]!;
    const end = survey.endNs[step]!;
    if (start >= window.fromNs && end <= window.toNs) overlapping[step] = 1;
    else if (start <= window.toNs && end >= window.fromNs) crossing[step] = 1;
  }
  for (const { table, shiftNs, runs } of survey.tables) {
    for (let run = 0; run < runs.length; run += 3) {
      const step = runs[run + 2]!;
      if (step < 0 || crossing[step] === 0) continue;
      for (let row = runs[run]!; row < runs[run + 1]! && overlapping[step] === 0; row++) {
        const start = table.startNs[row]! + shiftNs;
        if (overlapsWindow(start, start + table.durationNs[row]!, window)) overlapping[step] = 1;
      }
    }
  }
  return overlapping;
}

/**
 * The rows of the chosen steps, and those without a step that overlap `window`; tables without any
 * are left out.
 */
export function rowsOfSteps(
  survey: StepSurvey,
  chosen: Uint8Array,
  window: WindowNs,
): { readonly tables: readonly EventTable[]; readonly filters: readonly RowFilter[] } {
  const tables: EventTable[] = [];
  const filters: RowFilter[] = [];
  for (const { table, shiftNs, runs, lastStartNs } of survey.tables) {
    const ends: number[] = [];
    const lastStarts: number[] = [];
    for (let run = 0; run < runs.length; run += 3) {
      const step = runs[run + 2]!;
      const from = runs[run]!;
      const to = runs[run + 1]!;
      if (step >= 0) {
        if (chosen[step] === 0) continue;
        ends.push(from, to);
        lastStarts.push(lastStartNs[run / 3]!);
        continue;
      }
      for (let row = from; row < to; row++) {
        const start = table.startNs[row]! + shiftNs;
        if (!overlapsWindow(start, start + table.durationNs[row]!, window)) continue;
        ends.push(row, row + 1);
        lastStarts.push(table.startNs[row]!);
      }
    }
    if (ends.length === 0) continue;
    tables.push(table);
    filters.push({ ends, lastStartNs: lastStarts });
  }
  return { tables, filters };
}

/** The steps that are wanted, and those that come directly before or after one: 1. */
export function withNeighbours(
  { length, next }: StepSurvey,
  isWanted: (step: number) => boolean,
): Uint8Array {
  const chosen = new Uint8Array(length);
  for (let step = 0; step < length; step++) {
    if (!isWanted(step)) continue;
    chosen[step] = 1;
    if (next[step]! >= 0) chosen[next[step]!] = 1;
  }
  for (let step = 0; step < length; step++) {
    const after = next[step]!;
    if (after >= 0 && isWanted(after)) chosen[step] = 1;
  }
  return chosen;
}
