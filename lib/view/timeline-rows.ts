/**
 * Which rows the timeline has and where they lie: pinned workers first, then groups of workers, each
 * worker one band of two lanes or four streams apart.
 *
 *     pinned      ffn/2        ▇▇▇ ▇▇
 *     ▾ attention
 *       attention/0            ▇▇▇▇ ▇▇▇▇      compact: compute above, the rest below
 *       attention/1  compute   ▇▇▇▇ ▇▇▇▇      open: a band a stream
 *                    transfer      ▂
 *     ▸ ffn (4)                               folded
 *
 * Heights are CSS pixels from the top of all rows, which may be far longer than the window.
 */
import { TIMELINE_STREAMS } from '#lib/api/timeline-tile.ts';

export interface TimelineWorker {
  readonly workerId: string;
  readonly group: string;
  readonly role: string;
  readonly rank: number;
  readonly host: string;
}

/** What a person chose of the rows; lists hold worker ids but for `foldedGroups`. */
export interface RowsChoice {
  readonly foldedGroups: readonly string[];
  /** Workers that are shown the other way than `isOpen` says. */
  readonly toggled: readonly string[];
  /** Are workers open where not toggled? null: where there are few. */
  readonly isOpen: boolean | null;
  readonly pinned: readonly string[];
  /** Workers in an order of their own, before the others of their group. */
  readonly order: readonly string[];
  readonly hidden: readonly string[];
}

export const NO_CHOICE: RowsChoice = {
  foldedGroups: [],
  toggled: [],
  isOpen: null,
  pinned: [],
  order: [],
  hidden: [],
};

export interface Lane {
  readonly topPx: number;
  readonly heightPx: number;
}

export interface WorkerRow {
  readonly kind: 'worker';
  readonly worker: TimelineWorker;
  readonly topPx: number;
  readonly heightPx: number;
  readonly isOpen: boolean;
  readonly isPinned: boolean;
  /** By stream, in the order of TIMELINE_STREAMS. */
  readonly lanes: readonly Lane[];
}

export interface GroupRow {
  readonly kind: 'group';
  readonly group: string;
  readonly role: string;
  readonly topPx: number;
  readonly heightPx: number;
  readonly isFolded: boolean;
  /** Workers of the group, those that are hidden or pinned too. */
  readonly workers: number;
  readonly hidden: number;
}

export type TimelineRowBox = WorkerRow | GroupRow;

export interface RowsLayout {
  readonly rows: readonly TimelineRowBox[];
  readonly heightPx: number;
  readonly byWorker: ReadonlyMap<string, WorkerRow>;
}

const GROUP_PX = 22;
const OPEN_LANES_PX = [17, 8, 8, 5] as const;
/** Free pixels between the lanes of a worker and below it. */
const LANE_GAP_PX = 1;
const ROW_GAP_PX = 3;
const FEW_WORKERS = 16;

/** Compact rows shrink as workers grow many. */
function compactPx(workers: number): number {
  if (workers <= 40) return 24;
  return workers <= 96 ? 20 : 16;
}

export function rowsLayout(workers: readonly TimelineWorker[], choice: RowsChoice): RowsLayout {
  const sorted = sortedWorkers(workers, choice.order);
  const hidden = new Set(choice.hidden);
  const pinned = new Set(choice.pinned);
  const toggled = new Set(choice.toggled);
  const opens = choice.isOpen ?? workers.length <= FEW_WORKERS;
  const rows: TimelineRowBox[] = [];
  const byWorker = new Map<string, WorkerRow>();
  let topPx = 0;
  const add = (worker: TimelineWorker, isPinned: boolean) => {
    const isOpen = opens !== toggled.has(worker.workerId);
    const row = workerRow(worker, topPx, isOpen, isPinned, compactPx(workers.length));
    rows.push(row);
    byWorker.set(worker.workerId, row);
    topPx += row.heightPx;
  };
  for (const id of choice.pinned) {
    const worker = workers.find(({ workerId }) => workerId === id);
    if (worker !== undefined && !byWorker.has(id)) add(worker, true);
  }
  for (const group of groupsOf(sorted)) {
    const isFolded = choice.foldedGroups.includes(group.group);
    rows.push({
      kind: 'group',
      group: group.group,
      role: group.role,
      topPx,
      heightPx: GROUP_PX,
      isFolded,
      workers: group.workers.length,
      hidden: group.workers.filter(({ workerId }) => hidden.has(workerId)).length,
    });
    topPx += GROUP_PX;
    if (isFolded) continue;
    for (const worker of group.workers) {
      if (!hidden.has(worker.workerId) && !pinned.has(worker.workerId)) add(worker, false);
    }
  }
  return { rows, heightPx: topPx, byWorker };
}

function workerRow(
  worker: TimelineWorker,
  topPx: number,
  isOpen: boolean,
  isPinned: boolean,
  heightPx: number,
): WorkerRow {
  if (!isOpen) {
    const usedPx = heightPx - ROW_GAP_PX - LANE_GAP_PX;
    const upperPx = Math.round(usedPx * 0.62);
    const upper = { topPx: topPx + 1, heightPx: upperPx };
    const lower = { topPx: topPx + 1 + upperPx + LANE_GAP_PX, heightPx: usedPx - upperPx };
    const lanes = TIMELINE_STREAMS.map((stream) => (stream === 'compute' ? upper : lower));
    return { kind: 'worker', worker, topPx, heightPx, isOpen, isPinned, lanes };
  }
  let lanePx = topPx + 1;
  const lanes = OPEN_LANES_PX.map((ownPx) => {
    const lane = { topPx: lanePx, heightPx: ownPx };
    lanePx += ownPx + LANE_GAP_PX;
    return lane;
  });
  const openPx = lanePx - topPx - LANE_GAP_PX + ROW_GAP_PX;
  return { kind: 'worker', worker, topPx, heightPx: openPx, isOpen, isPinned, lanes };
}

interface Group {
  readonly group: string;
  readonly role: string;
  readonly workers: TimelineWorker[];
}

function groupsOf(sorted: readonly TimelineWorker[]): Group[] {
  const groups = new Map<string, Group>();
  for (const worker of sorted) {
    const known = groups.get(worker.group);
    if (known !== undefined) known.workers.push(worker);
    else groups.set(worker.group, { group: worker.group, role: worker.role, workers: [worker] });
  }
  return [...groups.values()];
}

/** Groups by role and name, workers by the order that was chosen, then rank. */
function sortedWorkers(
  workers: readonly TimelineWorker[],
  order: readonly string[],
): TimelineWorker[] {
  const placeOf = new Map(order.map((id, place) => [id, place]));
  const place = (worker: TimelineWorker) => placeOf.get(worker.workerId) ?? order.length;
  return [...workers].sort(
    (a, b) =>
      (a.group === b.group ? 0 : a.role.localeCompare(b.role) || a.group.localeCompare(b.group)) ||
      place(a) - place(b) ||
      a.rank - b.rank,
  );
}

/** Rows that a window of `heightPx` at `scrollPx` touches. */
export function visibleRows(
  layout: RowsLayout,
  scrollPx: number,
  heightPx: number,
): readonly TimelineRowBox[] {
  const first = firstBelow(layout.rows, scrollPx);
  const seen: TimelineRowBox[] = [];
  for (let at = first; at < layout.rows.length; at++) {
    const row = layout.rows[at]!;
    if (row.topPx >= scrollPx + heightPx) break;
    seen.push(row);
  }
  return seen;
}

/** The row at a height, or null below all of them. */
export function rowAtHeight(layout: RowsLayout, yPx: number): TimelineRowBox | null {
  if (yPx < 0) return null;
  return layout.rows[firstBelow(layout.rows, yPx)] ?? null;
}

/** Index of the first row that ends below `yPx`. */
function firstBelow(rows: readonly TimelineRowBox[], yPx: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const row = rows[middle]!;
    if (row.topPx + row.heightPx <= yPx) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The choice with a worker one place up (-1) or down (1) among those of its group, or of the pinned. */
export function moveWorker(
  workers: readonly TimelineWorker[],
  choice: RowsChoice,
  workerId: string,
  by: -1 | 1,
): RowsChoice {
  const pinnedAt = choice.pinned.indexOf(workerId);
  if (pinnedAt >= 0) return { ...choice, pinned: swapped(choice.pinned, pinnedAt, pinnedAt + by) };
  const own = workers.find((worker) => worker.workerId === workerId);
  const skipped = new Set([...choice.hidden, ...choice.pinned]);
  const ids = sortedWorkers(workers, choice.order)
    .filter((worker) => worker.group === own?.group && !skipped.has(worker.workerId))
    .map((worker) => worker.workerId);
  const at = ids.indexOf(workerId);
  const moved = swapped(ids, at, at + by);
  const others = choice.order.filter((id) => !moved.includes(id));
  return { ...choice, order: [...others, ...moved] };
}

function swapped(ids: readonly string[], a: number, b: number): readonly string[] {
  const [first, second] = [ids[a], ids[b]];
  if (first === undefined || second === undefined) return ids;
  return ids.with(a, second).with(b, first);
}

/** The list with `id` in it, or without where it was in it. */
export function toggledIn(list: readonly string[], id: string): readonly string[] {
  return list.includes(id) ? list.filter((other) => other !== id) : [...list, id];
}
