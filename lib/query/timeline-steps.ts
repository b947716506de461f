/** The steps of a window, or the one next to an instant: `GET /deployments/{id}/timeline/steps`. */
import type { TimelineStep, TimelineSteps } from '#lib/api/timeline-steps.ts';
import { addNanos, NS_PER_S, nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import { NO_DATA_GAP_NS } from '#lib/model/assembled.ts';
import type { StoredDeployment, TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { earlierOf, laterOf } from '#lib/table/instants.ts';
import { mostMovedWithin } from './clock-moves.ts';
import { BadQuestionError } from './errors.ts';
import { oneOf, wholeNumber } from './question-texts.ts';
import type { TimelineStepsQuestion } from './questions.ts';
import { type ListedStep, listSteps } from './step-list.ts';
import { withTokens } from './step-tokens.ts';
import { storable } from './timeline-task.ts';
import { earlier, parseInstant, requireDeployment, windowJson, windowOrNewest } from './window.ts';
import { clocksOfWindow } from './window-clocks.ts';
import { longestStepNs } from './window-steps.ts';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1000;
/** Looked at for one answer, in events of columns; packed ones cost a 32nd of that. */
const MAX_COST = 1_500_000;
/** Steps of an engine are shorter. */
const LONGEST_NS = 10 * NS_PER_S;
/** Looked at around an instant, at first. */
const NEAR_NS = 2 * NS_PER_S;

export async function timelineSteps(
  reader: TelemetryReader,
  question: TimelineStepsQuestion,
  nowUnixNs: UnixNanos,
  maxCost: number = MAX_COST,
): Promise<TimelineSteps> {
  const limit = wholeNumber('limit', question.limit, { least: 1, most: MAX_LIMIT });
  const overNs = wholeNumber('overNs', question.overNs) ?? null;
  const order = oneOf('order', question.order, ['time', 'slowest']) ?? 'time';
  const domain = wholeNumber('domain', question.domain);
  const direction = oneOf('direction', question.direction, ['next', 'previous']);
  if ((question.at === undefined) !== (direction === undefined)) {
    const parameter = direction === undefined ? 'direction' : 'at';
    throw new BadQuestionError(parameter, '"at" and "direction" belong together: give both.');
  }
  const stored = await requireDeployment(reader, question.deployment);
  const task: StepsTask = { reader, deployment: question.deployment, domain, nowUnixNs, maxCost };
  if (question.at !== undefined && direction !== undefined) {
    const at = parseInstant('at', question.at, nowUnixNs);
    return besideInstant(task, stored, at, direction, overNs);
  }
  const asked = storable(windowOrNewest(question, nowUnixNs, 60 * NS_PER_S));
  const { steps, window, movedNs } = await stepsOf(task, asked);
  const over = steps.filter(({ durationNs }) => durationNs > (overNs ?? -1));
  const shown = [...(overNs === null ? steps : over)].sort(
    order === 'slowest' ? (a, b) => b.durationNs - a.durationNs || byStart(a, b) : byStart,
  );
  return {
    deployment: question.deployment,
    window: windowJson(window),
    order,
    total: steps.length,
    over: overNs === null ? 0 : over.length,
    overNs,
    steps: await withTokens(
      reader,
      question.deployment,
      shown.slice(0, limit ?? DEFAULT_LIMIT),
      movedNs,
    ),
  };
}

interface StepsTask {
  readonly reader: TelemetryReader;
  readonly deployment: string;
  readonly domain: number | undefined;
  readonly nowUnixNs: UnixNanos;
  readonly maxCost: number;
}

interface StepsOfWindow {
  readonly steps: readonly TimelineStep[];
  readonly window: TimeWindow;
  /** Twice the most that a clock is moved by. */
  readonly movedNs: number;
}

/** Those that start in the window, or its newest part, by start; without their tokens. */
async function stepsOf(
  { reader, deployment, domain, nowUnixNs, maxCost }: StepsTask,
  window: TimeWindow,
): Promise<StepsOfWindow> {
  const clocks = await clocksOfWindow(reader, deployment, window, nowUnixNs);
  const movedNs = 2 * mostMovedWithin(clocks, window);
  const longest = await longestStepNs(reader, deployment, window);
  const marginNs = (longest === null ? LONGEST_NS : 3 * longest) + movedNs;
  const found = await listSteps(reader, deployment, window, clocks, marginNs, maxCost);
  const own = found.steps.filter((step) => domain === undefined || step.domain === domain);
  const inside = withCadences(own).filter(({ startUnixNs }) => {
    const start = BigInt(startUnixNs);
    return start >= found.window.fromUnixNs && start < found.window.toUnixNs;
  });
  return { steps: inside.sort(byStart), window: found.window, movedNs };
}

function byStart(a: TimelineStep, b: TimelineStep): number {
  return Number(BigInt(a.startUnixNs) - BigInt(b.startUnixNs)) || a.domain - b.domain;
}

/** `steps`: by domain, then start. */
function withCadences(steps: readonly ListedStep[]): TimelineStep[] {
  const starts = new Map<string, UnixNanos>();
  return steps.map((listed) => {
    const { domain, step, startUnixNs, durationNs, events } = listed;
    const before = starts.get(`${domain} ${step - 1}`);
    starts.set(`${domain} ${step}`, startUnixNs);
    const cadenceNs = before === undefined ? null : Number(startUnixNs - before);
    return {
      domain,
      step,
      startUnixNs: String(startUnixNs),
      durationNs,
      cadenceNs: cadenceNs !== null && cadenceNs <= NO_DATA_GAP_NS ? cadenceNs : null,
      events,
      tokens: null,
    };
  });
}

/** The first that starts after, or the last that starts before the instant; and lasts longer than `overNs`. */
async function besideInstant(
  task: StepsTask,
  stored: StoredDeployment,
  at: UnixNanos,
  direction: 'next' | 'previous',
  overNs: number | null,
): Promise<TimelineSteps> {
  const isNext = direction === 'next';
  const ends = { fromUnixNs: stored.firstSeenUnixNs, toUnixNs: addNanos(stored.lastSeenUnixNs, 1) };
  let spanNs = NEAR_NS;
  let edge = isNext ? laterOf(addNanos(at, 1), ends.fromUnixNs) : earlierOf(at, ends.toUnixNs);
  let looked: TimeWindow = { fromUnixNs: at, toUnixNs: addNanos(at, 1) };
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const window = isNext
      ? { fromUnixNs: edge, toUnixNs: earlierOf(addNanos(edge, spanNs), ends.toUnixNs) }
      : { fromUnixNs: laterOf(earlier(edge, spanNs), ends.fromUnixNs), toUnixNs: edge };
    if (window.fromUnixNs >= window.toUnixNs) break;
    // A long stretch is only read where a look at its first chunk says that something is there.
    if (spanNs > NEAR_NS && (await hasEvents(task, window))) {
      spanNs = Math.max(NEAR_NS, Math.floor(spanNs / 8));
      continue;
    }
    const { steps, movedNs } =
      spanNs > NEAR_NS
        ? { steps: [], movedNs: 0 }
        : await stepsOf({ ...task, maxCost: 1e9 }, window);
    looked = isNext
      ? { fromUnixNs: looked.fromUnixNs, toUnixNs: window.toUnixNs }
      : { fromUnixNs: window.fromUnixNs, toUnixNs: looked.toUnixNs };
    const fitting = steps.filter(({ durationNs }) => overNs === null || durationNs > overNs);
    const step = isNext ? fitting[0] : fitting.at(-1);
    if (step !== undefined) {
      const counted = await withTokens(task.reader, task.deployment, [step], movedNs);
      return beside(task, looked, overNs, counted);
    }
    edge = isNext ? window.toUnixNs : window.fromUnixNs;
    // Where steps are but none fits, stretches stay short.
    spanNs = steps.length > 0 ? NEAR_NS : Math.min(spanNs * 8, LONGEST_SPAN_NS);
  }
  return beside(task, looked, overNs, []);
}

/** Each is a short look; a pause of years is crossed in some dozens. */
const MAX_TRIES = 200;
const LONGEST_SPAN_NS = 2 ** 52;

function beside(
  { deployment }: StepsTask,
  window: TimeWindow,
  overNs: number | null,
  steps: TimelineStep[],
): TimelineSteps {
  const over = overNs === null ? 0 : steps.length;
  const total = steps.length;
  return { deployment, window: windowJson(window), order: 'time', total, over, overNs, steps };
}

/** Does any event start there? */
async function hasEvents({ reader, deployment }: StepsTask, window: TimeWindow): Promise<boolean> {
  const columns = { measures: [], lists: [] } as const;
  for await (const slice of reader.scanSteps({ deployment, window, columns })) {
    const fromNs = nanosBetween(slice.baseUnixNs, window.fromUnixNs);
    const toNs = nanosBetween(slice.baseUnixNs, window.toUnixNs);
    for (let row = 0; row < slice.length; row++) {
      if (slice.startNs[row]! >= fromNs && slice.startNs[row]! < toNs) return true;
    }
  }
  return false;
}
