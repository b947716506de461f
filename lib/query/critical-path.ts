/** What made steps as long as they were: `GET /api/v1/deployments/{id}/critical-path`. */
import { windowOf } from '#lib/analysis/build-report.ts';
import { PATH_KINDS } from '#lib/analysis/critical-path.ts';
import { pathSamples, reportCriticalPath } from '#lib/analysis/critical-path-report.ts';
import { newestStepRow } from '#lib/analysis/newest-step.ts';
import type { CriticalPathSums } from '#lib/analysis/report-types.ts';
import { type StepPath, slowestStep, stepNumbered, stepPath } from '#lib/analysis/step-path.ts';
import type { CriticalPath, PathSums, StepPath as StepPathJson } from '#lib/api/critical-path.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import { selectWindow } from '#lib/model/select-window.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import { BadQuestionError } from './errors.ts';
import { newestEvents } from './newest-events.ts';
import type { CriticalPathQuestion } from './questions.ts';
import { windowJson } from './window.ts';

/** A step of 27 workers of 61 layers and 3 micro-batches; 2 MB of JSON. */
const MAX_EVENTS = 20_000;

export async function criticalPath(
  reader: TelemetryReader,
  question: CriticalPathQuestion,
  nowUnixNs: UnixNanos,
): Promise<CriticalPath> {
  const number = wholeNumber('step', question.step);
  const domain = wholeNumber('domain', question.domain);
  const newest = wantsNewest(question.pick);
  const { assembled, window } = await newestEvents(reader, question, nowUnixNs);
  const span = windowOf(assembled, window);
  const selected = selectWindow(assembled, span);
  const sums = reportCriticalPath([pathSamples(selected, span)]);
  const row =
    number !== undefined
      ? stepNumbered(selected, number, domain)
      : newest
        ? newestStepRow(selected, span, domain)
        : slowestStep(selected, span, domain);
  return {
    deployment: question.deployment,
    window: windowJson(window),
    sums: sums && sumsJson(sums),
    step: row < 0 ? null : stepJson(stepPath(selected, row, MAX_EVENTS)),
  };
}

function wantsNewest(pick: string | undefined): boolean {
  if (pick === undefined || pick === 'slowest') return false;
  if (pick === 'newest') return true;
  throw new BadQuestionError('pick', `"${pick}" is no choice: write slowest or newest.`);
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new BadQuestionError(name, `"${text}" is not a whole number.`);
}

function sumsJson(sums: CriticalPathSums): PathSums {
  return {
    ...sums,
    share: [...sums.share],
    byStage: [...sums.byStage],
    byWorker: [...sums.byWorker],
    byLayer: [...sums.byLayer],
    byKind: [...sums.byKind],
  };
}

function stepJson(step: StepPath): StepPathJson {
  return {
    ...step,
    startUnixNs: String(step.startUnixNs),
    workers: [...step.workers],
    stages: [...step.stages],
    kinds: [...PATH_KINDS],
  };
}
