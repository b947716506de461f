/** The critical path of one step, and the slack of its events, as columns for a picture. */
import { addNanos, type UnixNanos } from '#lib/base/units.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { endsInWindow, type WindowNs } from '#lib/model/select-window.ts';
import { type WorkerInfo, workerId } from '#lib/table/worker-info.ts';
import { CriticalPaths } from './critical-path.ts';
import { GAP_STAGE } from './critical-path-report.ts';
import { dependencyGraph, slackOf } from './dependency-graph.ts';
import { type DependencyIndex, indexDependencies } from './dependency-index.ts';

/** Parallel columns; times count from the step's start. */
export interface EventColumns {
  /** Index into `workers`. */
  readonly worker: number[];
  readonly startNs: number[];
  readonly durationNs: number[];
  /** Index into `stages`. */
  readonly stage: number[];
  readonly layer: number[];
  readonly microbatch: number[];
}

export interface StepPath {
  readonly domain: number;
  readonly step: number;
  readonly startUnixNs: UnixNanos;
  readonly durationNs: number;
  readonly workers: readonly (Pick<WorkerInfo, 'group' | 'role' | 'rank'> & {
    readonly workerId: string;
  })[];
  readonly stages: readonly string[];
  readonly path: EventColumns & {
    /** Place in `PATH_KINDS`. */
    readonly kind: number[];
  };
  readonly events: EventColumns & { readonly slackNs: number[] };
  /** Those with the most slack, which are left out. */
  readonly hiddenEvents: number;
}

/** Of the steps that end in the window, the one that took longest, the first of equals; -1: none. */
export function slowestStep({ steps }: Assembled, window: WindowNs, domain?: number): number {
  let slowest = -1;
  let longestNs = Number.NEGATIVE_INFINITY;
  for (let step = 0; step < steps.length; step++) {
    const startNs = steps.startNs[step]!;
    const endNs = steps.endNs[step]!;
    if (domain !== undefined && steps.domain[step] !== domain) continue;
    if (endNs - startNs <= longestNs || !endsInWindow(startNs, endNs, window)) continue;
    slowest = step;
    longestNs = endNs - startNs;
  }
  return slowest;
}

/** The step with this number, the newest where it came back; of any domain where none is given. */
export function stepNumbered({ steps }: Assembled, number: number, domain?: number): number {
  let found = -1;
  for (let step = 0; step < steps.length; step++) {
    if (steps.step[step] !== number) continue;
    if (domain !== undefined && steps.domain[step] !== domain) continue;
    if (found < 0 || steps.startNs[step]! > steps.startNs[found]!) found = step;
  }
  return found;
}

/** `step`: row of the step table. */
export function stepPath(assembled: Assembled, step: number, maxEvents: number): StepPath {
  const { events, steps } = assembled;
  const index = indexDependencies(assembled);
  const numberOf = new Map<number, number>();
  const workerOf = (worker: number): number => {
    const known = numberOf.get(worker);
    if (known !== undefined) return known;
    numberOf.set(worker, numberOf.size);
    return numberOf.size - 1;
  };
  const path = pathColumns(index, step, workerOf);
  const { columns, hidden } = slackColumns(index, step, maxEvents, workerOf);
  return {
    domain: steps.domain[step]!,
    step: steps.step[step]!,
    startUnixNs: addNanos(events.baseUnixNs, steps.startNs[step]!),
    durationNs: steps.endNs[step]! - steps.startNs[step]!,
    workers: [...numberOf.keys()].map((w) => {
      const info = events.workers[w]!;
      const { group, role, rank } = info;
      return { workerId: workerId(info), group, role, rank };
    }),
    stages: [...events.stageNames, GAP_STAGE],
    path,
    events: columns,
    hiddenEvents: hidden,
  };
}

function pathColumns(
  index: DependencyIndex,
  step: number,
  workerOf: (worker: number) => number,
): StepPath['path'] {
  const { events, steps } = index.assembled;
  const originNs = steps.startNs[step]!;
  const path = { ...emptyColumns(), kind: [] as number[] };
  new CriticalPaths(index).walk(step, (startNs, endNs, worker, stage, layer, microbatch, kind) => {
    path.worker.push(workerOf(worker));
    path.startNs.push(startNs - originNs);
    path.durationNs.push(endNs - startNs);
    path.stage.push(stage < 0 ? events.stageNames.length : stage);
    path.layer.push(layer);
    path.microbatch.push(microbatch);
    path.kind.push(kind);
  });
  for (const column of Object.values(path)) column.reverse();
  return path;
}

function slackColumns(
  index: DependencyIndex,
  step: number,
  maxEvents: number,
  workerOf: (worker: number) => number,
): { columns: StepPath['events']; hidden: number } {
  const { events, steps, receives, keys } = index.assembled;
  const originNs = steps.startNs[step]!;
  const graph = dependencyGraph(index, step);
  const slackNs = slackOf(graph, steps.endNs[step]!);
  let shown = Array.from(graph.isOwn.keys()).filter((i) => graph.isOwn[i] === 1);
  const hidden = Math.max(0, shown.length - maxEvents);
  if (hidden > 0) {
    shown.sort((a, b) => slackNs[a]! - slackNs[b]! || a - b);
    shown = shown.slice(0, maxEvents);
  }
  shown.sort(
    (a, b) =>
      graph.worker[a]! - graph.worker[b]! ||
      graph.startNs[a]! - graph.startNs[b]! ||
      graph.node[a]! - graph.node[b]!,
  );
  const columns = { ...emptyColumns(), slackNs: [] as number[] };
  for (const i of shown) {
    const node = graph.node[i]!;
    const r = node - events.length;
    const key = r < 0 ? -1 : receives.key[r]!;
    columns.worker.push(workerOf(graph.worker[i]!));
    columns.startNs.push(graph.startNs[i]! - originNs);
    columns.durationNs.push(graph.endNs[i]! - graph.startNs[i]!);
    columns.stage.push(r < 0 ? events.stage[node]! : receives.stage[r]!);
    columns.layer.push(r < 0 ? events.layer[node]! : keys.layer[key]!);
    columns.microbatch.push(r < 0 ? events.microbatch[node]! : keys.microbatch[key]!);
    columns.slackNs.push(slackNs[i]!);
  }
  return { columns, hidden };
}

function emptyColumns(): EventColumns {
  return { worker: [], startNs: [], durationNs: [], stage: [], layer: [], microbatch: [] };
}
