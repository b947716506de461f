/**
 * The clocks about an instant, for questions that read a few events of a few workers and so cannot
 * tell themselves: from all transfers of a quarter of a second around it, or of less where that holds
 * too many events.
 *
 *     asked window                   ├─┤
 *     cells      │         │         │ ▒▒▒▒▒▒▒ │         │    one is read, and remembered
 */
import { addNanos, NS_PER_S, nanosBetween, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { alignTables, ClockTransfers } from '#lib/model/align-events.ts';
import { alignClocks, type ClockAlignment } from '#lib/model/clock-alignment.ts';
import { ClockBounds } from '#lib/model/clock-bounds.ts';
import type { EventSelection, TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { eventsInWindow } from '#lib/store/window-filter.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { type WorkerInfo, workerId } from '#lib/table/worker-info.ts';
import { mostMovedWithin } from './clock-moves.ts';
import { loadWindow } from './load-events.ts';
import { eventsOfRows, packedSteps, unpackRows } from './whole-steps.ts';
import { earlier } from './window.ts';

const CELL_NS = 2 ** 28;
/** A step of an engine is longer: less would hold no whole transfer. */
const LEAST_CELL_NS = 2 ** 24;
/** Read for one cell: about 12 ms of work. */
const CELL_EVENTS = 100_000;
/** Cells that are remembered by one thread. */
const MAX_CELLS = 128;
/** Events come so late. */
const SETTLED_NS = 30n * BigInt(NS_PER_S);

export interface ClockCell {
  /** null: all workers share one clock. */
  readonly alignment: ClockAlignment | null;
  /** Is any clock moved? */
  readonly moves: boolean;
  /** By worker id, of those with an event in the cell: the newest description. */
  readonly workers: ReadonlyMap<string, WorkerInfo>;
}

const known = new WeakMap<TelemetryReader, Map<string, ClockCell>>();

/**
 * null: clocks agree, or nothing is known of them. `eventsPerNs`: of all workers, about.
 */
export async function clocksNear(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
  eventsPerNs: number,
  nowUnixNs: UnixNanos,
): Promise<ClockAlignment | null> {
  return movingClocks(await clockCell(reader, deployment, window, eventsPerNs, nowUnixNs));
}

/** null: no clock is moved. */
export function movingClocks({ alignment, moves }: ClockCell): ClockAlignment | null {
  return moves ? alignment : null;
}

/** What the events about the middle of a window say of clocks and workers. */
export async function clockCell(
  reader: TelemetryReader,
  deployment: string,
  { fromUnixNs, toUnixNs }: TimeWindow,
  eventsPerNs: number,
  nowUnixNs: UnixNanos,
): Promise<ClockCell> {
  let cellNs = CELL_NS;
  while (cellNs > LEAST_CELL_NS && cellNs * eventsPerNs > CELL_EVENTS) cellNs /= 2;
  const cell = BigInt(cellNs);
  const middle = (fromUnixNs + toUnixNs) / 2n;
  const start = middle - (middle % cell);
  const window = { fromUnixNs: unixNanos(start), toUnixNs: unixNanos(start + cell) };
  const cells = known.get(reader) ?? new Map<string, ClockCell>();
  known.set(reader, cells);
  const name = JSON.stringify([deployment, String(start), cellNs]);
  const remembered = cells.get(name);
  if (remembered !== undefined) return remembered;
  const found = await readCell(reader, deployment, window);
  if (window.toUnixNs + SETTLED_NS < nowUnixNs) {
    cells.set(name, found);
    for (const oldest of cells.keys()) {
      if (cells.size <= MAX_CELLS) break;
      cells.delete(oldest);
    }
  }
  return found;
}

async function readCell(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
): Promise<ClockCell> {
  // More than expected are cut off: what is there of a key's sends and receives limits no less right.
  const tables =
    (await wholeSteps(reader, deployment, window)) ??
    (await loadWindow(reader, deployment, window, 4 * CELL_EVENTS, 0, CELL_COLUMNS)).tables;
  const workers = new Map<string, WorkerInfo>();
  for (const table of tables) {
    for (const info of table.workers) {
      if (info.deployment === deployment) workers.set(workerId(info), info);
    }
  }
  const transfers = ClockTransfers.find(tables, deployment);
  if (transfers === null) return { alignment: null, moves: false, workers };
  const bounds = new ClockBounds();
  transfers.addTo(bounds);
  const alignment = alignClocks(bounds.part());
  const moves = alignment.domains.some(({ correction }) => correction !== null);
  return { alignment, moves, workers };
}

const CELL_COLUMNS = { measures: [], lists: ['peers'] } as const;

/** Packed steps that start in the cell. null: there are none, or too many, or events came otherwise. */
async function wholeSteps(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
): Promise<readonly EventTable[] | null> {
  const packed = await packedSteps(reader, deployment, window);
  if (packed === null) return null;
  const takes = packed.map(({ length, startNs, baseUnixNs }) => {
    const fromNs = nanosBetween(baseUnixNs, window.fromUnixNs);
    return Uint8Array.from({ length }, (_, row) => (startNs[row]! >= fromNs ? 1 : 0));
  });
  const events = eventsOfRows(packed, takes);
  if (events === 0 || events > 2 * CELL_EVENTS) return null;
  return unpackRows(packed, takes, CELL_COLUMNS);
}

/** The selected events, at aligned times: those that overlap the window then. null: raw ones. */
export async function* alignedEvents(
  reader: TelemetryReader,
  selection: EventSelection & { readonly window: TimeWindow },
  clocks: ClockAlignment | null,
): AsyncGenerator<EventTable> {
  if (clocks === null) {
    yield* reader.scanEvents(selection);
    return;
  }
  const { window } = selection;
  const movedNs = mostMovedWithin(clocks, window);
  const around = {
    fromUnixNs: earlier(window.fromUnixNs, movedNs),
    toUnixNs: addNanos(window.toUnixNs, movedNs),
  };
  for await (const table of reader.scanEvents({ ...selection, window: around })) {
    const inside = eventsInWindow(alignTables([table], clocks)[0]!, window);
    if (inside !== null) yield inside;
  }
}
