/** Figures of each step of a run through the pipeline, replayed or as it really went. */
import type { ReplayOutcome } from '#lib/pipeline/replay.ts';
import type { Program } from './whatif-program.ts';
import type { Recording } from './whatif-recording.ts';

/** One entry a step, domain after domain. */
export interface StepSamples {
  readonly attention: number;
  readonly ffn: number;
  readonly microbatches: number;
  /** Until the next step starts where it follows directly, else until the step ends. */
  readonly stepNs: Float64Array;
  readonly periodSumNs: Float64Array;
  readonly periodCount: Float64Array;
  /** null where events carry none. */
  readonly tokens: Float64Array | null;
  /** Domains run side by side: tokens per second add up over them. */
  readonly domains: number;
  readonly attentionBubble: number;
  readonly ffnBubble: number;
}

export function samplesOf(
  program: Program,
  outcome: ReplayOutcome,
  recording: Recording,
): StepSamples {
  const { stepStartNs, stepEndNs, attentionBusyNs, ffnBusyNs } = outcome;
  const underWayNs = unionNs(stepStartNs, stepEndNs);
  let attentionNs = 0;
  program.program.domains.forEach(({ attentionWorkers }, d) => {
    attentionNs += attentionWorkers * unionNs([stepStartNs[d]!], [stepEndNs[d]!]);
  });
  const busy = (columns: readonly Float64Array[]): number =>
    columns.reduce((total, column) => total + sum(column), 0);
  return {
    attention: program.attention,
    ffn: program.ffn,
    microbatches: program.microbatches,
    stepNs: stepTimes(stepStartNs, stepEndNs, recording),
    periodSumNs: joined(outcome.periodSumNs),
    periodCount: joined(outcome.periodCount),
    tokens: joinedTokens(program.tokens),
    domains: recording.domains.length,
    attentionBubble: bubble(busy(attentionBusyNs), attentionNs),
    ffnBubble: bubble(busy(ffnBusyNs), program.ffn * underWayNs),
  };
}

/** The same of the steps as they really went. */
export function measuredSamples(recording: Recording, unchanged: Program): StepSamples {
  const { domains, layers, crosses } = recording;
  const outcome: ReplayOutcome = {
    stepStartNs: domains.map(({ startNs }) => startNs),
    stepEndNs: domains.map(({ endNs }) => endNs),
    ...measuredPeriods(recording),
    attentionBusyNs: domains.map(({ attention, epilogueNs, steps }) => {
      const busy = attention.stages.reduce((total, stage) => total + sum(stage.ns), 0);
      return new Float64Array(steps).fill((busy + sum(epilogueNs)) / steps);
    }),
    ffnBusyNs: domains.map(({ ffn, steps, microbatches }) => {
      const width = microbatches * ffn.workers;
      let busy = 0;
      for (const { ns } of ffn.stages) {
        for (let cell = 0; cell < ns.length; cell++) {
          if (crosses[Math.floor(cell / width) % layers] === 1) busy += ns[cell]!;
        }
      }
      return new Float64Array(steps).fill(busy / steps);
    }),
  };
  return samplesOf(unchanged, outcome, recording);
}

function measuredPeriods({
  domains,
  layers,
  crosses,
}: Recording): Pick<ReplayOutcome, 'periodSumNs' | 'periodCount'> {
  const sums: Float64Array[] = [];
  const counts: Float64Array[] = [];
  for (const { steps, microbatches, attention, ffn } of domains) {
    const periodSumNs = new Float64Array(steps);
    const periodCount = new Float64Array(steps);
    for (const { startNs, workers } of [attention, ffn]) {
      const width = microbatches * workers;
      for (let cell = width; cell < startNs.length; cell++) {
        const row = Math.floor(cell / width);
        const layer = row % layers;
        if (layer === 0 || crosses[layer] !== 1 || crosses[layer - 1] !== 1) continue;
        const ns = startNs[cell]! - startNs[cell - width]!;
        if (Number.isNaN(ns)) continue;
        const step = Math.floor(row / layers);
        periodSumNs[step] = periodSumNs[step]! + ns;
        periodCount[step] = periodCount[step]! + 1;
      }
    }
    sums.push(periodSumNs);
    counts.push(periodCount);
  }
  return { periodSumNs: sums, periodCount: counts };
}

function stepTimes(
  starts: readonly Float64Array[],
  ends: readonly Float64Array[],
  { domains }: Recording,
): Float64Array {
  return joined(
    domains.map(({ follows, steps }, d) =>
      Float64Array.from({ length: steps }, (_, step) =>
        step + 1 < steps && follows[step + 1] === 1
          ? starts[d]![step + 1]! - starts[d]![step]!
          : ends[d]![step]! - starts[d]![step]!,
      ),
    ),
  );
}

function unionNs(starts: readonly Float64Array[], ends: readonly Float64Array[]): number {
  const spans = starts
    .flatMap((column, d) => Array.from(column, (start, i) => [start, ends[d]![i]!] as const))
    .sort((a, b) => a[0] - b[0]);
  let reachedNs = Number.NEGATIVE_INFINITY;
  let totalNs = 0;
  for (const [start, end] of spans) {
    totalNs += Math.max(0, end - Math.max(start, reachedNs));
    reachedNs = Math.max(reachedNs, end);
  }
  return totalNs;
}

function bubble(busyNs: number, wholeNs: number): number {
  return wholeNs === 0 ? 0 : Math.max(0, 1 - busyNs / wholeNs);
}

export function sum(column: Float64Array): number {
  let all = 0;
  for (let i = 0; i < column.length; i++) all += column[i]!;
  return all;
}

function joined(columns: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(columns.reduce((length, column) => length + column.length, 0));
  let at = 0;
  for (const column of columns) {
    all.set(column, at);
    at += column.length;
  }
  return all;
}

function joinedTokens(columns: readonly (Float64Array | null)[]): Float64Array | null {
  const known = columns.flatMap((column) => (column === null ? [] : [column]));
  return known.length === columns.length ? joined(known) : null;
}
