/**
 * How much of a stage's time grows with its load, fitted from what varies in the record:
 *
 *     time / mean time = (1 - share) + share · load / mean load
 *
 * Each worker is compared with itself only: a slow GPU with a little more load than others would
 * else look like load that costs a lot. Least squares over deviations from the worker's mean in the
 * layer, with the standard error of the slope. (Fixed-effects regression; any statistics textbook.)
 */
export interface LoadShare {
  /** 0: the time does not depend on the load; 1: it is proportional to it. */
  readonly share: number;
  readonly low: number;
  readonly high: number;
  /** `fit`: from the record; `model`: assumed, because the load hardly varied. */
  readonly from: 'fit' | 'model';
}

/** A share that is known worse than this is no better than the assumption. */
const MAX_ERROR = 0.15;
/** Two-sided, nine times in ten. */
const Z90 = 1.645;

/** Sums of deviations; plain numbers, so that those of several columns add up. */
export interface LoadSums {
  readonly samples: number;
  /** Groups whose mean was taken off. */
  readonly groups: number;
  readonly xx: number;
  readonly xy: number;
  readonly yy: number;
}

export const NO_LOAD_SUMS: LoadSums = { samples: 0, groups: 0, xx: 0, xy: 0, yy: 0 };

/**
 * `layerOf(i)`: the layer of entry i of both columns, -1 to leave it out; its worker is `i % workers`.
 * Both are divided by the layer's mean over all workers, so that layers of different cost count
 * alike; then each worker's own mean in the layer is taken off.
 */
export function loadSums(
  load: Float64Array,
  ns: Float64Array,
  layers: number,
  workers: number,
  layerOf: (i: number) => number,
): LoadSums {
  const groups = layers * workers;
  const counts = new Float64Array(groups);
  const loads = new Float64Array(groups);
  const times = new Float64Array(groups);
  const groupAt = (i: number): number => {
    const layer = layerOf(i);
    return layer < 0 || !(ns[i]! > 0) || !(load[i]! > 0) ? -1 : layer * workers + (i % workers);
  };
  for (let i = 0; i < ns.length; i++) {
    const group = groupAt(i);
    if (group < 0) continue;
    counts[group] = counts[group]! + 1;
    loads[group] = loads[group]! + load[i]!;
    times[group] = times[group]! + ns[i]!;
  }
  const meanLoad = layerMeans(loads, counts, layers, workers);
  const meanNs = layerMeans(times, counts, layers, workers);
  let samples = 0;
  let used = 0;
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (let group = 0; group < groups; group++) if (counts[group]! > 1) used++;
  for (let i = 0; i < ns.length; i++) {
    const group = groupAt(i);
    if (group < 0 || counts[group]! < 2) continue;
    const layer = layerOf(i);
    const x = (load[i]! - loads[group]! / counts[group]!) / meanLoad[layer]!;
    const y = (ns[i]! - times[group]! / counts[group]!) / meanNs[layer]!;
    samples++;
    xx += x * x;
    xy += x * y;
    yy += y * y;
  }
  return { samples, groups: used, xx, xy, yy };
}

function layerMeans(
  sums: Float64Array,
  counts: Float64Array,
  layers: number,
  workers: number,
): Float64Array {
  return Float64Array.from({ length: layers }, (_, layer) => {
    let sum = 0;
    let count = 0;
    for (let w = 0; w < workers; w++) {
      sum += sums[layer * workers + w]!;
      count += counts[layer * workers + w]!;
    }
    return count === 0 ? 1 : sum / count;
  });
}

export function addLoadSums(a: LoadSums, b: LoadSums): LoadSums {
  return {
    samples: a.samples + b.samples,
    groups: a.groups + b.groups,
    xx: a.xx + b.xx,
    xy: a.xy + b.xy,
    yy: a.yy + b.yy,
  };
}

/** The slope within 0..1 and its bounds; `assumed` where the load varied too little to tell. */
export function shareOf({ samples, groups, xx, xy, yy }: LoadSums, assumed: LoadShare): LoadShare {
  const freedom = samples - groups - 1;
  if (freedom < 30 || xx === 0) return assumed;
  const slope = xy / xx;
  const error = Math.sqrt(Math.max(0, yy - slope * xy) / freedom / xx);
  if (!(error < MAX_ERROR)) return assumed;
  const within = (value: number): number => Math.min(1, Math.max(0, value));
  return {
    share: within(slope),
    low: within(slope - Z90 * error),
    high: within(slope + Z90 * error),
    from: 'fit',
  };
}

/** Time at `load` over time at `now` (both relative to the mean load). */
export function loadFactor(share: number, load: number, now: number): number {
  return (1 - share + share * load) / (1 - share + share * now);
}

/**
 * Where the record does not tell. Attention reads each sequence's KV cache: nearly proportional to
 * requests and contexts (DeepSeek-V3's MLA weights are about a tenth of what 128 sequences of 4K read).
 */
export const ASSUMED_ATTENTION: LoadShare = { share: 0.8, low: 0.5, high: 1, from: 'model' };

/**
 * Experts read their weights whatever the tokens: a floor until tokens per expert reach the ridge
 * of the GPU, proportional beyond. Which side of it a deployment is on, the record does not tell.
 */
export const ASSUMED_EXPERT: LoadShare = { share: 0.5, low: 0, high: 1, from: 'model' };
