/**
 * Numbers the keys (step, layer, micro-batch) of a table, in the order of their first rows. Small
 * ranges, which real models have, are looked up in a flat grid; anything else in a map, so that odd
 * numbers cost time, not memory.
 */
import type { ColumnRoom } from '#lib/base/column-room.ts';
import { ABSENT } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { KeyTable } from './assembled.ts';

export interface KeyIndex {
  readonly keys: KeyTable;
  readonly keyOf: Int32Array;
}

/** Up to so many places, or eight a row, a flat grid is worth its memory. */
const FLAT_PLACES = 1 << 20;

/** `layers` and `microbatches`: one more than the largest index. */
export function indexKeys(
  events: EventTable,
  stepOf: Int32Array,
  stepCount: number,
  layers: number,
  microbatches: number,
  room: ColumnRoom,
): KeyIndex {
  const stepPlaces = (layers + 1) * (microbatches + 1);
  const places = stepCount * stepPlaces;
  return places <= Math.max(FLAT_PLACES, 8 * events.length)
    ? indexInGrid(events, stepOf, places, stepPlaces, microbatches + 1, room)
    : indexInMap(events, stepOf);
}

/** A key's place is (step, layer + 1, micro-batch + 1), row-major; layers are `width` apart. */
function indexInGrid(
  events: EventTable,
  stepOf: Int32Array,
  places: number,
  stepPlaces: number,
  width: number,
  room: ColumnRoom,
): KeyIndex {
  const { layer, microbatch } = events;
  const keyAt = room.int32(places).fill(-1);
  const keyOf = room.int32(events.length);
  const placeOf = room.int32(Math.min(places, events.length));
  let length = 0;
  for (let row = 0; row < events.length; row++) {
    const step = stepOf[row]!;
    if (step < 0) {
      keyOf[row] = -1;
      continue;
    }
    const place = step * stepPlaces + (layer[row]! + 1) * width + microbatch[row]! + 1;
    let key = keyAt[place]!;
    if (key < 0) {
      key = length++;
      keyAt[place] = key;
      placeOf[key] = place;
    }
    keyOf[row] = key;
  }
  const keys = emptyKeys(length);
  for (let key = 0; key < length; key++) {
    const place = placeOf[key]!;
    const inStep = place % stepPlaces;
    keys.step[key] = Math.floor(place / stepPlaces);
    keys.layer[key] = Math.floor(inStep / width) - 1;
    keys.microbatch[key] = (inStep % width) - 1;
    const hasNext = keys.layer[key] !== ABSENT && inStep + width < stepPlaces;
    keys.next[key] = hasNext ? keyAt[place + width]! : -1;
  }
  return { keys, keyOf };
}

function emptyKeys(length: number): KeyTable {
  return {
    length,
    step: new Int32Array(length),
    layer: new Int32Array(length),
    microbatch: new Int32Array(length),
    next: new Int32Array(length).fill(-1),
  };
}

/** Maps of maps, by step, layer and micro-batch. */
function indexInMap({ length: rows, layer, microbatch }: EventTable, stepOf: Int32Array): KeyIndex {
  const keyOf = new Int32Array(rows).fill(-1);
  const firstRows: number[] = [];
  const byStep = new Map<number, Map<number, Map<number, number>>>();
  for (let row = 0; row < rows; row++) {
    const step = stepOf[row]!;
    if (step < 0) continue;
    const byMicrobatch = entryOf(entryOf(byStep, step), layer[row]!);
    let key = byMicrobatch.get(microbatch[row]!);
    if (key === undefined) {
      key = firstRows.push(row) - 1;
      byMicrobatch.set(microbatch[row]!, key);
    }
    keyOf[row] = key;
  }
  const keys = emptyKeys(firstRows.length);
  for (let key = 0; key < keys.length; key++) {
    const row = firstRows[key]!;
    keys.step[key] = stepOf[row]!;
    keys.layer[key] = layer[row]!;
    keys.microbatch[key] = microbatch[row]!;
    if (layer[row] === ABSENT) continue;
    const next = byStep
      .get(stepOf[row]!)
      ?.get(layer[row]! + 1)
      ?.get(microbatch[row]!);
    keys.next[key] = next ?? -1;
  }
  return { keys, keyOf };
}

function entryOf<V>(maps: Map<number, Map<number, V>>, key: number): Map<number, V> {
  let map = maps.get(key);
  if (map === undefined) {
    map = new Map();
    maps.set(key, map);
  }
  return map;
}
