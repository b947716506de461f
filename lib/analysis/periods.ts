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
  readonly startNs: Float64Array;
  /** Start in layer l + 1. */
  readonly endNs: Float64Array;
}

export function measuredPeriods(assembled: Assembled, facts: KeyFacts): Periods {
  const { events, offsets, keyOf, keys } = assembled;
  const key = new Int32Array(events.length);
  const startNs = new Float64Array(events.length);
  const endNs = new Float64Array(events.length);
  let length = 0;
  const previous = new Int32Array(keys.length).fill(-1);
  for (let k = 0; k < keys.length; k++) if (keys.next[k]! >= 0) previous[keys.next[k]!] = k;
  const firstNs = new Float64Array(keys.length);
  const seenIn = new Int32Array(keys.length).fill(-1);
  const add = (k: number, from: number, to: number): void => {
    key[length] = k;
    startNs[length] = from;
    endNs[length++] = to;
  };
  let round = 0;
  for (let w = 0; w < events.workers.length; w++) {
    if (sideOf(events.workers[w]!.role) < 0) continue;
    for (const rows of rowsByStage(assembled, facts, offsets[w]!, offsets[w + 1]!)) {
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!;
        const k = keyOf[row]!;
        if (seenIn[k] === round) continue;
        seenIn[k] = round;
        const start = events.startNs[row]!;
        firstNs[k] = start;
        const before = previous[k]!;
        if (before >= 0 && seenIn[before] === round) add(before, firstNs[before]!, start);
        // The next layer comes first only where clocks or senders err.
        const next = keys.next[k]!;
        if (next >= 0 && seenIn[next] === round) add(k, start, firstNs[next]!);
      }
      round++;
    }
  }
  return {
    key: key.subarray(0, length),
    startNs: startNs.subarray(0, length),
    endNs: endNs.subarray(0, length),
  };
}

/** The rows that have a period, those of one stage together, each part in the table's order. */
function rowsByStage(
  assembled: Assembled,
  facts: KeyFacts,
  from: number,
  to: number,
): Int32Array[] {
  const { events, keyOf } = assembled;
  const counts = new Uint32Array(events.stageNames.length);
  const rows = new Int32Array(to - from);
  let length = 0;
  for (let row = from; row < to; row++) {
    const key = keyOf[row]!;
    const kind = events.kind[row]!;
    if (key < 0 || facts.sparse[key] === 0) continue;
    if (kind !== Kind.compute && kind !== Kind.transfer && kind !== Kind.receive) continue;
    rows[length++] = row;
    const stage = events.stage[row]!;
    counts[stage] = counts[stage]! + 1;
  }
  const ends = counts.slice();
  for (let stage = 1; stage < ends.length; stage++) ends[stage] = ends[stage]! + ends[stage - 1]!;
  const filled = ends.map((end, stage) => end - counts[stage]!);
  const sorted = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const stage = events.stage[rows[i]!]!;
    sorted[filled[stage]!] = rows[i]!;
    filled[stage] = filled[stage]! + 1;
  }
  const parts: Int32Array[] = [];
  for (let stage = 0; stage < ends.length; stage++) {
    if (counts[stage]! > 0) parts.push(sorted.subarray(ends[stage]! - counts[stage]!, ends[stage]));
  }
  return parts;
}
