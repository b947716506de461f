/** A timeline of few events: the events themselves. */
import type { TimelineEvents } from '#lib/api/timeline.ts';
import { StringTable } from '#lib/base/string-table.ts';
import { isSetAside } from '#lib/model/concat-tables.ts';
import type { TimeWindow } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { BandWorker } from '#lib/table/stage-bands.ts';
import { compareStages } from '#lib/table/stage-rollup-merge.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { onlyPeer } from './tile-events.ts';
import { rowOrder } from './timeline-bins.ts';

export function eventsAnswer(
  tables: readonly EventTable[],
  window: TimeWindow,
  maxRows: number,
): {
  readonly rows: readonly BandWorker[];
  readonly hidden: number;
  readonly stages: readonly string[];
  readonly events: TimelineEvents;
} {
  const ids = new StringTable();
  const workers: BandWorker[] = [];
  const found: { readonly table: EventTable; readonly i: number; readonly worker: number }[] = [];
  for (const table of tables) {
    const own = table.workers.map((worker) => {
      const { group, role, rank } = worker;
      const index = ids.intern(workerId(worker));
      workers[index] ??= { workerId: workerId(worker), group, role, rank };
      return index;
    });
    for (let i = 0; i < table.length; i++) {
      if (!isSetAside(table.phase[i]!)) found.push({ table, i, worker: own[table.worker[i]!]! });
    }
  }
  const seen = new Set(found.map(({ worker }) => worker));
  const order = rowOrder(workers).filter((worker) => seen.has(worker));
  const shown = order.slice(0, maxRows);
  const rowOf = new Map(shown.map((worker, row) => [worker, row]));
  const shifts = new Map(
    tables.map((table) => [table, Number(table.baseUnixNs - window.fromUnixNs)]),
  );
  const startOf = ({ table, i }: ListedEvent): number => shifts.get(table)! + table.startNs[i]!;
  const listed = found
    .filter(({ worker }) => rowOf.has(worker))
    .sort(
      (a, b) =>
        rowOf.get(a.worker)! - rowOf.get(b.worker)! ||
        startOf(a) - startOf(b) ||
        compareEvents(a, b),
    );
  const stages = [...new Set(listed.map(stageOf))].sort(compareStages);
  return {
    rows: shown.map((worker) => workers[worker]!),
    hidden: order.length - shown.length,
    events: {
      row: listed.map(({ worker }) => rowOf.get(worker)!),
      startNs: listed.map(startOf),
      durationNs: listed.map(({ table, i }) => table.durationNs[i]!),
      stage: listed.map((event) => stages.indexOf(stageOf(event))),
      kind: listed.map(({ table, i }) => table.kind[i]!),
      layer: listed.map(({ table, i }) => table.layer[i]!),
      microbatch: listed.map(({ table, i }) => table.microbatch[i]!),
      step: listed.map(({ table, i }) => table.step[i]!),
      peer: listed.map(({ table, i }) => onlyPeer(table, i)),
    },
    stages,
  };
}

interface ListedEvent {
  readonly table: EventTable;
  readonly i: number;
}

function stageOf({ table, i }: ListedEvent): string {
  return table.stageNames[table.stage[i]!]!;
}

/** Of equal starts: wherever the store keeps them by now, the answer is the same. */
function compareEvents(a: ListedEvent, b: ListedEvent): number {
  for (const name of ['durationNs', 'layer', 'microbatch', 'step', 'kind', 'peer'] as const) {
    const difference = a.table[name][a.i]! - b.table[name][b.i]!;
    if (difference !== 0) return difference;
  }
  return compareStages(stageOf(a), stageOf(b));
}
