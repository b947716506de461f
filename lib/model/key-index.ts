/**
 * Numbers the keys (step, layer, micro-batch) of a table. Small ranges, which real models have, are
 * looked up in a flat array; anything else in a map, so that odd numbers cost time, not memory.
 */
import { ABSENT } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { KeyTable } from './assembled.ts';

export interface KeyIndex {
  readonly keys: KeyTable;
  readonly keyOf: Int32Array;
}

const FLAT_PAIRS = 1 << 20;

export function indexKeys(events: EventTable, stepOf: Int32Array, stepCount: number): KeyIndex {
  const pairs = new PairNumbers(events);
  const pairOf = new Int32Array(events.length);
  for (let row = 0; row < events.length; row++) {
    if (stepOf[row]! >= 0) pairOf[row] = pairs.number(events.layer[row]!, events.microbatch[row]!);
  }
  const ids = new KeyNumbers(stepCount * pairs.count, events.length);
  const keyOf = new Int32Array(events.length).fill(-1);
  const step: number[] = [];
  const pair: number[] = [];
  for (let row = 0; row < events.length; row++) {
    const s = stepOf[row]!;
    if (s < 0) continue;
    const p = pairOf[row]!;
    const place = s * pairs.count + p;
    let key = ids.get(place);
    if (key < 0) {
      key = step.length;
      ids.set(place, key);
      step.push(s);
      pair.push(p);
    }
    keyOf[row] = key;
  }
  const layer = Int32Array.from(pair, (p) => pairs.layer[p]!);
  const microbatch = Int32Array.from(pair, (p) => pairs.microbatch[p]!);
  const next = Int32Array.from(pair, (_, key) => {
    if (layer[key] === ABSENT) return -1;
    const nextPair = pairs.find(layer[key]! + 1, microbatch[key]!);
    return nextPair < 0 ? -1 : ids.get(step[key]! * pairs.count + nextPair);
  });
  return {
    keys: { length: step.length, step: Int32Array.from(step), layer, microbatch, next },
    keyOf,
  };
}

/** Dense numbers for (layer, micro-batch). */
class PairNumbers {
  readonly layer: number[] = [];
  readonly microbatch: number[] = [];
  readonly #flat: Int32Array | null;
  readonly #width: number;
  readonly #byLayer = new Map<number, Map<number, number>>();

  constructor(events: EventTable) {
    let layers = 0;
    let microbatches = 0;
    for (let row = 0; row < events.length; row++) {
      if (events.layer[row]! >= layers) layers = events.layer[row]! + 1;
      if (events.microbatch[row]! >= microbatches) microbatches = events.microbatch[row]! + 1;
    }
    this.#width = microbatches + 1;
    const size = (layers + 1) * (microbatches + 1);
    this.#flat = size <= FLAT_PAIRS ? new Int32Array(size).fill(-1) : null;
  }

  get count(): number {
    return this.layer.length;
  }

  find(layer: number, microbatch: number): number {
    if (this.#flat === null) return this.#byLayer.get(layer)?.get(microbatch) ?? -1;
    return this.#flat[(layer + 1) * this.#width + microbatch + 1] ?? -1;
  }

  number(layer: number, microbatch: number): number {
    const known = this.find(layer, microbatch);
    if (known >= 0) return known;
    const number = this.layer.length;
    this.layer.push(layer);
    this.microbatch.push(microbatch);
    if (this.#flat !== null) {
      this.#flat[(layer + 1) * this.#width + microbatch + 1] = number;
    } else {
      const byMicrobatch = this.#byLayer.get(layer) ?? new Map<number, number>();
      byMicrobatch.set(microbatch, number);
      this.#byLayer.set(layer, byMicrobatch);
    }
    return number;
  }
}

/** Key by its place in the (step, pair) grid. */
class KeyNumbers {
  readonly #flat: Int32Array | null;
  readonly #map = new Map<number, number>();

  constructor(places: number, rows: number) {
    this.#flat = places <= Math.max(FLAT_PAIRS, 8 * rows) ? new Int32Array(places).fill(-1) : null;
  }

  get(place: number): number {
    return this.#flat === null ? (this.#map.get(place) ?? -1) : this.#flat[place]!;
  }

  set(place: number, key: number): void {
    if (this.#flat === null) this.#map.set(place, key);
    else this.#flat[place] = key;
  }
}
