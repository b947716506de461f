/**
 * Assembly: from decoded tables to steps, keys and matched receives.
 *
 *     tables -> one sorted table -> step and key numbers -> receives found, matched, cut
 *
 * `selectWindow` (select-window.ts) then narrows it to a window without changing any figure of it.
 */
import { lowerBound } from '#lib/base/bisect.ts';
import { type ColumnRoom, FRESH_ROOM } from '#lib/base/column-room.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { Assembled } from './assembled.ts';
import { concatTables, type RowFilter, type SortedEvents } from './concat-tables.ts';
import { indexKeys } from './key-index.ts';
import { matchReceives } from './receives.ts';
import type { SmallestTransfers } from './smallest-transfers.ts';
import { indexSteps } from './step-index.ts';

/**
 * The events of `deployment`; other deployments' events are ignored. With a `room` of the caller's it
 * is good until that is emptied.
 */
export function assemble(
  tables: readonly EventTable[],
  deployment: string,
  room: ColumnRoom = FRESH_ROOM,
): Assembled {
  return indexEvents(concatTables(tables, deployment, undefined, room), deployment, null, room);
}

/** The same of some of the rows only: those of a part of the time. It is good until `room` is emptied. */
export function assembleRows(
  tables: readonly EventTable[],
  filters: readonly RowFilter[],
  deployment: string,
  smallestTransfers: SmallestTransfers | null,
  room: ColumnRoom,
): Assembled {
  const sorted = concatTables(tables, deployment, filters, room);
  return indexEvents(sorted, deployment, smallestTransfers, room);
}

/** Deployments that have at least one event, sorted by name. */
export function deploymentsIn(tables: readonly EventTable[]): string[] {
  const found = new Set<string>();
  for (const table of tables) {
    const seen = new Uint8Array(table.workers.length);
    for (let row = 0; row < table.length; row++) seen[table.worker[row]!] = 1;
    for (let w = 0; w < seen.length; w++)
      if (seen[w] === 1) found.add(table.workers[w]!.deployment);
  }
  return [...found].sort();
}

/** Builds the indexes over a table that is sorted by worker and start. */
export function indexEvents(
  sorted: SortedEvents,
  deployment: string,
  smallestTransfers: SmallestTransfers | null = null,
  room: ColumnRoom = FRESH_ROOM,
): Assembled {
  const { events, source, sources } = sorted;
  const endNs = room.float64(events.length);
  const offsets = Uint32Array.from({ length: events.workers.length + 1 }, (_, w) =>
    lowerBound(events.worker, w),
  );
  const { steps, stepOf, workerSteps, extent } = indexSteps(events, endNs, offsets, room);
  const { keys, keyOf } = indexKeys(
    events,
    stepOf,
    steps.length,
    extent.layers,
    extent.microbatches,
    room,
  );
  const matched = matchReceives(
    events,
    endNs,
    offsets,
    keyOf,
    keys,
    source,
    sources,
    smallestTransfers,
    room,
  );
  return {
    deployment,
    room,
    events,
    endNs,
    offsets,
    source,
    sources,
    steps,
    stepOf,
    workerSteps,
    keys,
    keyOf,
    receives: matched.receives,
    transferStartNs: matched.transferStartNs,
    extraCopies: sorted.extraCopies,
    setAside: sorted.setAside,
    misdated: sorted.misdated,
    firstStartNs: events.length === 0 ? 0 : extent.firstStartNs,
    lastEndNs: events.length === 0 ? 0 : extent.lastEndNs,
    layers: extent.layers,
    microbatches: extent.microbatches,
  };
}
