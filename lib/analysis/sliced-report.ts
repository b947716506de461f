/**
 * The report of a long window in slices of whole steps: the same figures to the nanosecond, in
 * memory and caches for one slice at a time. Slices of one window may be worked on by several
 * threads.
 *
 *     steps     ├──0──┤├──1──┤├──2──┤├──3──┤├──4──┤
 *     slices    |           |             |         |     edges lie just before a step starts
 *     slice 1            needs 1, 2, 3, and, as their neighbours, 0 and 4
 */
import { lowerBound, upperBound } from '#lib/base/bisect.ts';
import { ReusedRoom } from '#lib/base/column-room.ts';
import { addNanos, nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import { assembleRows } from '#lib/model/assemble.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import type { WindowNs } from '#lib/model/select-window.ts';
import type { SmallestTransfers } from '#lib/model/smallest-transfers.ts';
import {
  rowsOfSteps,
  type StepSurvey,
  stepsOverlapping,
  surveySteps,
  withNeighbours,
} from '#lib/model/step-survey.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { finishReport, type ReportQuality, type ReportWindow } from './finish-report.ts';
import { keyTimes } from './key-times.ts';
import type { LoadModel } from './load-model.ts';
import {
  endsInRange,
  isEnough,
  type LoadSums,
  loadSums,
  mergeLoadSums,
  type StepRange,
  shiftRange,
  stepRank,
} from './load-sums.ts';
import { isStale, type ReportPart, reportPart, sharedFacts } from './report-part.ts';
import type { Report } from './report-types.ts';
import type { SideSteps } from './seam.ts';
import type { SharedFacts } from './slice.ts';

/** Slices of about so many events; a slice works on a few steps more, its neighbours. */
export const SLICE_EVENTS = 400_000;

/** Steps assembled at once for the load model: mostly, more than are needed. */
const LOAD_STEPS_AT_ONCE = 8;

/** No event overlaps it. */
const NO_TIME: WindowNs = { fromNs: Number.POSITIVE_INFINITY, toNs: Number.NEGATIVE_INFINITY };

/** A part of the report's window; an absent end is the report's own. */
export type PartOfWindow = Partial<ReportWindow>;

export class SlicedWindow {
  readonly #survey: StepSurvey;
  readonly #deployment: string;
  readonly #whole: WindowNs;
  /** 1: a step of the report, as one that overlaps its window or as the neighbour of one. */
  readonly #selected: Uint8Array;
  readonly #edgesNs: readonly number[];
  readonly #isFirst: boolean;
  readonly #isLast: boolean;
  readonly #room = new ReusedRoom();
  #loadModel: LoadModel | null = null;

  private constructor(
    survey: StepSurvey,
    deployment: string,
    whole: WindowNs,
    overlapping: Uint8Array,
    edgesNs: readonly number[],
    own: PartOfWindow,
  ) {
    this.#survey = survey;
    this.#deployment = deployment;
    this.#whole = whole;
    this.#selected = withNeighbours(survey, (step) => overlapping[step] === 1);
    this.#edgesNs = edgesNs;
    this.#isFirst = own.fromUnixNs === undefined;
    this.#isLast = own.toUnixNs === undefined;
  }

  /**
   * `window`: the report's; an absent end is the first start or the last end of the events. `own`:
   * the part of it to work on. The tables hold all steps that touch it, and their neighbours, whole.
   * null: cannot be cut into slices without changing figures (steps that restart, times months
   * apart, a pause as long as a slice).
   */
  static of(
    tables: readonly EventTable[],
    deployment: string,
    window: PartOfWindow,
    own: PartOfWindow,
    sliceEvents = SLICE_EVENTS,
  ): SlicedWindow | null {
    const survey = surveySteps(tables, deployment);
    if (survey === null || survey.tables.length === 0) return null;
    const offset = (instant: UnixNanos): number => nanosBetween(survey.baseUnixNs, instant);
    const { fromUnixNs, toUnixNs } = window;
    const whole = {
      fromNs: fromUnixNs === undefined ? survey.firstStartNs : offset(fromUnixNs),
      toNs: toUnixNs === undefined ? survey.lastEndNs : offset(toUnixNs),
    };
    // Half a nanosecond before, so that no event starts or ends on the edge.
    const fromNs = own.fromUnixNs === undefined ? whole.fromNs : offset(own.fromUnixNs) - 0.5;
    const toNs = own.toUnixNs === undefined ? whole.toNs : offset(own.toUnixNs) - 0.5;
    if (!(fromNs < toNs)) return null;
    const overlapping = stepsOverlapping(survey, whole);
    const edgesNs = planEdges(survey, overlapping, fromNs, toNs, sliceEvents);
    if (edgesNs === null) return null;
    return new SlicedWindow(survey, deployment, whole, overlapping, edgesNs, own);
  }

  /** The report's window. Where an end was absent, it is that of the tables' events. */
  get window(): ReportWindow {
    const { baseUnixNs } = this.#survey;
    return {
      fromUnixNs: addNanos(baseUnixNs, this.#whole.fromNs),
      toUnixNs: addNanos(baseUnixNs, this.#whole.toNs),
    };
  }

  /** What the other side of `seamUnixNs` has to agree with (seam.ts). */
  stepsAround(seamUnixNs: UnixNanos): SideSteps {
    const { baseUnixNs, domain, step, startNs, endNs } = this.#survey;
    const shiftNs = nanosBetween(seamUnixNs, baseUnixNs);
    return {
      domain: Float64Array.from(domain),
      step: Float64Array.from(step),
      startNs: Float64Array.from(startNs, (ns) => ns + shiftNs),
      endNs: Float64Array.from(endNs, (ns) => ns + shiftNs),
      used: this.#stepsOf(this.#edgesNs[0]!, this.#edgesNs[this.length]!),
    };
  }

  get length(): number {
    return this.#edgesNs.length - 1;
  }

  /** What the window's steps tell of the load model; all parts of the window together make it. */
  loadSums(): LoadSums {
    const { startNs, endNs, domain, step, length } = this.#survey;
    const range = { ...this.#own(0, this.length - 1), whole: this.#whole };
    const candidates = Array.from(startNs.keys())
      .filter((s) => this.#selected[s] === 1 && endsInRange(startNs[s]!, endNs[s]!, range))
      .sort(
        (a, b) =>
          stepRank(step[a]!) - stepRank(step[b]!) || domain[a]! - domain[b]! || step[a]! - step[b]!,
      );
    let sums: LoadSums = [];
    for (let i = 0; i < candidates.length && !isEnough(sums); i += LOAD_STEPS_AT_ONCE) {
      const chosen = new Uint8Array(length);
      for (const s of candidates.slice(i, i + LOAD_STEPS_AT_ONCE)) chosen[s] = 1;
      const { assembled, shiftNs } = this.#assemble(chosen, NO_TIME, null);
      const more = loadSums(assembled, keyTimes(assembled), shiftRange(range, shiftNs));
      sums = mergeLoadSums([sums, more]);
    }
    return sums;
  }

  /** Parts made from now on split excess by it. */
  setLoadModel(model: LoadModel): void {
    this.#loadModel = model;
  }

  part(slice: number, known: SharedFacts | null): ReportPart {
    const fromNs = this.#edgesNs[slice]!;
    const toNs = this.#edgesNs[slice + 1]!;
    const extent = this.#extentOf(fromNs, toNs);
    const { assembled, shiftNs } = this.#assemble(
      this.#stepsOf(fromNs, toNs),
      {
        fromNs: Math.max(extent.fromNs, Math.min(fromNs, this.#whole.fromNs)),
        toNs: Math.min(extent.toNs, Math.max(toNs, this.#whole.toNs)),
      },
      known?.smallestTransfers ?? null,
    );
    const range = { ...this.#own(slice, slice), whole: this.#whole };
    return reportPart(assembled, {
      window: { fromNs: fromNs + shiftNs, toNs: toNs + shiftNs },
      ...shiftRange(range, shiftNs),
      known,
      loadModel: this.#loadModel,
    });
  }

  /** Times that belong to slices `first` to `last`. */
  #own(first: number, last: number): Omit<StepRange, 'whole'> {
    const isFirst = first === 0 && this.#isFirst;
    const isLast = last === this.length - 1 && this.#isLast;
    return {
      ownFromNs: isFirst ? Number.NEGATIVE_INFINITY : this.#edgesNs[first]!,
      ownToNs: isLast ? Number.POSITIVE_INFINITY : this.#edgesNs[last + 1]!,
    };
  }

  /** The chosen steps, and events without a step that overlap `window`; good until the next call. */
  #assemble(
    chosen: Uint8Array,
    window: WindowNs,
    transfers: SmallestTransfers | null,
  ): { readonly assembled: Assembled; readonly shiftNs: number } {
    const { tables, filters } = rowsOfSteps(this.#survey, chosen, window);
    this.#room.empty();
    const assembled = assembleRows(tables, filters, this.#deployment, transfers, this.#room);
    const { events } = assembled;
    const shiftNs =
      events.length === 0 ? 0 : nanosBetween(events.baseUnixNs, this.#survey.baseUnixNs);
    return { assembled, shiftNs };
  }

  parts(): ReportPart[] {
    return Array.from({ length: this.length }, (_, slice) => this.part(slice, null));
  }

  /**
   * Steps of the report that touch the slice, their neighbours, and those that overlap a step that
   * touches it: its critical path may lead through them, and its waits may be because of them.
   */
  #stepsOf(fromNs: number, toNs: number): Uint8Array {
    const { length, startNs, endNs } = this.#survey;
    const selected = this.#selected;
    let firstNs = fromNs;
    for (let step = 0; step < length; step++) {
      if (selected[step] === 0 || endNs[step]! < fromNs || endNs[step]! > toNs) continue;
      firstNs = Math.min(firstNs, startNs[step]!);
    }
    const chosen = withNeighbours(
      this.#survey,
      (step) => selected[step] === 1 && startNs[step]! <= toNs && endNs[step]! >= firstNs,
    );
    const extent = this.#extentOf(fromNs, toNs);
    for (let step = 0; step < length; step++) {
      if (startNs[step]! <= extent.toNs && endNs[step]! >= extent.fromNs) chosen[step] = 1;
    }
    return chosen.map((one, step) => one & selected[step]!);
  }

  /**
   * From the first start to the last end of the steps that touch the slice: why one waits in the slice
   * depends on what others, in steps of other domains too, do anywhere in the step.
   */
  #extentOf(fromNs: number, toNs: number): WindowNs {
    const { length, startNs, endNs } = this.#survey;
    const extent = { fromNs, toNs };
    for (let step = 0; step < length; step++) {
      if (this.#selected[step] === 0 || startNs[step]! > toNs || endNs[step]! < fromNs) continue;
      extent.fromNs = Math.min(extent.fromNs, startNs[step]!);
      extent.toNs = Math.max(extent.toNs, endNs[step]!);
    }
    return extent;
  }
}

/**
 * Edges before starts of steps. A pause between two steps is seen only from slices with one of them,
 * so no two edges may lie in the same pause; null where the window's own ends do.
 */
function planEdges(
  survey: StepSurvey,
  overlapping: Uint8Array,
  fromNs: number,
  toNs: number,
  sliceEvents: number,
): number[] | null {
  const { startNs, endNs, rows, next } = survey;
  const byStart = Array.from(startNs.keys()).filter((step) => overlapping[step] === 1);
  byStart.sort((a, b) => startNs[a]! - startNs[b]!);
  const edges: number[] = [];
  let events = 0;
  for (const step of byStart) {
    const edge = startNs[step]! - 0.5;
    if (edge <= fromNs) continue;
    if (edge >= toNs) break;
    if (events >= sliceEvents) {
      edges.push(edge);
      events = 0;
    }
    events += rows[step]!;
  }
  const dropped = new Set<number>();
  for (let step = 0; step < next.length; step++) {
    if (next[step]! < 0) continue;
    const pauseNs = endNs[step]!;
    const pauseEndNs = startNs[next[step]!]!;
    const endsInside =
      Number(pauseNs <= fromNs && fromNs <= pauseEndNs) +
      Number(pauseNs <= toNs && toNs <= pauseEndNs);
    if (endsInside === 2) return null;
    const first = lowerBound(edges, pauseNs) + 1 - endsInside;
    const last = upperBound(edges, pauseEndNs);
    for (let edge = first; edge < last; edge++) dropped.add(edges[edge]!);
  }
  return [fromNs, ...edges.filter((edge) => !dropped.has(edge)), toNs];
}

/**
 * The report of parts that make up `window`; those that `again` makes anew, with what all of them
 * tell, where that changes them. null: a worker changed its role between parts, and only events
 * that are assembled together tell what then counts.
 */
export async function joinParts(
  parts: readonly ReportPart[],
  again: (part: number, known: SharedFacts) => ReportPart | Promise<ReportPart>,
  deployment: string,
  window: ReportWindow,
  quality: ReportQuality,
): Promise<Report | null> {
  if (!rolesAgree(parts)) return null;
  const shared = sharedFacts(parts);
  const settled: ReportPart[] = [];
  for (let p = 0; p < parts.length; p++) {
    const part = parts[p]!;
    settled.push(isStale(part, shared) ? await again(p, shared) : part);
  }
  return finishReport(settled, deployment, window, quality);
}

function rolesAgree(parts: readonly ReportPart[]): boolean {
  const roles = new Map<string, string>();
  for (const { workers } of parts) {
    for (const { info } of workers) {
      const id = workerId(info);
      if ((roles.get(id) ?? info.role) !== info.role) return false;
      roles.set(id, info.role);
    }
  }
  return true;
}
