/**
 * Drops exact duplicates. An event's identity is its content: worker, incarnation, domain, stage,
 * step, layer, micro-batch, peers, start and duration. Only rows of one worker with one start can
 * be equal, so only such runs of the sorted order are compared.
 */
import type { EventTable } from '#lib/table/event-table.ts';
import { type SortedRows, type TableRows, tableOfId } from './table-rows.ts';

export interface DistinctRows {
  /** The kept rows are the first so many of the sorted ones. */
  readonly length: number;
  /** Copies dropped of each kept row; null where none was. */
  readonly extraCopies: Uint32Array | null;
}

/**
 * Moves the kept rows of `sorted` together. Also puts rows with one worker and start into an order
 * that no longer depends on the tables'.
 */
export function dropDuplicates(
  rows: TableRows,
  sorted: SortedRows,
  incarnations: readonly number[],
): DistinctRows {
  const { offsets } = sorted;
  const copies: number[] = [];
  let length = 0;
  for (let w = 0; w + 1 < offsets.length; w++) {
    const from = offsets[w]!;
    offsets[w] = length;
    length = keepDistinct(rows, sorted, incarnations, from, offsets[w + 1]!, length, copies);
  }
  offsets[offsets.length - 1] = length;
  if (copies.length === 0) return { length, extraCopies: null };
  const extraCopies = new Uint32Array(length);
  for (const at of copies) extraCopies[at] = extraCopies[at]! + 1;
  return { length, extraCopies };
}

/** Moves the kept rows of one worker's `[from, to)` behind the `before` that are kept. Their number. */
function keepDistinct(
  rows: TableRows,
  { startNs, id }: SortedRows,
  incarnations: readonly number[],
  from: number,
  to: number,
  before: number,
  copies: number[],
): number {
  let length = before;
  for (let i = from; i < to; ) {
    if (length === i) {
      // Nothing has moved yet, and up to the next two equal starts nothing will.
      i = nextEqual(startNs, i, to);
      length = i;
    }
    const start = startNs[i]!;
    const end = endOfEqual(startNs, i, to);
    if (end - i > 1) sortRun(rows, incarnations, id, i, end);
    startNs[length] = start;
    id[length++] = id[i]!;
    for (let j = i + 1; j < end; j++) {
      // Rows before j have moved, but equal rows are equal to the one that was kept.
      if (compareIdentity(rows, incarnations, id[length - 1]!, id[j]!) === 0) {
        copies.push(length - 1);
      } else {
        startNs[length] = start;
        id[length++] = id[j]!;
      }
    }
    i = end;
  }
  return length;
}

/** The first of `[from, to)` that is equal to the next one, else the last. */
function nextEqual(sorted: Float64Array, from: number, to: number): number {
  let i = from;
  while (i + 1 < to && sorted[i] !== sorted[i + 1]) i++;
  return i;
}

function endOfEqual(sorted: Float64Array, from: number, to: number): number {
  let end = from + 1;
  while (end < to && sorted[end] === sorted[from]) end++;
  return end;
}

/** Runs are short; a long one (a sender without a clock) must not cost its square. */
const INSERTION_ROWS = 64;

function sortRun(
  rows: TableRows,
  incarnations: readonly number[],
  ids: Int32Array,
  from: number,
  to: number,
): void {
  if (to - from > INSERTION_ROWS) {
    ids.subarray(from, to).sort((a, b) => compareRows(rows, incarnations, a, b));
    return;
  }
  for (let i = from + 1; i < to; i++) {
    const id = ids[i]!;
    let j = i - 1;
    while (j >= from && compareRows(rows, incarnations, ids[j]!, id) > 0) {
      ids[j + 1] = ids[j]!;
      j--;
    }
    ids[j + 1] = id;
  }
}

function compareRows(
  rows: TableRows,
  incarnations: readonly number[],
  a: number,
  b: number,
): number {
  return compareIdentity(rows, incarnations, a, b) || kindOf(rows, a) - kindOf(rows, b);
}

function kindOf(rows: TableRows, id: number): number {
  const t = tableOfId(rows, id);
  return rows.tables[t]!.kind[id - rows.firstId[t]!]!;
}

/** Of rows with one worker and start. */
function compareIdentity(
  rows: TableRows,
  incarnations: readonly number[],
  a: number,
  b: number,
): number {
  const s = tableOfId(rows, a);
  const t = tableOfId(rows, b);
  const ta = rows.tables[s]!;
  const tb = rows.tables[t]!;
  const i = a - rows.firstId[s]!;
  const j = b - rows.firstId[t]!;
  return (
    ta.durationNs[i]! - tb.durationNs[j]! ||
    ta.step[i]! - tb.step[j]! ||
    ta.layer[i]! - tb.layer[j]! ||
    ta.microbatch[i]! - tb.microbatch[j]! ||
    ta.peer[i]! - tb.peer[j]! ||
    ta.domain[i]! - tb.domain[j]! ||
    compareStages(ta, i, tb, j) ||
    incarnations[rows.sourceOf[s]![ta.worker[i]!]!]! -
      incarnations[rows.sourceOf[t]![tb.worker[j]!]!]! ||
    comparePeers(ta, i, tb, j)
  );
}

function compareStages(ta: EventTable, i: number, tb: EventTable, j: number): number {
  const a = ta.stageNames[ta.stage[i]!]!;
  const b = tb.stageNames[tb.stage[j]!]!;
  return a < b ? -1 : a > b ? 1 : 0;
}

function comparePeers(ta: EventTable, i: number, tb: EventTable, j: number): number {
  const a = ta.lists.peers;
  const b = tb.lists.peers;
  const fromA = a === null ? 0 : a.offsets[i]!;
  const fromB = b === null ? 0 : b.offsets[j]!;
  const lengthA = a === null ? 0 : a.offsets[i + 1]! - fromA;
  const lengthB = b === null ? 0 : b.offsets[j + 1]! - fromB;
  if (lengthA !== lengthB) return lengthA - lengthB;
  if (a === null || b === null) return 0;
  for (let p = 0; p < lengthA; p++) {
    const difference = a.values[fromA + p]! - b.values[fromB + p]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
