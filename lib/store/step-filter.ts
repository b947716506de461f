/** Which packed steps a selection needs, from their directory alone; the one rule for every store. */
import { ChunkFormatError } from '#lib/table/chunk-frame.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { selectRows } from '#lib/table/event-tables.ts';
import type { PackedTable, StepUnpacker } from '#lib/table/packed-table.ts';
import { isPackedTable, selectSteps } from '#lib/table/packed-tables.ts';
import type { WantedColumns } from '#lib/table/wanted-columns.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { StepUnpackerMissingError } from './store-errors.ts';
import type { EventSelection, TimeWindow } from './telemetry-store.ts';
import { eventsInWindow, offset } from './window-filter.ts';

/** Slices of a scan hold about this many events. */
export const SLICE_EVENTS = 65_536;

export interface StepSelection {
  readonly window?: TimeWindow | undefined;
  readonly workers?: readonly string[] | undefined;
}

/** The steps that overlap the window and are of the workers. null: none. */
export function stepsInSelection(table: PackedTable, selection: StepSelection): PackedTable | null {
  const { window, workers } = selection;
  if (table.length === 0) return null;
  if (window === undefined && workers === undefined) return table;
  const takes = takenWorkers(table, workers);
  const fromNs = window === undefined ? -Infinity : offset(window.fromUnixNs, table.baseUnixNs);
  const toNs = window === undefined ? Infinity : offset(window.toUnixNs, table.baseUnixNs);
  const rows = new Uint32Array(table.length);
  let count = 0;
  for (let i = 0; i < table.length; i++) {
    const start = table.startNs[i]!;
    if (takes[table.worker[i]!] === 0 || start >= toNs) continue;
    if (table.endNs[i]! > fromNs || start >= fromNs) rows[count++] = i;
  }
  if (count === 0) return null;
  return count === table.length ? table : selectSteps(table, rows.subarray(0, count));
}

/** The events of these workers. null: none. */
export function eventsOfWorkers(
  table: EventTable,
  workers: readonly string[] | undefined,
): EventTable | null {
  if (workers === undefined) return table.length === 0 ? null : table;
  const takes = takenWorkers(table, workers);
  if (takes.every((taken) => taken === 1)) return table.length === 0 ? null : table;
  const rows = new Uint32Array(table.length);
  let count = 0;
  for (let i = 0; i < table.length; i++) if (takes[table.worker[i]!] === 1) rows[count++] = i;
  if (count === 0) return null;
  return count === table.length ? table : selectRows(table, rows.subarray(0, count));
}

/** The steps in pieces of about SLICE_EVENTS events, in their order. */
export function* boundedSteps(table: PackedTable): Generator<PackedTable> {
  let from = 0;
  let events = 0;
  for (let i = 0; i < table.length; i++) {
    const more = table.stepEvents[i]!;
    if (i > from && events + more > SLICE_EVENTS) {
      yield selectSteps(table, range(from, i));
      from = i;
      events = 0;
    }
    events += more;
  }
  if (from === 0) yield table;
  else yield selectSteps(table, range(from, table.length));
}

/**
 * Makes a scan's slices events: packed ones are unpacked, and cut to the window. A step whose payload
 * is damaged is left out and told.
 */
export async function* unpackedSlices(
  slices: AsyncIterable<EventTable | PackedTable>,
  { window, columns }: Pick<EventSelection, 'window' | 'columns'>,
  unpacker: StepUnpacker | undefined,
  onDamagedStep: (step: PackedTable, message: string) => void = () => {},
): AsyncGenerator<EventTable> {
  for await (const slice of slices) {
    if (!isPackedTable(slice)) {
      yield slice;
      continue;
    }
    if (unpacker === undefined) throw new StepUnpackerMissingError();
    for (const table of unpackReadable(slice, unpacker, columns, onDamagedStep)) {
      const inside = eventsInWindow(table, window);
      if (inside !== null) yield inside;
    }
  }
}

function unpackReadable(
  slice: PackedTable,
  unpacker: StepUnpacker,
  columns: WantedColumns | undefined,
  onDamagedStep: (step: PackedTable, message: string) => void,
): readonly EventTable[] {
  try {
    return [unpacker.unpack(slice, undefined, columns)];
  } catch (cause) {
    if (!(cause instanceof ChunkFormatError)) throw cause;
    if (slice.length === 1) {
      onDamagedStep(slice, cause.message);
      return [];
    }
  }
  return Array.from({ length: slice.length }, (_, row) =>
    unpackReadable(selectSteps(slice, Uint32Array.of(row)), unpacker, columns, onDamagedStep),
  ).flat();
}

function takenWorkers(
  table: EventTable | PackedTable,
  workers: readonly string[] | undefined,
): Uint8Array {
  if (workers === undefined) return new Uint8Array(table.workers.length).fill(1);
  const wanted = new Set(workers);
  return Uint8Array.from(table.workers, (info) => (wanted.has(workerId(info)) ? 1 : 0));
}

function range(from: number, to: number): Uint32Array {
  const rows = new Uint32Array(to - from);
  for (let i = 0; i < rows.length; i++) rows[i] = from + i;
  return rows;
}
