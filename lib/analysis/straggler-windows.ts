/**
 * The sums of stage-loads.ts in sub-windows of a few seconds, by group and stage, and each worker's
 * score in each of them.
 *
 *     attention, stage attention     …40 s  …41 s  …42 s  …43 s        sub-windows
 *     attention/0                     0.1   -0.3    0.2    0.0
 *     attention/5                     0.2    5.1    5.0    4.9         slow since …41 s
 */
import type { LoadModel } from './load-model.ts';
import { STAGE_SUMS, type StageLoads, type StageWorker } from './stage-loads.ts';
import { addSums, loadOfStage, type StageScore, scoreStage } from './stage-scores.ts';

export interface StageSeries {
  readonly group: string;
  readonly role: string;
  readonly stage: string;
  /** `Stage` code, or beyond. */
  readonly code: number;
  readonly isSend: boolean;
  readonly workers: readonly string[];
  /** Sub-windows with an event, ascending: index since 1970 in units of the span. */
  readonly windows: readonly number[];
  /** By sub-window, then worker. */
  readonly sums: readonly (readonly (readonly number[] | null)[])[];
  readonly scores: readonly (readonly (StageScore | null)[])[];
}

export interface StragglerWindows {
  /** Length of a sub-window. */
  readonly spanS: number;
  readonly series: readonly StageSeries[];
}

/** No more sub-windows than this, and each of at least so many steps. */
const MAX_WINDOWS = 60;
const MIN_STEPS = 3;
const SPANS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

/** `parts`: of windows that do not overlap. */
export function straggleWindows(parts: readonly StageLoads[], model: LoadModel): StragglerWindows {
  const spanS = chooseSpan(parts);
  const found = new Map<string, Collected>();
  for (const part of parts) {
    for (let row = 0; row < part.worker.length; row++) {
      const worker = part.workers[part.worker[row]!]!;
      const code = part.stage[row]!;
      const stage = part.stageNames[code]!;
      const key = `${worker.group}\n${stage}`;
      let series = found.get(key);
      if (series === undefined) {
        series = new Collected(worker, stage, code);
        found.set(key, series);
      }
      series.add(worker.id, Math.floor(part.second[row]! / spanS), part.sums, row * STAGE_SUMS);
    }
  }
  return { spanS, series: [...found.values()].map((one) => one.finish(model)) };
}

class Collected {
  readonly #worker: StageWorker;
  readonly #stage: string;
  readonly #code: number;
  readonly #byWindow = new Map<number, Map<string, number[]>>();
  readonly #ids = new Set<string>();

  constructor(worker: StageWorker, stage: string, code: number) {
    this.#worker = worker;
    this.#stage = stage;
    this.#code = code;
  }

  add(id: string, window: number, sums: ArrayLike<number>, at: number): void {
    this.#ids.add(id);
    const byWorker = this.#byWindow.get(window) ?? new Map<string, number[]>();
    this.#byWindow.set(window, byWorker);
    const own = byWorker.get(id) ?? new Array<number>(STAGE_SUMS).fill(0);
    byWorker.set(id, own);
    addSums(own, sums, at);
  }

  finish(model: LoadModel): StageSeries {
    const { group, role } = this.#worker;
    const workers = [...this.#ids].sort(compareIds);
    const windows = [...this.#byWindow.keys()].sort((a, b) => a - b);
    const load = loadOfStage(this.#code, role);
    const sums = windows.map((window) => {
      const byWorker = this.#byWindow.get(window)!;
      return workers.map((id) => byWorker.get(id) ?? null);
    });
    return {
      group,
      role,
      stage: this.#stage,
      code: this.#code,
      isSend: load === 'bytes',
      workers,
      windows,
      sums,
      scores: sums.map((row) => scoreStage(row, load, model)),
    };
  }
}

/** By rank where ids end in one: attention/2 before attention/10. */
function compareIds(a: string, b: string): number {
  const order = a.length - b.length;
  return order !== 0 ? order : a < b ? -1 : 1;
}

function chooseSpan(parts: readonly StageLoads[]): number {
  const seconds = new Set(parts.flatMap((part) => part.second));
  if (seconds.size === 0) return SPANS_S[0]!;
  const steps = parts.reduce((sum, part) => sum + part.steps, 0);
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const second of seconds) {
    if (second < first) first = second;
    if (second > last) last = second;
  }
  const fits = (spanS: number): boolean =>
    (last - first + 1) / spanS <= MAX_WINDOWS && (steps * spanS) / seconds.size >= MIN_STEPS;
  let spanS = SPANS_S.find(fits);
  if (spanS !== undefined) return spanS;
  // Hours, or hardly a step: as few sub-windows as allowed.
  spanS = SPANS_S.at(-1)!;
  while ((last - first + 1) / spanS > MAX_WINDOWS) spanS *= 2;
  return spanS;
}
