/**
 * What a recording tells about its workers and loads: how time grows with load, whose device is
 * slow at its own load, whose experts get more than their share.
 */
import { loadFactor } from './load-share.ts';
import { medianOf } from './quantiles.ts';
import type { SideCells, StageCells } from './whatif-cells.ts';

/** Loads of a stage by cell, each over the median load; null without loads. */
export function relativeLoads(stage: StageCells): Float64Array | null {
  const { load, ns } = stage;
  if (load === null) return null;
  const median = medianOf(load.filter((value, i) => value > 0 && ns[i]! > 0));
  return median === null ? null : load.map((value) => (value > 0 ? value / median : 1));
}

/**
 * By stage, then worker: its time over the median worker's, both at the same load. 1 for stages
 * that hardly take time.
 */
export function deviceFactors(
  side: SideCells,
  loads: readonly (Float64Array | null)[],
  share: number,
): Float64Array[] {
  const { workers } = side;
  return side.stages.map(({ ns }, s) => {
    const sums = new Float64Array(workers);
    const relative = loads[s]!;
    for (let i = 0; i < ns.length; i++) {
      const factor = relative === null ? 1 : loadFactor(share, relative[i]!, 1);
      sums[i % workers] = sums[i % workers]! + ns[i]! / factor;
    }
    const median = medianOf(sums.slice()) ?? 0;
    return sums.map((sum) => (median > 0 ? sum / median : 1));
  });
}

/**
 * Over the record, how much more than its share each worker gets in each layer, at `layer · workers
 * + worker`: what a better placement of experts could level. What changes from one micro-batch to
 * the next, no placement can.
 */
export function lastingSkew(
  load: Float64Array,
  workers: number,
  microbatches: number,
  layers: number,
): Float64Array {
  const width = microbatches * workers;
  const sums = new Float64Array(layers * workers);
  const counts = new Float64Array(layers * workers);
  for (let i = 0; i < load.length; i++) {
    if (!(load[i]! > 0)) continue;
    const at = (Math.floor(i / width) % layers) * workers + (i % workers);
    sums[at] = sums[at]! + load[i]!;
    counts[at] = counts[at]! + 1;
  }
  const skew = new Float64Array(layers * workers).fill(1);
  for (let layer = 0; layer < layers; layer++) {
    let total = 0;
    let all = 0;
    for (let w = 0; w < workers; w++) {
      total += sums[layer * workers + w]!;
      all += counts[layer * workers + w]!;
    }
    if (all === 0) continue;
    for (let w = 0; w < workers; w++) {
      const at = layer * workers + w;
      if (counts[at]! > 0) skew[at] = sums[at]! / counts[at]! / (total / all);
    }
  }
  return skew;
}
