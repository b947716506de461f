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
  const firstNs = new Float64Array(keys.length);
  const seenIn = new Int32Array(keys.length).fill(-1);
  const doneIn = new Int32Array(keys.length).fill(-1);
  let round = 0;
  for (let w = 0; w < events.workers.length; w++) {
    if (sideOf(events.workers[w]!.role) < 0) continue;
    for (const rows of rowsByStage(assembled, facts, offsets[w]!, offsets[w + 1]!)) {
      for (let i = 0; i < rows.length; i++) {
        const k = keyOf[rows[i]!]!;
        if (seenIn[k] === round) continue;
        seenIn[k] = round;
        firstNs[k] = events.startNs[rows[i]!]!;
      }
      for (let i = 0; i < rows.length; i++) {
        const k = keyOf[rows[i]!]!;
        const next = keys.next[k]!;
        if (next < 0 || seenIn[next] !== round || doneIn[k] === round) continue;
        doneIn[k] = round;
        key[length] = k;
        startNs[length] = firstNs[k]!;
        endNs[length] = firstNs[next]!;
        length++;
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
  const parts = Array.from(counts, (count) => new Int32Array(count));
  counts.fill(0);
  for (let i = 0; i < length; i++) {
    const stage = events.stage[rows[i]!]!;
    parts[stage]![counts[stage]!] = rows[i]!;
    counts[stage] = counts[stage]! + 1;
  }
  return parts.filter((part) => part.length > 0);
}
