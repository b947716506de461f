/** Steps: latency and cadence count in the window in which they end, tokens by their share of it. */
import { GrowableFloat64 } from '#lib/base/growable.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { endsInWindow, type WindowNs } from '#lib/model/select-window.ts';
import { Kind } from '#lib/table/codes.ts';
import { LargestByCell } from './largest-by-cell.ts';
import { quantilesOf } from './quantiles.ts';
import type { Report } from './report-types.ts';
import { countsTokens, tokensBefore, tokensPerSecond } from './throughput.ts';

export interface StepSamples {
  readonly latencyNs: Float64Array;
  readonly cadenceNs: Float64Array;
  /** Share of the window; null where no event carries tokens. */
  readonly tokens: number | null;
}

export function stepSamples(assembled: Assembled, window: WindowNs): StepSamples {
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
  return { latencyNs: latencies.finish(), cadenceNs: cadences(assembled, window), tokens: sum };
}

/**
 * `parts` are those of windows that make up the report's; `countingNs`: observed time in it, one
 * entry a token-counting worker. Reorders the samples.
 */
export function reportSteps(
  parts: readonly StepSamples[],
  countingNs: readonly number[],
): Report['steps'] {
  const latencyNs = joined(parts.map((part) => part.latencyNs));
  const counts = parts.flatMap(({ tokens }) => (tokens === null ? [] : [tokens]));
  const tokens = counts.length === 0 ? null : counts.reduce((sum, count) => sum + count, 0);
  return {
    count: latencyNs.length,
    latencyNs: quantilesOf(latencyNs),
    cadenceNs: quantilesOf(joined(parts.map((part) => part.cadenceNs))),
    tokens,
    tokensPerSecond: tokensPerSecond(tokens, countingNs),
  };
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
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
  const { events, steps } = assembled;
  if (events.measures.tokens === null) return null;
  const tokens = new Float64Array(steps.length);
  const largest = new LargestByCell(steps.length * (assembled.microbatches + 1));
  const flush = (cell: number, count: number): void => {
    const step = cell % steps.length;
    tokens[step] = tokens[step]! + count;
  };
  let found = false;
  for (let w = 0; w < events.workers.length; w++) {
    if (!countsTokens(events.workers[w]!.role)) continue;
    if (addTokens(assembled, w, events.measures.tokens, largest)) found = true;
    largest.flush(flush);
  }
  return found ? tokens : null;
}

/** Cells are (micro-batch + 1, step), row-major. Did any event carry tokens? */
function addTokens(
  { events, offsets, steps, stepOf }: Assembled,
  w: number,
  tokens: Float64Array,
  largest: LargestByCell,
): boolean {
  const { kind, layer, microbatch } = events;
  let found = false;
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    if (kind[row] !== Kind.compute) continue;
    const count = tokens[row]!;
    if (count < 0 || stepOf[row]! < 0 || layer[row]! < 0) continue;
    found = true;
    largest.add((microbatch[row]! + 1) * steps.length + stepOf[row]!, count);
  }
  return found;
}
