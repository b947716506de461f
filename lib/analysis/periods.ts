/**
 * Measured period: start to start of the same stage, worker, step and micro-batch in consecutive
 * layers. Dense layers stay apart, as does what is neither compute nor communication.
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { Kind } from '#lib/table/codes.ts';
import type { KeyFacts } from './key-facts.ts';
import { sideOf } from './key-times.ts';

/** One row a pair of layers (l, l + 1); the pair belongs to layer l. */
export interface Periods {
  /** Key of layer l. */
  readonly key: Int32Array;
  /** From start to start: negative where the next layer comes first, because clocks or senders err. */
  readonly periodNs: Float64Array;
  /** Start in layer l + 1. */
  readonly endNs: Float64Array;
}

/** Room for first starts: so many (stage, key) at a time. */
const MAX_CELLS = 1 << 22;

export function measuredPeriods(assembled: Assembled, facts: KeyFacts): Periods {
  const { events, keys, room } = assembled;
  const previous = new Int32Array(keys.length).fill(-1);
  for (let k = 0; k < keys.length; k++) if (keys.next[k]! >= 0) previous[keys.next[k]!] = k;
  const slots = Math.max(1, Math.min(8, Math.floor(MAX_CELLS / Math.max(1, keys.length))));
  const scratch: Scratch = {
    previous,
    slots,
    firstNs: new Float64Array(slots * keys.length),
    seenIn: new Int32Array(slots * keys.length).fill(-1),
  };
  const found = {
    length: 0,
    key: room.int32(events.length),
    periodNs: room.float64(events.length),
    endNs: room.float64(events.length),
  };
  let round = 0;
  for (let w = 0; w < events.workers.length; w++) {
    if (sideOf(events.workers[w]!.role) < 0) continue;
    const { slotOf, count } = slotsOfStages(assembled, w);
    for (let slot = 0; slot < count; slot += slots) {
      addPeriods(assembled, w, facts, slotOf, slot, round++, scratch, found);
    }
  }
  return {
    key: found.key.subarray(0, found.length),
    periodNs: found.periodNs.subarray(0, found.length),
    endNs: found.endNs.subarray(0, found.length),
  };
}

/** First starts of up to `slots` stages, at `slot · keys + key`. */
interface Scratch {
  /** The key of the layer before, -1 without one. */
  readonly previous: Int32Array;
  readonly slots: number;
  readonly firstNs: Float64Array;
  /** The last round in which the cell was set. */
  readonly seenIn: Int32Array;
}

/** Numbers the stages that a worker has periods of; -1 for the others. */
function slotsOfStages(
  { events, offsets }: Assembled,
  w: number,
): { slotOf: Int32Array; count: number } {
  const { kind, stage } = events;
  const slotOf = new Int32Array(events.stageNames.length).fill(-1);
  let count = 0;
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    if (slotOf[stage[row]!]! < 0 && hasPeriod(kind[row]!)) slotOf[stage[row]!] = count++;
  }
  return { slotOf, count };
}

function hasPeriod(kind: number): boolean {
  return kind === Kind.compute || kind === Kind.transfer || kind === Kind.receive;
}

/** Those of the stages in slots `[firstSlot, firstSlot + slots)`. */
function addPeriods(
  assembled: Assembled,
  w: number,
  { sparse }: KeyFacts,
  slotOf: Int32Array,
  firstSlot: number,
  round: number,
  scratch: Scratch,
  found: { length: number; key: Int32Array; periodNs: Float64Array; endNs: Float64Array },
): void {
  const { events, offsets, keyOf, keys } = assembled;
  const { kind, stage, startNs } = events;
  const { next } = keys;
  const { previous, slots, firstNs, seenIn } = scratch;
  const { key: keyColumn, periodNs, endNs } = found;
  let { length } = found;
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    const key = keyOf[row]!;
    if (key < 0 || sparse[key] === 0 || !hasPeriod(kind[row]!)) continue;
    const slot = slotOf[stage[row]!]! - firstSlot;
    if (slot < 0 || slot >= slots) continue;
    const base = slot * keys.length;
    if (seenIn[base + key] === round) continue;
    seenIn[base + key] = round;
    const start = startNs[row]!;
    firstNs[base + key] = start;
    const before = previous[key]!;
    if (before >= 0 && seenIn[base + before] === round) {
      keyColumn[length] = before;
      periodNs[length] = start - firstNs[base + before]!;
      endNs[length++] = start;
    }
    const after = next[key]!;
    if (after >= 0 && seenIn[base + after] === round) {
      keyColumn[length] = key;
      periodNs[length] = firstNs[base + after]! - start;
      endNs[length++] = firstNs[base + after]!;
    }
  }
  found.length = length;
}
