/**
 * FLOPs, memory bytes, tokens and contexts of a window's compute, summed by group: what utilization is
 * made of. Whole numbers in units that keep sums of an hour exact, so that slices add up to the last
 * bit.
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { coversAll, endsInWindow, type WindowNs } from '#lib/model/select-window.ts';
import { Kind, Stage } from '#lib/table/codes.ts';

/** 2^20 FLOPs and 2^10 bytes. */
export const FLOPS_UNIT = 2 ** 20;
export const BYTES_UNIT = 2 ** 10;

export interface DeviceSums {
  readonly group: string;
  /** Compute events with `afd.flops`, with `afd.bytes`, and in all. */
  readonly flopsEvents: number;
  readonly bytesEvents: number;
  readonly events: number;
  /** In `FLOPS_UNIT` and `BYTES_UNIT`. */
  readonly flops: number;
  readonly bytes: number;
  /** Of attention events that say requests (or tokens) and context tokens. */
  readonly attentionEvents: number;
  readonly requests: number;
  readonly contextTokens: number;
  /** Of expert events that say tokens. */
  readonly expertEvents: number;
  readonly expertTokens: number;
}

/** Of the compute events that end in `window`, by group. */
export function deviceSums(assembled: Assembled, window: WindowNs): DeviceSums[] {
  const { events } = assembled;
  const counts = coversAll(assembled, window) ? null : window;
  const sums = new Map<string, DeviceSums>();
  for (let w = 0; w < events.workers.length; w++) {
    const own = workerSums(assembled, w, counts);
    const known = sums.get(own.group);
    sums.set(own.group, known === undefined ? own : addDeviceSums(known, own));
  }
  return [...sums.values()];
}

/** `window`: null where all events count. */
function workerSums(assembled: Assembled, w: number, window: WindowNs | null): DeviceSums {
  const { events, endNs, offsets } = assembled;
  const { kind, stage, startNs, measures } = events;
  const flopsOf = measures.flops;
  const bytesOf = measures.bytes;
  const tokensOf = measures.tokens;
  const requestsOf = measures.requests ?? tokensOf;
  const contextOf = measures.contextTokens;
  let flopsEvents = 0;
  let bytesEvents = 0;
  let count = 0;
  let flops = 0;
  let bytes = 0;
  let attentionEvents = 0;
  let requests = 0;
  let contextTokens = 0;
  let expertEvents = 0;
  let expertTokens = 0;
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    if (kind[row] !== Kind.compute) continue;
    if (window !== null && !endsInWindow(startNs[row]!, endNs[row]!, window)) continue;
    count++;
    if (flopsOf !== null && flopsOf[row]! >= 0) {
      flopsEvents++;
      flops += Math.round(flopsOf[row]! / FLOPS_UNIT);
    }
    if (bytesOf !== null && bytesOf[row]! >= 0) {
      bytesEvents++;
      bytes += Math.round(bytesOf[row]! / BYTES_UNIT);
    }
    if (stage[row] === Stage.attention) {
      if (requestsOf === null || contextOf === null) continue;
      if (requestsOf[row]! < 0 || contextOf[row]! < 0) continue;
      attentionEvents++;
      requests += requestsOf[row]!;
      contextTokens += contextOf[row]!;
    } else if (stage[row] === Stage.expert && tokensOf !== null && tokensOf[row]! >= 0) {
      expertEvents++;
      expertTokens += tokensOf[row]!;
    }
  }
  return {
    group: events.workers[w]!.group,
    flopsEvents,
    bytesEvents,
    events: count,
    flops,
    bytes,
    attentionEvents,
    requests,
    contextTokens,
    expertEvents,
    expertTokens,
  };
}

/** Of the same group. */
export function addDeviceSums(a: DeviceSums, b: DeviceSums): DeviceSums {
  return {
    group: a.group,
    flopsEvents: a.flopsEvents + b.flopsEvents,
    bytesEvents: a.bytesEvents + b.bytesEvents,
    events: a.events + b.events,
    flops: a.flops + b.flops,
    bytes: a.bytes + b.bytes,
    attentionEvents: a.attentionEvents + b.attentionEvents,
    requests: a.requests + b.requests,
    contextTokens: a.contextTokens + b.contextTokens,
    expertEvents: a.expertEvents + b.expertEvents,
    expertTokens: a.expertTokens + b.expertTokens,
  };
}
