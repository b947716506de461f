/**
 * Drops exact duplicates. An event's identity is its content: worker, incarnation, domain, stage,
 * step, layer, micro-batch, peers, start and duration. Only rows of one worker with one start can
 * be equal, so only such runs of the sorted order are compared.
 */
import type { EventTable } from '#lib/table/event-table.ts';
import type { FlatRows } from './scatter-rows.ts';

export interface DistinctRows {
  /** Where flat row k goes; -1 for a duplicate. */
  readonly place: Int32Array;
  readonly length: number;
  /** Copies dropped of each kept row; null where none was. */
  readonly extraCopies: Uint32Array | null;
}

/** Also puts rows with one worker and start into an order that no longer depends on the tables'. */
export function dropDuplicates(
  flat: FlatRows,
  order: Int32Array,
  workerOfSource: Int32Array,
  incarnations: readonly number[],
): DistinctRows {
  const { startNs, source } = flat;
  const place = new Int32Array(flat.length);
  const copies: number[] = [];
  let length = 0;
  for (let i = 0; i < order.length; ) {
    const first = order[i]!;
    let end = i + 1;
    while (
      end < order.length &&
      startNs[order[end]!] === startNs[first] &&
      workerOfSource[source[order[end]!]!] === workerOfSource[source[first]!]
    ) {
      end++;
    }
    if (end - i > 1) sortRun(flat, incarnations, order, i, end);
    place[order[i]!] = length++;
    for (let j = i + 1; j < end; j++) {
      if (compareIdentity(flat, incarnations, order[j - 1]!, order[j]!) === 0) {
        place[order[j]!] = -1;
        copies.push(length - 1);
      } else {
        place[order[j]!] = length++;
      }
    }
    i = end;
  }
  if (copies.length === 0) return { place, length, extraCopies: null };
  const extraCopies = new Uint32Array(length);
  for (const at of copies) extraCopies[at] = extraCopies[at]! + 1;
  return { place, length, extraCopies };
}

/** Runs are short; a long one (a sender without a clock) must not cost its square. */
const INSERTION_ROWS = 64;

function sortRun(
  flat: FlatRows,
  incarnations: readonly number[],
  order: Int32Array,
  from: number,
  to: number,
): void {
  const compare = (a: number, b: number): number =>
    compareIdentity(flat, incarnations, a, b) || kindOf(flat, a) - kindOf(flat, b);
  if (to - from > INSERTION_ROWS) {
    order.subarray(from, to).sort(compare);
    return;
  }
  for (let i = from + 1; i < to; i++) {
    const row = order[i]!;
    let j = i - 1;
    while (j >= from && compare(order[j]!, row) > 0) {
      order[j + 1] = order[j]!;
      j--;
    }
    order[j + 1] = row;
  }
}

function tableOf(flat: FlatRows, k: number): EventTable {
  let low = 0;
  let high = flat.tables.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (flat.tableOffsets[middle + 1]! > k) high = middle;
    else low = middle + 1;
  }
  return flat.tables[low]!;
}

function kindOf(flat: FlatRows, k: number): number {
  return tableOf(flat, k).kind[flat.row[k]!]!;
}

function compareIdentity(
  flat: FlatRows,
  incarnations: readonly number[],
  a: number,
  b: number,
): number {
  const longerNs = flat.durationNs[a]! - flat.durationNs[b]!;
  if (longerNs !== 0) return longerNs;
  const ta = tableOf(flat, a);
  const tb = tableOf(flat, b);
  const i = flat.row[a]!;
  const j = flat.row[b]!;
  return (
    ta.step[i]! - tb.step[j]! ||
    ta.layer[i]! - tb.layer[j]! ||
    ta.microbatch[i]! - tb.microbatch[j]! ||
    ta.peer[i]! - tb.peer[j]! ||
    ta.domain[i]! - tb.domain[j]! ||
    compareStages(ta, i, tb, j) ||
    incarnations[flat.source[a]!]! - incarnations[flat.source[b]!]! ||
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
