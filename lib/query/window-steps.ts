/**
 * The steps that a short window touches, and their neighbours, assembled: what a timeline cuts
 * receives by and tells causes from. Only a little more than these steps is read:
 *
 *     window                   ├┤
 *     steps        ├──n-1──┤├───n───┤├──n+1──┤      are assembled, of all workers
 *     read      ├──────────────────────────────┤    the longest step, twice, on either side
 */
import { FRESH_ROOM } from '#lib/base/column-room.ts';
import { nanosBetween, type UnixNanos, unixNanos } from '#lib/base/units.ts';

import { alignTables } from '#lib/model/align-events.ts';
import { assemble, assembleRows } from '#lib/model/assemble.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import type { ClockAlignment } from '#lib/model/clock-alignment.ts';
import { selectWindow, type WindowNs } from '#lib/model/select-window.ts';
import {
  rowsOfSteps,
  type StepSurvey,
  stepsOverlapping,
  surveySteps,
  withNeighbours,
} from '#lib/model/step-survey.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { WantedColumns } from '#lib/table/wanted-columns.ts';
import { compareWorkers, workerId } from '#lib/table/worker-info.ts';
import { mostMovedWithin } from './clock-moves.ts';
import { alignedEvents } from './clock-near.ts';
import { type LoadedEvents, loadWindow, MARGIN_NS, widened } from './load-events.ts';
import type { RowWorker } from './tile-rows.ts';
import { lengthOf } from './timeline-task.ts';
import { eventsOfRows, packedSteps, rowsAround, unpackRows } from './whole-steps.ts';
import { earlier } from './window.ts';

/** Read for one window: a third of it is mostly assembled. */
const MAX_READ_EVENTS = 600_000;
/** Assembled for one window. */
const MAX_ASSEMBLED_EVENTS = 300_000;
/** Around a window in the midst of very many events. */
const LEAST_MARGIN_NS = 2 ** 20;
/** Around a window whose steps nobody has measured yet. */
const FIRST_MARGIN_NS = 2 ** 28;
/** Seconds of rollups, on either side, that tell how long steps are. */
const LATENCY_NS = 5_000_000_000n;

export interface WindowSteps {
  /**
   * `steps`: all that touch the window, and their neighbours, whole. `part`: what lies around the
   * window, too little for causes. `window`: what lies in it.
   */
  readonly kind: 'steps' | 'part' | 'window';
  readonly assembled: Assembled;
  /** The window, after the base of the assembled events. */
  readonly window: WindowNs;
  /** Of everything that was read. null: steps cannot be told apart, or were not looked at. */
  readonly survey: StepSurvey | null;
  /** The window, after the survey's base. */
  readonly surveyWindow: WindowNs;
}

/** `eventsPerNs`: of all workers, about. null: there are too many events about the window. */
export async function windowSteps(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
  clocks: ClockAlignment | null,
  eventsPerNs: number,
): Promise<WindowSteps | null> {
  const movedNs = mostMovedWithin(clocks, window);
  const known = await longestStepNs(reader, deployment, window);
  const wantedNs = Math.min(MARGIN_NS, known === null ? FIRST_MARGIN_NS : 2.2 * known + 1e6);
  const roomNs = (MAX_READ_EVENTS * 0.8) / Math.max(eventsPerNs, 1e-12) - lengthOf(window);
  let marginNs = Math.max(LEAST_MARGIN_NS, Math.min(wantedNs, roomNs / 2));
  for (;;) {
    const loaded = await loadAround(reader, deployment, window, clocks, marginNs + movedNs);
    if (!loaded.complete) {
      // More than rollups told: once more with what is surely less.
      if (marginNs <= LEAST_MARGIN_NS) return null;
      marginNs = Math.max(LEAST_MARGIN_NS, marginNs / 8);
      continue;
    }
    const tables = clocks === null ? loaded.tables : alignTables(loaded.tables, clocks);
    const { survey, ...found } = assembleWindow(tables, deployment, window);
    const whole = survey === null || !isCutOff(survey, window, marginNs);
    const canGrow = marginNs < MARGIN_NS && loaded.events * 4 < MAX_READ_EVENTS;
    if (whole || !canGrow) {
      const kind = whole && found.all ? 'steps' : 'part';
      return { ...found, kind, survey };
    }
    marginNs = Math.min(MARGIN_NS, marginNs * 4);
  }
}

/** What lies around the window: where steps came packed, only those that it needs. */
async function loadAround(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
  clocks: ClockAlignment | null,
  marginNs: number,
): Promise<LoadedEvents> {
  const packed = await packedSteps(reader, deployment, widened(window, marginNs));
  if (packed === null) {
    return loadWindow(reader, deployment, window, MAX_READ_EVENTS, marginNs, STEP_COLUMNS);
  }
  const takes = rowsAround(packed, window, clocks);
  const events = eventsOfRows(packed, takes);
  if (events > MAX_READ_EVENTS) return { tables: [], events, complete: false };
  return { tables: await unpackRows(packed, takes, STEP_COLUMNS), events, complete: true };
}

/** What tiles show, and what causes are told by. */
const STEP_COLUMNS: WantedColumns = {
  measures: ['tokens', 'bytes', 'requests', 'contextTokens', 'expertsMaxTokens'],
  lists: ['peers'],
};

function assembleWindow(
  tables: readonly EventTable[],
  deployment: string,
  window: TimeWindow,
): Omit<WindowSteps, 'kind'> & {
  /** Is everything of the window's steps in it that was read? */
  readonly all: boolean;
} {
  const survey = surveySteps(tables, deployment);
  if (survey === null || survey.tables.length === 0) {
    const whole = assemble(tables, deployment);
    const span = windowAfter(whole.events.baseUnixNs, window);
    const assembled = selectWindow(whole, span);
    return { assembled, window: span, survey: null, surveyWindow: span, all: true };
  }
  const span = windowAfter(survey.baseUnixNs, window);
  const overlapping = stepsOverlapping(survey, span);
  const chosen = withNeighbours(survey, (step) => overlapping[step] === 1);
  let rows = 0;
  for (let step = 0; step < survey.length; step++) rows += chosen[step]! * survey.rows[step]!;
  const all = rows <= MAX_ASSEMBLED_EVENTS;
  const { tables: used, filters } = rowsOfSteps(survey, all ? chosen : overlapping, span);
  const assembled = assembleRows(used, filters, deployment, null, FRESH_ROOM);
  const own = windowAfter(assembled.events.baseUnixNs, window);
  return { assembled, window: own, survey, surveyWindow: span, all };
}

export function windowAfter(baseUnixNs: UnixNanos, { fromUnixNs, toUnixNs }: TimeWindow): WindowNs {
  return {
    fromNs: nanosBetween(baseUnixNs, fromUnixNs),
    toNs: nanosBetween(baseUnixNs, toUnixNs),
  };
}

/** Does a step that the window needs reach as far as was read? Then more of it may lie beyond. */
function isCutOff(survey: StepSurvey, window: TimeWindow, marginNs: number): boolean {
  const span = windowAfter(survey.baseUnixNs, window);
  const overlapping = stepsOverlapping(survey, span);
  const chosen = withNeighbours(survey, (step) => overlapping[step] === 1);
  for (let step = 0; step < survey.length; step++) {
    if (chosen[step] === 0) continue;
    // Events that only reach in from before were read too.
    if (survey.startNs[step]! <= span.fromNs - marginNs + EDGE_NS) return true;
    if (survey.endNs[step]! >= span.toNs + marginNs - EDGE_NS) return true;
    // The neighbours of a step that is there may only not have been read.
    if (overlapping[step] === 1 && !hasRoom(survey, step, span, marginNs)) return true;
  }
  return false;
}

/** Steps that begin so close to the edge of what was read may have begun before it. */
const EDGE_NS = 1000;

/** Was as much read around the step as it is long itself? */
function hasRoom(survey: StepSurvey, step: number, span: WindowNs, marginNs: number): boolean {
  const lengthNs = survey.endNs[step]! - survey.startNs[step]!;
  return (
    survey.startNs[step]! - lengthNs >= span.fromNs - marginNs &&
    survey.endNs[step]! + lengthNs <= span.toNs + marginNs
  );
}

/** From rollups about the window, else null. */
export async function longestStepNs(
  reader: TelemetryReader,
  deployment: string,
  { fromUnixNs, toUnixNs }: TimeWindow,
): Promise<number | null> {
  const around = {
    fromUnixNs: earlier(fromUnixNs, Number(LATENCY_NS)),
    toUnixNs: unixNanos(toUnixNs + LATENCY_NS),
  };
  const selection = { kind: 'partition', deployment, window: around, finestNs: 1e9 } as const;
  const parts = await reader.rollupParts({ ...selection, coarsestNs: 10e9 });
  let longest = 0;
  for (const part of parts.slice(-8)) {
    for (const bucket of await reader.deploymentRollups({ deployment, ...part })) {
      longest = Math.max(longest, bucket.stepLatencyMaxNs);
    }
  }
  return longest > 0 ? longest : null;
}

/** The window's events of some workers, where there are too many of others around them. */
export async function windowOfWorkers(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
  clocks: ClockAlignment | null,
  workers: readonly string[] | undefined,
): Promise<WindowSteps> {
  const columns = STEP_COLUMNS;
  const selection = { deployment, window, columns, ...(workers === undefined ? {} : { workers }) };
  const tables: EventTable[] = [];
  for await (const table of alignedEvents(reader, selection, clocks)) tables.push(table);
  const assembled = assemble(tables, deployment);
  const span = windowAfter(assembled.events.baseUnixNs, window);
  return { kind: 'window', assembled, window: span, survey: null, surveyWindow: span };
}

export interface StepsWorker extends RowWorker {
  /** In the assembled events; -1: without any there. */
  readonly index: number;
}

/** Wanted workers (undefined: all) with events in the window's steps, or around them. */
export function workersOfSteps(
  { assembled, survey }: WindowSteps,
  deployment: string,
  workers: readonly string[] | undefined,
): StepsWorker[] {
  const wanted = workers === undefined ? null : new Set(workers);
  const found = new Map<string, StepsWorker>();
  assembled.events.workers.forEach(({ group, role, rank }, index) => {
    const id = workerId({ group, rank });
    found.set(id, { workerId: id, group, role, rank, index });
  });
  for (const { table } of survey?.tables ?? []) {
    for (const { deployment: own, group, role, rank } of table.workers) {
      const id = workerId({ group, rank });
      if (own !== deployment || found.has(id)) continue;
      found.set(id, { workerId: id, group, role, rank, index: -1 });
    }
  }
  const all = [...found.values()].filter(({ workerId: id }) => wanted === null || wanted.has(id));
  return all.sort(compareWorkers);
}
