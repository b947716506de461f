/** Expert load by layer, rank and expert: `GET /api/v1/deployments/{id}/experts`. */
import { windowOf } from '#lib/analysis/build-report.ts';
import { type ExpertSums, reportExpertSums, sumExperts } from '#lib/analysis/expert-report.ts';
import { CELL_SUMS, CellSum, expertPart, MEAN_SCALE } from '#lib/analysis/experts.ts';
import type { ExpertsAnswer } from '#lib/api/experts.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { endsInWindow, selectWindow, type WindowNs } from '#lib/model/select-window.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { newestEvents } from './newest-events.ts';
import type { DeploymentQuestion } from './questions.ts';
import { windowJson } from './window.ts';

/** Where the window holds more than a million events, its newest part. */
export async function experts(
  reader: TelemetryReader,
  question: DeploymentQuestion,
  nowUnixNs: UnixNanos,
): Promise<ExpertsAnswer> {
  const { assembled, window } = await newestEvents(reader, question, nowUnixNs);
  const span = windowOf(assembled, window);
  const selected = selectWindow(assembled, span);
  const sums = sumExperts([expertPart(selected, span)]);
  return {
    deployment: question.deployment,
    window: windowJson(window),
    steps: countSteps(selected, span),
    ...(sums === null ? NOTHING : answerOf(sums, selected)),
  };
}

type Figures = Omit<ExpertsAnswer, 'deployment' | 'window' | 'steps'>;

const NOTHING: Figures = {
  workers: [],
  layers: [],
  tokens: [],
  active: [],
  maxTokens: [],
  meanTokens: [],
  expertNs: [],
  summary: null,
  experts: [],
};

function answerOf(sums: ExpertSums, { events }: Assembled): Figures {
  const infos = new Map(events.workers.map((info) => [workerId(info), info]));
  const cells = sums.workers.length * sums.layers.length;
  const column = (field: number, per: number, scale = 1): (number | null)[] =>
    Array.from({ length: cells }, (_, cell) => {
      const count = sums.byCell[cell * CELL_SUMS + per]!;
      return count === 0 ? null : sums.byCell[cell * CELL_SUMS + field]! / scale / count;
    });
  const report = reportExpertSums(sums);
  return {
    workers: sums.workers.map((id) => {
      const { group, role, rank } = infos.get(id)!;
      return { workerId: id, group, role, rank };
    }),
    layers: [...sums.layers],
    tokens: column(CellSum.tokens, CellSum.count),
    active: column(CellSum.active, CellSum.activeCount),
    maxTokens: column(CellSum.maxTokens, CellSum.maxCount),
    meanTokens: column(CellSum.meanTokens, CellSum.meanCount, MEAN_SCALE),
    expertNs: column(CellSum.ns, CellSum.count),
    summary: {
      maxOverMean: report.maxOverMean,
      vllmBalancedness: report.vllmBalancedness,
      sglangBalancedness: report.sglangBalancedness,
      activePerRank: report.activePerRank,
      expertMaxOverMean: report.expertMaxOverMean ?? null,
      tokensTimeCorrelation: report.tokensTimeCorrelation ?? null,
      forcedRouting: report.forcedRouting,
      keys: report.keys ?? 0,
      hottest: [...report.hottest],
      layers: [...(report.layers ?? [])],
      workers: [...(report.workers ?? [])],
    },
    experts: listedExperts(sums),
  };
}

function listedExperts(sums: ExpertSums): ExpertsAnswer['experts'] {
  return sums.workers.flatMap((id, w) =>
    sums.layers.flatMap((layer, l) => {
      const cell = w * sums.layers.length + l;
      const totals = sums.experts[cell];
      if (totals === null || totals === undefined) return [];
      const count = sums.byCell[cell * CELL_SUMS]!;
      return [{ workerId: id, layer, tokens: totals.map((tokens) => tokens / count) }];
    }),
  );
}

function countSteps({ steps }: Assembled, window: WindowNs): number {
  let count = 0;
  for (let step = 0; step < steps.length; step++) {
    if (endsInWindow(steps.startNs[step]!, steps.endNs[step]!, window)) count++;
  }
  return count;
}
