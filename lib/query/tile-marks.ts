/** Stretches of a tile of which nothing is known: steps that are missing between others. */
import type { TimelineMark } from '#lib/api/timeline-tile.ts';
import { addNanos } from '#lib/base/units.ts';
import { NO_DATA_GAP_NS } from '#lib/model/assembled.ts';
import type { WindowNs } from '#lib/model/select-window.ts';
import type { StepSurvey } from '#lib/model/step-survey.ts';
import { workerId } from '#lib/table/worker-info.ts';

/** Marks in one answer; more say no more. */
export const MAX_MARKS = 2000;

interface OwnStep {
  readonly domain: number;
  readonly step: number;
  startNs: number;
  endNs: number;
}

/**
 * Where a worker's step numbers jump: sampled out, or lost. `rowOf`: by worker id. Times are after the
 * survey's base.
 */
export function missingSteps(
  survey: StepSurvey,
  window: WindowNs,
  rowOf: ReadonlyMap<string, number>,
): TimelineMark[] {
  const marks: TimelineMark[] = [];
  for (const [row, steps] of stepsOfRows(survey, rowOf)) {
    const byDomain = Map.groupBy(steps, ({ domain }) => domain);
    for (const own of byDomain.values()) {
      own.sort((a, b) => a.startNs - b.startNs);
      for (let i = 1; i < own.length && marks.length < MAX_MARKS; i++) {
        const before = own[i - 1]!;
        const after = own[i]!;
        const missing = after.step - before.step - 1;
        if (missing <= 0 || after.startNs - before.endNs > NO_DATA_GAP_NS) continue;
        if (before.endNs >= Math.min(after.startNs, window.toNs)) continue;
        if (after.startNs <= window.fromNs) continue;
        marks.push({
          kind: 'unobserved',
          row,
          fromUnixNs: String(addNanos(survey.baseUnixNs, before.endNs)),
          toUnixNs: String(addNanos(survey.baseUnixNs, after.startNs)),
          events: 0,
          text: missingText(before.step + 1, after.step - 1),
        });
      }
    }
  }
  return marks;
}

function missingText(first: number, last: number): string {
  return first === last
    ? `Step ${first} is not there: sampled out, or lost.`
    : `Steps ${first} to ${last} are not there: sampled out, or lost.`;
}

function stepsOfRows(
  survey: StepSurvey,
  rowOf: ReadonlyMap<string, number>,
): Map<number, OwnStep[]> {
  const found = new Map<number, Map<number, OwnStep>>();
  for (const { table, shiftNs, runs } of survey.tables) {
    const rows = table.workers.map((info) => rowOf.get(workerId(info)) ?? -1);
    for (let run = 0; run < runs.length; run += 3) {
      const from = runs[run]!;
      const id = runs[run + 2]!;
      const row = rows[table.worker[from]!]!;
      if (id < 0 || row < 0) continue;
      const own = found.get(row) ?? new Map<number, OwnStep>();
      found.set(row, own);
      let step = own.get(id);
      if (step === undefined) {
        const domain = survey.domain[id]!;
        const number = survey.step[id]!;
        step = { domain, step: number, startNs: Infinity, endNs: -Infinity };
        own.set(id, step);
      }
      for (let i = from; i < runs[run + 1]!; i++) {
        const start = table.startNs[i]! + shiftNs;
        const end = start + table.durationNs[i]!;
        if (start < step.startNs) step.startNs = start;
        if (end > step.endNs) step.endNs = end;
      }
    }
  }
  return new Map([...found].map(([row, own]) => [row, [...own.values()]]));
}
