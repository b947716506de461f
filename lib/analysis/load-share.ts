/**
 * How much of a side's compute grows with its load, for scaling it to loads that were not seen:
 *
 *     time / median time = (1 - share) + share · load / median load
 *
 * From the load model (load-model.ts) where the record tells, else assumed.
 */
import type { LoadModel, SideLoadModel } from './load-model.ts';

export interface LoadShare {
  /** 0: the time does not depend on the load; 1: it is proportional to it. */
  readonly share: number;
  readonly low: number;
  readonly high: number;
  /** `fit`: from the record; `model`: assumed, because the load hardly varied. */
  readonly from: 'fit' | 'model';
}

/** Two-sided, nine times in ten. */
const Z90 = 1.645;
/** Workers that differ from each other tell less than what varies in time, and no error. */
const ERROR_BETWEEN_WORKERS = 0.15;

/** Of one side's compute, by the load model; `assumed` where the loads varied too little to tell. */
export function loadShare(model: SideLoadModel, assumed: LoadShare): LoadShare {
  const { usable, errorRatio, medianNs, fixedNs } = model;
  if (!usable || !(medianNs > 0)) return assumed;
  const share = within01(1 - fixedNs / medianNs);
  const error = Number.isFinite(errorRatio) ? errorRatio : ERROR_BETWEEN_WORKERS;
  return {
    share,
    low: within01(share - Z90 * error),
    high: within01(share + Z90 * error),
    from: 'fit',
  };
}

export interface LoadShares {
  readonly attention: LoadShare;
  readonly ffn: LoadShare;
}

export function loadShares([attention, ffn]: LoadModel): LoadShares {
  return {
    attention: loadShare(attention, ASSUMED_ATTENTION),
    ffn: loadShare(ffn, ASSUMED_FFN),
  };
}

/** "70 % grow with the tokens (fitted, 68 to 72 %)." */
export function shareWords({ share, low, high, from }: LoadShare, load: string): string {
  const percent = (value: number): string => `${Math.round(value * 100)}`;
  const how = from === 'fit' ? 'fitted' : `assumed, because the ${load} hardly vary`;
  return `${percent(share)} % grow with the ${load} (${how}; ${percent(low)} to ${percent(high)} %).`;
}

function within01(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/** Time at `load` over time at `now` (both over the median load). */
export function loadFactor(share: number, load: number, now: number): number {
  return (1 - share + share * load) / (1 - share + share * now);
}

/**
 * Where the record does not tell. A layer of DeepSeek-V3's attention reads 187 MB of weights (FP8)
 * and, for 128 sequences of 4,096 tokens, 604 MB of KV cache (576 values of 2 bytes a token): three
 * quarters of it grow with requests and contexts.
 */
export const ASSUMED_ATTENTION: LoadShare = { share: 0.75, low: 0.5, high: 1, from: 'model' };

/**
 * Experts read their weights whatever the tokens: a floor until tokens per expert reach the ridge
 * of the GPU, proportional beyond. Which side of it a deployment is on, the record does not tell.
 */
export const ASSUMED_FFN: LoadShare = { share: 0.5, low: 0, high: 1, from: 'model' };
