/**
 * Reads packed steps. `open` checks the whole payload and reads its times; then the caller says which
 * rows it refuses and which stages the names mean, and `writePackedRows` fills the columns. One
 * reader serves all steps of a process: no object is made per event or per series.
 */
import { KINDS, PHASES } from '#lib/table/codes.ts';
import { MalformedInput } from './malformed-input.ts';
import { PackedCursor } from './packed-steps-column.ts';
import {
  CHECKED_FROM,
  COLUMN_COUNT,
  type Crc32,
  FIRST_LIST_COLUMN,
  HEADER_BYTES,
  LAYER_COLUMN,
  MAX_EVENTS_PER_STEP,
  MIN_DURATION_BITS,
  type PackedRanges,
  POWERS_OF_TWO,
  SCALE_DOUBLES,
  SeriesField,
} from './packed-steps-format.ts';
import { frameDamage } from './packed-steps-frame.ts';
import { SeriesTable } from './packed-steps-series.ts';
import { PackedValues } from './packed-steps-values.ts';

const MAX_NAMES = 4096;
const MAX_SERIES = 65_536;

/** Why a row is not wanted; what else a caller writes to `refused` is its own. */
export const BAD_FIELD = 1;

export class PackedStepReader {
  readonly cursor = new PackedCursor();
  readonly values = new PackedValues(this.cursor);
  baseHigh = 0;
  baseLow = 0;
  /** -1: none. */
  step = 0;
  /** Events that the payload holds; of a damaged one those it declares, where that can be true. */
  events = 0;
  /** What is wrong with a payload that `open` refused. */
  damage = '';
  /** Ranges of the stage names, in `cursor.bytes`. */
  nameCount = 0;
  nameStarts = new Int32Array(16);
  nameLengths = new Int32Array(16);
  readonly series = new SeriesTable();
  /** Columns of all rows, series by series; times are offsets from the base. */
  startNs = new Float64Array(0);
  durationNs = new Float64Array(0);
  endNs = new Float64Array(0);
  /** 0: the row is wanted. */
  refused = new Uint8Array(0);
  refusedRows = 0;
  /** The field (a column or SeriesField) that was out of range first, -1 where none was. */
  badField = -1;
  minStartNs = 0;
  maxStartNs = 0;
  maxEndNs = 0;
  /** No duration lies outside of these; possibly none comes near them. */
  minDurationNs = 0;
  maxDurationNs = 0;
  /** Members of lists. */
  members = 0;
  readonly #ranges: PackedRanges;
  readonly #crc32: Crc32;

  constructor(ranges: PackedRanges, crc32: Crc32) {
    this.#ranges = ranges;
    this.#crc32 = crc32;
  }

  /** false: damaged, or of a version that is not known; `damage` says which. */
  open(payload: Uint8Array): boolean {
    const { cursor } = this;
    this.events = 1;
    this.damage = frameDamage(payload, this.#crc32);
    if (this.damage !== '') return false;
    cursor.bytes = payload;
    cursor.view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    cursor.pos = CHECKED_FROM;
    cursor.end = payload.length;
    try {
      this.#content();
      return true;
    } catch (error) {
      if (!(error instanceof MalformedInput)) throw error;
      this.damage = error.message;
      return false;
    }
  }

  /** Lets go of the payload. */
  close(): void {
    this.cursor.bytes = NO_BYTES;
    this.cursor.view = NO_VIEW;
  }

  refuse(row: number, reason: number): void {
    if (this.refused[row] !== 0) return;
    this.refused[row] = reason;
    this.refusedRows++;
  }

  #content(): void {
    const { cursor, series } = this;
    this.baseLow = cursor.view.getUint32(CHECKED_FROM, true);
    this.baseHigh = cursor.view.getUint32(CHECKED_FROM + 4, true);
    cursor.pos = HEADER_BYTES;
    const step = cursor.varint() - 1;
    const events = cursor.varint();
    if (events > cursor.end || events > MAX_EVENTS_PER_STEP) cursor.fail('too many events');
    this.events = events;
    this.#reserve(events);
    this.refused.fill(0, 0, events);
    this.refusedRows = 0;
    this.badField = -1;
    this.members = 0;
    this.minStartNs = Number.POSITIVE_INFINITY;
    this.maxStartNs = Number.NEGATIVE_INFINITY;
    this.maxEndNs = Number.NEGATIVE_INFINITY;
    this.minDurationNs = Number.POSITIVE_INFINITY;
    this.maxDurationNs = Number.NEGATIVE_INFINITY;
    this.step = step;
    this.#names();
    const seriesCount = cursor.varint();
    if (seriesCount > MAX_SERIES) cursor.fail('too many series');
    series.length = 0;
    let rows = 0;
    for (let s = 0; s < seriesCount; s++) rows += this.#oneSeries(rows, events);
    if (rows !== events) cursor.fail('events are missing');
    if (cursor.pos !== cursor.end) cursor.fail('bytes are left at the end');
    if (step >= 0) this.#checkField(SeriesField.step, step, 0, events);
  }

  #names(): void {
    const { cursor } = this;
    const count = cursor.varint();
    if (count > MAX_NAMES) cursor.fail('too many stage names');
    if (count > this.nameStarts.length) {
      this.nameStarts = new Int32Array(MAX_NAMES);
      this.nameLengths = new Int32Array(MAX_NAMES);
    }
    for (let i = 0; i < count; i++) {
      const byteCount = cursor.varint();
      this.nameStarts[i] = cursor.skip(byteCount);
      this.nameLengths[i] = byteCount;
    }
    this.nameCount = count;
  }

  /** Reads a series and gives its number of rows. */
  #oneSeries(firstRow: number, events: number): number {
    const { cursor, series } = this;
    const { column } = this.values;
    const s = series.add();
    const name = cursor.varint();
    if (name >= this.nameCount) cursor.fail('a stage name is missing');
    const codes = cursor.byte();
    if ((codes & 15) > KINDS.length) cursor.fail('a kind is not known');
    if (codes >>> 4 >= PHASES.length) cursor.fail('a phase is not known');
    const domain = cursor.varint() - 1;
    const microbatch = cursor.varint() - 1;
    const peer = cursor.varint() - 1;
    const rows = cursor.varint();
    if (rows === 0 || rows > events - firstRow) cursor.fail('a series has a wrong size');
    const mask = cursor.varint();
    if (mask >= 2 ** COLUMN_COUNT) cursor.fail('a column is not known');
    if (domain >= 0) this.#checkField(SeriesField.domain, domain, firstRow, rows);
    this.#checkField(SeriesField.microbatch, microbatch, firstRow, rows);
    this.#checkField(SeriesField.peer, peer, firstRow, rows);
    series.name[s] = name;
    series.kind[s] = (codes & 15) - 1;
    series.phase[s] = codes >>> 4;
    // What is beyond an Int32 is refused above, so that what is stored here does not matter.
    series.domain[s] = domain;
    series.microbatch[s] = microbatch;
    series.peer[s] = peer;
    series.firstRow[s] = firstRow;
    series.rows[s] = rows;
    series.mask[s] = mask;
    column.read(rows, MIN_DURATION_BITS);
    this.minDurationNs = Math.min(this.minDurationNs, column.lowerBound);
    this.maxDurationNs = Math.max(this.maxDurationNs, column.upperBound);
    column.values(this.durationNs, firstRow);
    this.#starts(s, firstRow, rows);
    this.#extent(s, firstRow, rows);
    series.columnsAt[s] = cursor.pos;
    for (let c = 0; c < COLUMN_COUNT; c++) {
      if ((mask & (1 << c)) !== 0) this.#checkColumn(c, firstRow, rows);
    }
    return rows;
  }

  #starts(s: number, firstRow: number, rows: number): void {
    const { cursor, series, startNs, endNs } = this;
    const { column } = this.values;
    const reference = cursor.varint() - 1;
    if (reference >= s) cursor.fail('a series counts from one that is not before it');
    const shift = reference < 0 ? 0 : cursor.zigzag();
    column.read(rows);
    column.values(startNs, firstRow);
    if (reference < 0) return;
    const from = series.firstRow[reference]!;
    const last = series.rows[reference]! - 1;
    // Row i counts from the end of row i - shift, which may lie before the first or behind the last.
    const head = Math.max(0, Math.min(rows, shift));
    const tail = Math.max(head, Math.min(rows, shift + last + 1));
    const firstEndNs = endNs[from]!;
    const lastEndNs = endNs[from + last]!;
    for (let i = firstRow; i < firstRow + head; i++) startNs[i] = startNs[i]! + firstEndNs;
    for (let i = firstRow + head, j = from + head - shift; i < firstRow + tail; i++, j++) {
      startNs[i] = startNs[i]! + endNs[j]!;
    }
    for (let i = firstRow + tail; i < firstRow + rows; i++) startNs[i] = startNs[i]! + lastEndNs;
  }

  /** Fills in the ends, and widens the step's extent. */
  #extent(s: number, firstRow: number, rows: number): void {
    const { startNs, durationNs, endNs } = this;
    let { maxEndNs } = this;
    let before = startNs[firstRow]!;
    let ascending = true;
    for (let row = firstRow; row < firstRow + rows; row++) {
      const start = startNs[row]!;
      const end = start + durationNs[row]!;
      endNs[row] = end;
      if (end > maxEndNs) maxEndNs = end;
      if (start < before) ascending = false;
      before = start;
    }
    this.maxEndNs = maxEndNs;
    this.series.ascending[s] = ascending ? 1 : 0;
    let { minStartNs, maxStartNs } = this;
    // Those of ascending starts are its ends.
    const stride = ascending ? Math.max(1, rows - 1) : 1;
    for (let row = firstRow; row < firstRow + rows; row += stride) {
      const start = startNs[row]!;
      if (start < minStartNs) minStartNs = start;
      if (start > maxStartNs) maxStartNs = start;
    }
    this.minStartNs = minStartNs;
    this.maxStartNs = maxStartNs;
  }

  #checkColumn(c: number, firstRow: number, rows: number): void {
    const { column } = this.values;
    if (c === LAYER_COLUMN) {
      column.read(rows);
      this.#checkValues(c, 0, firstRow, rows);
    } else if (c >= FIRST_LIST_COLUMN) {
      this.#checkList(c, firstRow, rows);
    } else {
      const scale = this.values.measureScale(rows);
      this.#checkValues(c, scale, firstRow, rows);
    }
  }

  /** Marks the rows whose value in the column (or `scratch`) is out of range. */
  #checkValues(field: number, scale: number, firstRow: number, rows: number): void {
    const { column, scratch } = this.values;
    const min = this.#ranges.min[field]!;
    const max = this.#ranges.max[field]!;
    const whole = this.#ranges.whole[field]! === 1;
    let factor = 1;
    if (scale !== SCALE_DOUBLES) {
      factor = 1 / POWERS_OF_TWO[scale]!;
      if ((scale === 0 || !whole) && column.surelyWithin(min / factor, max)) return;
      column.values(scratch);
    }
    for (let i = 0; i < rows; i++) {
      const value = scratch[i]! * factor;
      if (value >= min && value <= max && (!whole || Number.isInteger(value))) continue;
      this.#bad(field, firstRow + i);
    }
  }

  #checkList(field: number, firstRow: number, rows: number): void {
    const total = this.values.listMembers(rows);
    this.members += total;
    const min = this.#ranges.min[field]!;
    const max = this.#ranges.max[field]!;
    if (this.values.column.surelyWithin(min, max)) return;
    const lengths = this.values.scratch.slice(0, rows);
    const members = new Float64Array(total);
    this.values.column.values(members);
    let at = 0;
    for (let i = 0; i < rows; i++) {
      for (const end = at + lengths[i]!; at < end; at++) {
        if (!(members[at]! >= min && members[at]! <= max)) this.#bad(field, firstRow + i);
      }
    }
  }

  #checkField(field: number, value: number, firstRow: number, rows: number): void {
    if (value >= this.#ranges.min[field]! && value <= this.#ranges.max[field]!) return;
    for (let row = firstRow; row < firstRow + rows; row++) this.#bad(field, row);
  }

  #bad(field: number, row: number): void {
    if (this.badField < 0) this.badField = field;
    this.refuse(row, BAD_FIELD);
  }

  #reserve(events: number): void {
    if (events <= this.startNs.length) return;
    const capacity = Math.max(1024, events, Math.min(this.startNs.length * 2, MAX_EVENTS_PER_STEP));
    this.startNs = new Float64Array(capacity);
    this.durationNs = new Float64Array(capacity);
    this.endNs = new Float64Array(capacity);
    this.refused = new Uint8Array(capacity);
    this.values.scratch = new Float64Array(capacity);
  }
}

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);
