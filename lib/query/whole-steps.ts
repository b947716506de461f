/**
 * Events of packed steps, whole: which of them are wanted is told by their directory, so that nothing is
 * unpacked to be thrown away, and nothing of what is unpacked is cut off.
 */
import { nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { alignTables } from '#lib/model/align-events.ts';
import type { ClockAlignment } from '#lib/model/clock-alignment.ts';
import { correctionAt } from '#lib/model/clock-correction.ts';
import type { WindowNs } from '#lib/model/select-window.ts';
import { unpackedSlices } from '#lib/store/step-filter.ts';
import type { EventSelection, TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { ABSENT } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { isPackedTable, selectSteps } from '#lib/table/packed-tables.ts';
import type { WantedColumns } from '#lib/table/wanted-columns.ts';
import { mostMovedWithin } from './clock-moves.ts';
import { widened } from './load-events.ts';

/** Packed steps of a deployment that overlap a window; null: some events of it came otherwise. */
export async function packedSteps(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
): Promise<PackedTable[] | null> {
  const columns = { measures: [], lists: [] } as const;
  const found: PackedTable[] = [];
  for await (const slice of reader.scanSteps({ deployment, window, columns })) {
    if (!isPackedTable(slice)) return null;
    found.push(slice);
  }
  return found;
}

/** Its calls do not wait for anything, so that one serves all questions. */
const unpacker = new PackedUnpacker();

/** `takes`: 1 for the rows that are wanted, by table. */
export async function unpackRows(
  tables: readonly PackedTable[],
  takes: readonly Uint8Array[],
  columns: WantedColumns,
): Promise<EventTable[]> {
  const unpacked: EventTable[] = [];
  for await (const table of unpackedSlices(chosen(tables, takes), { columns }, unpacker)) {
    unpacked.push(table);
  }
  return unpacked;
}

async function* chosen(
  tables: readonly PackedTable[],
  takes: readonly Uint8Array[],
): AsyncGenerator<PackedTable> {
  for (let t = 0; t < tables.length; t++) {
    const table = tables[t]!;
    const own = takes[t]!;
    const rows: number[] = [];
    for (let row = 0; row < table.length; row++) if (own[row] === 1) rows.push(row);
    if (rows.length > 0) yield selectSteps(table, Uint32Array.from(rows));
  }
}

/** Events that overlap the window, and others of the packed steps that do; in the time of `clocks`. */
export async function* roughEvents(
  reader: TelemetryReader,
  selection: EventSelection & { readonly window: TimeWindow },
  clocks: ClockAlignment | null,
): AsyncGenerator<EventTable> {
  const { window, ...rest } = selection;
  const around = clocks === null ? window : widened(window, mostMovedWithin(clocks, window));
  const slices = reader.scanSteps({ ...rest, window: around });
  for await (const table of unpackedSlices(slices, rest, unpacker)) {
    yield clocks === null ? table : alignTables([table], clocks)[0]!;
  }
}

export function eventsOfRows(tables: readonly PackedTable[], takes: readonly Uint8Array[]): number {
  let events = 0;
  tables.forEach(({ length, stepEvents }, t) => {
    for (let row = 0; row < length; row++) if (takes[t]![row] === 1) events += stepEvents[row]!;
  });
  return events;
}

interface DirectoryStep {
  readonly domain: number;
  readonly step: number;
  startNs: number;
  endNs: number;
}

/**
 * Rows of the steps that overlap the window in aligned time, of those with the numbers before and after,
 * and of those directly before and after in time; rows without a step that overlap it.
 */
export function rowsAround(
  tables: readonly PackedTable[],
  window: TimeWindow,
  clocks: ClockAlignment | null,
): Uint8Array[] {
  const base = window.fromUnixNs;
  const span = { fromNs: 0, toNs: nanosBetween(base, window.toUnixNs) };
  const byDomain = new Map<number, Map<number, DirectoryStep>>();
  const spans = tables.map((table) => alignedSpans(table, base, clocks));
  tables.forEach(({ length, domain, step }, t) => {
    const { startNs, endNs } = spans[t]!;
    for (let row = 0; row < length; row++) {
      if (step[row] === ABSENT) continue;
      const own = byDomain.get(domain[row]!) ?? new Map<number, DirectoryStep>();
      byDomain.set(domain[row]!, own);
      const known = own.get(step[row]!);
      if (known === undefined) {
        const at = { startNs: startNs[row]!, endNs: endNs[row]! };
        own.set(step[row]!, { domain: domain[row]!, step: step[row]!, ...at });
        continue;
      }
      known.startNs = Math.min(known.startNs, startNs[row]!);
      known.endNs = Math.max(known.endNs, endNs[row]!);
    }
  });
  const wanted = new Map(
    [...byDomain].map(([domain, steps]) => [domain, wantedSteps([...steps.values()], span)]),
  );
  return tables.map(({ length, domain, step }, t) => {
    const { startNs, endNs } = spans[t]!;
    return Uint8Array.from({ length }, (_, row) => {
      if (step[row] !== ABSENT) return wanted.get(domain[row]!)!.has(step[row]!) ? 1 : 0;
      return startNs[row]! <= span.toNs && endNs[row]! >= span.fromNs ? 1 : 0;
    });
  });
}

function wantedSteps(steps: readonly DirectoryStep[], window: WindowNs): Set<number> {
  const wanted = new Set<number>();
  let before: DirectoryStep | null = null;
  let after: DirectoryStep | null = null;
  for (const step of steps) {
    if (step.startNs > window.toNs) {
      if (after === null || step.startNs < after.startNs) after = step;
    } else if (step.endNs < window.fromNs) {
      if (before === null || step.startNs > before.startNs) before = step;
    } else {
      for (const number of [step.step - 1, step.step, step.step + 1]) wanted.add(number);
    }
  }
  if (before !== null) wanted.add(before.step);
  if (after !== null) wanted.add(after.step);
  return wanted;
}

/** After `base`. */
function alignedSpans(
  table: PackedTable,
  base: UnixNanos,
  clocks: ClockAlignment | null,
): { readonly startNs: Float64Array; readonly endNs: Float64Array } {
  const shiftNs = nanosBetween(base, table.baseUnixNs);
  const movedNs = table.workers.map(({ clockDomain }) => {
    const correction = clocks?.domains.find(({ domain }) => domain === clockDomain)?.correction;
    return correction == null ? 0 : correctionAt(correction, base, 0);
  });
  const at = (ns: Float64Array): Float64Array =>
    Float64Array.from({ length: table.length }, (_, row) =>
      Math.round(ns[row]! + shiftNs + movedNs[table.worker[row]!]!),
    );
  return { startNs: at(table.startNs), endNs: at(table.endNs) };
}
