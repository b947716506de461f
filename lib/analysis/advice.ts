/**
 * What would bring more tokens per second and GPU: another split, other micro-batches, the shared
 * expert on the other side, a slow worker repaired, loads evened. Predicted by the closed form of the
 * period (advice-model.ts); an entry is there only where its interval is clear of zero.
 *
 * Intervals hold nine times in ten: layers drawn with replacement (bootstrap, seeded), over both ends
 * of the share of time that grows with load, and over both ways in which the measured period may stay
 * off the ideal one.
 */
import { Random } from '#lib/base/random.ts';
import {
  addingCandidates,
  type Candidate,
  excessBy,
  isCompute,
  moreRequestsCandidates,
  ratioCandidates,
  remedyCandidates,
  removingCandidates,
  type SidedStraggler,
  sharedExpertCandidate,
  splitCandidates,
} from './advice-changes.ts';
import {
  type AdviceModel,
  gainOf,
  type ModelChange,
  type ModelShares,
  periodsOf,
  slowestOf,
  stepOf,
  WAYS,
  type Way,
} from './advice-model.ts';
import { type LoadShares, shareWords } from './load-share.ts';
import { type PipelineTerms, termsOf } from './pipeline-terms.ts';
import type { Advice, Balance } from './report-types.ts';

export interface AdviceInput {
  readonly balance: Balance;
  readonly attention: number;
  readonly ffn: number;
  readonly microbatches: number;
  /** By layer. */
  readonly terms: PipelineTerms;
  /** By side: how far p90 of T lies over its median, over it. */
  readonly upperSpread: readonly [number, number];
  /** The same of transfers, by direction. */
  readonly transferSpread: readonly [number, number];
  readonly denseNs: number;
  /** Mean time of a step; null: unknown. */
  readonly stepNs: number | null;
  readonly shares: LoadShares;
  readonly stragglers: readonly SidedStraggler[];
  /** Median time per micro-batch and layer, and where; null: no such stage. */
  readonly sharedExpert: { readonly side: 'attention' | 'ffn'; readonly ns: number } | null;
}

export interface Advised {
  readonly advice: readonly Advice[];
  readonly ratioMargin: NonNullable<Balance['ratioMargin']> | null;
}

interface Rated {
  readonly candidate: Candidate;
  readonly gain: number;
  /** Step time over that now. */
  readonly stepRatio: number;
  readonly periodNs: number;
}

/** What has to be restarted for it must bring so much more ... */
const LEAST_OF_RESTART = 0.02;
/** ... and what repairs something so much. */
const LEAST_OF_REPAIR = 0.01;
const REPAIRS = new Set(['fix-worker', 'level-experts', 'level-contexts']);
/** A change that makes steps longer than this costs every user of the service. */
const MAX_STEP_RATIO = 1.05;
/** Of the best gain of its kind: the smallest change that brings so much is advised. */
const GOOD_ENOUGH = 0.95;
/** z of p90. */
const Z_P90 = 1.2816;
/** Where stragglers hide how equal workers differ. */
const USUAL_SPREAD = 0.03;
const DRAWS = 200;
const SEED = 23;

export function adviceOf(input: AdviceInput): Advised {
  const model = modelOf(input);
  if (model === null) return { advice: [], ratioMargin: null };
  const predicted = new Predictions(model, input.shares);
  const best = (candidates: readonly Candidate[]): Rated[] =>
    bestOf(candidates.map((one) => predicted.rate(one)));
  const splits = ratioCandidates(model);
  const { sharedExpert } = input;
  const found = [
    ...best(splits),
    ...best(addingCandidates(model)),
    ...best(removingCandidates(model)),
    ...best(splitCandidates(model)),
    ...best(moreRequestsCandidates(model)),
    ...(sharedExpert === null
      ? []
      : best([sharedExpertCandidate(model, sharedExpert.side, sharedExpert.ns)])),
    ...remedyCandidates(model, input.shares, input.stragglers).flatMap((one) => best([one])),
  ];
  const advice = found.flatMap((one) => entryOf(one, input.shares, predicted));
  advice.sort((a, b) => b.gain - a.gain);
  return { advice, ratioMargin: marginOf(splits, predicted) };
}

function marginOf(splits: readonly Candidate[], predicted: Predictions): Advised['ratioMargin'] {
  const allowed = splits
    .map((one) => predicted.rate(one))
    .filter(({ stepRatio }) => stepRatio <= MAX_STEP_RATIO);
  const none = { gain: 0, low: 0, high: 0 };
  if (allowed.length === 0) return none;
  const best = allowed.reduce((top, one) => (one.gain > top.gain ? one : top));
  if (best.gain <= 0) return none;
  return { gain: best.gain, ...predicted.interval(best.candidate, best.gain) };
}

/** null: nothing measured to start from. */
function modelOf(input: AdviceInput): AdviceModel | null {
  const { balance, terms, microbatches, attention, ffn, upperSpread, stragglers } = input;
  const layers = Array.from(terms.taNs.keys()).filter(
    (g) => termsOf(terms, g, microbatches) !== null,
  );
  const { measuredPeriodNs, idealPeriodNs } = balance;
  if (measuredPeriodNs === null || !(idealPeriodNs > 0) || layers.length === 0) return null;
  const straggles = (side: 'attention' | 'ffn'): boolean =>
    stragglers.some((one) => one.side === side);
  const spread = (workers: number, upper: number, effective: number, median: number): number => {
    const bySlowest = workers < 2 ? Number.NaN : (effective / median - 1) / slowestOf(workers);
    const known = [bySlowest, upper / Z_P90].filter((value) => value >= 0);
    return known.length === 0 ? USUAL_SPREAD : Math.min(...known);
  };
  const { taNs, tfNs, taEffectiveNs, tfEffectiveNs } = balance;
  const own = {
    attention: spread(attention, upperSpread[0], taEffectiveNs, taNs),
    ffn: spread(ffn, upperSpread[1], tfEffectiveNs, tfNs),
  };
  const excess = (side: 'attention' | 'ffn'): number =>
    excessBy(
      stragglers.filter((one) => isCompute(one) && one.side === side),
      ({ excessRatio }) => excessRatio,
    )[0]?.ns ?? 0;
  const usual = (side: 'attention' | 'ffn', other: 'attention' | 'ffn'): number => {
    if (!straggles(side)) return own[side];
    return Math.min(own[side], straggles(other) ? USUAL_SPREAD : own[other]);
  };
  return {
    attention,
    ffn,
    microbatches: Math.max(1, microbatches),
    layers,
    terms,
    attentionSpread: usual('attention', 'ffn'),
    ffnSpread: usual('ffn', 'attention'),
    a2fSpread: orUsual(input.transferSpread[0] / Z_P90),
    f2aSpread: orUsual(input.transferSpread[1] / Z_P90),
    attentionExcessNs: excess('attention'),
    ffnExcessNs: excess('ffn'),
    measuredPeriodNs,
    stepNs: Math.max(input.stepNs ?? 0, layers.length * measuredPeriodNs),
    denseNs: input.denseNs,
  };
}

function orUsual(spread: number): number {
  return spread >= 0 ? spread : USUAL_SPREAD;
}

/** The smallest change that brings nearly as much as the best one that users can bear; or none. */
function bestOf(all: readonly Rated[]): Rated[] {
  const allowed = all.filter(({ stepRatio, gain }) => stepRatio <= MAX_STEP_RATIO && gain > 0);
  const most = Math.max(0, ...allowed.map(({ gain }) => gain));
  const good = allowed.filter(({ gain }) => gain >= GOOD_ENOUGH * most);
  if (good.length === 0) return [];
  return [good.reduce((least, one) => (one.candidate.size < least.candidate.size ? one : least))];
}

/** One entry, or none where it is not clear that it helps. */
function entryOf(
  { candidate, gain, stepRatio, periodNs }: Rated,
  shares: LoadShares,
  predicted: Predictions,
): Advice[] {
  const { kind, change, set, scales, assumes } = candidate;
  const least = REPAIRS.has(kind) ? LEAST_OF_REPAIR : LEAST_OF_RESTART;
  if (gain < least) return [];
  const { low, high } = predicted.interval(candidate, gain);
  if (low < least) return [];
  const told = [assumes];
  if (scales === 'attention' || scales === 'both') {
    told.push(`Of attention time ${shareWords(shares.attention, 'requests')}`);
  }
  if (scales === 'ffn' || scales === 'both') {
    told.push(`Of FFN time ${shareWords(shares.ffn, 'tokens')}`);
  }
  const percent = Math.round((stepRatio - 1) * 100);
  if (percent !== 0) {
    told.push(`A step takes ${Math.abs(percent)} % ${percent > 0 ? 'longer' : 'less'}.`);
  }
  return [
    {
      kind,
      change,
      gain,
      low,
      high,
      assumes: told.join(' '),
      ...(set === undefined ? {} : { set }),
      periodNs,
    },
  ];
}

/** Of one model; the draws of layers are made once for all candidates. */
class Predictions {
  readonly #model: AdviceModel;
  /** The fitted shares, and both ends of their intervals. */
  readonly #shares: readonly ModelShares[];
  /** Periods now, by layer. */
  readonly #nowNs: Float64Array;
  /** Made when they are needed: most reports of a healthy cluster need none. */
  #draws: readonly Int32Array[] = [];

  constructor(model: AdviceModel, { attention, ffn }: LoadShares) {
    this.#model = model;
    this.#shares = [
      { attention: attention.share, ffn: ffn.share },
      { attention: attention.low, ffn: ffn.low },
      { attention: attention.high, ffn: ffn.high },
    ];
    this.#nowNs = periodsOf(model, {}, this.#shares[0]!);
  }

  rate(candidate: Candidate): Rated {
    const shares = this.#shares[0]!;
    const thenNs = meanOf(periodsOf(this.#model, candidate.model, shares));
    const { stepNs, periodNs } = this.#step(meanOf(this.#nowNs), thenNs, candidate.model, shares);
    return {
      candidate,
      gain: gainOf(this.#model, candidate.model, stepNs),
      stepRatio: stepNs / this.#model.stepNs,
      periodNs,
    };
  }

  /** 5 and 95 % of the draws, the widest over readings, shares and ways; holds `gain`. */
  interval(
    { model, variants = [], scales }: Candidate,
    gain: number,
  ): { readonly low: number; readonly high: number } {
    let low = gain;
    let high = gain;
    const drawnNowNs = this.#drawn(this.#nowNs);
    for (const change of [model, ...variants]) {
      for (const shares of scales === null ? this.#shares.slice(0, 1) : this.#shares) {
        const thenNs = this.#drawn(periodsOf(this.#model, change, shares));
        for (const way of WAYS) {
          const gains = thenNs.map((ns, draw) => {
            const { stepNs } = this.#step(drawnNowNs[draw]!, ns, change, shares, way);
            return gainOf(this.#model, change, stepNs);
          });
          gains.sort();
          low = Math.min(low, gains[Math.floor(0.05 * DRAWS)]!);
          high = Math.max(high, gains[Math.ceil(0.95 * DRAWS) - 1]!);
        }
      }
    }
    return { low, high };
  }

  #step(
    nowNs: number,
    thenNs: number,
    change: ModelChange,
    shares: ModelShares,
    way: Way = 'period',
  ): { readonly stepNs: number; readonly periodNs: number } {
    return stepOf(this.#model, nowNs, thenNs, change, shares, way);
  }

  #drawn(values: Float64Array): Float64Array {
    if (this.#draws.length === 0) {
      const random = new Random(SEED);
      const layers = values.length;
      this.#draws = Array.from({ length: DRAWS }, () =>
        Int32Array.from({ length: layers }, () => random.below(layers)),
      );
    }
    return Float64Array.from(this.#draws, (draw) => {
      let sum = 0;
      for (let i = 0; i < draw.length; i++) sum += values[draw[i]!]!;
      return sum / draw.length;
    });
  }
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
