/**
 * Looks for workers, steps, events and notes (`GET /deployments/{id}/timeline/search`):
 *
 *     only worker, group           workers
 *     only step, domain            steps
 *     only words                   workers, notes, and events by worker and stage
 *     anything else                events
 *
 * Events are looked for in the newest part of the window that can be read at once. With `near` what lies
 * nearest to that instant comes first, and is what is listed where there is too much.
 */
import type { TimelineSearch } from '#lib/api/timeline-search.ts';
import { addNanos, NS_PER_S, type UnixNanos } from '#lib/base/units.ts';
import type { StateStore } from '#lib/store/state-store.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { earlierOf, laterOf } from '#lib/table/instants.ts';
import { alignedEvents } from './clock-near.ts';
import { deploymentWorkers } from './deployment-workers.ts';
import { distanceTo, EventSearch, type FoundEvent } from './event-search.ts';
import { overviewOf } from './overview.ts';
import { wholeNumber } from './question-texts.ts';
import type { TimelineSearchQuestion } from './questions.ts';
import { fitsNames, inRanges, parseSearch, type SearchQuery } from './search-query.ts';
import { type ListedStep, listSteps } from './step-list.ts';
import { lengthOf, storable } from './timeline-task.ts';
import { earlier, parseInstant, requireDeployment, windowJson, windowOrNewest } from './window.ts';
import { clocksOfWindow } from './window-clocks.ts';
import { longestStepNs } from './window-steps.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;
const DEFAULT_SPAN_NS = 60 * NS_PER_S;
/** Looked at for one answer. */
const MAX_EVENTS = 1_000_000;
/** Steps: in events of columns (step-list.ts). */
const MAX_STEP_COST = 1_500_000;

type Hit = TimelineSearch['hits'][number];

export async function timelineSearch(
  reader: TelemetryReader,
  state: () => Promise<StateStore>,
  question: TimelineSearchQuestion,
  nowUnixNs: UnixNanos,
  maxEvents: number = MAX_EVENTS,
): Promise<TimelineSearch> {
  const text = (question.q ?? '').trim();
  const query = parseSearch(text);
  const limit =
    wholeNumber('limit', question.limit, { least: 1, most: MAX_LIMIT }) ?? DEFAULT_LIMIT;
  const asked = storable(windowOrNewest(question, nowUnixNs, DEFAULT_SPAN_NS));
  const near = question.near === undefined ? null : parseInstant('near', question.near, nowUnixNs);
  const { deployment } = question;
  await requireDeployment(reader, deployment);
  const task: SearchTask = {
    reader,
    deployment,
    query,
    window: asked,
    limit,
    near,
    maxEvents,
    nowUnixNs,
  };
  const looks = looksFor(query);
  const workers = looks.workers ? await workerHits(task) : [];
  const notes = looks.notes ? await noteHits(task, await state()) : NO_HITS;
  const steps = looks.steps ? await stepHits(task) : null;
  const events = looks.events ? await eventHits(task) : null;
  return {
    deployment,
    query: text,
    window: windowJson(events?.window ?? steps?.window ?? asked),
    total: workers.length + notes.hits.length + (steps?.total ?? 0) + (events?.total ?? 0),
    before: near === null ? null : notes.before + (steps?.before ?? 0) + (events?.before ?? 0),
    hits: [...workers, ...notes.hits, ...(steps?.hits ?? []), ...(events?.hits ?? [])].slice(
      0,
      limit,
    ),
  };
}

interface SearchTask {
  readonly reader: TelemetryReader;
  readonly deployment: string;
  readonly query: SearchQuery;
  readonly window: TimeWindow;
  readonly limit: number;
  /** null: by time. */
  readonly near: UnixNanos | null;
  readonly maxEvents: number;
  readonly nowUnixNs: UnixNanos;
}

function looksFor({ numbers, names, durations, words }: SearchQuery): {
  readonly workers: boolean;
  readonly notes: boolean;
  readonly steps: boolean;
  readonly events: boolean;
} {
  const keys: readonly string[] = [...numbers.keys(), ...names.keys()];
  const isOnly = (...wanted: string[]): boolean =>
    durations.length === 0 && keys.every((key) => wanted.includes(key));
  const onlyWords = isOnly() && words.length > 0;
  const workers = onlyWords || (isOnly('worker', 'group') && words.length === 0);
  const steps = isOnly('step', 'domain') && words.length === 0;
  return { workers, notes: onlyWords, steps, events: onlyWords || (!workers && !steps) };
}

async function workerHits({ reader, deployment, query, window }: SearchTask): Promise<Hit[]> {
  const { names, words } = query;
  const all = await deploymentWorkers(reader, deployment, window);
  return all
    .filter(
      ({ workerId, group }) =>
        fitsNames(names.get('worker'), workerId) &&
        fitsNames(names.get('group'), group) &&
        words.every((word) => workerId.toLowerCase().includes(word)),
    )
    .map(({ workerId, role }) => ({
      ...NO_PLACE,
      kind: 'worker',
      label: `${workerId} (${role})`,
      workerId,
    }));
}

interface Hits {
  readonly hits: Hit[];
  /** Of all there are, those that start before `near`. */
  readonly before: number;
}

const NO_HITS: Hits = { hits: [], before: 0 };

/** What lies nearest first, where that is asked; and how much of it starts before. */
function byNearness<T extends { readonly startUnixNs: UnixNanos; readonly durationNs: number }>(
  items: readonly T[],
  near: UnixNanos | null,
): { readonly items: readonly T[]; readonly before: number } {
  if (near === null) return { items, before: 0 };
  const before = items.filter(({ startUnixNs }) => startUnixNs < near).length;
  return {
    items: items.toSorted((a, b) => distanceTo(near, a) - distanceTo(near, b)),
    before,
  };
}

async function noteHits(
  { deployment, query, window, near }: SearchTask,
  state: StateStore,
): Promise<Hits> {
  const { fromUnixNs, toUnixNs } = window;
  const notes = await state.annotations(deployment, fromUnixNs, toUnixNs);
  const fitting = notes
    .filter(({ text }) => query.words.every((word) => text.toLowerCase().includes(word)))
    .map(({ text, fromUnixNs: startUnixNs, toUnixNs: endUnixNs }) => ({
      text,
      startUnixNs,
      durationNs: Number(endUnixNs - startUnixNs),
    }));
  const { items, before } = byNearness(fitting, near);
  const hits = items.map(
    ({ text, startUnixNs, durationNs }): Hit => ({
      ...NO_PLACE,
      kind: 'annotation',
      label: text,
      startUnixNs: String(startUnixNs),
      durationNs,
    }),
  );
  return { hits, before };
}

async function stepHits(
  task: SearchTask,
): Promise<Hits & { readonly total: number; readonly window: TimeWindow }> {
  const { steps, window } = await stepsOf(task);
  const { items, before } = byNearness(steps, task.near);
  return {
    before,
    hits: items.slice(0, task.limit).map(({ domain, step, startUnixNs, durationNs }) => ({
      ...NO_PLACE,
      kind: 'step',
      label: domain === 0 ? `Step ${step}` : `Step ${step} of domain ${domain}`,
      domain,
      step,
      startUnixNs: String(startUnixNs),
      durationNs,
    })),
    total: steps.length,
    window,
  };
}

/** Those that the query names and that start in the window, by start. */
async function stepsOf({
  reader,
  deployment,
  query,
  window,
  nowUnixNs,
}: SearchTask): Promise<{ readonly steps: ListedStep[]; readonly window: TimeWindow }> {
  const clocks = await clocksOfWindow(reader, deployment, window, nowUnixNs);
  const longestNs = (await longestStepNs(reader, deployment, window)) ?? 10 * NS_PER_S;
  const found = await listSteps(reader, deployment, window, clocks, longestNs, MAX_STEP_COST);
  const { fromUnixNs, toUnixNs } = found.window;
  const steps = found.steps.filter(
    ({ domain, step, startUnixNs }) =>
      inRanges(query.numbers.get('step'), step) &&
      inRanges(query.numbers.get('domain'), domain) &&
      startUnixNs >= fromUnixNs &&
      startUnixNs < toUnixNs,
  );
  steps.sort((a, b) => Number(a.startUnixNs - b.startUnixNs) || a.domain - b.domain);
  return { steps, window: found.window };
}

async function eventHits(
  task: SearchTask,
): Promise<Hits & { readonly total: number; readonly window: TimeWindow }> {
  const { query, limit, near } = task;
  let { window } = task;
  if (query.numbers.has('step')) {
    // Steps are found without their events: what is read then is only where they lie.
    const { steps, window: looked } = await stepsOf(task);
    const first = steps[0];
    if (first === undefined) return { ...NO_HITS, total: 0, window: looked };
    const end = steps
      .map(({ startUnixNs, durationNs }) => addNanos(startUnixNs, durationNs + 1))
      .reduce(laterOf);
    const fromUnixNs = laterOf(window.fromUnixNs, first.startUnixNs);
    window = { fromUnixNs, toUnixNs: earlierOf(window.toUnixNs, end) };
  }
  const search = new EventSearch(query, limit, near);
  const looked = await searchNewest({ ...task, window }, search);
  const hits = search.finish().map(eventHit);
  return { hits, before: search.before, total: search.total, window: looked };
}

/** From the newest part of the window on, until so much was read as may be. What was looked at. */
async function searchNewest(task: SearchTask, search: EventSearch): Promise<TimeWindow> {
  const { reader, deployment, query, window, maxEvents, nowUnixNs } = task;
  const workers = await wantedWorkers(task);
  const { events } = await overviewOf(reader, deployment, window, workers);
  const wholeNs = lengthOf(window);
  let spanNs = Math.ceil(events > 0 ? (wholeNs * maxEvents) / events : FIRST_SPAN_NS);
  const columns = {
    measures: query.numbers.has('tokens') ? (['tokens'] as const) : [],
    lists: query.numbers.has('peer') ? (['peers'] as const) : [],
  };
  let end = window.toUnixNs;
  let read = 0;
  while (end > window.fromUnixNs) {
    const part = {
      fromUnixNs: laterOf(window.fromUnixNs, earlier(end, spanNs)),
      toUnixNs: end,
    };
    const clocks = await clocksOfWindow(reader, deployment, part, nowUnixNs);
    const before = read;
    const selection = { deployment, window: part, columns, ...(workers ? { workers } : {}) };
    for await (const table of alignedEvents(reader, selection, clocks)) {
      read += table.length;
      search.add(table, deployment, part);
    }
    end = part.fromUnixNs;
    if (read + (read - before) * 2 > maxEvents) break;
    spanNs = Math.min(2 * spanNs, 2 ** 52);
  }
  return { fromUnixNs: end, toUnixNs: window.toUnixNs };
}

const FIRST_SPAN_NS = 5 * NS_PER_S;

/** undefined: all, or it cannot be told which. */
async function wantedWorkers({
  reader,
  deployment,
  query,
  window,
}: SearchTask): Promise<readonly string[] | undefined> {
  const { names } = query;
  if (!names.has('worker') && !names.has('group')) return undefined;
  const all = await deploymentWorkers(reader, deployment, window);
  const ids = all
    .filter(
      ({ workerId, group }) =>
        fitsNames(names.get('worker'), workerId) && fitsNames(names.get('group'), group),
    )
    .map(({ workerId }) => workerId);
  return ids.length === 0 || ids.length === all.length ? undefined : ids;
}

function eventHit(event: FoundEvent): Hit {
  const { workerId, stage, kind, domain, step, layer, microbatch, startUnixNs, durationNs } = event;
  const place = [
    step < 0 ? '' : `step ${step}`,
    layer < 0 ? '' : `layer ${layer}`,
    microbatch < 0 ? '' : `micro-batch ${microbatch}`,
  ].filter((part) => part !== '');
  const what = stage === kind ? stage : `${stage} (${kind})`;
  return {
    kind: 'event',
    label: [`${workerId} ${what}`, ...place].join(', '),
    workerId,
    stage,
    domain,
    step: step < 0 ? null : step,
    layer: layer < 0 ? null : layer,
    microbatch: microbatch < 0 ? null : microbatch,
    startUnixNs: String(startUnixNs),
    durationNs,
  };
}

const NO_PLACE = {
  workerId: null,
  stage: null,
  domain: null,
  step: null,
  layer: null,
  microbatch: null,
  startUnixNs: null,
  durationNs: 0,
} as const;
