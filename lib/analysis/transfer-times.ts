/**
 * How long a transfer takes, and how long it occupies its link (README, Definitions, "Pipeline").
 * Only complete keys count.
 */
import { measure } from '#lib/base/intervals.ts';
import { type Assembled, Direction } from '#lib/model/assembled.ts';
import { sendDirection } from '#lib/model/receives.ts';
import { Kind } from '#lib/table/codes.ts';
import { IntervalCollector } from './interval-collector.ts';
import type { KeyFacts } from './key-facts.ts';

export interface TransferTimes {
  /** Parallel samples: key, `Direction`, transfer time. */
  readonly key: Int32Array;
  readonly direction: Uint8Array;
  readonly transferNs: Float64Array;
  /** Link occupancy at `2·key + direction`: the largest over the workers; NaN without sends. */
  readonly occupancyNs: Float64Array;
}

export function transferTimes(assembled: Assembled, facts: KeyFacts): TransferTimes {
  const { events, receives } = assembled;
  let sends = 0;
  for (let row = 0; row < events.length; row++) if (events.kind[row] === Kind.transfer) sends++;
  const capacity = sends + receives.length;
  const key = new Int32Array(capacity);
  const direction = new Uint8Array(capacity);
  const transferNs = new Float64Array(capacity);
  let length = 0;
  const add = (k: number, d: number, ns: number): void => {
    key[length] = k;
    direction[length] = d;
    transferNs[length++] = ns;
  };
  addSendDurations(assembled, facts, add);
  addReceiveTimes(assembled, facts, add);
  return {
    key: key.subarray(0, length),
    direction: direction.subarray(0, length),
    transferNs: transferNs.subarray(0, length),
    occupancyNs: linkOccupancy(assembled, facts),
  };
}

type AddSample = (key: number, direction: number, ns: number) => void;

/** The direction of a send whose key counts, else `none`. */
function countedSend(assembled: Assembled, facts: KeyFacts, row: number): number {
  const key = assembled.keyOf[row]!;
  if (key < 0 || facts.complete[key] === 0) return Direction.none;
  if (assembled.events.kind[row] !== Kind.transfer) return Direction.none;
  return sendDirection(assembled.events, row);
}

function transferStart(assembled: Assembled, row: number): number {
  return assembled.transferStartNs === null
    ? assembled.events.startNs[row]!
    : assembled.transferStartNs[row]!;
}

function endsAtArrival(assembled: Assembled, row: number): boolean {
  const { sendEnd } = assembled.sources[assembled.source[row]!]!;
  return sendEnd === 'arrival' || sendEnd === 'unknown';
}

function addSendDurations(assembled: Assembled, facts: KeyFacts, add: AddSample): void {
  for (let row = 0; row < assembled.events.length; row++) {
    const direction = countedSend(assembled, facts, row);
    if (direction === Direction.none || !endsAtArrival(assembled, row)) continue;
    add(assembled.keyOf[row]!, direction, assembled.endNs[row]! - transferStart(assembled, row));
  }
}

/** Where a send's end says nothing: receive end minus last send start, if the receiver waited. */
function addReceiveTimes(assembled: Assembled, facts: KeyFacts, add: AddSample): void {
  const { receives } = assembled;
  for (let r = 0; r < receives.length; r++) {
    const key = receives.key[r]!;
    const send = receives.lastSend[r]!;
    if (send < 0 || facts.complete[key] === 0 || endsAtArrival(assembled, send)) continue;
    if (receives.cutNs[r]! <= receives.startNs[r]!) continue;
    add(key, receives.direction[r]!, receives.endNs[r]! - receives.cutNs[r]!);
  }
}

/**
 * Where a worker's sends of one direction never overlap, a key occupies the link for their
 * duration. Else they share it: the key's bytes over the bandwidth measured while any was in
 * flight, or, where sends carry no bytes, its share of their durations.
 */
function linkOccupancy(assembled: Assembled, facts: KeyFacts): Float64Array {
  const { events, endNs, offsets, keyOf, keys } = assembled;
  const bytesColumn = events.measures.bytes;
  const largest = new Float64Array(keys.length * 2).fill(Number.NaN);
  const durationNs = new Float64Array(keys.length);
  const bytes = new Float64Array(keys.length);
  const inFlight = new IntervalCollector();
  for (let w = 0; w < events.workers.length; w++) {
    const rows: number[] = [];
    let direction: number = Direction.none;
    let allDurationNs = 0;
    let allBytes = 0;
    let haveBytes = bytesColumn !== null;
    for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
      const sends = countedSend(assembled, facts, row);
      if (sends === Direction.none) continue;
      direction = sends;
      const start = transferStart(assembled, row);
      const end = endNs[row]!;
      const key = keyOf[row]!;
      rows.push(row);
      durationNs[key] = durationNs[key]! + end - start;
      allDurationNs += end - start;
      inFlight.add(start, end);
      const sent = bytesColumn === null ? -1 : bytesColumn[row]!;
      if (sent < 0) haveBytes = false;
      bytes[key] = bytes[key]! + sent;
      allBytes += sent;
    }
    const inFlightNs = measure(inFlight.take());
    const overlapping = allDurationNs > inFlightNs;
    for (const row of rows) {
      const key = keyOf[row]!;
      let occupiedNs = durationNs[key]!;
      if (overlapping && haveBytes && allBytes > 0) {
        occupiedNs = (bytes[key]! / allBytes) * inFlightNs;
      } else if (overlapping) {
        occupiedNs = (durationNs[key]! / allDurationNs) * inFlightNs;
      }
      const at = key * 2 + direction;
      if (!(largest[at]! >= occupiedNs)) largest[at] = occupiedNs;
    }
    for (const row of rows) {
      durationNs[keyOf[row]!] = 0;
      bytes[keyOf[row]!] = 0;
    }
  }
  return largest;
}
