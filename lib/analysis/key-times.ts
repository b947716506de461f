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

/** One row a (key, worker) with a compute or collective event: a cell. */
export interface KeyTimes {
  readonly length: number;
  /** Cells of worker w are `[offsets[w], offsets[w + 1])`. */
  readonly offsets: Uint32Array;
  readonly key: Int32Array;
  readonly side: Uint8Array;
  readonly tNs: Float64Array;
  readonly oNs: Float64Array;
  readonly sNs: Float64Array;
  /** First compute or collective start. */
  readonly startNs: Float64Array;
  /** First start of the worker's sends of the key; Infinity: none. */
  readonly sendNs: Float64Array;
  /** Length of its `combine` events, which follow its receive. */
  readonly combineNs: Float64Array;
  readonly extent: KeyExtents;
}

/** One entry a key, over all workers. */
export interface KeyExtents {
  /** First start and last end. */
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  /** 1: some event of the key crosses the network, or is an expert's. */
  readonly crosses: Uint8Array;
}

export function keyTimes(assembled: Assembled): KeyTimes {
  const { events, keys, room } = assembled;
  const capacity = countWork(assembled);
  const times = {
    length: 0,
    offsets: new Uint32Array(events.workers.length + 1),
    key: room.int32(capacity),
    side: room.uint8(capacity),
    tNs: room.float64(capacity).fill(0),
    oNs: room.float64(capacity).fill(0),
    sNs: room.float64(capacity),
    startNs: room.float64(capacity),
    sendNs: room.float64(capacity),
    combineNs: room.float64(capacity).fill(0),
    extent: {
      startNs: new Float64Array(keys.length).fill(Number.POSITIVE_INFINITY),
      endNs: new Float64Array(keys.length).fill(Number.NEGATIVE_INFINITY),
      crosses: new Uint8Array(keys.length),
    },
  };
  const scratch: Scratch = {
    cellOf: new Int32Array(keys.length).fill(-1),
    sendNs: new Float64Array(keys.length).fill(Number.POSITIVE_INFINITY),
    // Set when a worker's first event of the key comes.
    firstNs: new Float64Array(keys.length),
    lastNs: new Float64Array(keys.length),
    computedNs: new Float64Array(keys.length),
    occupiedNs: new Float64Array(keys.length),
    sendKeys: new Int32Array(keys.length),
  };
  for (let w = 0; w < events.workers.length; w++) {
    addExtents(assembled, w, times.extent);
    const side = sideOf(events.workers[w]!.role);
    if (side >= 0) addWork(assembled, w, side, times, scratch);
    times.offsets[w + 1] = times.length;
  }
  return times;
}

/** One entry a key, but `sendKeys`: keys whose `sendNs` is set. */
interface Scratch {
  /** Row in the times; below the worker's first where it has none yet. */
  readonly cellOf: Int32Array;
  readonly sendNs: Float64Array;
  readonly firstNs: Float64Array;
  readonly lastNs: Float64Array;
  readonly computedNs: Float64Array;
  readonly occupiedNs: Float64Array;
  readonly sendKeys: Int32Array;
}

function addExtents(assembled: Assembled, w: number, extent: KeyExtents): void {
  const { events, endNs, offsets, keyOf } = assembled;
  const { kind, stage } = events;
  const { startNs: starts, endNs: ends, crosses } = extent;
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    const key = keyOf[row]!;
    if (key < 0) continue;
    const start = events.startNs[row]!;
    const end = endNs[row]!;
    if (start < starts[key]!) starts[key] = start;
    if (end > ends[key]!) ends[key] = end;
    if (kind[row] === Kind.receive || (CROSSING[stage[row]!] ?? 0) === 1) crosses[key] = 1;
  }
}

/** By stage: 1 where an event means that its layer crosses the network, or has experts. */
export const CROSSING = new Uint8Array(64);
for (const stage of [
  Stage.a2f_send,
  Stage.a2f_recv,
  Stage.expert,
  Stage.f2a_send,
  Stage.f2a_recv,
]) {
  CROSSING[stage] = 1;
}

function addWork(
  assembled: Assembled,
  w: number,
  side: number,
  times: { -readonly [name in keyof KeyTimes]: KeyTimes[name] },
  scratch: Scratch,
): void {
  const { events, endNs, offsets, keyOf } = assembled;
  const { startNs, kind, stage } = events;
  const { key, tNs, oNs, sNs, combineNs } = times;
  const { cellOf, sendNs, firstNs, lastNs, computedNs, occupiedNs } = scratch;
  const firstCell = times.length;
  let length = firstCell;
  const from = offsets[w]!;
  const to = offsets[w + 1]!;
  const sendKeys = findSends(
    assembled,
    w,
    side === Side.attention ? Stage.a2f_send : Stage.f2a_send,
    scratch,
  );
  for (let row = from; row < to; row++) {
    const isCompute = kind[row] === Kind.compute;
    if (!isCompute && stage[row] !== Stage.collective) continue;
    const k = keyOf[row]!;
    if (k < 0) continue;
    const start = startNs[row]!;
    const end = endNs[row]!;
    let cell = cellOf[k]!;
    if (cell < firstCell) {
      cell = length++;
      cellOf[k] = cell;
      key[cell] = k;
      firstNs[k] = start;
      lastNs[k] = Number.NEGATIVE_INFINITY;
      computedNs[k] = Number.NEGATIVE_INFINITY;
      occupiedNs[k] = Number.NEGATIVE_INFINITY;
    }
    if (isCompute) {
      const reached = computedNs[k]!;
      if (end > reached) {
        tNs[cell] = tNs[cell]! + end - Math.max(start, reached);
        computedNs[k] = end;
      }
      if (stage[row] === Stage.combine) combineNs[cell] = combineNs[cell]! + end - start;
    }
    const reached = occupiedNs[k]!;
    if (end > reached) {
      oNs[cell] = oNs[cell]! + end - Math.max(start, reached);
      occupiedNs[k] = end;
    }
    if (end <= sendNs[k]! && end > lastNs[k]!) lastNs[k] = end;
  }
  for (let cell = firstCell; cell < length; cell++) {
    const k = key[cell]!;
    // A send that starts inside the only computation leaves the time up to the send.
    const until = lastNs[k]! > Number.NEGATIVE_INFINITY ? lastNs[k]! : sendNs[k]!;
    sNs[cell] = Math.max(0, until - firstNs[k]!);
    times.startNs[cell] = firstNs[k]!;
    times.sendNs[cell] = sendNs[k]!;
  }
  times.side.fill(side, firstCell, length);
  times.length = length;
  for (let i = 0; i < sendKeys; i++) sendNs[scratch.sendKeys[i]!] = Number.POSITIVE_INFINITY;
}

/** Sets `sendNs` of every key with a send to its first start, and returns how many there are. */
function findSends(
  { events, offsets, keyOf }: Assembled,
  w: number,
  sendStage: number,
  { sendNs, sendKeys }: Scratch,
): number {
  const { stage, startNs } = events;
  let found = 0;
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    if (stage[row] !== sendStage) continue;
    const key = keyOf[row]!;
    if (key < 0 || sendNs[key]! < Number.POSITIVE_INFINITY) continue;
    sendNs[key] = startNs[row]!;
    sendKeys[found++] = key;
  }
  return found;
}

function countWork({ events, keyOf }: Assembled): number {
  const { kind, stage } = events;
  let count = 0;
  for (let row = 0; row < events.length; row++) {
    if (kind[row] !== Kind.compute && stage[row] !== Stage.collective) continue;
    if (keyOf[row]! >= 0) count++;
  }
  return count;
}
