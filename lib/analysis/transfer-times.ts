/**
 * How long a transfer takes, and how long it occupies its link (README, Definitions, "Pipeline").
 * Only complete keys count.
 */
import type { ColumnRoom } from '#lib/base/column-room.ts';
import { measure } from '#lib/base/intervals.ts';
import { type Assembled, Direction } from '#lib/model/assembled.ts';
import { sendStageOf } from '#lib/model/receives.ts';
import { Kind } from '#lib/table/codes.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { IntervalCollector } from './interval-collector.ts';
import type { KeyFacts } from './key-facts.ts';
import type { LinkLoad, Slice } from './slice.ts';

export interface TransferTimes {
  /** Parallel samples: key, `Direction`, transfer time. */
  readonly key: Int32Array;
  readonly direction: Uint8Array;
  readonly transferNs: Float64Array;
  /** One a worker. */
  readonly linkLoads: readonly LinkLoad[];
  /** Link occupancy at `2·key + direction`: the largest over the workers; NaN without sends. */
  readonly occupancyNs: Float64Array;
}

export function transferTimes(
  assembled: Assembled,
  facts: KeyFacts,
  slice: Slice | null = null,
): TransferTimes {
  const samples = new TransferSamples(assembled.receives.length, assembled.room);
  const occupancyNs = new Float64Array(assembled.keys.length * 2).fill(Number.NaN);
  const sends = new WorkerSends(assembled, facts);
  const fromNs = slice?.ownFromNs ?? Number.NEGATIVE_INFINITY;
  const toNs = slice?.ownToNs ?? Number.POSITIVE_INFINITY;
  const linkLoads = assembled.events.workers.map((worker, w) => {
    const way = worker.role === 'ffn' ? Direction.f2a : Direction.a2f;
    const load = sends.collect(w, sendStageOf(worker.role), way, fromNs, toNs, samples);
    sends.occupy(way, slice?.known?.linkLoads.get(workerId(worker)) ?? load, occupancyNs);
    return load;
  });
  addReceiveTimes(assembled, facts, sends.endsAtArrival, samples);
  const { length, key, direction, transferNs } = samples;
  return {
    key: key.subarray(0, length),
    direction: direction.subarray(0, length),
    transferNs: transferNs.subarray(0, length),
    linkLoads,
    occupancyNs,
  };
}

class TransferSamples {
  readonly #room: ColumnRoom;
  length = 0;
  key: Int32Array;
  direction: Uint8Array;
  transferNs: Float64Array;

  constructor(capacity: number, room: ColumnRoom) {
    this.#room = room;
    this.key = room.int32(capacity);
    this.direction = room.uint8(capacity);
    this.transferNs = room.float64(capacity);
  }

  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.key.length) return;
    const { key, direction, transferNs } = this;
    const capacity = Math.max(needed, 2 * key.length);
    this.key = this.#room.int32(capacity);
    this.direction = this.#room.uint8(capacity);
    this.transferNs = this.#room.float64(capacity);
    this.key.set(key);
    this.direction.set(direction);
    this.transferNs.set(transferNs);
  }

  add(key: number, direction: number, ns: number): void {
    this.key[this.length] = key;
    this.direction[this.length] = direction;
    this.transferNs[this.length++] = ns;
  }
}

/** Where a send's end says nothing: receive end minus last send start, if the receiver waited. */
function addReceiveTimes(
  { receives, source }: Assembled,
  facts: KeyFacts,
  endsAtArrival: Uint8Array,
  samples: TransferSamples,
): void {
  samples.reserve(receives.length);
  for (let r = 0; r < receives.length; r++) {
    const send = receives.lastSend[r]!;
    if (send < 0 || endsAtArrival[source[send]!] === 1) continue;
    const key = receives.key[r]!;
    if (facts.complete[key] === 0 || receives.cutNs[r]! <= receives.startNs[r]!) continue;
    samples.add(key, receives.direction[r]!, receives.endNs[r]! - receives.cutNs[r]!);
  }
}

/** The sends of complete keys of one worker at a time, and how they occupy its link. */
class WorkerSends {
  /** By source. */
  readonly endsAtArrival: Uint8Array;
  readonly #assembled: Assembled;
  readonly #facts: KeyFacts;
  readonly #inFlight = new IntervalCollector();
  /** The worker's keys with a send, each once, and their sums by key; all zero between workers. */
  readonly #keys: Int32Array;
  #length = 0;
  readonly #durationNs: Float64Array;
  readonly #bytes: Float64Array;
  constructor(assembled: Assembled, facts: KeyFacts) {
    this.#assembled = assembled;
    this.#facts = facts;
    this.endsAtArrival = Uint8Array.from(assembled.sources, ({ sendEnd }) =>
      sendEnd === 'arrival' || sendEnd === 'unknown' ? 1 : 0,
    );
    this.#keys = new Int32Array(assembled.keys.length);
    this.#durationNs = new Float64Array(assembled.keys.length).fill(-1);
    this.#bytes = new Float64Array(assembled.keys.length);
  }

  /** The load is that of `[fromNs, toNs)`; bytes count where their send starts. */
  collect(
    w: number,
    sendStage: number,
    way: number,
    fromNs: number,
    toNs: number,
    samples: TransferSamples,
  ): LinkLoad {
    const { events, endNs, offsets, keyOf, source, transferStartNs } = this.#assembled;
    const { stage, kind } = events;
    const startsNs = transferStartNs ?? events.startNs;
    const { complete } = this.#facts;
    const bytesColumn = events.measures.bytes;
    const durations = this.#durationNs;
    let allDurationNs = 0;
    let allBytes = 0;
    let haveBytes = bytesColumn !== null;
    for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
      if (stage[row] !== sendStage || kind[row] !== Kind.transfer) continue;
      const key = keyOf[row]!;
      if (key < 0 || complete[key] === 0) continue;
      const start = startsNs[row]!;
      const end = endNs[row]!;
      const durationNs = end - start;
      if (this.endsAtArrival[source[row]!] === 1) {
        if (samples.length === samples.key.length) samples.reserve(1024);
        samples.add(key, way, durationNs);
      }
      if (durations[key]! < 0) {
        this.#keys[this.#length++] = key;
        durations[key] = 0;
      }
      durations[key] = durations[key]! + durationNs;
      const ownStart = Math.max(start, fromNs);
      const ownEnd = Math.min(end, toNs);
      if (ownStart < ownEnd) {
        allDurationNs += ownEnd - ownStart;
        this.#inFlight.add(ownStart, ownEnd);
      }
      const sent = bytesColumn === null ? -1 : bytesColumn[row]!;
      if (sent < 0) haveBytes = false;
      this.#bytes[key] = this.#bytes[key]! + sent;
      if (start >= fromNs && start < toNs) allBytes += sent;
    }
    const inFlightNs = measure(this.#inFlight.take());
    return { durationNs: allDurationNs, inFlightNs, bytes: allBytes, haveBytes };
  }

  /**
   * Where a worker's sends never overlap, a key occupies the link for their duration. Else they
   * share it: the key's bytes over the bandwidth measured while any was in flight, or, where sends
   * carry no bytes, its share of their durations. Forgets the worker's sends.
   */
  occupy(way: number, load: LinkLoad, largestNs: Float64Array): void {
    const durations = this.#durationNs;
    const { inFlightNs } = load;
    const overlapping = load.durationNs > inFlightNs;
    const byBytes = overlapping && load.haveBytes && load.bytes > 0;
    for (let i = 0; i < this.#length; i++) {
      const key = this.#keys[i]!;
      let occupiedNs = durations[key]!;
      if (byBytes) occupiedNs = (this.#bytes[key]! / load.bytes) * inFlightNs;
      else if (overlapping) occupiedNs = (occupiedNs / load.durationNs) * inFlightNs;
      const at = key * 2 + way;
      if (!(largestNs[at]! >= occupiedNs)) largestNs[at] = occupiedNs;
      durations[key] = -1;
      this.#bytes[key] = 0;
    }
    this.#length = 0;
  }
}
