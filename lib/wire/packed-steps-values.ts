/** Reads the columns of a series one after the other, values into a scratch array. */
import { PackedColumn, type PackedCursor } from './packed-steps-column.ts';
import { MAX_SCALE, MIN_MEMBER_BITS, SCALE_DOUBLES } from './packed-steps-format.ts';

const MAX_MEMBERS_PER_SERIES = 2 ** 21;

export class PackedValues {
  /** The column that was read last. */
  readonly column: PackedColumn;
  /** Room for as many values as the step has events. */
  scratch = new Float64Array(1024);
  /** What `layers` found. */
  firstLayer = 0;
  layerStep = 0;
  readonly #cursor: PackedCursor;

  constructor(cursor: PackedCursor) {
    this.#cursor = cursor;
    this.column = new PackedColumn(cursor);
  }

  /** Reads the head of a measure's column; SCALE_DOUBLES: its values are in `scratch`. */
  measureScale(rows: number): number {
    const cursor = this.#cursor;
    const scale = cursor.byte();
    if (scale === SCALE_DOUBLES) {
      const at = cursor.skip(rows * 8);
      for (let i = 0; i < rows; i++) this.scratch[i] = cursor.view.getFloat64(at + i * 8, true) + 0;
    } else {
      if (scale > MAX_SCALE) cursor.fail('a scale is not known');
      this.column.read(rows);
    }
    return scale;
  }

  /**
   * Reads the layer column at the cursor. true: layers stay or go up one by one, as `firstLayer` and
   * `layerStep` say; false: they are in `scratch`.
   */
  layers(rows: number): boolean {
    const { column } = this;
    column.read(rows);
    const layerStep = column.progressionStep;
    if (layerStep === 0 || layerStep === 1) {
      this.firstLayer = column.progressionStart;
      this.layerStep = layerStep;
      return true;
    }
    column.values(this.scratch);
    return false;
  }

  /** Reads a list column's lengths into `scratch`, and then the head of its members' column. */
  listMembers(rows: number): number {
    const { column, scratch } = this;
    const cursor = this.#cursor;
    column.read(rows);
    const surely = column.surelyWithin(0, Number.MAX_SAFE_INTEGER);
    column.values(scratch);
    let total = 0;
    for (let i = 0; i < rows; i++) {
      const length = scratch[i]!;
      // The bounds of a delta column are wider than its values.
      if (!surely && !(length >= 0)) cursor.fail('a length is negative');
      total += length;
    }
    if (total > cursor.end - cursor.pos || total > MAX_MEMBERS_PER_SERIES) {
      cursor.fail('a list is too long');
    }
    column.read(total, MIN_MEMBER_BITS);
    return total;
  }
}
