/** Steps: latency and cadence count in the window in which they end, tokens by their share of it. */
import { GrowableFloat64 } from '#lib/base/growable.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { endsInWindow, type WindowNs } from '#lib/model/select-window.ts';
import { Kind } from '#lib/table/codes.ts';
import { LargestByCell } from './largest-by-cell.ts';
import { quantilesOf } from './quantiles.ts';
import type { Report } from './report-types.ts';
import { countsTokens, tokensBefore, tokensPerSecond } from './throughput.ts';

/** `observedNs`: observed time in the window, parallel to the table's workers. */
export function reportSteps(
  assembled: Assembled,
  window: WindowNs,
  observedNs: readonly number[],
): Report['steps'] {
  const { steps } = assembled;
  const latencies = new GrowableFloat64();
  for (let step = 0; step < steps.length; step++) {
    if (!endsInWindow(steps.startNs[step]!, steps.endNs[step]!, window)) continue;
    latencies.push(steps.endNs[step]! - steps.startNs[step]!);
  }
  const tokens = tokensByStep(assembled);
  let sum: number | null = null;
  if (tokens !== null) {
    sum = 0;
    for (let step = 0; step < steps.length; step++) {
      const start = steps.startNs[step]!;
      const end = steps.endNs[step]!;
      sum +=
        tokensBefore(window.toNs, tokens[step]!, start, end) -
        tokensBefore(window.fromNs, tokens[step]!, start, end);
    }
  }
  const counting = observedNs.filter((_, w) => countsTokens(assembled.events.workers[w]!.role));
  return {
    count: latencies.length,
    latencyNs: quantilesOf(latencies.finish()),
    cadenceNs: quantilesOf(cadences(assembled, window)),
    tokens: sum,
    tokensPerSecond: tokensPerSecond(sum, counting),
  };
}

/** Start to start of consecutive steps on the same worker. */
function cadences(assembled: Assembled, window: WindowNs): Float64Array {
  const { events, steps, workerSteps } = assembled;
  const samples = new GrowableFloat64();
  const seenBy = new Int32Array(steps.length).fill(-1);
  const firstNs = new Float64Array(steps.length);
  for (let w = 0; w < events.workers.length; w++) {
    const from = workerSteps.offsets[w]!;
    const to = workerSteps.offsets[w + 1]!;
    for (let i = from; i < to; i++) {
      seenBy[workerSteps.step[i]!] = w;
      firstNs[workerSteps.step[i]!] = workerSteps.firstStartNs[i]!;
    }
    for (let i = from; i < to; i++) {
      const step = workerSteps.step[i]!;
      const next = steps.next[step]!;
      if (next < 0 || seenBy[next] !== w) continue;
      const start = firstNs[step]!;
      const end = firstNs[next]!;
      if (endsInWindow(start, end, window)) samples.push(end - start);
    }
  }
  return samples.finish();
}

/**
 * Tokens of every step: over (micro-batch, worker) the largest count that a layer's compute event
 * carries, so that layers do not multiply it. Attention and colocated workers count, each as one
 * data-parallel rank. null where no event carries tokens.
 */
export function tokensByStep(assembled: Assembled): Float64Array | null {
  const { events, offsets, steps, stepOf } = assembled;
  const column = events.measures.tokens;
  if (column === null) return null;
  const { microbatches } = assembled;
  const tokens = new Float64Array(steps.length);
  const largest = new LargestByCell(steps.length * (microbatches + 1));
  const flush = (cell: number, count: number): void => {
    const step = cell % steps.length;
    tokens[step] = tokens[step]! + count;
  };
  let found = false;
  const { kind, layer, microbatch } = events;
  for (let w = 0; w < events.workers.length; w++) {
    if (!countsTokens(events.workers[w]!.role)) continue;
    for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
      if (kind[row] !== Kind.compute) continue;
      const count = column[row]!;
      if (count < 0 || stepOf[row]! < 0 || layer[row]! < 0) continue;
      found = true;
      largest.add((microbatch[row]! + 1) * steps.length + stepOf[row]!, count);
    }
    largest.flush(flush);
  }
  return found ? tokens : null;
}
