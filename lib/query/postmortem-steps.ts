/**
 * The worst steps of a window as pictures. Where the window holds too many events to be read, rollups
 * tell the seconds with the longest steps, and only those are.
 */
import { windowOf } from '#lib/analysis/build-report.ts';
import { CAUSES } from '#lib/analysis/causes.ts';
import type { Hang } from '#lib/analysis/hang-types.ts';
import { slowestStep, stepNumbered } from '#lib/analysis/step-path.ts';
import { type StepPicture, stepPicture } from '#lib/analysis/step-picture.ts';
import { addNanos, NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { alignEvents } from '#lib/model/align-events.ts';
import { assemble } from '#lib/model/assemble.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { endsInWindow, type WindowNs } from '#lib/model/select-window.ts';
import type { PicturedStep, SlowSteps } from '#lib/postmortem/facts.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { earlierOf, laterOf } from '#lib/table/instants.ts';
import { loadNewest, loadWindow } from './load-events.ts';
import { MAX_PICTURE_EVENTS } from './newest-events.ts';
import { overviewOf } from './overview.ts';

const MOST_TOLD = 5;
const MOST_PICTURED = 2;
const MOST_ROWS = 12;
/** Of the search in slow seconds, over all of them. */
const MOST_SEARCHED_EVENTS = 6_000_000;
const MARGIN_NS = 2 * NS_PER_S;

type Slowest = SlowSteps['slowest'][number];

export interface StepSearch {
  readonly reader: TelemetryReader;
  readonly deployment: string;
  readonly window: TimeWindow;
  readonly hangs: readonly Hang[];
  /** Worker ids that should be seen. */
  readonly wanted: readonly string[];
  /** That are assembled at a time. */
  readonly maxEvents: number;
}

export type FoundSteps = Omit<SlowSteps, 'usual' | 'usualOf'> & {
  /** Of the same seconds, where there is no better one; null: there is none. */
  readonly usualNearby: PicturedStep | null;
};

export async function slowSteps(search: StepSearch): Promise<FoundSteps> {
  const { reader, window } = search;
  const whole = await assembledOf(search, window, MARGIN_NS);
  if (whole === null) return inSlowestSeconds(search);
  const span = windowOf(whole, window);
  const rows = slowestRows(whole, span, MOST_TOLD);
  const hung = search.hangs
    .map(({ step, domain }) => stepNumbered(whole, step, domain))
    .filter((row) => row >= 0);
  const pictured = [...new Set([...hung.slice(0, 1), ...rows])].slice(0, MOST_PICTURED);
  const pictures = pictured.map((row) =>
    pictureOf(whole, row, hung.includes(row) ? 'hung' : 'slow', search.wanted),
  );
  const usual = usualRow(whole, span, pictured);
  return {
    slowest: rows.map((row) => slowestOf(whole, row)),
    from: 'all',
    pictured: pictures,
    usualNearby: usual < 0 ? null : pictureOf(whole, usual, 'usual', rowsOf(pictures, search)),
    missing: rows.length === 0 ? await whyNoStep(reader, window) : '',
  };
}

/** A step as long as most in the newest part of the window; null: no raw events of it are kept. */
export async function usualStep(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
  wanted: readonly string[],
): Promise<PicturedStep | null> {
  const newest = await loadNewest(reader, deployment, window, MAX_PICTURE_EVENTS / 2);
  const { tables } = alignEvents(newest.tables, deployment, newest.window);
  const assembled = assemble(tables, deployment);
  const row = usualRow(assembled, windowOf(assembled, newest.window), []);
  return row < 0 ? null : pictureOf(assembled, row, 'usual', wanted);
}

/** null: there are too many events. */
async function assembledOf(
  { reader, deployment, maxEvents }: StepSearch,
  window: TimeWindow,
  marginNs: number,
): Promise<Assembled | null> {
  const loaded = await loadWindow(reader, deployment, window, maxEvents, marginNs);
  if (!loaded.complete) return null;
  const { tables } = alignEvents(loaded.tables, deployment, window);
  return assemble(tables, deployment);
}

async function inSlowestSeconds(search: StepSearch): Promise<FoundSteps> {
  const { reader, deployment, window, wanted } = search;
  const seconds = await slowestSeconds(search);
  const found: { slowest: Slowest; picture: PicturedStep | null; usual: PicturedStep | null }[] =
    [];
  let searched = 0;
  for (const { startUnixNs, spanNs, longestNs } of seconds) {
    if (searched > MOST_SEARCHED_EVENTS) break;
    const second: TimeWindow = {
      fromUnixNs: laterOf(startUnixNs, window.fromUnixNs),
      toUnixNs: earlierOf(addNanos(startUnixNs, spanNs), window.toUnixNs),
    };
    const { events } = await overviewOf(reader, deployment, second);
    searched += events;
    const margin = Math.min(MARGIN_NS, 1.2 * longestNs);
    const best = await slowestInSlices(search, second, events, margin);
    if (best === null) continue;
    const isPictured = found.length < MOST_PICTURED;
    found.push({
      slowest: slowestOf(best.assembled, best.row),
      picture: isPictured ? pictureOf(best.assembled, best.row, 'slow', wanted) : null,
      usual: null,
    });
    if (found.length > 1) continue;
    const span = windowOf(best.assembled, second);
    const usual = usualRow(best.assembled, span, [best.row]);
    if (usual >= 0) found[0]!.usual = pictureOf(best.assembled, usual, 'usual', wanted);
  }
  found.sort((a, b) => b.slowest.durationNs - a.slowest.durationNs);
  return {
    slowest: found.map(({ slowest }) => slowest),
    from: 'slowest-seconds',
    pictured: found.flatMap(({ picture }) => (picture === null ? [] : [picture])),
    usualNearby: found.find(({ usual }) => usual !== null)?.usual ?? null,
    missing: found.length === 0 ? await whyNoStep(reader, window) : '',
  };
}

interface SlowSecond {
  readonly startUnixNs: UnixNanos;
  readonly spanNs: number;
  readonly longestNs: number;
}

/** Of those whose raw events are kept. */
async function slowestSeconds({ reader, deployment, window }: StepSearch): Promise<SlowSecond[]> {
  const { oldestRawUnixNs } = await reader.size();
  if (oldestRawUnixNs === null) return [];
  const kept = {
    fromUnixNs: laterOf(window.fromUnixNs, oldestRawUnixNs),
    toUnixNs: window.toUnixNs,
  };
  if (kept.fromUnixNs >= kept.toUnixNs) return [];
  const seconds: SlowSecond[] = [];
  const selection = { kind: 'partition', deployment, window: kept } as const;
  for (const part of await reader.rollupParts({
    ...selection,
    finestNs: NS_PER_S,
    coarsestNs: NS_PER_S,
  })) {
    for (const row of await reader.deploymentRollups({ deployment, ...part })) {
      if (row.steps === 0) continue;
      seconds.push({
        startUnixNs: row.bucketStartUnixNs,
        spanNs: row.resolutionNs,
        longestNs: row.stepLatencyMaxNs,
      });
    }
  }
  return seconds
    .sort((a, b) => b.longestNs - a.longestNs || (a.startUnixNs < b.startUnixNs ? -1 : 1))
    .slice(0, MOST_TOLD);
}

/** In as many parts as the events need; one assembly is held at a time, and the best one. */
async function slowestInSlices(
  search: StepSearch,
  window: TimeWindow,
  events: number,
  marginNs: number,
): Promise<{ readonly assembled: Assembled; readonly row: number } | null> {
  const slices = Math.min(16, Math.max(1, Math.ceil(events / (search.maxEvents / 2))));
  const sliceNs = (window.toUnixNs - window.fromUnixNs) / BigInt(slices);
  let best: { assembled: Assembled; row: number; durationNs: number } | null = null;
  for (let i = 0; i < slices; i++) {
    const fromUnixNs = unixNanos(window.fromUnixNs + BigInt(i) * sliceNs);
    const toUnixNs = i + 1 === slices ? window.toUnixNs : unixNanos(fromUnixNs + sliceNs);
    const slice = { fromUnixNs, toUnixNs };
    const assembled = await assembledOf(search, slice, marginNs);
    if (assembled === null) continue;
    const row = slowestStep(assembled, windowOf(assembled, slice));
    if (row < 0) continue;
    const { durationNs } = slowestOf(assembled, row);
    if (best === null || durationNs > best.durationNs) best = { assembled, row, durationNs };
  }
  return best;
}

async function whyNoStep(reader: TelemetryReader, window: TimeWindow): Promise<string> {
  const { oldestRawUnixNs } = await reader.size();
  return oldestRawUnixNs === null || oldestRawUnixNs >= window.toUnixNs
    ? 'Raw events of the window are no longer kept: no step can be drawn.'
    : 'No step ended in the window.';
}

/** The longest steps that end in the window, the longest first. */
function slowestRows(assembled: Assembled, span: WindowNs, most: number): number[] {
  const { steps } = assembled;
  return stepsIn(assembled, span)
    .sort(
      (a, b) =>
        lengthNs(assembled, b) - lengthNs(assembled, a) || steps.startNs[a]! - steps.startNs[b]!,
    )
    .slice(0, most);
}

/** The step of median length, the earliest of equals, not one of `others`; -1: there is none. */
function usualRow(assembled: Assembled, span: WindowNs, others: readonly number[]): number {
  const rows = stepsIn(assembled, span).sort(
    (a, b) => lengthNs(assembled, a) - lengthNs(assembled, b) || a - b,
  );
  const middle = rows[(rows.length - 1) >> 1] ?? -1;
  return others.includes(middle) ? -1 : middle;
}

function stepsIn({ steps }: Assembled, span: WindowNs): number[] {
  return Array.from({ length: steps.length }, (_, row) => row).filter((row) =>
    endsInWindow(steps.startNs[row]!, steps.endNs[row]!, span),
  );
}

function lengthNs({ steps }: Assembled, row: number): number {
  return steps.endNs[row]! - steps.startNs[row]!;
}

function slowestOf(assembled: Assembled, row: number): Slowest {
  const { steps, events } = assembled;
  return {
    domain: steps.domain[row]!,
    step: steps.step[row]!,
    startUnixNs: String(addNanos(events.baseUnixNs, steps.startNs[row]!)),
    durationNs: lengthNs(assembled, row),
  };
}

/** The same workers as in the pictures that a usual step stands under. */
function rowsOf(pictures: readonly PicturedStep[], { wanted }: StepSearch): readonly string[] {
  return pictures[0]?.rows.map(({ workerId }) => workerId) ?? wanted;
}

function pictureOf(
  assembled: Assembled,
  row: number,
  why: PicturedStep['why'],
  wanted: readonly string[],
): PicturedStep {
  const picture = stepPicture(assembled, row, { maxRows: MOST_ROWS, wanted });
  return { why, ...slowestOf(assembled, row), ...columnsOf(picture) };
}

function columnsOf({
  boxes,
  waits,
  path,
}: StepPicture): Pick<PicturedStep, 'rows' | 'hiddenWorkers' | 'boxes' | 'waits' | 'path'> {
  return {
    rows: boxes.rows,
    hiddenWorkers: boxes.hiddenWorkers,
    boxes: {
      row: boxes.row,
      startNs: boxes.startNs,
      durationNs: boxes.boxDurationNs,
      stage: boxes.stage.map((stage) => boxes.stages[stage]!),
      kind: boxes.boxKind.map((kind) => boxes.kinds[kind]!),
      layer: boxes.layer,
    },
    waits: {
      row: waits.row,
      startNs: waits.startNs,
      durationNs: waits.durationNs,
      cause: waits.cause.map((cause) => CAUSES[cause]!),
    },
    path,
  };
}
