/** Slow and hung workers: `GET /api/v1/deployments/{id}/stragglers`. */
import type { Hang } from '#lib/analysis/hang-types.ts';
import type { StageScore } from '#lib/analysis/stage-scores.ts';
import { type StragglerTrend, stragglerView } from '#lib/analysis/straggler-view.ts';
import { SLOW_SCORE } from '#lib/analysis/stragglers.ts';
import type { StragglersAnswer } from '#lib/api/stragglers.ts';
import { NS_PER_S, type UnixNanos } from '#lib/base/units.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import { laterOf } from '#lib/table/instants.ts';
import { MAX_PICTURE_EVENTS, newestEvents } from './newest-events.ts';
import { timeText } from './parse-time.ts';
import type { DeploymentQuestion } from './questions.ts';
import { parseWindow, windowJson } from './window.ts';

/** Long enough that a run of slow seconds is told from a bad moment. */
const DEFAULT_SPAN_NS = 60 * NS_PER_S;

/** Where the window holds more than a million events, its newest part. */
export async function stragglers(
  reader: TelemetryReader,
  question: DeploymentQuestion,
  nowUnixNs: UnixNanos,
): Promise<StragglersAnswer> {
  const { assembled, window } = await newestEvents(
    reader,
    question,
    nowUnixNs,
    MAX_PICTURE_EVENTS,
    DEFAULT_SPAN_NS,
  );
  // Silence after the newest event tells, too.
  const { toUnixNs } = parseWindow(question, nowUnixNs);
  const until = toUnixNs === undefined || toUnixNs > nowUnixNs ? nowUnixNs : toUnixNs;
  const view = stragglerView(assembled, window, laterOf(until, window.toUnixNs));
  const isSilent = assembled.events.length === 0 && window.fromUnixNs < until;
  const hangs = isSilent
    ? await hangsBefore(reader, question, window.fromUnixNs, until)
    : view.hangs;
  const { attention, ffn } = view.loadModel;
  return {
    deployment: question.deployment,
    window: windowJson(window),
    thresholdScore: SLOW_SCORE,
    // The same but for `readonly`; a test holds the types together.
    ranking: view.stragglers as StragglersAnswer['ranking'],
    loadModel:
      attention === null && ffn === null ? null : (view.loadModel as StragglersAnswer['loadModel']),
    hangs: hangs as StragglersAnswer['hangs'],
    trends: view.trends.map(trendJson),
  };
}

/** Of a window without an event: a hang that began before it, told by the last seconds of data. */
async function hangsBefore(
  reader: TelemetryReader,
  { deployment }: DeploymentQuestion,
  fromUnixNs: UnixNanos,
  untilUnixNs: UnixNanos,
): Promise<readonly Hang[]> {
  const before = { deployment, to: timeText(fromUnixNs) };
  const { assembled, window } = await newestEvents(reader, before, untilUnixNs);
  const { hangs } = stragglerView(assembled, window, untilUnixNs);
  return hangs.filter((hang) => hang.untilUnixNs === null || BigInt(hang.untilUnixNs) > fromUnixNs);
}

function trendJson(trend: StragglerTrend): StragglersAnswer['trends'][number] {
  const column = (value: (score: StageScore) => number): (number | null)[] =>
    trend.scores.map((score) => (score === null ? null : value(score)));
  return {
    group: trend.group,
    stage: trend.stage,
    workers: [...trend.workers],
    atUnixNs: trend.startS.map((second) => String(BigInt(second) * BigInt(NS_PER_S))),
    spanNs: trend.spanS * NS_PER_S,
    score: column(({ score }) => score),
    rawScore: column(({ rawScore }) => rawScore),
    excessRatio: column(({ excessRatio }) => excessRatio),
    loadRatio: column(({ loadRatio }) => loadRatio),
  };
}
