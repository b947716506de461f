/**
 * Narrows an assembled table to what a window needs: the steps with an event that overlaps it, the
 * steps with the numbers directly before and after those, and the events without a step that
 * overlap it. A store that loads only a margin around the window so yields the same figures as the
 * whole file.
 */
import { type EventTable, LISTS, type ListColumn, MEASURES } from '#lib/table/event-table.ts';
import { indexEvents } from './assemble.ts';
import type { Assembled } from './assembled.ts';
import { lazyRecord } from './lazy-record.ts';
import { mergeWorkers } from './sources.ts';

/** `[fromNs, toNs)` after the table's base. */
export interface WindowNs {
  readonly fromNs: number;
  readonly toNs: number;
}

/** Does `[startNs, endNs)` overlap the window? An event without duration does on its edges too. */
export function overlapsWindow(startNs: number, endNs: number, window: WindowNs): boolean {
  if (startNs === endNs) return window.fromNs <= startNs && startNs <= window.toNs;
  return startNs < window.toNs && endNs > window.fromNs;
}

/**
 * Is the window the one in which the sample ends? Whole samples (steps, keys, durations) count in
 * the window of their end, so that neighbouring windows share none but those without duration on
 * their common edge. Out of order, a sample may end before it starts.
 */
export function endsInWindow(startNs: number, endNs: number, window: WindowNs): boolean {
  if (endNs > window.toNs) return false;
  return endNs > window.fromNs || (endNs === window.fromNs && startNs >= endNs);
}

/** Does every event lie inside the window? */
export function coversAll(assembled: Assembled, window: WindowNs): boolean {
  return window.fromNs <= assembled.firstStartNs && assembled.lastEndNs <= window.toNs;
}

/** Several questions are asked of one window, one after the other: the last selection is kept. */
const lastSelection = new WeakMap<Assembled, { window: WindowNs; selected: Assembled }>();

export function selectWindow(assembled: Assembled, window: WindowNs): Assembled {
  if (coversAll(assembled, window)) return assembled;
  const last = lastSelection.get(assembled);
  if (last !== undefined && sameWindow(last.window, window)) return last.selected;
  const selected = selectRows(assembled, window);
  lastSelection.set(assembled, { window, selected });
  return selected;
}

function sameWindow(a: WindowNs, b: WindowNs): boolean {
  return a.fromNs === b.fromNs && a.toNs === b.toNs;
}

function selectRows(assembled: Assembled, window: WindowNs): Assembled {
  const { events, stepOf } = assembled;
  const stepIn = selectSteps(assembled, window);
  const rows = new Uint32Array(events.length);
  let length = 0;
  for (let row = 0; row < events.length; row++) {
    const step = stepOf[row]!;
    const selected =
      step >= 0
        ? stepIn[step] === 1
        : overlapsWindow(events.startNs[row]!, assembled.endNs[row]!, window);
    if (selected) rows[length++] = row;
  }
  if (length === events.length) return assembled;
  return takeRows(assembled, rows.subarray(0, length));
}

function selectSteps(assembled: Assembled, window: WindowNs): Uint8Array {
  const { events, endNs, stepOf, steps } = assembled;
  const overlapping = new Uint8Array(steps.length);
  // Only a step that crosses an edge of the window depends on where its events lie.
  const crossing = new Uint8Array(steps.length);
  let crossings = 0;
  for (let step = 0; step < steps.length; step++) {
    const startNs = steps.startNs[step]!;
    const endOfStepNs = steps.endNs[step]!;
    if (startNs > window.toNs || endOfStepNs < window.fromNs) continue;
    if (startNs >= window.fromNs && endOfStepNs <= window.toNs) {
      overlapping[step] = 1;
    } else {
      crossing[step] = 1;
      crossings++;
    }
  }
  for (let row = 0; crossings > 0 && row < events.length; row++) {
    const step = stepOf[row]!;
    if (step < 0 || crossing[step] === 0) continue;
    if (!overlapsWindow(events.startNs[row]!, endNs[row]!, window)) continue;
    overlapping[step] = 1;
    crossing[step] = 0;
    crossings--;
  }
  const selected = overlapping.slice();
  for (let step = 0; step < steps.length; step++) {
    const next = steps.next[step]!;
    if (next < 0) continue;
    if (overlapping[step] === 1) selected[next] = 1;
    if (overlapping[next] === 1) selected[step] = 1;
  }
  return selected;
}

function takeRows(from: Assembled, rows: Uint32Array): Assembled {
  const { events } = from;
  const newestStartNs = new Float64Array(from.sources.length).fill(Number.NEGATIVE_INFINITY);
  for (let i = 0; i < rows.length; i++) {
    const s = from.source[rows[i]!]!;
    const startNs = events.startNs[rows[i]!]!;
    if (startNs > newestStartNs[s]!) newestStartNs[s] = startNs;
  }
  const { workers, workerOfSource } = mergeWorkers(from.sources, newestStartNs);
  sortByWorker(rows, from.source, workerOfSource);
  const source = takeColumn(from.source, rows, new Int32Array(rows.length));
  const startNs = takeColumn(events.startNs, rows, new Float64Array(rows.length));
  const taken: EventTable = {
    length: rows.length,
    baseUnixNs: events.baseUnixNs,
    workers,
    stageNames: events.stageNames,
    startNs,
    durationNs: takeColumn(events.durationNs, rows, new Float64Array(rows.length)),
    worker: source.map((s) => workerOfSource[s]!),
    domain: takeColumn(events.domain, rows, new Int32Array(rows.length)),
    step: takeColumn(events.step, rows, new Float64Array(rows.length)),
    layer: takeColumn(events.layer, rows, new Int32Array(rows.length)),
    microbatch: takeColumn(events.microbatch, rows, new Int32Array(rows.length)),
    stage: takeColumn(events.stage, rows, new Uint16Array(rows.length)),
    kind: takeColumn(events.kind, rows, new Uint8Array(rows.length)),
    phase: takeColumn(events.phase, rows, new Uint8Array(rows.length)),
    peer: takeColumn(events.peer, rows, new Int32Array(rows.length)),
    measures: lazyRecord(MEASURES, (name) => {
      const column = events.measures[name];
      return column && takeColumn(column, rows, new Float64Array(rows.length));
    }),
    lists: lazyRecord(LISTS, (name) => {
      const list = events.lists[name];
      return list && takeList(list, rows);
    }),
  };
  const extraCopies =
    from.extraCopies && takeColumn(from.extraCopies, rows, new Uint32Array(rows.length));
  const { sources, setAside, misdated } = from;
  const sorted = { events: taken, source, sources, extraCopies, setAside, misdated };
  return indexEvents(sorted, from.deployment);
}

/** They are sorted but where a worker changed its role, and so its place, outside of the window. */
function sortByWorker(rows: Uint32Array, source: Int32Array, workerOfSource: Int32Array): void {
  const workerOf = (row: number): number => workerOfSource[source[row]!]!;
  for (let i = 1; i < rows.length; i++) {
    if (workerOf(rows[i]!) >= workerOf(rows[i - 1]!)) continue;
    rows.sort((a, b) => workerOf(a) - workerOf(b) || a - b);
    return;
  }
}

function takeColumn<T extends Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array>(
  from: T,
  rows: Uint32Array,
  to: T,
): T {
  for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]!]!;
  return to;
}

function takeList(list: ListColumn, rows: Uint32Array): ListColumn {
  const offsets = new Uint32Array(rows.length + 1);
  const values: number[] = [];
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    for (let v = list.offsets[row]!; v < list.offsets[row + 1]!; v++) values.push(list.values[v]!);
    offsets[i + 1] = values.length;
  }
  return { offsets, values: Float64Array.from(values) };
}
