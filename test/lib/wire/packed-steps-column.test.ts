import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PackedColumn, PackedCursor } from '#lib/wire/packed-steps-column.ts';
import { ByteSink, planColumn } from '#lib/wire/packed-steps-column-encode.ts';

function roundTrip(values: readonly number[]): number[] {
  const sink = new ByteSink();
  planColumn(values, 0).write(sink);
  const cursor = new PackedCursor();
  cursor.bytes = sink.finish();
  cursor.view = new DataView(cursor.bytes.buffer);
  cursor.end = cursor.bytes.length;
  const column = new PackedColumn(cursor);
  column.read(values.length);
  expect(cursor.pos).toBe(cursor.end);
  const out = new Float64Array(values.length);
  column.values(out);
  return [...out];
}

test('a column is read as it was written', () => {
  const small = fc.integer({ min: -3, max: 3 });
  const any = fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 });
  const values = fc.array(fc.oneof({ weight: 9, arbitrary: small }, any), { minLength: 1 });
  fc.assert(
    fc.property(values, (list) => {
      expect(roundTrip(list)).toEqual(list);
    }),
  );
});

test('outliers that a patch could not hold exactly make the column wide instead', () => {
  // One below many that are the same, by more than 2^52.
  const far = [...new Array<number>(40).fill(2 ** 52 + 9), 2];
  expect(roundTrip(far)).toEqual(far);
});
