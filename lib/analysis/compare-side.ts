/** Everything that a comparison knows of one side, as samples by step. */
import type { Assembled } from '#lib/model/assembled.ts';
import { selectWindow, type WindowNs } from '#lib/model/select-window.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { activityFigures } from './compare-activity.ts';
import { type Alignment, namesOf } from './compare-align.ts';
import { type Durations, durationsOf } from './compare-durations.ts';
import { type PathItem, pathItems } from './compare-paths.ts';
import { microbatchesOf, pipelineFigures } from './compare-pipeline.ts';
import { sampleSteps } from './compare-steps.ts';
import { pipelineSamples } from './pipeline-terms.ts';
import { tokensByStep } from './step-report.ts';
import { countsTokens } from './throughput.ts';

export interface SideFigure {
  readonly id: string;
  readonly scope: 'cluster' | 'pipeline' | 'group' | 'worker';
  readonly group: string | null;
  readonly worker: string | null;
  /** By sampled step, in time order; NaN where the step has none. */
  readonly values: Float64Array;
}

export interface CompareSideSamples {
  readonly gpus: number;
  readonly microbatches: number;
  readonly layers: readonly number[];
  /** Workers by row of the alignment, and those that have it. */
  readonly workers: readonly string[];
  /** Whole steps in the window, those sampled of them, and those left out because they are cut. */
  readonly steps: number;
  readonly sampledSteps: number;
  readonly cutSteps: number;
  readonly events: number;
  readonly latencyNs: Float64Array;
  readonly stepNs: Float64Array;
  readonly figures: readonly SideFigure[];
  readonly durations: Durations;
  readonly path: readonly PathItem[];
}

export function sideSamples(
  assembled: Assembled,
  window: WindowNs,
  alignment: Alignment,
  side: 'a' | 'b',
): CompareSideSamples {
  const selected = selectWindow(assembled, window);
  const { events, keys, steps } = selected;
  const sampled = sampleSteps(selected, window);
  const names = namesOf(alignment, side);
  const { workers } = events;
  const rowOf = workers.map(({ role, group }) => names.get(`${role}/${group}`) ?? group);
  const stageGroupOf = alignment.byRole ? rowOf : rowOf.map(() => '');
  const merged = new Set(alignment.groups.filter((row) => row[side].length > 1).map((r) => r.name));
  const nameOf = workers.map((info, w) =>
    merged.has(rowOf[w]!) ? workerId(info) : `${rowOf[w]}/${info.rank}`,
  );
  const samples = pipelineSamples(selected);
  const layers = new Set<number>();
  for (let key = 0; key < keys.length; key++) {
    if (keys.layer[key]! >= 0 && sampled.placeOf[keys.step[key]!]! >= 0)
      layers.add(keys.layer[key]!);
  }
  return {
    gpus: workers.length,
    microbatches: microbatchesOf(selected),
    layers: [...layers].sort((a, b) => a - b),
    workers: nameOf,
    steps: sampled.whole,
    sampledSteps: sampled.rows.length,
    cutSteps: sampled.cut,
    events: events.length,
    latencyNs: sampled.latencyNs,
    stepNs: sampled.stepNs,
    figures: [
      ...clusterFigures(),
      ...pipelineFigures(selected, samples, sampled).map(
        (figure): SideFigure => ({ ...figure, scope: 'pipeline', group: null, worker: null }),
      ),
      ...activityFigures(selected, sampled, samples.times, rowOf, nameOf).map(
        (figure): SideFigure => ({ ...figure, scope: scopeOf(figure) }),
      ),
    ],
    durations: durationsOf(selected, sampled, stageGroupOf, nameOf),
    path: pathItems(selected, sampled, stageGroupOf),
  };

  function clusterFigures(): SideFigure[] {
    const { rows, stepNs, latencyNs } = sampled;
    const columns: [string, Float64Array][] = [
      ['stepNs', stepNs],
      ['stepLatencyNs', latencyNs],
    ];
    const tokens = tokensByStep(selected);
    if (tokens !== null) {
      // Domains run side by side, each through steps of its own.
      const domains = new Set(steps.domain).size;
      const rate = Float64Array.from(rows, (row, i) => (tokens[row]! * domains * 1e9) / stepNs[i]!);
      const ranks = workers.filter(({ role }) => countsTokens(role)).length;
      columns.push(
        ['tokensPerSecond', rate],
        ['tokensPerSecondPerGpu', rate.map((value) => value / workers.length)],
        [
          'tokensPerRank',
          Float64Array.from(rows, (row) => (tokens[row]! * domains) / Math.max(1, ranks)),
        ],
      );
    }
    return columns.map(([id, values]) => ({
      id,
      values,
      scope: 'cluster',
      group: null,
      worker: null,
    }));
  }
}

function scopeOf({
  group,
  worker,
}: {
  group: string | null;
  worker: string | null;
}): SideFigure['scope'] {
  if (worker !== null) return 'worker';
  return group === null ? 'cluster' : 'group';
}
