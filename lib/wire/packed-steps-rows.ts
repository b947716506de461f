/** From an opened packed step to rows of event columns, in the order of their starts. */
import type { ListName } from '#lib/table/event-table.ts';
import type { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import type { WantedColumns } from '#lib/table/wanted-columns.ts';
import type { PackedStepReader } from './packed-steps.ts';
import {
  FIRST_LIST_COLUMN,
  FIRST_MEASURE_COLUMN,
  LAYER_COLUMN,
  PACKED_LISTS,
  PACKED_MEASURES,
  POWERS_OF_TWO,
  SCALE_DOUBLES,
} from './packed-steps-format.ts';
import { StartOrder } from './start-order.ts';

/** What the payload does not say, or says in names. */
export interface PackedRowContext {
  /** Index of the worker in the builder's table, and its own domain. */
  readonly worker: number;
  readonly domain: number;
  /** From the table's base to the step's. */
  readonly offsetNs: number;
  /** Stage and kind codes of each series. */
  readonly stages: Uint16Array;
  readonly kinds: Uint8Array;
  /** Optional columns to write: `ALL_COLUMNS`, or those of `columnBits`. */
  readonly columns?: number;
}

/** The lists of one column, where rows have them, by place. */
interface PlacedLists {
  readonly name: ListName;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  members: Float64Array;
  used: number;
}

export const ALL_COLUMNS = -1;

/** A bit for each column of the format that has to be read. */
export function columnBits({ measures, lists }: WantedColumns): number {
  let bits = 0;
  for (const name of measures) bits |= 1 << (FIRST_MEASURE_COLUMN + PACKED_MEASURES.indexOf(name));
  for (const name of lists) bits |= 1 << (FIRST_LIST_COLUMN + PACKED_LISTS.indexOf(name));
  return bits;
}

const NO_MEASURES = (1 << FIRST_MEASURE_COLUMN) - 1;

export class PackedRowWriter {
  readonly #order = new StartOrder();

  /** Adds the rows that are not refused; returns how many. Durations must not be negative. */
  write(reader: PackedStepReader, builder: EventTableBuilder, context: PackedRowContext): number {
    const rows = reader.events - reader.refusedRows;
    if (rows === 0) return 0;
    builder.reserve(rows);
    const from = builder.length;
    const { startNs, durationNs } = builder;
    this.#order.write(reader, reader.events, context.offsetNs, startNs, durationNs, from);
    builder.worker.fill(context.worker, from, from + rows);
    builder.step.fill(reader.step, from, from + rows);
    builder.domain.fill(context.domain, from, from + rows);
    builder.phase.fill(0, from, from + rows);
    const { series } = reader;
    const peer = series.peer[0]!;
    let onePeer = true;
    for (let s = 1; s < series.length; s++) if (series.peer[s] !== peer) onePeer = false;
    if (onePeer) builder.peer.fill(peer, from, from + rows);
    const lists: PlacedLists[] = [];
    for (let s = 0; s < series.length; s++) {
      this.#series(reader, s, builder, context, lists);
      if (onePeer) continue;
      const first = series.firstRow[s]!;
      this.#fill(builder.peer, series.peer[s]!, from, first, first + series.rows[s]!);
    }
    writeLists(builder, lists, from, rows);
    builder.length = from + rows;
    return rows;
  }

  #series(
    reader: PackedStepReader,
    s: number,
    builder: EventTableBuilder,
    context: PackedRowContext,
    lists: PlacedLists[],
  ): void {
    const { series, cursor, values } = reader;
    const { place } = this.#order;
    const from = builder.length;
    const first = series.firstRow[s]!;
    const end = first + series.rows[s]!;
    const stageCode = context.stages[s]!;
    const kindCode = context.kinds[s]!;
    const microbatchNumber = series.microbatch[s]!;
    const mask = series.mask[s]!;
    const { stage, kind, microbatch, layer } = builder;
    cursor.pos = series.columnsAt[s]!;
    let layerNumber = -1;
    let layerStep = 0;
    let progression = true;
    if ((mask & (1 << LAYER_COLUMN)) !== 0) {
      progression = values.layers(end - first);
      if (progression) ({ firstLayer: layerNumber, layerStep } = values);
    }
    for (let row = first; row < end; row++) {
      const to = from + place[row]!;
      // Left out.
      if (to < from) continue;
      stage[to] = stageCode;
      kind[to] = kindCode;
      microbatch[to] = microbatchNumber;
      layer[to] = layerNumber + (row - first) * layerStep;
    }
    if (!progression) this.#scatter(layer, values.scratch, from, first, end);
    if (series.domain[s]! >= 0) this.#fill(builder.domain, series.domain[s]!, from, first, end);
    if (series.phase[s] !== 0) this.#fill(builder.phase, series.phase[s]!, from, first, end);
    const wanted = mask & ~NO_MEASURES & (context.columns ?? ALL_COLUMNS);
    // Columns lie one after the other: those before a wanted one are passed over, the rest left.
    for (let c = FIRST_MEASURE_COLUMN; wanted >>> c !== 0; c++) {
      if ((mask & (1 << c)) === 0) continue;
      if ((wanted & (1 << c)) === 0) this.#pass(reader, c, end - first);
      else if (c < FIRST_LIST_COLUMN) this.#measure(reader, builder, c, first, end);
      else this.#list(reader, lists, c, first, end);
    }
  }

  #pass(reader: PackedStepReader, c: number, rows: number): void {
    if (c < FIRST_LIST_COLUMN) reader.values.measureScale(rows);
    else reader.values.listMembers(rows);
  }

  #fill(
    column: Int32Array | Uint8Array,
    value: number,
    from: number,
    first: number,
    end: number,
  ): void {
    const { place } = this.#order;
    for (let row = first; row < end; row++) {
      const to = place[row]!;
      if (to >= 0) column[from + to] = value;
    }
  }

  #scatter(
    column: Int32Array,
    values: Float64Array,
    from: number,
    first: number,
    end: number,
  ): void {
    const { place } = this.#order;
    for (let row = first; row < end; row++) {
      const to = place[row]!;
      if (to >= 0) column[from + to] = values[row - first]!;
    }
  }

  #measure(
    reader: PackedStepReader,
    builder: EventTableBuilder,
    c: number,
    first: number,
    end: number,
  ): void {
    const { column, scratch } = reader.values;
    const { place } = this.#order;
    const from = builder.length;
    const values = builder.measure(PACKED_MEASURES[c - FIRST_MEASURE_COLUMN]!);
    const scale = reader.values.measureScale(end - first);
    const factor = scale === SCALE_DOUBLES ? 1 : 1 / POWERS_OF_TWO[scale]!;
    const constant = scale === SCALE_DOUBLES ? Number.NaN : column.constant * factor;
    if (!Number.isNaN(constant)) {
      for (let row = first; row < end; row++) {
        const to = place[row]!;
        if (to >= 0) values[from + to] = constant;
      }
      return;
    }
    if (scale !== SCALE_DOUBLES) column.values(scratch);
    for (let row = first; row < end; row++) {
      const to = place[row]!;
      if (to >= 0) values[from + to] = scratch[row - first]! * factor;
    }
  }

  #list(
    reader: PackedStepReader,
    lists: PlacedLists[],
    c: number,
    first: number,
    end: number,
  ): void {
    const { place } = this.#order;
    const length = reader.events - reader.refusedRows;
    const total = reader.values.listMembers(end - first);
    const placed = placedLists(lists, PACKED_LISTS[c - FIRST_LIST_COLUMN]!, length);
    if (placed.used + total > placed.members.length) {
      // No more than all lists of the step have members, and those are bounded by its bytes.
      const grown = new Float64Array(Math.min(reader.members, (placed.used + total) * 2));
      grown.set(placed.members.subarray(0, placed.used));
      placed.members = grown;
    }
    reader.values.column.values(placed.members, placed.used);
    for (let row = first; row < end; row++) {
      const memberCount = reader.values.scratch[row - first]!;
      const to = place[row]!;
      if (to >= 0) {
        placed.starts[to] = placed.used;
        placed.lengths[to] = memberCount;
      }
      placed.used += memberCount;
    }
  }
}

function placedLists(lists: PlacedLists[], name: ListName, rows: number): PlacedLists {
  const known = lists.find((list) => list.name === name);
  if (known !== undefined) return known;
  const made: PlacedLists = {
    name,
    starts: new Int32Array(rows),
    lengths: new Int32Array(rows),
    members: new Float64Array(0),
    used: 0,
  };
  lists.push(made);
  return made;
}

/** Lists must come in the order of their rows. */
function writeLists(
  builder: EventTableBuilder,
  lists: readonly PlacedLists[],
  from: number,
  rows: number,
): void {
  for (const { name, starts, lengths, members } of lists) {
    for (let p = 0; p < rows; p++) {
      const start = starts[p]!;
      const length = lengths[p]!;
      if (length > 0) builder.setList(name, from + p, members.subarray(start, start + length));
    }
  }
}
