/** The fields of packed steps as what they are: span attributes, with the ranges these have. */
import { SPAN_ATTRIBUTES, type SpanAttribute, SpanSlot } from '#lib/model/attributes.ts';
import { LISTS, MEASURES } from '#lib/table/event-table.ts';
import {
  FIELD_COUNT,
  FIRST_LIST_COLUMN,
  FIRST_MEASURE_COLUMN,
  LAYER_COLUMN,
  PACKED_LISTS,
  PACKED_MEASURES,
  type PackedRanges,
  SeriesField,
} from '#lib/wire/packed-steps-format.ts';

/** The attribute that each field of a packed step is, as its slot. */
const SLOT_OF_FIELD: readonly number[] = Array.from({ length: FIELD_COUNT }, (_, field) => {
  const measure = PACKED_MEASURES[field - FIRST_MEASURE_COLUMN];
  if (measure !== undefined) return SpanSlot.firstMeasure + MEASURES.indexOf(measure);
  const list = PACKED_LISTS[field - FIRST_LIST_COLUMN];
  if (list !== undefined) return SpanSlot.firstList + LISTS.indexOf(list);
  switch (field) {
    case LAYER_COLUMN:
      return SpanSlot.layer;
    case SeriesField.step:
      return SpanSlot.step;
    case SeriesField.domain:
      return SpanSlot.domain;
    case SeriesField.microbatch:
      return SpanSlot.microbatch;
    default:
      return SpanSlot.peer;
  }
});

/** The attribute that a field (a column or SeriesField) is. */
export function attributeOf(field: number): SpanAttribute {
  return SPAN_ATTRIBUTES[SLOT_OF_FIELD[field]!]!;
}

export const PACKED_RANGES: PackedRanges = {
  min: Float64Array.from(SLOT_OF_FIELD, (_, field) => attributeOf(field).min),
  max: Float64Array.from(SLOT_OF_FIELD, (_, field) => attributeOf(field).max),
  whole: Uint8Array.from(SLOT_OF_FIELD, (_, field) =>
    attributeOf(field).type === 'number' ? 0 : 1,
  ),
};
