import type { Assembled } from '#lib/model/assembled.ts';
import { endsInWindow, type WindowNs } from '#lib/model/select-window.ts';
import { GroupedSamples, quantilesOf } from './quantiles.ts';
import type { StageReport } from './report-types.ts';

/** Whole durations of the events that end in the window, by group and stage. */
export function reportStages(assembled: Assembled, window: WindowNs): StageReport[] {
  const { events, endNs } = assembled;
  const groups = [...new Set(events.workers.map((worker) => worker.group))];
  const groupOfWorker = events.workers.map((worker) => groups.indexOf(worker.group));
  const stages = events.stageNames.length;
  const cellOf = new Int32Array(events.length).fill(-1);
  for (let row = 0; row < events.length; row++) {
    if (!endsInWindow(events.startNs[row]!, endNs[row]!, window)) continue;
    cellOf[row] = groupOfWorker[events.worker[row]!]! * stages + events.stage[row]!;
  }
  const samples = new GroupedSamples(cellOf, events.durationNs, groups.length * stages);
  const reports: StageReport[] = [];
  for (let cell = 0; cell < groups.length * stages; cell++) {
    const durations = samples.of(cell);
    const durationNs = quantilesOf(durations);
    if (durationNs === null) continue;
    let totalNs = 0;
    for (let i = 0; i < durations.length; i++) totalNs += durations[i]!;
    reports.push({
      group: groups[Math.floor(cell / stages)]!,
      stage: events.stageNames[cell % stages]!,
      count: durations.length,
      totalNs,
      durationNs,
    });
  }
  return reports;
}
