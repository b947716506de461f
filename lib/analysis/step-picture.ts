/**
 * One step as a picture for a report: boxes of the workers that tell most, why they waited, and the
 * way of the critical path over them.
 *
 *     attention/5  [attention][gate]////////////[combine]     // wait, by cause
 *     ffn/2        ////////////[expert      ]
 *     path         ────────────┐            ┌──────────       from row to row
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { causeSegments } from './cause-segments.ts';
import { CriticalPaths } from './critical-path.ts';
import { indexDependencies } from './dependency-index.ts';
import { type StepBoxes, stepBoxes, workersOfStep } from './newest-step.ts';

export interface StepPicture {
  /** Its `durationNs` is the step's latency: no layer is cut off. */
  readonly boxes: StepBoxes;
  /** Waiting of the rows, disjoint in each, by row, then start. `cause`: place in `CAUSES`. */
  readonly waits: StepSegments & { readonly cause: readonly number[] };
  /** By start, without holes. `row` is -1 on workers without one; `layer` -1 where there is none. */
  readonly path: StepSegments & { readonly layer: readonly number[] };
}

/** Parallel columns; times count from the step's start. */
export interface StepSegments {
  readonly row: readonly number[];
  readonly startNs: readonly number[];
  readonly durationNs: readonly number[];
}

export interface StepPictureOptions {
  readonly maxRows: number;
  /** Worker ids that get a row before others do. */
  readonly wanted?: readonly string[];
}

/** Rows that a role gets at least, as a share of all: a wait is seen beside what is waited for. */
const ROLE_SHARE = 0.25;

/**
 * `step`: row of the step table. Rows go to the wanted workers, then to those with most of the
 * critical path, then to the lowest ranks; every role has some.
 */
export function stepPicture(
  assembled: Assembled,
  step: number,
  options: StepPictureOptions,
): StepPicture {
  const path = pathOf(assembled, step);
  const workers = chooseRows(assembled, step, path, options);
  const boxes = stepBoxes(assembled, step, { maxBoxes: Number.POSITIVE_INFINITY, workers });
  const rowOf = new Map(workers.map((worker, row) => [worker, row]));
  return {
    boxes,
    waits: waitsOf(assembled, step, workers),
    path: {
      row: path.map(({ worker }) => rowOf.get(worker) ?? -1),
      startNs: path.map(({ startNs }) => startNs),
      durationNs: path.map(({ durationNs }) => durationNs),
      layer: path.map(({ layer }) => layer),
    },
  };
}

interface PathSegment {
  readonly worker: number;
  readonly startNs: number;
  readonly durationNs: number;
  readonly layer: number;
}

function pathOf(assembled: Assembled, step: number): PathSegment[] {
  const originNs = assembled.steps.startNs[step]!;
  const segments: PathSegment[] = [];
  new CriticalPaths(indexDependencies(assembled)).walk(
    step,
    (startNs, endNs, worker, _stage, layer) => {
      segments.push({ worker, startNs: startNs - originNs, durationNs: endNs - startNs, layer });
    },
  );
  return segments.reverse();
}

/** Ascending indices into `events.workers`. */
function chooseRows(
  assembled: Assembled,
  step: number,
  path: readonly PathSegment[],
  { maxRows, wanted = [] }: StepPictureOptions,
): number[] {
  const { workers } = assembled.events;
  const present = workersOfStep(assembled, step);
  if (present.length <= maxRows) return present;
  const pathNs = new Map<number, number>();
  for (const { worker, durationNs } of path) {
    pathNs.set(worker, (pathNs.get(worker) ?? 0) + durationNs);
  }
  const rank = (worker: number): number => {
    const place = wanted.indexOf(workerId(workers[worker]!));
    return place < 0 ? wanted.length : place;
  };
  const ranked = [...present].sort(
    (a, b) => rank(a) - rank(b) || (pathNs.get(b) ?? 0) - (pathNs.get(a) ?? 0) || a - b,
  );
  const byRole = Map.groupBy(ranked, (worker) => workers[worker]!.role);
  const least = Math.max(1, Math.floor(maxRows * ROLE_SHARE));
  const chosen = new Set([...byRole.values()].flatMap((own) => own.slice(0, least)));
  for (const worker of ranked) {
    if (chosen.size >= maxRows) break;
    chosen.add(worker);
  }
  return [...chosen].sort((a, b) => a - b);
}

function waitsOf(
  assembled: Assembled,
  step: number,
  workers: readonly number[],
): StepPicture['waits'] {
  const fromNs = assembled.steps.startNs[step]!;
  const window = { fromNs, toNs: assembled.steps.endNs[step]! };
  const waits = {
    row: [] as number[],
    startNs: [] as number[],
    durationNs: [] as number[],
    cause: [] as number[],
  };
  causeSegments(assembled, window, workers).forEach((segments, row) => {
    segments.startNs.forEach((startNs, i) => {
      waits.row.push(row);
      waits.startNs.push(startNs - fromNs);
      waits.durationNs.push(segments.endNs[i]! - startNs);
      waits.cause.push(segments.cause[i]!);
    });
  });
  return waits;
}
