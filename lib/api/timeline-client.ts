/** Typed calls of the timeline's questions, as client.ts makes them of the others. */
import type { z } from 'zod';
import {
  ApiProblem,
  apiPath,
  type ClientOptions,
  call,
  query,
  send,
  type TimeRange,
} from './client.ts';
import { type ColumnArray, decodeColumnFrame } from './column-frame.ts';
import { type TimelineFlow, timelineFlowSchema } from './timeline-flow.ts';
import { type TimelineSearch, timelineSearchSchema } from './timeline-search.ts';
import { type TimelineStats, timelineStatsSchema } from './timeline-stats.ts';
import { type TimelineSteps, timelineStepsSchema } from './timeline-steps.ts';
import {
  type TimelineBinColumns,
  type TimelineEventColumns,
  type TimelineTileHeader,
  timelineTileHeaderSchema,
} from './timeline-tile.ts';

/** Which events of a window; absent: all. */
export interface TimelineFilter {
  readonly workers?: readonly string[];
  readonly stages?: readonly string[];
  readonly layer?: number;
  readonly microbatch?: number;
  readonly peer?: number;
}

export type TimelineTile =
  | {
      readonly detail: 'events';
      readonly header: TimelineTileHeader;
      readonly columns: TimelineEventColumns;
    }
  | {
      readonly detail: 'bins';
      readonly header: TimelineTileHeader;
      readonly columns: TimelineBinColumns;
    };

export type TileQuestion = TimeRange & TimelineFilter & { readonly bins?: number };

export function timelineTilePath(deployment: string, question: TileQuestion): string {
  return apiPath(deployment, 'timeline/tile') + query(parametersOf(question));
}

/** `bins`: how many there is room for. Throws an `ApiProblem`, also where the frame is broken. */
export async function fetchTimelineTile(
  deployment: string,
  question: TileQuestion,
  options: ClientOptions = {},
): Promise<TimelineTile> {
  const response = await send(timelineTilePath(deployment, question), options);
  const bytes = new Uint8Array(await response.arrayBuffer());
  try {
    return tileOf(bytes);
  } catch (error) {
    throw new ApiProblem({
      type: 'about:blank#contract',
      title: 'The answer cannot be read',
      status: 0,
      detail: `${error instanceof Error ? error.message : error} Reload the page: it may be of another version.`,
    });
  }
}

/** Throws an Error that says what is wrong with the frame. */
export function tileOf(bytes: Uint8Array): TimelineTile {
  const { header: raw, columns } = decodeColumnFrame(bytes);
  const parsed = timelineTileHeaderSchema.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Error(`The tile is wrong at "${issue?.path.join('.')}": ${issue?.message}.`);
  }
  const header = parsed.data;
  if (header.detail === 'events') {
    return { detail: 'events', header, columns: picked(EVENT_COLUMNS, columns) };
  }
  return { detail: 'bins', header, columns: picked(BIN_COLUMNS, columns) };
}

type ColumnClass<A extends ColumnArray> = new (length: number) => A;
type ColumnClasses<T> = {
  readonly [K in keyof T]: T[K] extends ColumnArray ? ColumnClass<T[K]> : never;
};

const EVENT_COLUMNS: ColumnClasses<TimelineEventColumns> = {
  row: Uint16Array,
  stream: Uint8Array,
  startNs: Float64Array,
  durationNs: Float64Array,
  stage: Uint16Array,
  kind: Uint8Array,
  layer: Int32Array,
  microbatch: Int32Array,
  step: Float64Array,
  domain: Int32Array,
  peer: Int32Array,
  tokens: Float64Array,
  bytes: Float64Array,
  bubbleRow: Uint16Array,
  bubbleStartNs: Float64Array,
  bubbleDurationNs: Float64Array,
  bubbleCause: Uint8Array,
  bubbleCulprit: Int32Array,
};

const BIN_COLUMNS: ColumnClasses<TimelineBinColumns> = {
  row: Uint16Array,
  stream: Uint8Array,
  stage: Uint16Array,
  bin: Uint32Array,
  count: Float64Array,
  sumNs: Float64Array,
  minNs: Float64Array,
  maxNs: Float64Array,
  waitRow: Uint16Array,
  waitBin: Uint32Array,
  waitCause: Uint8Array,
  waitNs: Float64Array,
};

/** The columns that the contract names, each of its kind. */
function picked<T>(
  classes: ColumnClasses<T>,
  columns: Readonly<Record<string, ColumnArray | undefined>>,
): T {
  for (const [name, wanted] of Object.entries<ColumnClass<ColumnArray>>(classes)) {
    if (!(columns[name] instanceof wanted)) {
      throw new Error(`The tile has no column "${name}" of ${wanted.name}.`);
    }
  }
  return columns as T;
}

function ask<T>(
  schema: z.ZodType<T>,
  deployment: string,
  what: string,
  question: object,
  options?: ClientOptions,
): Promise<T> {
  const path = apiPath(deployment, `timeline/${what}`);
  return call(schema, path + query(parametersOf(question)), options);
}

/** The steps of a window; `overNs`: only those that last longer. */
export function fetchTimelineSteps(
  deployment: string,
  question: TimeRange & {
    readonly order?: 'time' | 'slowest';
    readonly limit?: number;
    readonly overNs?: number;
    readonly domain?: number;
  },
  options?: ClientOptions,
): Promise<TimelineSteps> {
  return ask(timelineStepsSchema, deployment, 'steps', question, options);
}

/** The step that starts after, or before, an instant (unix ns); at most one. */
export function fetchTimelineStepBeside(
  deployment: string,
  question: {
    readonly at: string;
    readonly direction: 'next' | 'previous';
    readonly domain?: number;
    readonly overNs?: number;
  },
  options?: ClientOptions,
): Promise<TimelineSteps> {
  return ask(timelineStepsSchema, deployment, 'steps', question, options);
}

export function fetchTimelineStats(
  deployment: string,
  question: TimeRange & TimelineFilter,
  options?: ClientOptions,
): Promise<TimelineStats> {
  return ask(timelineStatsSchema, deployment, 'stats', question, options);
}

/** `at`: unix ns inside of the step, or beside it. */
export function fetchTimelineFlow(
  deployment: string,
  question: {
    readonly step: number;
    readonly domain: number;
    readonly layer: number;
    readonly microbatch: number;
    readonly at: string;
  },
  options?: ClientOptions,
): Promise<TimelineFlow> {
  return ask(timelineFlowSchema, deployment, 'flow', question, options);
}

export function fetchTimelineSearch(
  deployment: string,
  question: TimeRange & { readonly q: string; readonly limit?: number; readonly near?: string },
  options?: ClientOptions,
): Promise<TimelineSearch> {
  return ask(timelineSearchSchema, deployment, 'search', question, options);
}

type Parameter = string | number | readonly string[] | undefined;

function parametersOf(
  question: Readonly<Record<string, Parameter>> | object,
): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const [name, value] of Object.entries<Parameter>({ ...question })) {
    if (value === undefined) continue;
    parameters[name] =
      typeof value === 'string' || typeof value === 'number' ? String(value) : value.join(',');
  }
  return parameters;
}
