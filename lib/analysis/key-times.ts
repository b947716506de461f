/**
 * Compute per key and worker (README, Definitions, "Pipeline"):
 *
 *     compute      ████···████·········    T = |union(compute)|
 *     collective   ··███···············    O = |union(compute ∪ collective)|
 *     send         ···············█████    S = first start .. last end before the send starts
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { Kind, Stage } from '#lib/table/codes.ts';

export const Side = { attention: 0, ffn: 1 } as const;

/** -1 for workers of deployments that are not disaggregated. */
export function sideOf(role: string): number {
  if (role === 'attention') return Side.attention;
  return role === 'ffn' ? Side.ffn : -1;
}

/** One row a (key, worker) with a compute or collective event. */
export interface KeyTimes {
  readonly length: number;
  readonly key: Int32Array;
  readonly side: Uint8Array;
  readonly tNs: Float64Array;
  readonly oNs: Float64Array;
  readonly sNs: Float64Array;
}

export function keyTimes(assembled: Assembled): KeyTimes {
  const { events, endNs, offsets, keyOf, keys } = assembled;
  const { startNs } = events;
  const capacity = countWork(assembled);
  const key = new Int32Array(capacity);
  const side = new Uint8Array(capacity);
  const tNs = new Float64Array(capacity);
  const oNs = new Float64Array(capacity);
  const firstNs = new Float64Array(capacity);
  const lastNs = new Float64Array(capacity).fill(Number.NEGATIVE_INFINITY);
  const computedNs = new Float64Array(capacity).fill(Number.NEGATIVE_INFINITY);
  const occupiedNs = new Float64Array(capacity).fill(Number.NEGATIVE_INFINITY);
  const sNs = new Float64Array(capacity);
  const cellOf = new Int32Array(keys.length).fill(-1);
  const sendNs = new Float64Array(keys.length).fill(Number.POSITIVE_INFINITY);
  let length = 0;
  for (let w = 0; w < events.workers.length; w++) {
    const workerSide = sideOf(events.workers[w]!.role);
    if (workerSide < 0) continue;
    const firstCell = length;
    const sendStage = workerSide === Side.attention ? Stage.a2f_send : Stage.f2a_send;
    const from = offsets[w]!;
    const to = offsets[w + 1]!;
    for (let row = to - 1; row >= from; row--) {
      if (events.stage[row] === sendStage && keyOf[row]! >= 0) sendNs[keyOf[row]!] = startNs[row]!;
    }
    for (let row = from; row < to; row++) {
      const k = keyOf[row]!;
      if (k < 0 || !isWork(assembled, row)) continue;
      const start = startNs[row]!;
      const end = endNs[row]!;
      let cell = cellOf[k]!;
      if (cell < firstCell) {
        cell = length++;
        cellOf[k] = cell;
        key[cell] = k;
        side[cell] = workerSide;
        firstNs[cell] = start;
      }
      if (events.kind[row] === Kind.compute && end > computedNs[cell]!) {
        tNs[cell] = tNs[cell]! + end - Math.max(start, computedNs[cell]!);
        computedNs[cell] = end;
      }
      if (end > occupiedNs[cell]!) {
        oNs[cell] = oNs[cell]! + end - Math.max(start, occupiedNs[cell]!);
        occupiedNs[cell] = end;
      }
      if (end <= sendNs[k]! && end > lastNs[cell]!) lastNs[cell] = end;
    }
    for (let cell = firstCell; cell < length; cell++) {
      // A send that starts inside the only computation leaves the time up to the send.
      const until = lastNs[cell]! > -Infinity ? lastNs[cell]! : sendNs[key[cell]!]!;
      sNs[cell] = Math.max(0, until - firstNs[cell]!);
    }
    for (let row = from; row < to; row++) {
      if (keyOf[row]! >= 0) sendNs[keyOf[row]!] = Number.POSITIVE_INFINITY;
    }
  }
  return { length, key, side, tNs, oNs, sNs };
}

function isWork(assembled: Assembled, row: number): boolean {
  const { kind, stage } = assembled.events;
  return kind[row] === Kind.compute || stage[row] === Stage.collective;
}

function countWork(assembled: Assembled): number {
  let count = 0;
  for (let row = 0; row < assembled.events.length; row++) {
    if (assembled.keyOf[row]! >= 0 && isWork(assembled, row)) count++;
  }
  return count;
}
