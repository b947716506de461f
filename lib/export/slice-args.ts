/**
 * What a slice says of its event: all that its sender said, by the names of CSV columns, and by how
 * much its times were aligned. `afd` is 1 for the slice that stands for the event, 2 for the second
 * part of an event that was cut.
 */

import { LIST_COLUMNS, MEASURE_COLUMNS } from '#lib/model/column-names.ts';
import { ABSENT, KINDS, PHASES } from '#lib/table/codes.ts';
import { type EventTable, LISTS, MEASURES } from '#lib/table/event-table.ts';
import { CAUSE_NAMES } from './bubble-causes.ts';
import { Piece, type Slice } from './trace-slices.ts';

export type ArgValue = number | string | Float64Array;

export function forEachArg(slice: Slice, take: (name: string, value: ArgValue) => void): void {
  const { table, row, piece } = slice;
  const isEvent = piece !== Piece.second;
  take('afd', isEvent ? 1 : 2);
  if (isEvent) {
    take('source', slice.source);
    take('stage', table.stageNames[table.stage[row]!]!);
    take('kind', KINDS[table.kind[row]!]!);
    if (table.phase[row] !== 0) take('phase', PHASES[table.phase[row]!]!);
  }
  take('domain', table.domain[row]!);
  if (table.step[row] !== ABSENT) take('step', table.step[row]!);
  if (table.layer[row] !== ABSENT) take('layer', table.layer[row]!);
  if (table.microbatch[row] !== ABSENT) take('microbatch', table.microbatch[row]!);
  if (isEvent) takeMore(slice, take);
  if (slice.cause >= 0) take('cause', CAUSE_NAMES[slice.cause]!);
}

interface Measured {
  readonly name: string;
  readonly values: Float64Array;
}

const measured = new WeakMap<EventTable, readonly Measured[]>();

/** The columns that the table has. */
function measuresOf(table: EventTable): readonly Measured[] {
  const known = measured.get(table);
  if (known !== undefined) return known;
  const found = MEASURES.flatMap((name) => {
    const values = table.measures[name];
    return values === null ? [] : [{ name: MEASURE_COLUMNS[name], values }];
  });
  measured.set(table, found);
  return found;
}

function takeMore(slice: Slice, take: (name: string, value: ArgValue) => void): void {
  const { table, row, piece, durationNs, movedNs, stretchedNs } = slice;
  if (table.peer[row] !== ABSENT) take('peer', table.peer[row]!);
  for (const { name, values } of measuresOf(table)) {
    const value = values[row]!;
    if (value !== ABSENT) take(name, value);
  }
  for (const name of LISTS) {
    const list = table.lists[name];
    if (list === null || list.offsets[row] === list.offsets[row + 1]) continue;
    take(LIST_COLUMNS[name], list.values.subarray(list.offsets[row]!, list.offsets[row + 1]!));
  }
  if (piece === Piece.first) take('duration_ns', durationNs);
  if (movedNs !== 0) take('aligned_by_ns', movedNs);
  if (stretchedNs !== 0) take('stretched_by_ns', stretchedNs);
}
