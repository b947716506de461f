/**
 * The heat map of a window with too many events to assemble, from sums by stage and layer (README,
 * Definitions, "From rollups"): compute per layer is exact, the bubble of a worker is exact as a whole
 * and spread over its layers by the time of their receives.
 */
import type { Heatmap } from '#lib/api/live-event.ts';
import { addNanos, NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { ROLLUP_LEVELS_NS } from '#lib/store/rollup-levels.ts';
import type { RollupPart, TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { earlierOf, laterOf } from '#lib/table/instants.ts';
import { compareWorkers } from '#lib/table/worker-info.ts';
import { earlier } from './window.ts';
import { LayerSlots, WorkerLayers } from './worker-layers.ts';

/** Rows that are read for one picture, about 70 ms of work. */
const MAX_ROWS = 2500;

export interface RolledHeatmap {
  readonly heatmap: Heatmap;
  /** Whole buckets. */
  readonly window: TimeWindow;
  /** Older buckets of the window were left out: with so many workers, all are too many rows. */
  readonly isPart: boolean;
}

/** null: no compute event of the window has a layer. The window is widened to whole buckets. */
export async function rollupHeatmap(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
  workerCount: number,
): Promise<RolledHeatmap | null> {
  const closed = await closedPart(reader, deployment, window);
  const { parts, finestNs, isPart } = await boundedParts(reader, deployment, closed, workerCount);
  const slots = new LayerSlots();
  const workers = new Map<string, WorkerLayers>();
  for (const part of parts) {
    const rows = await reader.stageRollups({ deployment, ...part, sketches: false });
    for (const row of rows) {
      const known = workers.get(row.workerId) ?? new WorkerLayers(row, slots);
      workers.set(row.workerId, known);
      known.add(row.cells);
    }
  }
  const shown = {
    fromUnixNs: parts[0]?.window.fromUnixNs ?? window.fromUnixNs,
    toUnixNs: parts.at(-1)?.window.toUnixNs ?? window.toUnixNs,
  };
  const ordered = [...workers.values()].sort(compareWorkers);
  const events = ordered.reduce((sum, worker) => sum + worker.events, 0);
  // What is left of a window may be shorter than the buckets that were tried.
  const edgeNs = Math.min(finestNs, parts[0]?.resolutionNs ?? finestNs);
  const partition = await partitionOf(reader, deployment, shown, edgeNs, events);
  const { bubbleNs } = partition;
  // Sums by stage come first: until bubbles are known, steps are taken to be as large as ever.
  const steps = partition.steps || (await likelySteps(reader, deployment, events));
  const shownSlots = computedSlots(ordered, slots);
  if (shownSlots.length === 0 || steps === 0) return null;
  const most = ordered.reduce((max, worker) => Math.max(max, worker.keys()), 0);
  // Some worker takes part in every step, so the most keys of a layer are its micro-batches.
  const microbatches = Math.max(1, Math.round(most / steps));
  const cells: Cells = { bubbleNs: [], durationNs: [], waitNs: [] };
  for (const worker of ordered) {
    addCells(cells, worker, shownSlots, microbatches, bubbleNs.get(worker.workerId));
  }
  return {
    window: shown,
    isPart,
    heatmap: {
      kind: 'heatmap',
      deployment,
      steps,
      workers: ordered.map(({ workerId, group, role, rank }) => ({ workerId, group, role, rank })),
      layers: shownSlots.map((slot) => slots.layers[slot]!),
      ...cells,
    },
  };
}

type Cells = Pick<Heatmap, 'bubbleNs' | 'durationNs' | 'waitNs'>;

/** The worker's row of the picture. `wholeNs`: its bubble; undefined: not known. */
function addCells(
  cells: Cells,
  worker: WorkerLayers,
  slots: readonly number[],
  microbatches: number,
  wholeNs: number | undefined,
): void {
  const own = worker.keys() / microbatches;
  const receivesNs = worker.receivesNs();
  for (const slot of slots) {
    if (!worker.hasCompute(slot)) {
      cells.bubbleNs.push(null);
      cells.durationNs.push(null);
      cells.waitNs.push(null);
      continue;
    }
    const receiveNs = worker.receiveNs[slot]!;
    const share = receivesNs > 0 ? receiveNs / receivesNs : null;
    cells.bubbleNs.push(wholeNs === undefined || share === null ? null : (wholeNs * share) / own);
    cells.durationNs.push(worker.computeNs[slot]! / own);
    cells.waitNs.push(receiveNs / own);
  }
}

/** How far back the newest bucket with steps is looked for. */
const CLOSED_WITHIN_NS = 120 * NS_PER_S;

/**
 * The window without its newest seconds where their steps are not counted yet: bubbles of a worker
 * come later than its sums by stage. The whole window where none are counted.
 */
async function closedPart(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
): Promise<TimeWindow> {
  const fromUnixNs = laterOf(window.fromUnixNs, earlier(window.toUnixNs, CLOSED_WITHIN_NS));
  const newest = { fromUnixNs, toUnixNs: window.toUnixNs };
  for (const resolutionNs of ROLLUP_LEVELS_NS) {
    const rows = await reader.deploymentRollups({ deployment, window: newest, resolutionNs });
    const last = rows.findLast(({ steps }) => steps > 0);
    if (last === undefined) continue;
    const end = addNanos(last.bucketStartUnixNs, resolutionNs);
    return { fromUnixNs: window.fromUnixNs, toUnixNs: earlierOf(window.toUnixNs, end) };
  }
  return window;
}

/** Steps that have so many events, at the deployment's mean since it was first seen. */
async function likelySteps(
  reader: TelemetryReader,
  deployment: string,
  events: number,
): Promise<number> {
  const seen = (await reader.deployments()).find((row) => row.deployment === deployment);
  if (seen === undefined || seen.events === 0) return 0;
  return Math.round((seen.steps * events) / seen.events);
}

/**
 * The finest edges that make few enough rows. Where whole buckets alone are few enough, the window's
 * finer edges are left out: seconds at its end would take the place of minutes.
 */
async function boundedParts(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
  workerCount: number,
): Promise<{
  readonly parts: readonly RollupPart[];
  readonly finestNs: number;
  readonly isPart: boolean;
}> {
  const most = Math.max(1, Math.ceil(MAX_ROWS / Math.max(1, workerCount)));
  let coarsest: readonly RollupPart[] = [];
  let finest: number = ROLLUP_LEVELS_NS[0]!;
  for (const finestNs of ROLLUP_LEVELS_NS) {
    const widened = await reader.rollupParts({ kind: 'stage', deployment, window, finestNs });
    const all = endingWith(widened, window);
    if (count(all) <= most) return { parts: all, finestNs, isPart: false };
    const whole = all.filter(({ resolutionNs }) => resolutionNs >= finestNs);
    if (whole.length === 0) continue;
    if (count(whole) <= most) return { parts: whole, finestNs, isPart: false };
    coarsest = whole;
    finest = finestNs;
  }
  return { parts: newestRows(coarsest, most), finestNs: finest, isPart: true };
}

function count(parts: readonly RollupPart[]): number {
  return parts.reduce((sum, part) => sum + bucketsIn(part), 0);
}

/** Widening to an hour reaches into times that have no rows yet: those must take nobody's place. */
function endingWith(parts: readonly RollupPart[], { toUnixNs }: TimeWindow): RollupPart[] {
  return parts
    .filter((part) => part.window.fromUnixNs < toUnixNs)
    .map((part) => {
      const { fromUnixNs } = part.window;
      const lengthNs = BigInt(part.resolutionNs);
      const buckets = (toUnixNs - fromUnixNs + lengthNs - 1n) / lengthNs;
      const endUnixNs = earlierOf(part.window.toUnixNs, unixNanos(fromUnixNs + buckets * lengthNs));
      return { ...part, window: { fromUnixNs, toUnixNs: endUnixNs } };
    });
}

function bucketsIn({ resolutionNs, window }: RollupPart): number {
  return Number(window.toUnixNs - window.fromUnixNs) / resolutionNs;
}

/** Where even hours are too many, the newest. */
function newestRows(parts: readonly RollupPart[], most: number): RollupPart[] {
  const kept: RollupPart[] = [];
  let room = most;
  for (const part of [...parts].reverse()) {
    if (room <= 0) break;
    const buckets = Math.min(room, bucketsIn(part));
    const { toUnixNs } = part.window;
    const fromUnixNs = toUnixNs - BigInt(buckets) * BigInt(part.resolutionNs);
    kept.unshift({ ...part, window: { fromUnixNs: fromUnixNs as typeof toUnixNs, toUnixNs } });
    room -= buckets;
  }
  return kept;
}

/** Slots of the layers that some worker computes, by layer. */
function computedSlots(workers: readonly WorkerLayers[], { layers }: LayerSlots): number[] {
  return layers
    .map((_, slot) => slot)
    .filter((slot) => workers.some((worker) => worker.hasCompute(slot)))
    .sort((a, b) => layers[a]! - layers[b]!);
}

/**
 * Bubbles and steps of the window. At high rates the live view looks at some steps only; sums by
 * stage hold all `events`, and the steps that were not looked at are taken to be like the others.
 * Steps that senders leave out are in neither.
 */
async function partitionOf(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
  finestNs: number,
  events: number,
): Promise<{ readonly bubbleNs: ReadonlyMap<string, number>; readonly steps: number }> {
  const bubbleNs = new Map<string, number>();
  let steps = 0;
  let lookedAt = 0;
  for (const part of await reader.rollupParts({
    kind: 'partition',
    deployment,
    window,
    finestNs,
  })) {
    for (const row of await reader.workerRollupSums({ deployment, ...part })) {
      const { workerId, lengths } = row;
      bubbleNs.set(workerId, (bubbleNs.get(workerId) ?? 0) + lengths.activeBubbleNs);
      lookedAt += row.events;
    }
    for (const row of await reader.deploymentRollups({ deployment, ...part })) steps += row.steps;
  }
  const scale = lookedAt === 0 ? 1 : events / lookedAt;
  for (const [workerId, ns] of bubbleNs) bubbleNs.set(workerId, ns * scale);
  return { bubbleNs, steps: Math.round(steps * scale) };
}
