/** An area of a timeline that holds too many events to read: from sums by stage and layer. */
import { CAUSES } from '#lib/analysis/causes.ts';
import type { TimelineStats } from '#lib/api/timeline-stats.ts';
import { unixNanos } from '#lib/base/units.ts';
import { defaultKind } from '#lib/model/stages.ts';
import type { TimeWindow } from '#lib/store/telemetry-store.ts';
import { KINDS, STAGES } from '#lib/table/codes.ts';
import { StageCellSums } from '#lib/table/stage-rollup-merge.ts';
import type { StageCells, StageRollup } from '#lib/table/stage-rollups.ts';
import { sketchBinValueNs } from '#lib/table/stage-sketch.ts';
import { compareWorkers } from '#lib/table/worker-info.ts';
import { BadQuestionError } from './errors.ts';
import { quantilesOfCell } from './rollup-stages.ts';
import { HistogramSums, namedCauses, type StageStat, shareOf } from './stage-stats.ts';
import { CAUSE_LENGTHS } from './tile-waits.ts';
import { lengthOf, type TimelineTask } from './timeline-task.ts';
import { windowJson } from './window.ts';

/** Rows of single workers that are read for one answer: 0.1 ms each. */
const MAX_WORKER_ROWS = 2000;
const MAX_GROUP_ROWS = 4000;

interface GroupSums {
  readonly role: string;
  readonly group: string;
  readonly rank: number;
  readonly workers: number;
  readonly sums: StageCellSums;
}

/** @throws BadQuestionError where sums do not tell what was asked. */
export async function rollupStats(task: TimelineTask): Promise<TimelineStats> {
  const { deployment, filter } = task;
  for (const name of ['microbatch', 'peer'] as const) {
    if (filter[name] === null) continue;
    throw new BadQuestionError(
      name,
      `The window holds more events than one answer may read, and stored sums do not tell the ${name}: ask for a shorter one, or for fewer workers.`,
    );
  }
  const { rows, window } = await stageRows(task);
  if (rows.length === 0) {
    throw new BadQuestionError(
      'from',
      'The window holds more events than one answer may read, and has no rollups: ask for a shorter one.',
    );
  }
  const groups = groupSums(task, rows);
  const windowNs = lengthOf(window);
  const histogram = new HistogramSums();
  const stages = groups.flatMap(({ group, workers, sums }) =>
    stagesOf(group, sums.finish(), windowNs * workers, histogram),
  );
  const workers = groups.reduce((sum, group) => sum + group.workers, 0);
  return {
    deployment,
    window: windowJson(window),
    workers,
    exactness: 'rollup',
    events: stages.reduce((sum, { count }) => sum + count, 0),
    stages,
    causes: await causesOf(task, window, windowNs * workers),
    histogram: histogram.finish(),
  };
}

/** As fine as may be read; whole buckets that touch the asked window. */
async function stageRows(
  task: TimelineTask,
): Promise<{ readonly rows: readonly StageRollup[]; readonly window: TimeWindow }> {
  const { reader, deployment, asked, workers } = task;
  const most = workers === undefined ? MAX_GROUP_ROWS : MAX_WORKER_ROWS;
  const each = workers === undefined ? task.groups.length : workers.length;
  const selection = { kind: 'stage', deployment, window: asked } as const;
  for (const finestNs of [1e9, 10e9, 60e9, 3600e9]) {
    const parts = await reader.rollupParts({ ...selection, finestNs });
    const buckets = parts.reduce((sum, part) => sum + lengthOf(part.window) / part.resolutionNs, 0);
    if (buckets * each > most && finestNs < 3600e9) continue;
    const rows: StageRollup[] = [];
    for (const part of parts) {
      const found =
        workers === undefined
          ? await reader.stageGroups({ deployment, ...part })
          : await reader.stageRollups({ deployment, ...part, workers });
      for (const row of found) rows.push(row);
    }
    const from = parts[0]?.window.fromUnixNs ?? asked.fromUnixNs;
    const to = parts.at(-1)?.window.toUnixNs ?? asked.toUnixNs;
    return { rows, window: { fromUnixNs: unixNanos(from), toUnixNs: unixNanos(to) } };
  }
  throw new Error('rollups have a coarsest length');
}

/** By group, in the order of every answer. Rows are of groups, or of the asked workers. */
function groupSums(task: TimelineTask, rows: readonly StageRollup[]): GroupSums[] {
  const { filter, groups } = task;
  const takes = (stage: string, layer: number): boolean =>
    (filter.stages === null || filter.stages.has(stage)) &&
    (filter.layer === null || filter.layer === layer);
  const found = new Map<string, Omit<GroupSums, 'workers'> & { readonly ids: Set<string> }>();
  for (const { group, role, workerId, cells } of rows) {
    const known = found.get(group) ?? {
      role,
      group,
      rank: 0,
      ids: new Set<string>(),
      sums: new StageCellSums(),
    };
    found.set(group, known);
    known.ids.add(workerId);
    known.sums.add(cells, takes);
  }
  return [...found.values()].sort(compareWorkers).map(({ ids, ...sums }) => ({
    ...sums,
    workers:
      task.workers === undefined
        ? (groups.find(({ group }) => group === sums.group)?.workers ?? 0)
        : ids.size,
  }));
}

/** Over all layers. */
function stagesOf(
  group: string,
  cells: StageCells,
  wholeNs: number,
  histogram: HistogramSums,
): StageStat[] {
  const sums = new StageCellSums();
  sums.add({ ...cells, layer: new Int32Array(cells.length) });
  const byStage = sums.finish();
  const names: readonly string[] = STAGES;
  for (let i = 0; i < byStage.sketchBin.length; i++) {
    histogram.add(sketchBinValueNs(byStage.sketchBin[i]!), byStage.sketchCount[i]!);
  }
  return Array.from({ length: byStage.length }, (_, i) => {
    const stage = byStage.stageNames[byStage.stage[i]!]!;
    return {
      group,
      stage,
      kind: KINDS[defaultKind(names.indexOf(stage))]!,
      count: byStage.count[i]!,
      sumNs: byStage.sumNs[i]!,
      share: shareOf(byStage.sumNs[i]!, wholeNs),
      durationNs: quantilesOfCell(byStage, i),
    };
  });
}

/** From the exact partition of worker time; whole buckets that touch the window. */
async function causesOf(
  { reader, deployment, workers }: TimelineTask,
  window: TimeWindow,
  wholeNs: number,
): Promise<TimelineStats['causes']> {
  const wanted = workers === undefined ? null : new Set(workers);
  const sums = new Float64Array(CAUSES.length);
  const selection = { kind: 'partition', deployment, window, finestNs: 1e9 } as const;
  for (const part of await reader.rollupParts(selection)) {
    for (const row of await reader.workerRollupSums({ deployment, ...part })) {
      if (wanted !== null && !wanted.has(row.workerId)) continue;
      CAUSE_LENGTHS.forEach((name, cause) => {
        sums[cause] = sums[cause]! + row.lengths[name];
      });
    }
  }
  return namedCauses(sums, wholeNs);
}
