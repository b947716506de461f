/** Layers and balance of a report. */
import { balanceOf } from './balance.ts';
import type { LayerSamples } from './layer-samples.ts';
import {
  boundOf,
  type PipelineTerms,
  type TermSamples,
  termsOf,
  termsOfMedians,
} from './pipeline-terms.ts';
import { medianOf, quantilesOf } from './quantiles.ts';
import type { Balance, LayerReport, Quantiles } from './report-types.ts';
import { joinedIn, type Samples } from './samples.ts';

export interface PipelineReport {
  readonly layers: readonly LayerReport[];
  readonly balance: Balance | null;
  /** What advice is made of: one group a layer, in the order of `layers`. */
  readonly terms: PipelineTerms;
  /** Of T, by side: mean over layers of how far p90 lies above the median, over it; NaN without. */
  readonly upperSpread: readonly [number, number];
  /** The same of transfers, by direction. */
  readonly transferSpread: readonly [number, number];
  /** Medians of T of dense layers, summed over them. */
  readonly denseNs: number;
}

/**
 * `parts` are those of windows that make up the report's, and have the same layers.
 * `microbatches`: how many the window's events name. Reorders the samples.
 */
export function reportPipeline(
  parts: readonly LayerSamples[],
  microbatches: number,
): PipelineReport {
  const layers = parts[0]!.layers;
  const groups = layers.length;
  const of = (name: keyof TermSamples): Samples[] => parts.map(({ terms }) => terms[name]);
  const quantiles = (samples: readonly Samples[], count: number): (Quantiles | null)[] =>
    Array.from({ length: count }, (_, g) => quantilesOf(joinedIn(samples, g)));
  const compute = quantiles(of('computeNs'), 2 * groups);
  const transfer = quantiles(of('transferNs'), 2 * groups);
  const dense = quantiles(
    parts.map((part) => part.denseComputeNs),
    2 * groups,
  );
  const periods = parts.map((part) => part.periodNs);
  const period = quantiles(periods, groups);
  const terms = termsOfMedians(
    mediansIn(compute),
    medians(of('occupiedNs'), 2 * groups, 1),
    medians(of('serialNs'), 2 * groups, 1),
    mediansIn(transfer),
    medians(of('linkNs'), 2 * groups, 1),
  );
  // Last, since it reorders samples across layers: those of all layers of a side stand together.
  const overall = overallTerms(of, groups);
  return {
    layers: layers.map((layer, g) => {
      const cycle = termsOf(terms, g, microbatches);
      return {
        layer,
        attentionNs: compute[g] ?? dense[g]!,
        a2fNs: transfer[g]!,
        ffnNs: compute[groups + g] ?? dense[groups + g]!,
        f2aNs: transfer[groups + g]!,
        periodNs: period[g]!,
        idealPeriodNs: cycle === null ? null : Math.max(...cycle),
        bound: cycle === null ? null : boundOf(cycle),
      };
    }),
    balance: balanceOf(terms, overall, microbatches, meanOf(periods)),
    terms,
    upperSpread: [upperSpread(compute.slice(0, groups)), upperSpread(compute.slice(groups))],
    transferSpread: [upperSpread(transfer.slice(0, groups)), upperSpread(transfer.slice(groups))],
    denseNs: dense.reduce((sum, one) => sum + (one?.p50 ?? 0), 0),
  };
}

function upperSpread(layers: readonly (Quantiles | null)[]): number {
  let sum = 0;
  let count = 0;
  for (const one of layers) {
    if (one === null || one.p50 === 0) continue;
    sum += one.p90 / one.p50 - 1;
    count++;
  }
  return count === 0 ? Number.NaN : sum / count;
}

/** One group: all layers. */
function overallTerms(of: (name: keyof TermSamples) => Samples[], layers: number): PipelineTerms {
  return termsOfMedians(
    medians(of('computeNs'), 2, layers),
    medians(of('occupiedNs'), 2, layers),
    medians(of('serialNs'), 2, layers),
    medians(of('transferNs'), 2, layers),
    medians(of('linkNs'), 2, layers),
  );
}

/** Of `count` spans of `width` groups; NaN without samples. */
function medians(samples: readonly Samples[], count: number, width: number): Float64Array {
  return Float64Array.from(
    { length: count },
    (_, i) => medianOf(joinedIn(samples, i * width, width)) ?? Number.NaN,
  );
}

function mediansIn(quantiles: readonly (Quantiles | null)[]): Float64Array {
  return Float64Array.from(quantiles, (one) => one?.p50 ?? Number.NaN);
}

function meanOf(samples: readonly Samples[]): number | null {
  let sum = 0;
  let count = 0;
  for (const { values } of samples) {
    for (let i = 0; i < values.length; i++) sum += values[i]!;
    count += values.length;
  }
  return count === 0 ? null : sum / count;
}
