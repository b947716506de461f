/** Whole durations of the events that end in the window, by group and stage. */
import type { Assembled } from '#lib/model/assembled.ts';
import { coversAll, endsInWindow, type WindowNs } from '#lib/model/select-window.ts';
import { STAGES } from '#lib/table/codes.ts';
import { quantilesOf } from './quantiles.ts';
import type { StageReport } from './report-types.ts';
import { joinedIn, SampleCounter, type Samples } from './samples.ts';

export interface StageSamples {
  readonly groups: readonly string[];
  /** Starts with STAGES; the others follow by name. */
  readonly stageNames: readonly string[];
  /** Of group g and stage s: group `g · stageNames.length + s`. */
  readonly durationNs: Samples;
}

export function stageSamples(assembled: Assembled, window: WindowNs): StageSamples {
  const { events, offsets } = assembled;
  const { stage, durationNs, workers, stageNames } = events;
  const groups = [...new Set(workers.map((worker) => worker.group))];
  const stages = stageNames.length;
  const counter = new SampleCounter(groups.length * stages);
  const cellOf = workers.map(({ group }) => groups.indexOf(group) * stages);
  const counted = coversAll(assembled, window) ? null : endsInside(assembled, window);
  for (let w = 0; w < workers.length; w++) {
    countRows(stage, counted, offsets[w]!, offsets[w + 1]!, counter.counts, cellOf[w]!);
  }
  const { samples, next } = counter.room();
  for (let w = 0; w < workers.length; w++) {
    const [from, to, base] = [offsets[w]!, offsets[w + 1]!, cellOf[w]!];
    addRows(stage, durationNs, counted, from, to, samples.values, next, base);
  }
  return { groups, stageNames, durationNs: samples };
}

function endsInside({ events, endNs, room }: Assembled, window: WindowNs): Uint8Array {
  const inside = room.uint8(events.length);
  for (let row = 0; row < inside.length; row++) {
    inside[row] = endsInWindow(events.startNs[row]!, endNs[row]!, window) ? 1 : 0;
  }
  return inside;
}

function countRows(
  stage: Uint16Array,
  counted: Uint8Array | null,
  from: number,
  to: number,
  counts: Uint32Array,
  base: number,
): void {
  for (let row = from; row < to; row++) {
    if (counted !== null && counted[row] === 0) continue;
    const cell = base + stage[row]!;
    counts[cell] = counts[cell]! + 1;
  }
}

function addRows(
  stage: Uint16Array,
  durationNs: Float64Array,
  counted: Uint8Array | null,
  from: number,
  to: number,
  values: Float64Array,
  next: Uint32Array,
  base: number,
): void {
  for (let row = from; row < to; row++) {
    if (counted !== null && counted[row] === 0) continue;
    const cell = base + stage[row]!;
    const at = next[cell]!;
    values[at] = durationNs[row]!;
    next[cell] = at + 1;
  }
}

/** `parts` are those of windows that make up the report's. Reorders the samples. */
export function reportStages(
  parts: readonly StageSamples[],
  groups: readonly string[],
): StageReport[] {
  const others = new Set(parts.flatMap((part) => part.stageNames.slice(STAGES.length)));
  const stages = [...STAGES, ...[...others].sort()];
  const reports: StageReport[] = [];
  for (const group of groups) {
    for (const stage of stages) {
      const durations = durationsOf(parts, group, stage);
      const durationNs = quantilesOf(durations);
      if (durationNs === null) continue;
      const totalNs = sumOf(durations);
      reports.push({ group, stage, count: durations.length, totalNs, durationNs });
    }
  }
  return reports;
}

function sumOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}

function durationsOf(parts: readonly StageSamples[], group: string, stage: string): Float64Array {
  const found: Samples[] = [];
  for (const { groups, stageNames, durationNs } of parts) {
    const g = groups.indexOf(group);
    const s = stageNames.indexOf(stage);
    if (g < 0 || s < 0) continue;
    const { values, offsets } = durationNs;
    const cell = g * stageNames.length + s;
    found.push({ values, offsets: offsets.subarray(cell, cell + 2) });
  }
  return found.length === 0 ? new Float64Array(0) : joinedIn(found, 0);
}
