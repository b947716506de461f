/** Several event tables as one: one base, one list of workers, one list of stage names. */
import { nanosBetween } from '#lib/base/units.ts';
import { type EventTable, LISTS, MEASURES } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';

/**
 * Rows in the order of the tables. Times move to the base of the first table, so the tables must lie
 * within 100 days of each other. Only workers that a row names are kept.
 */
export function joinTables(tables: readonly EventTable[]): EventTable {
  const first = tables[0];
  if (tables.length === 1 && first !== undefined) return first;
  const base = first?.baseUnixNs ?? EPOCH;
  const rows = tables.reduce((sum, table) => sum + table.length, 0);
  const out = new EventTableBuilder(
    base,
    [],
    first === undefined ? [] : [...first.stageNames],
    Math.max(1, rows),
  );
  const workerIndex = new Map<string, number>();
  const stageIndex = new Map(out.stageNames.map((name, index) => [name, index]));
  for (const table of tables) append(out, table, workerIndex, stageIndex);
  return out.finish();
}

const EPOCH = 0n as EventTable['baseUnixNs'];

function append(
  out: EventTableBuilder,
  table: EventTable,
  workerIndex: Map<string, number>,
  stageIndex: Map<string, number>,
): void {
  const shiftNs = nanosBetween(out.baseUnixNs, table.baseUnixNs);
  const at = out.length;
  const workers = new Int32Array(table.workers.length).fill(-1);
  const stages = table.stageNames.map((name) => {
    const known = stageIndex.get(name);
    if (known !== undefined) return known;
    stageIndex.set(name, out.stageNames.length);
    return out.stageNames.push(name) - 1;
  });
  for (let row = 0; row < table.length; row++) {
    const from = table.worker[row]!;
    let worker = workers[from]!;
    if (worker < 0) {
      worker = internWorker(out, table.workers[from]!, workerIndex);
      workers[from] = worker;
    }
    out.startNs[at + row] = table.startNs[row]! + shiftNs;
    out.worker[at + row] = worker;
    out.stage[at + row] = stages[table.stage[row]!]!;
  }
  out.durationNs.set(table.durationNs, at);
  out.domain.set(table.domain, at);
  out.step.set(table.step, at);
  out.layer.set(table.layer, at);
  out.microbatch.set(table.microbatch, at);
  out.kind.set(table.kind, at);
  out.phase.set(table.phase, at);
  out.peer.set(table.peer, at);
  for (const name of MEASURES) {
    const column = table.measures[name];
    if (column !== null) out.measure(name).set(column, at);
  }
  for (const name of LISTS) {
    const column = table.lists[name];
    if (column === null) continue;
    for (let row = 0; row < table.length; row++) {
      const begin = column.offsets[row]!;
      const end = column.offsets[row + 1]!;
      if (begin < end) out.setList(name, at + row, column.values.subarray(begin, end));
    }
  }
  out.length += table.length;
}

function internWorker(
  out: EventTableBuilder,
  worker: WorkerInfo,
  index: Map<string, number>,
): number {
  const key = JSON.stringify(worker);
  const known = index.get(key);
  if (known !== undefined) return known;
  index.set(key, out.workers.length);
  return out.workers.push(worker) - 1;
}
