/** A question about a timeline, checked, with what the store says of its window beforehand. */
import { DEFAULT_TIMELINE_BINS, MAX_TIMELINE_BINS } from '#lib/api/timeline.ts';
import { NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { ClockAlignment } from '#lib/model/clock-alignment.ts';
import type { StoredDeployment, TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { earlierOf } from '#lib/table/instants.ts';
import { clocksNear } from './clock-near.ts';
import { BadQuestionError } from './errors.ts';
import { EVERY_EVENT, type EventFilter } from './event-filter.ts';
import { type Overview, overviewOf } from './overview.ts';
import type { FilterTexts, TimelineQuestion } from './questions.ts';
import { requireDeployment, windowOrNewest } from './window.ts';

const DEFAULT_SPAN_NS = 10 * NS_PER_S;
/** Longer windows show raw times. */
export const MAX_ALIGNED_NS = 20 * NS_PER_S;
export const MAX_ROWS = 512;
const MAX_STAGES = 64;
const MAX_NAME_LENGTH = 256;
/** 2116-02-20: twice that is the last instant of 64 bits. */
const LAST_UNIX_NS = unixNanos(2n ** 62n);

export interface TimelineLimits {
  /** Shown one by one. */
  readonly maxEvents: number;
  /** Read for one answer. */
  readonly maxBinned: number;
  /** Bins in an answer, over workers and stages. */
  readonly maxCells: number;
}

export interface TimelineTask extends TimelineLimits {
  readonly reader: TelemetryReader;
  readonly deployment: string;
  readonly asked: TimeWindow;
  readonly bins: number;
  /** undefined: all. */
  readonly workers: readonly string[] | undefined;
  readonly filter: EventFilter;
  /** Of these workers, whatever the filter. */
  readonly overview: Overview;
  /** That the deployment ever had. */
  readonly groups: StoredDeployment['groups'];
  readonly nowUnixNs: UnixNanos;
}

/** @throws BadQuestionError @throws UnknownDeploymentError */
export async function timelineTask(
  reader: TelemetryReader,
  question: TimelineQuestion & FilterTexts,
  nowUnixNs: UnixNanos,
  limits: TimelineLimits,
): Promise<TimelineTask> {
  const asked = storable(windowOrNewest(question, nowUnixNs, DEFAULT_SPAN_NS));
  const bins = binsOf(question.bins);
  const { deployment } = question;
  const filter = filterOf(question);
  const { groups } = await requireDeployment(reader, deployment);
  const workers = workersOf(question.workers);
  const overview = await overviewOf(reader, deployment, asked, workers);
  return {
    reader,
    deployment,
    asked,
    bins,
    workers,
    filter,
    overview,
    groups,
    nowUnixNs,
    ...limits,
  };
}

export function workersEver({ groups }: TimelineTask): number {
  return groups.reduce((sum, { workers }) => sum + workers, 0);
}

/** The grid around the window must fit 64 bits, as instants in the store do. */
export function storable({ fromUnixNs, toUnixNs }: TimeWindow): TimeWindow {
  if (fromUnixNs < LAST_UNIX_NS) {
    return { fromUnixNs, toUnixNs: earlierOf(toUnixNs, LAST_UNIX_NS) };
  }
  throw new BadQuestionError('from', 'Nothing is stored beyond 2115.');
}

export function lengthOf({ fromUnixNs, toUnixNs }: TimeWindow): number {
  return Number(toUnixNs - fromUnixNs);
}

/** Fewer bins where many workers would make the answer too large. */
export function shownBins({ bins, overview, maxCells }: TimelineTask): number {
  const lanes = Math.max(1, Math.min(MAX_ROWS, overview.workers)) * overview.stages;
  return Math.max(16, Math.min(bins, Math.floor(maxCells / lanes)));
}

/** null: nothing to align, or the window is so long that a bin is wider than clocks are apart. */
export async function clocksOf(
  task: TimelineTask,
  window: TimeWindow,
): Promise<ClockAlignment | null> {
  const { reader, deployment, nowUnixNs } = task;
  if (lengthOf(window) > MAX_ALIGNED_NS) return null;
  return clocksNear(reader, deployment, window, await rateOf(task), nowUnixNs);
}

/** Events a nanosecond of all workers, about. */
export async function rateOf({ reader, deployment, asked, workers, overview }: TimelineTask) {
  const all = workers === undefined ? overview : await overviewOf(reader, deployment, asked);
  return all.events / lengthOf(asked);
}

function binsOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_TIMELINE_BINS;
  const bins = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (bins >= 1 && bins <= MAX_TIMELINE_BINS) return bins;
  throw new BadQuestionError(
    'bins',
    `"${text}" is not a number of bins: write 1 to ${MAX_TIMELINE_BINS}.`,
  );
}

/** "attention/0,ffn/3": ids with a comma in them cannot be asked for alone. */
export function workersOf(text: string | undefined): readonly string[] | undefined {
  return listOf('workers', text, MAX_ROWS, 'workers, such as attention/0,ffn/3');
}

/** @throws BadQuestionError */
export function filterOf(texts: FilterTexts): EventFilter {
  const stages = listOf('stages', texts.stages, MAX_STAGES, 'stages, such as expert,a2f_recv');
  const filter = {
    stages: stages === undefined ? null : new Set(stages),
    layer: integerOf('layer', texts.layer, 'or -1 for events of the step'),
    microbatch: integerOf('microbatch', texts.microbatch, 'or -1 for events without one'),
    peer: integerOf('peer', texts.peer, 'the rank of a worker of the other group'),
  };
  return Object.values(filter).every((one) => one === null) ? EVERY_EVENT : filter;
}

function integerOf(parameter: string, text: string | undefined, what: string): number | null {
  if (text === undefined) return null;
  if (/^(-1|\d{1,9})$/.test(text)) return Number(text);
  throw new BadQuestionError(
    parameter,
    `"${text.slice(0, 40)}" is no ${parameter}: write a number from 0, ${what}.`,
  );
}

function listOf(
  parameter: string,
  text: string | undefined,
  most: number,
  what: string,
): readonly string[] | undefined {
  if (text === undefined) return undefined;
  const names = [...new Set(text.split(',').map((name) => name.trim()))].filter(
    (name) => name !== '',
  );
  const isFine = names.length > 0 && names.length <= most;
  if (isFine && names.every(({ length }) => length <= MAX_NAME_LENGTH)) return names;
  throw new BadQuestionError(parameter, `Name 1 to ${most} ${what}.`);
}
