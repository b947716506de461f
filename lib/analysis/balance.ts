/** The balance of a disaggregated deployment (README, Definitions, "Pipeline"). */
import {
  boundOf,
  orZero,
  type PipelineTerms,
  roundTripNs,
  TERM_BOUNDS,
  termsOf,
} from './pipeline-terms.ts';
import type { Balance, PeriodTerms, SteadyBubble } from './report-types.ts';

/** Sum and number of the periods C_l over layers, and of each term over them. */
export interface PeriodSum {
  readonly layers: number;
  readonly sumNs: number;
  readonly termSumsNs: readonly number[];
}

/** Layers without complete keys are left out. */
export function sumPeriods(
  byLayer: PipelineTerms,
  groups: Iterable<number>,
  microbatches: number,
  compute: 'effective' | 'median' = 'effective',
): PeriodSum {
  const termSumsNs = TERM_BOUNDS.map(() => 0);
  let layers = 0;
  let sumNs = 0;
  for (const g of groups) {
    const terms = termsOf(byLayer, g, microbatches, compute);
    if (terms === null) continue;
    layers++;
    sumNs += Math.max(...terms);
    for (let i = 0; i < terms.length; i++) termSumsNs[i] = termSumsNs[i]! + terms[i]!;
  }
  return { layers, sumNs, termSumsNs };
}

/**
 * `byLayer` has one group a layer, `overall` one group of everything. null where no key is
 * complete. `measuredPeriodNs`: mean over the measured pairs of layers.
 */
export function balanceOf(
  byLayer: PipelineTerms,
  overall: PipelineTerms,
  microbatches: number,
  measuredPeriodNs: number | null,
): Balance | null {
  const layers = Array.from(byLayer.eaNs.keys());
  const effective = sumPeriods(byLayer, layers, microbatches);
  if (effective.layers === 0) return null;
  const median = sumPeriods(byLayer, layers, microbatches, 'median');
  const idealPeriodNs = effective.sumNs / effective.layers;
  const m = Math.max(1, microbatches);
  const eaNs = overall.eaNs[0]!;
  const efNs = overall.efNs[0]!;
  const slowestNs = Math.max(eaNs, efNs);
  const serialNs = overall.saNs[0]! + overall.sfNs[0]! + roundTripNs(overall, 0);
  const excess = periodExcess(byLayer, layers, microbatches);
  const steadyBubble = (ns: number): number =>
    idealPeriodNs === 0 ? 0 : Math.max(0, 1 - (m * ns) / idealPeriodNs);
  // Where clocks tick so slowly that nothing takes any time, there is no period to take a part of.
  const imbalance = (ns: number): number =>
    idealPeriodNs === 0 ? 0 : (m * (slowestNs - ns)) / idealPeriodNs;
  const split = (ns: number): SteadyBubble => splitBubble(steadyBubble(ns), imbalance(ns), excess);
  return {
    taNs: overall.taNs[0]!,
    tfNs: overall.tfNs[0]!,
    taEffectiveNs: eaNs,
    tfEffectiveNs: efNs,
    ta2fNs: orZero(overall.ta2fNs[0]!),
    tf2aNs: orZero(overall.tf2aNs[0]!),
    idealPeriodNs,
    measuredPeriodNs,
    bound: boundOf(effective.termSumsNs),
    attentionBubble: steadyBubble(eaNs),
    ffnBubble: steadyBubble(efNs),
    attentionSteadyBubble: split(eaNs),
    ffnSteadyBubble: split(efNs),
    minMicrobatches: slowestNs === 0 ? 1 : Math.ceil(serialNs / slowestNs),
    imbalanceCostNs: idealPeriodNs - median.sumNs / median.layers,
    termsNs: meanTerms(effective),
    advice: [],
  };
}

/** By how much C exceeds m times the slower side, over layers, by what makes it longer. */
interface PeriodExcess {
  readonly networkNs: number;
  readonly latencyNs: number;
}

function periodExcess(
  byLayer: PipelineTerms,
  groups: Iterable<number>,
  microbatches: number,
): PeriodExcess {
  let networkNs = 0;
  let latencyNs = 0;
  for (const g of groups) {
    const terms = termsOf(byLayer, g, microbatches);
    if (terms === null) continue;
    const [a = 0, f = 0, ...links] = terms;
    const latency = links.pop() ?? 0;
    const compute = Math.max(a, f);
    const link = Math.max(...links);
    // Of what both would add, the link's part counts as the link's: shorter ways would not help it.
    networkNs += Math.max(0, link - compute);
    latencyNs += Math.max(0, latency - Math.max(compute, link));
  }
  return { networkNs, latencyNs };
}

/** `bubble` and what of it is imbalance; the rest goes by what makes periods longer. */
function splitBubble(bubble: number, imbalanceRatio: number, excess: PeriodExcess): SteadyBubble {
  const imbalance = Math.min(bubble, Math.max(0, imbalanceRatio));
  const rest = bubble - imbalance;
  const excessNs = excess.networkNs + excess.latencyNs;
  const network = excessNs === 0 ? 0 : (rest * excess.networkNs) / excessNs;
  return { imbalance, network, latency: rest - network };
}

function meanTerms({ termSumsNs, layers }: PeriodSum): PeriodTerms {
  const mean = (i: number): number => termSumsNs[i]! / layers;
  return {
    attention: mean(0),
    ffn: mean(1),
    a2fLink: mean(2),
    f2aLink: mean(3),
    latency: mean(4),
  };
}
