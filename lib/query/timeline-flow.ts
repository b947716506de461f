/**
 * The way of one micro-batch through one layer (`GET /deployments/{id}/timeline/flow`): its events on all
 * workers of both groups, and what led to what.
 */
import type { TimelineFlow } from '#lib/api/timeline-flow.ts';
import { addNanos, NS_PER_S, type UnixNanos } from '#lib/base/units.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import type { StoredDeployment, TelemetryReader } from '#lib/store/telemetry-store.ts';
import { KINDS } from '#lib/table/codes.ts';
import { laterOf } from '#lib/table/instants.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { clocksNear } from './clock-near.ts';
import { BadQuestionError } from './errors.ts';
import { type FlowPart, flowArrows } from './flow-arrows.ts';
import { flowGaps } from './flow-gaps.ts';
import { wholeNumber } from './question-texts.ts';
import type { TimelineFlowQuestion } from './questions.ts';
import { type ListedStep, listSteps } from './step-list.ts';
import { TileEvents } from './tile-events.ts';
import { storable } from './timeline-task.ts';
import { earlier, parseInstant, requireDeployment } from './window.ts';
import { eventRate } from './window-clocks.ts';
import { longestStepNs, windowSteps } from './window-steps.ts';

/** Looked at on either side of the instant. */
const NEAR_NS = 30 * NS_PER_S;
/** In events of columns (step-list.ts). */
const MAX_COST = 3_000_000;

export async function timelineFlow(
  reader: TelemetryReader,
  question: TimelineFlowQuestion,
  nowUnixNs: UnixNanos,
): Promise<TimelineFlow> {
  const { deployment } = question;
  const key = {
    domain: wholeNumber('domain', question.domain) ?? 0,
    step: required('step', wholeNumber('step', question.step)),
    layer: required('layer', wholeNumber('layer', question.layer, { least: -1 })),
    microbatch: required(
      'microbatch',
      wholeNumber('microbatch', question.microbatch, { least: -1 }),
    ),
  };
  const stored = await requireDeployment(reader, deployment);
  const at =
    question.at === undefined ? stored.lastSeenUnixNs : parseInstant('at', question.at, nowUnixNs);
  const listed = await stepNear(reader, stored, key, at, nowUnixNs);
  const nothing = { deployment, ...key, events: [], arrows: [] };
  if (listed === null) {
    return {
      ...nothing,
      missing: [
        `Step ${key.step} of domain ${key.domain} is not kept within ${NEAR_NS / 1e9} s of this time.`,
      ],
    };
  }
  const { assembled, step } = await assembledStep(reader, deployment, listed, nowUnixNs);
  const parts = partsOfKey(assembled, step, key);
  if (parts.length === 0) {
    const what = `layer ${key.layer} and micro-batch ${key.microbatch}`;
    return { ...nothing, missing: [`Step ${key.step} has no event of ${what}.`] };
  }
  const { events } = assembled;
  return {
    deployment,
    ...key,
    events: parts.map(({ row, kind, startNs, endNs }) => ({
      workerId: workerId(events.workers[events.worker[row]!]!),
      stage: events.stageNames[events.stage[row]!]!,
      kind: KINDS[kind]!,
      startUnixNs: String(addNanos(events.baseUnixNs, startNs)),
      durationNs: endNs - startNs,
    })),
    arrows: flowArrows(assembled, parts),
    missing: flowGaps(assembled, step, parts),
  };
}

function required(parameter: string, value: number | undefined): number {
  if (value !== undefined) return value;
  throw new BadQuestionError(parameter, `The parameter "${parameter}" is missing.`);
}

interface FlowKey {
  readonly domain: number;
  readonly step: number;
  readonly layer: number;
  readonly microbatch: number;
}

/** Of the steps with the number, the one that is closest to the instant; null: none is near. */
async function stepNear(
  reader: TelemetryReader,
  { deployment, lastSeenUnixNs }: StoredDeployment,
  { domain, step }: FlowKey,
  at: UnixNanos,
  nowUnixNs: UnixNanos,
): Promise<ListedStep | null> {
  // Mostly it is right there; else farther.
  for (const nearNs of [2 * NS_PER_S, NEAR_NS]) {
    const window = storable({
      fromUnixNs: earlier(at, nearNs),
      toUnixNs: laterOf(addNanos(at, nearNs), addNanos(earlier(at, nearNs), 1)),
    });
    if (window.fromUnixNs > lastSeenUnixNs) return null;
    const marginNs = (await longestStepNs(reader, deployment, window)) ?? 10 * NS_PER_S;
    const near = await eventRate(reader, deployment, window);
    const clocks = await clocksNear(reader, deployment, window, near, nowUnixNs);
    const { steps } = await listSteps(reader, deployment, window, clocks, marginNs, MAX_COST);
    const fitting = steps.filter((one) => one.domain === domain && one.step === step);
    const distance = ({ startUnixNs, durationNs }: ListedStep): number =>
      Math.max(Number(startUnixNs - at), Number(at - startUnixNs) - durationNs, 0);
    fitting.sort((a, b) => distance(a) - distance(b));
    if (fitting[0] !== undefined) return fitting[0];
  }
  return null;
}

/** The step whole, with its row in the step table; -1: it is gone. */
async function assembledStep(
  reader: TelemetryReader,
  deployment: string,
  { domain, step, startUnixNs, durationNs }: ListedStep,
  nowUnixNs: UnixNanos,
): Promise<{ readonly assembled: Assembled; readonly step: number }> {
  const middle = addNanos(startUnixNs, Math.floor(durationNs / 2));
  const window = { fromUnixNs: startUnixNs, toUnixNs: addNanos(startUnixNs, durationNs + 1) };
  const rate = await eventRate(reader, deployment, window);
  const around = { fromUnixNs: middle, toUnixNs: addNanos(middle, 1) };
  const clocks = await clocksNear(reader, deployment, around, rate, nowUnixNs);
  const found = await windowSteps(reader, deployment, window, clocks, rate);
  if (found === null) {
    throw new BadQuestionError('step', 'The step holds more events than one answer may read.');
  }
  const { steps } = found.assembled;
  const { fromNs, toNs } = found.window;
  let row = -1;
  for (let s = 0; s < steps.length; s++) {
    if (steps.domain[s] !== domain || steps.step[s] !== step) continue;
    if (steps.startNs[s]! < toNs && steps.endNs[s]! >= fromNs) row = s;
  }
  return { assembled: found.assembled, step: row };
}

/** By start. */
function partsOfKey(
  assembled: Assembled,
  step: number,
  { layer, microbatch }: FlowKey,
): FlowPart[] {
  const { events, stepOf } = assembled;
  const everything = { fromNs: Number.NEGATIVE_INFINITY, toNs: Number.POSITIVE_INFINITY };
  const isOfKey = (row: number): boolean =>
    step >= 0 &&
    stepOf[row] === step &&
    events.layer[row] === layer &&
    events.microbatch[row] === microbatch;
  const workers = [...events.workers.keys()];
  const parts: FlowPart[] = [];
  new TileEvents(assembled, everything, workers, isOfKey, true).forEach(
    (row, kind, startNs, endNs) => {
      parts.push({ row, kind, startNs, endNs });
    },
  );
  return parts.sort(
    (a, b) =>
      a.startNs - b.startNs || events.worker[a.row]! - events.worker[b.row]! || a.endNs - b.endNs,
  );
}
