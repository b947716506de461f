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
  const sends = countedSends(assembled, facts);
  const capacity = sends.row.length + assembled.receives.length;
  const key = new Int32Array(capacity);
  const direction = new Uint8Array(capacity);
  const transferNs = new Float64Array(capacity);
  let length = 0;
  const add = (k: number, d: number, ns: number): void => {
    key[length] = k;
    direction[length] = d;
    transferNs[length++] = ns;
  };
  addSendDurations(assembled, sends, add);
  addReceiveTimes(assembled, facts, add);
  return {
    key: key.subarray(0, length),
    direction: direction.subarray(0, length),
    transferNs: transferNs.subarray(0, length),
    occupancyNs: linkOccupancy(assembled, sends),
  };
}

type AddSample = (key: number, direction: number, ns: number) => void;

/** The sends of complete keys, in the table's order. */
interface CountedSends {
  readonly row: Int32Array;
  readonly direction: Uint8Array;
  /** Those of worker w are `[offsets[w], offsets[w + 1])`. */
  readonly offsets: Uint32Array;
}

function countedSends({ events, offsets, keyOf }: Assembled, facts: KeyFacts): CountedSends {
  let capacity = 0;
  for (let row = 0; row < events.length; row++) if (events.kind[row] === Kind.transfer) capacity++;
  const rows = new Int32Array(capacity);
  const direction = new Uint8Array(capacity);
  const ownOffsets = new Uint32Array(events.workers.length + 1);
  let length = 0;
  for (let w = 0; w < events.workers.length; w++) {
    for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
      if (events.kind[row] !== Kind.transfer) continue;
      const key = keyOf[row]!;
      if (key < 0 || facts.complete[key] === 0) continue;
      const way = sendDirection(events, row);
      if (way === Direction.none) continue;
      direction[length] = way;
      rows[length++] = row;
    }
    ownOffsets[w + 1] = length;
  }
  return {
    row: rows.subarray(0, length),
    direction: direction.subarray(0, length),
    offsets: ownOffsets,
  };
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

function addSendDurations(assembled: Assembled, sends: CountedSends, add: AddSample): void {
  for (let i = 0; i < sends.row.length; i++) {
    const row = sends.row[i]!;
    if (!endsAtArrival(assembled, row)) continue;
    const durationNs = assembled.endNs[row]! - transferStart(assembled, row);
    add(assembled.keyOf[row]!, sends.direction[i]!, durationNs);
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
function linkOccupancy(assembled: Assembled, sends: CountedSends): Float64Array {
  const { events, endNs, keyOf, keys } = assembled;
  const bytesColumn = events.measures.bytes;
  const largest = new Float64Array(keys.length * 2).fill(Number.NaN);
  const durationNs = new Float64Array(keys.length);
  const bytes = new Float64Array(keys.length);
  const inFlight = new IntervalCollector();
  for (let w = 0; w < events.workers.length; w++) {
    const from = sends.offsets[w]!;
    const to = sends.offsets[w + 1]!;
    let allDurationNs = 0;
    let allBytes = 0;
    let haveBytes = bytesColumn !== null;
    for (let i = from; i < to; i++) {
      const row = sends.row[i]!;
      const start = transferStart(assembled, row);
      const end = endNs[row]!;
      const key = keyOf[row]!;
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
    for (let i = from; i < to; i++) {
      const key = keyOf[sends.row[i]!]!;
      let occupiedNs = durationNs[key]!;
      if (overlapping && haveBytes && allBytes > 0) {
        occupiedNs = (bytes[key]! / allBytes) * inFlightNs;
      } else if (overlapping) {
        occupiedNs = (durationNs[key]! / allDurationNs) * inFlightNs;
      }
      const at = key * 2 + sends.direction[i]!;
      if (!(largest[at]! >= occupiedNs)) largest[at] = occupiedNs;
    }
    for (let i = from; i < to; i++) {
      const key = keyOf[sends.row[i]!]!;
      durationNs[key] = 0;
      bytes[key] = 0;
    }
  }
  return largest;
}
