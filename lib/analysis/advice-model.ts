/**
 * What the closed form of the period (pipeline-terms.ts) says about a deployment with something
 * changed. Per layer, from the measured medians:
 *
 *     T' = T · (1 - s + s·load)            s: share of time that grows with load
 *     P' = T' + excess                     the slowest worker on average, by its lasting excess
 *     J' = (E - P) · (1 - s + s·load) + T' · σ · (z(n') - z(n))      what only jitter adds to E
 *     C' = max(m'·(P' + κ·J'), …, m'·links, Sa' + Sf' + slowest transfers)
 *
 * z(n): how many standard deviations the slowest of n equal workers lies above the mean (Blom 1958).
 * κ: micro-batches buffer between layers, so that jitter, which hits another worker each time, adds
 * only part of itself; a worker that is slow each time adds all of it. A step is its layers plus the
 * rest, which is what the measured step has besides them.
 */
import { loadFactor } from './load-share.ts';
import { orZero, type PipelineTerms } from './pipeline-terms.ts';

export interface AdviceModel {
  readonly attention: number;
  readonly ffn: number;
  readonly microbatches: number;
  /** Groups of `terms` with samples on both sides. */
  readonly layers: readonly number[];
  readonly terms: PipelineTerms;
  /** Relative standard deviation of T between equal workers. */
  readonly attentionSpread: number;
  readonly ffnSpread: number;
  /** Of transfers between equal links: everybody waits for the last one. */
  readonly a2fSpread: number;
  readonly f2aSpread: number;
  /** How much longer than T the slowest worker's T is for good; 0 where all are alike. */
  readonly attentionExcessNs: number;
  readonly ffnExcessNs: number;
  readonly measuredPeriodNs: number;
  readonly stepNs: number;
  /** Of one micro-batch, over all dense layers. */
  readonly denseNs: number;
}

/** Absent: as it is. */
export interface ModelChange {
  readonly attention?: number;
  readonly ffn?: number;
  readonly microbatches?: number;
  /** Load of an attention worker and of an FFN worker per micro-batch, over that now. */
  readonly attentionLoad?: number;
  readonly ffnLoad?: number;
  /** Added to P of each layer, and to S: what the other side waits for. */
  readonly attentionNs?: number;
  readonly attentionSerialNs?: number;
  readonly ffnNs?: number;
  readonly ffnSerialNs?: number;
  /** Of transfer times. */
  readonly transfers?: number;
  /** Added to the rest of the step. */
  readonly restNs?: number;
}

/** How the measured step, which the model does not hit exactly, moves along with the model's period. */
export const WAYS = ['period', 'difference', 'step'] as const;
export type Way = (typeof WAYS)[number];

/**
 * Part of jitter that is not buffered. In simulated pipelines of three micro-batches with 3 % jitter it
 * is 0.1 to 0.2.
 */
const JITTER_FELT = 0.2;

export interface ModelShares {
  readonly attention: number;
  readonly ffn: number;
}

/** C' by layer, in the order of `model.layers`. */
export function periodsOf(
  model: AdviceModel,
  change: ModelChange,
  shares: ModelShares,
): Float64Array {
  const m = change.microbatches ?? model.microbatches;
  const attentionFactor = loadFactor(shares.attention, change.attentionLoad ?? 1, 1);
  const ffnFactor = loadFactor(shares.ffn, change.ffnLoad ?? 1, 1);
  const attentionMore =
    model.attentionSpread *
    (slowestOf(change.attention ?? model.attention) - slowestOf(model.attention));
  const ffnMore = model.ffnSpread * (slowestOf(change.ffn ?? model.ffn) - slowestOf(model.ffn));
  const { taNs, tfNs, eaNs, efNs, saNs, sfNs, ta2fNs, tf2aNs, oa2fNs, of2aNs } = model.terms;
  const lastA2f = 1 + model.a2fSpread * slowestOf(change.attention ?? model.attention);
  const lastF2a = 1 + model.f2aSpread * slowestOf(change.ffn ?? model.ffn);
  const spread = Math.max(model.attentionSpread, model.ffnSpread);
  const transfers = change.transfers ?? 1;
  return Float64Array.from(model.layers, (g) => {
    const moreA = taNs[g]! * attentionFactor * attentionMore;
    const moreF = tfNs[g]! * ffnFactor * ffnMore;
    const a = felt(taNs[g]!, eaNs[g]!, model.attentionExcessNs, attentionFactor, moreA);
    const f = felt(tfNs[g]!, efNs[g]!, model.ffnExcessNs, ffnFactor, moreF);
    const serialNs =
      Math.max(0, saNs[g]! * attentionFactor + moreA + (change.attentionSerialNs ?? 0)) +
      Math.max(0, sfNs[g]! * ffnFactor + moreF + (change.ffnSerialNs ?? 0));
    const wayNs = orZero(ta2fNs[g]!) * lastA2f + orZero(tf2aNs[g]!) * lastF2a;
    const linkNs = Math.max(orZero(oa2fNs[g]!), orZero(of2aNs[g]!)) * transfers;
    const sideNs = Math.max(0, a + (change.attentionNs ?? 0));
    const otherNs = Math.max(0, f + (change.ffnNs ?? 0));
    return longest(spread, m * sideNs, m * otherNs, m * linkNs, serialNs + wayNs * transfers);
  });
}

/**
 * The largest term, and a little more where the next one is close: terms vary from one micro-batch to
 * the next, and the larger one counts each time (the mean of the larger of two normal values; Clark
 * 1961).
 */
function longest(spread: number, a: number, b: number, c: number, d: number): number {
  const larger = Math.max(a, b);
  const other = Math.max(c, d);
  const first = Math.max(larger, other);
  const second = Math.max(Math.min(a, b), Math.min(c, d), Math.min(larger, other));
  if (first === 0 || spread === 0) return first;
  return first * (1 + spread * meanOver((first - second) / (spread * first)));
}

/** Mean of what a standard normal value is over `d`, 0 where it is not: φ(d) - d·(1 - Φ(d)). */
function meanOver(d: number): number {
  if (d > 4) return 0;
  const density = Math.exp((-d * d) / 2) / Math.sqrt(2 * Math.PI);
  // Abramowitz and Stegun 26.2.16, to 1e-5.
  const t = 1 / (1 + 0.33267 * d);
  const above = density * t * (0.4361836 + t * (-0.1201676 + t * 0.937298));
  return Math.max(0, density - d * above);
}

/** P' + κ·J' of a layer; P is not beyond E. */
function felt(t: number, e: number, excessNs: number, factor: number, moreNs: number): number {
  const lasting = Math.min(Math.max(e, t), t + excessNs);
  return lasting * factor + JITTER_FELT * (Math.max(0, e - lasting) * factor + moreNs);
}

/**
 * The step when the model's mean period is `ratio` times that now. `period`: the measured period goes
 * with it, the rest of the step stays; `difference`: it stays as many nanoseconds off the model's;
 * `step`: the whole step goes with it.
 */
export function stepOf(
  model: AdviceModel,
  nowNs: number,
  thenNs: number,
  change: ModelChange,
  shares: ModelShares,
  way: Way,
): { readonly stepNs: number; readonly periodNs: number } {
  const { measuredPeriodNs, microbatches, denseNs, layers } = model;
  const ratio = thenNs / nowNs;
  const periodNs =
    way === 'difference'
      ? Math.max(0.5 * thenNs, measuredPeriodNs + thenNs - nowNs)
      : measuredPeriodNs * ratio;
  if (way === 'step') return { periodNs, stepNs: model.stepNs * ratio };
  const restNs = Math.max(0, model.stepNs - layers.length * measuredPeriodNs);
  const denseNowNs = Math.min(restNs, microbatches * denseNs);
  const denseThenNs =
    denseNowNs *
    ((change.microbatches ?? microbatches) / microbatches) *
    loadFactor(shares.attention, change.attentionLoad ?? 1, 1);
  const restThenNs = Math.max(0, restNs - denseNowNs + denseThenNs + (change.restNs ?? 0));
  return { periodNs, stepNs: layers.length * periodNs + restThenNs };
}

/** Tokens per second and GPU after the change over those now, minus one. */
export function gainOf(model: AdviceModel, change: ModelChange, stepNs: number): number {
  const attention = change.attention ?? model.attention;
  const ffn = change.ffn ?? model.ffn;
  const microbatches = change.microbatches ?? model.microbatches;
  const tokens =
    (attention * microbatches * (change.attentionLoad ?? 1)) /
    (model.attention * model.microbatches);
  const gpus = (attention + ffn) / (model.attention + model.ffn);
  return (tokens / gpus) * (model.stepNs / stepNs) - 1;
}

/** z(n): the expected largest of n standard normal values, by Blom's approximation; 0 for one. */
export function slowestOf(n: number): number {
  return n < 2 ? 0 : normalQuantile((n - 0.375) / (n + 0.25));
}

/**
 * Of the standard normal distribution, for p from 0.5 up, to 0.0005: Abramowitz and Stegun, Handbook
 * of Mathematical Functions, 26.2.23.
 */
function normalQuantile(p: number): number {
  const t = Math.sqrt(-2 * Math.log(1 - p));
  const over = 2.515517 + t * (0.802853 + t * 0.010328);
  const under = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308));
  return t - over / under;
}
