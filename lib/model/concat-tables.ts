/**
 * Puts the rows of one deployment, from tables of any base and order, into one table with merged
 * workers, sorted by worker and start, without warm-up, capture and exact duplicates.
 *
 * Rows are never objects: a kept row is a position in flat columns that say which table and row it
 * came from, and every column is then copied once, straight to its sorted place.
 */
import { nanosBetween, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { Phase } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { dropDuplicates } from './duplicates.ts';
import { type FlatRows, scatterRows } from './scatter-rows.ts';
import { sortOrder } from './sort-order.ts';
import { mergeWorkers, Sources } from './sources.ts';

export interface SortedEvents {
  readonly events: EventTable;
  readonly source: Int32Array;
  readonly sources: readonly WorkerInfo[];
  readonly extraCopies: Uint32Array | null;
  readonly setAside: number;
  readonly misdated: number;
}

/** Offsets within this of the base are exact, sums of them too. */
const MAX_SPREAD_NS = 2n ** 52n;

export function concatTables(tables: readonly EventTable[], deployment: string): SortedEvents {
  const used = tables.filter((table) => table.workers.some((w) => w.deployment === deployment));
  const baseUnixNs = commonBase(used);
  const near = used.filter((table) => isNear(table, baseUnixNs));
  let misdated = 0;
  for (const table of used) {
    if (!isNear(table, baseUnixNs)) misdated += countRows(table, deployment);
  }
  const sources = new Sources(deployment);
  const { flat, setAside } = flatten(near, baseUnixNs, sources);
  const newestStartNs = new Float64Array(sources.infos.length).fill(Number.NEGATIVE_INFINITY);
  for (let k = 0; k < flat.length; k++) {
    const s = flat.source[k]!;
    if (flat.startNs[k]! > newestStartNs[s]!) newestStartNs[s] = flat.startNs[k]!;
  }
  const { workers, workerOfSource } = mergeWorkers(sources.infos, newestStartNs);
  const order = orderRows(flat, workerOfSource, workers.length);
  const { place, length, extraCopies } = dropDuplicates(
    flat,
    order,
    workerOfSource,
    sources.incarnations,
  );
  const scattered = scatterRows(flat, place, length, workerOfSource);
  return {
    events: { ...scattered.columns, length, baseUnixNs, workers },
    source: scattered.source,
    sources: sources.infos,
    extraCopies,
    setAside,
    misdated,
  };
}

/** The smallest base among the tables near to where most rows are. */
function commonBase(tables: readonly EventTable[]): UnixNanos {
  if (tables.length === 0) return unixNanos(0n);
  const byBase = [...tables].sort((a, b) => (a.baseUnixNs < b.baseUnixNs ? -1 : 1));
  let half = byBase.reduce((rows, table) => rows + table.length, 0) / 2;
  const middle = byBase.find((table) => {
    half -= table.length;
    return half <= 0;
  })!;
  return byBase.find((table) => isNear(table, middle.baseUnixNs))!.baseUnixNs;
}

function isNear(table: EventTable, baseUnixNs: UnixNanos): boolean {
  const apart = table.baseUnixNs - baseUnixNs;
  return apart <= MAX_SPREAD_NS && -apart <= MAX_SPREAD_NS;
}

function countRows(table: EventTable, deployment: string): number {
  let rows = 0;
  for (let row = 0; row < table.length; row++) {
    if (table.workers[table.worker[row]!]!.deployment === deployment) rows++;
  }
  return rows;
}

function flatten(
  tables: readonly EventTable[],
  baseUnixNs: UnixNanos,
  sources: Sources,
): { flat: FlatRows; setAside: number } {
  const capacity = tables.reduce((rows, table) => rows + table.length, 0);
  const flat = {
    tables,
    tableOffsets: new Uint32Array(tables.length + 1),
    row: new Uint32Array(capacity),
    startNs: new Float64Array(capacity),
    durationNs: new Float64Array(capacity),
    source: new Int32Array(capacity),
    length: 0,
  };
  let setAside = 0;
  let k = 0;
  for (let t = 0; t < tables.length; t++) {
    const table = tables[t]!;
    const shiftNs = nanosBetween(baseUnixNs, table.baseUnixNs);
    const sourceOf = new Int32Array(table.workers.length).fill(-2);
    for (let row = 0; row < table.length; row++) {
      const worker = table.worker[row]!;
      if (sourceOf[worker] === -2) sourceOf[worker] = sources.intern(table.workers[worker]!);
      const source = sourceOf[worker]!;
      if (source < 0) continue;
      const phase = table.phase[row]!;
      if (phase === Phase.warmup || phase === Phase.capture) {
        setAside++;
        continue;
      }
      flat.row[k] = row;
      flat.startNs[k] = table.startNs[row]! + shiftNs;
      flat.durationNs[k] = table.durationNs[row]!;
      flat.source[k] = source;
      k++;
    }
    flat.tableOffsets[t + 1] = k;
  }
  flat.length = k;
  return { flat, setAside };
}

/** Row numbers by worker, then start. */
function orderRows(flat: FlatRows, workerOfSource: Int32Array, workers: number): Int32Array {
  const filled = new Uint32Array(workers + 1);
  for (let k = 0; k < flat.length; k++) {
    const w = workerOfSource[flat.source[k]!]!;
    filled[w + 1] = filled[w + 1]! + 1;
  }
  for (let w = 0; w < workers; w++) filled[w + 1] = filled[w + 1]! + filled[w]!;
  const ends = filled.slice(1);
  const order = new Int32Array(flat.length);
  for (let k = 0; k < flat.length; k++) {
    const w = workerOfSource[flat.source[k]!]!;
    order[filled[w]!] = k;
    filled[w] = filled[w]! + 1;
  }
  const scratch = new Int32Array(flat.length);
  for (let w = 0; w < workers; w++) {
    sortOrder(order, flat.startNs, w === 0 ? 0 : ends[w - 1]!, ends[w]!, scratch);
  }
  return order;
}
