/**
 * Which step, layer and micro-batch a kernel belongs to: first as the CPU range says that launched it
 * (correlation ids), else as a range on its own stream says, and where its launch is not in the trace,
 * the step of the CPU range during which it starts.
 */
import { PHASES } from '#lib/table/codes.ts';
import type { TraceRows } from './kineto-columns.ts';
import type { AnnotationMeaning } from './kineto-names.ts';
import { NO_FACTS, type RangeFacts, RangeTimeline } from './kineto-ranges.ts';
import type { Membership } from './kineto-types.ts';

/** A dense table is made where ids are not spread much wider than this. */
const MAX_SPREAD = 16;
const DENSE_IDS = 1 << 20;

/** How one of the three was found. */
const By = { none: 0, launch: 1, gpuRange: 2, time: 3 } as const;

export class Memberships {
  readonly #launchOf: (correlation: number) => number;
  readonly #launches: TraceRows;
  readonly #cpu: ReadonlyMap<number, RangeTimeline>;
  readonly #gpu: ReadonlyMap<number, RangeTimeline>;
  /** Of all threads: steps and what comes with them. */
  readonly #steps: RangeTimeline;
  readonly #counts = { step: newCounts(), layer: newCounts(), microbatch: newCounts() };
  readonly #numbers = {
    step: new Set<number>(),
    layer: new Set<number>(),
    microbatch: new Set<number>(),
  };
  readonly #annotations: { step: number; layer: number; microbatch: number };
  /** Of the kernel asked for last; the same object each time. */
  readonly found = { step: -1, layer: -1, microbatch: -1, phase: -1, stage: -1 };

  constructor(
    launches: TraceRows,
    cpuRanges: TraceRows,
    gpuRanges: TraceRows,
    meaningOf: (name: number) => AnnotationMeaning | null,
    stageIndex: (stage: string) => number,
  ) {
    this.#launches = launches;
    this.#launchOf = indexLaunches(launches);
    const cpuSteps = numberSteps(cpuRanges, meaningOf);
    const gpuSteps =
      cpuSteps.size > 0 ? new Map<number, number>() : numberSteps(gpuRanges, meaningOf);
    const factsOf =
      (rows: TraceRows, steps: ReadonlyMap<number, number>) =>
      (row: number): RangeFacts => {
        const meaning = meaningOf(rows.name[row]!);
        if (meaning === null) return NO_FACTS;
        const { rule, step, layer, microbatch } = meaning;
        return {
          step: steps.get(row) ?? step,
          layer,
          microbatch,
          phase: rule.phase === null ? -1 : PHASES.indexOf(rule.phase),
          stage: rule.stage === '' ? -1 : stageIndex(rule.stage),
        };
      };
    const cpuFacts = factsOf(cpuRanges, cpuSteps);
    const gpuFacts = factsOf(gpuRanges, gpuSteps);
    this.#cpu = timelines(cpuRanges, cpuFacts);
    this.#gpu = timelines(gpuRanges, gpuFacts);
    const stepRows = allRows(cpuRanges).filter((row) => cpuFacts(row).step >= 0);
    this.#steps = new RangeTimeline(stepRows, cpuRanges.startNs, cpuRanges.durationNs, cpuFacts);
    this.#annotations = { step: 0, layer: 0, microbatch: 0 };
    for (const [rows, facts] of [
      [cpuRanges, cpuFacts],
      [gpuRanges, gpuFacts],
    ] as const) {
      for (const row of allRows(rows)) {
        const { step, layer, microbatch } = facts(row);
        if (step >= 0) this.#annotations.step++;
        if (layer >= 0) this.#annotations.layer++;
        if (microbatch >= 0) this.#annotations.microbatch++;
      }
    }
  }

  /** Fills `found` for a kernel, and counts. */
  find(correlation: number, place: number, startNs: number): void {
    const { found } = this;
    const launch = this.#launchOf(correlation);
    let cpu = NO_FACTS;
    let step = NO_FACTS;
    if (launch >= 0) {
      const timeNs = this.#launches.startNs[launch]!;
      cpu = this.#cpu.get(this.#launches.place[launch]!)?.at(timeNs) ?? NO_FACTS;
      // A step is a matter of the whole process: helper threads launch for it, too.
      step = cpu.step >= 0 ? cpu : this.#steps.at(timeNs);
    }
    const gpu = this.#gpu.get(place)?.at(startNs) ?? NO_FACTS;
    const time = launch < 0 && gpu.step < 0 ? this.#steps.at(startNs) : NO_FACTS;
    found.step = this.#count('step', step.step, gpu.step, time.step);
    found.layer = this.#count('layer', cpu.layer, gpu.layer, -1);
    found.microbatch = this.#count('microbatch', cpu.microbatch, gpu.microbatch, -1);
    found.phase =
      cpu.phase >= 0
        ? cpu.phase
        : step.phase >= 0
          ? step.phase
          : gpu.phase >= 0
            ? gpu.phase
            : time.phase;
    found.stage = cpu.stage >= 0 ? cpu.stage : gpu.stage;
  }

  summary(): { steps: Membership; layers: Membership; microbatches: Membership } {
    return {
      steps: this.#summaryOf('step'),
      layers: this.#summaryOf('layer'),
      microbatches: this.#summaryOf('microbatch'),
    };
  }

  /** The different numbers that kernels have, to be counted over several files. */
  numbers(what: 'step' | 'layer' | 'microbatch'): ReadonlySet<number> {
    return this.#numbers[what];
  }

  #count(what: 'step' | 'layer' | 'microbatch', launch: number, gpu: number, time: number): number {
    const counts = this.#counts[what];
    const value = launch >= 0 ? launch : gpu >= 0 ? gpu : time;
    const by = launch >= 0 ? By.launch : gpu >= 0 ? By.gpuRange : time >= 0 ? By.time : By.none;
    counts[by]!++;
    if (value >= 0) this.#numbers[what].add(value);
    return value;
  }

  #summaryOf(what: 'step' | 'layer' | 'microbatch'): Membership {
    const counts = this.#counts[what];
    return {
      count: this.#numbers[what].size,
      annotations: this.#annotations[what],
      byLaunch: counts[By.launch]!,
      byGpuRange: counts[By.gpuRange]!,
      byTime: counts[By.time]!,
      none: counts[By.none]!,
    };
  }
}

function newCounts(): Float64Array {
  return new Float64Array(4);
}

function allRows(rows: TraceRows): number[] {
  return Array.from({ length: rows.length }, (_, row) => row);
}

/** One timeline a thread or stream. */
function timelines(
  rows: TraceRows,
  factsOf: (row: number) => RangeFacts,
): Map<number, RangeTimeline> {
  const byPlace = Map.groupBy(allRows(rows), (row) => rows.place[row]!);
  return new Map(
    [...byPlace].map(([place, own]) => [
      place,
      new RangeTimeline(own, rows.startNs, rows.durationNs, factsOf),
    ]),
  );
}

/**
 * Steps that have no number of their own: the ranges of the first rule of such rules that has any are
 * numbered in order of time, where no name tells a number.
 */
function numberSteps(
  rows: TraceRows,
  meaningOf: (name: number) => AnnotationMeaning | null,
): Map<number, number> {
  const meanings = allRows(rows).map((row) => meaningOf(rows.name[row]!));
  if (meanings.some((meaning) => meaning !== null && meaning.step >= 0)) return new Map();
  const isStep = (row: number): boolean => meanings[row]?.rule.steps === true;
  // Ranges inside of another step are parts of it, whichever rule knows them.
  const ordered = allRows(rows)
    .filter(isStep)
    .sort(
      (a, b) => rows.startNs[a]! - rows.startNs[b]! || rows.durationNs[b]! - rows.durationNs[a]!,
    );
  const steps = new Map<number, number>();
  let lastEndNs = Number.NEGATIVE_INFINITY;
  let step = -1;
  for (const row of ordered) {
    const endNs = rows.startNs[row]! + rows.durationNs[row]!;
    if (rows.startNs[row]! >= lastEndNs) step++;
    steps.set(row, step);
    lastEndNs = Math.max(lastEndNs, endNs);
  }
  return steps;
}

/** The last launch with a correlation id, -1 without one. */
function indexLaunches(launches: TraceRows): (correlation: number) => number {
  const { length, correlation } = launches;
  let least = Number.POSITIVE_INFINITY;
  let most = -1;
  for (let i = 0; i < length; i++) {
    least = Math.min(least, correlation[i]!);
    most = Math.max(most, correlation[i]!);
  }
  if (length === 0) return () => -1;
  const spread = most - least + 1;
  if (spread <= Math.max(DENSE_IDS, length * MAX_SPREAD)) {
    const rows = new Int32Array(spread);
    for (let i = 0; i < length; i++) rows[correlation[i]! - least] = i + 1;
    return (id) => (id < least || id > most ? -1 : rows[id - least]! - 1);
  }
  const rows = new Map<number, number>();
  for (let i = 0; i < length; i++) rows.set(correlation[i]!, i);
  return (id) => rows.get(id) ?? -1;
}
