/** The answer of the what-if as a table: measured, replayed, predicted, and what changes. */
import type { WhatifAnswer, WhatifEstimate, WhatifOutcome } from '#lib/api/whatif.ts';
import type { Term } from './definitions.ts';
import { countFigure, durationFigure, type Figure, NO_FIGURE, ratioFigure } from './format.ts';
import { signedPercent } from './interval-scale.ts';

export type WhatifResult = NonNullable<WhatifAnswer['result']>;

export interface WhatifRow {
  readonly term: Term;
  readonly measured: Figure;
  readonly replayed: Figure;
  readonly predicted: Figure;
  /** Bounds of the prediction; null where there are none. */
  readonly bounds: { readonly low: Figure; readonly high: Figure } | null;
  /** Predicted against replayed; null: no change, or nothing to compare. */
  readonly change: { readonly text: string; readonly isBetter: boolean } | null;
}

export function whatifRows({ measured, replayed, predicted }: WhatifResult): readonly WhatifRow[] {
  const estimated = (
    term: Term,
    of: (outcome: WhatifOutcome) => WhatifEstimate | null,
    figure: (value: number | undefined) => Figure,
    better: 'less' | 'more',
  ): WhatifRow => {
    const next = of(predicted);
    const base = of(replayed);
    return {
      term,
      measured: figure(of(measured)?.value),
      replayed: figure(base?.value),
      predicted: figure(next?.value),
      bounds: next === null ? null : { low: figure(next.low), high: figure(next.high) },
      change:
        next === null || base === null || !(base.value > 0)
          ? null
          : changeOf(next.value / base.value - 1, better),
    };
  };
  const idle = (term: Term, of: (outcome: WhatifOutcome) => number): WhatifRow => ({
    term,
    measured: ratioFigure(of(measured)),
    replayed: ratioFigure(of(replayed)),
    predicted: ratioFigure(of(predicted)),
    bounds: null,
    change: pointsOf(of(predicted) - of(replayed)),
  });
  const tokens = (value: number | undefined): Figure => countFigure(value, 'tokens/s');
  const time = (value: number | undefined): Figure => durationFigure(value);
  return [
    estimated('whatifTokensPerGpu', (o) => o.tokensPerSecondPerGpu, tokens, 'more'),
    estimated('tokensPerSecond', (o) => o.tokensPerSecond, tokens, 'more'),
    estimated('whatifStep', (o) => o.stepNs, time, 'less'),
    estimated('measuredPeriod', (o) => o.periodNs, time, 'less'),
    idle('whatifAttentionBubble', (o) => o.attentionBubble),
    idle('whatifFfnBubble', (o) => o.ffnBubble),
  ].filter((row) => row.predicted !== NO_FIGURE || row.measured !== NO_FIGURE);
}

/** Changes under a twentieth of a percent are none. */
const LEAST_CHANGE = 0.0005;

function changeOf(ratio: number, better: 'less' | 'more'): WhatifRow['change'] {
  if (Math.abs(ratio) < LEAST_CHANGE) return null;
  return { text: signedPercent(ratio), isBetter: better === 'more' ? ratio > 0 : ratio < 0 };
}

/** A difference of two percentages is in points, not in percent. */
function pointsOf(difference: number): WhatifRow['change'] {
  if (Math.abs(difference) < LEAST_CHANGE) return null;
  return {
    text: signedPercent(difference).replace(' %', ' pt'),
    isBetter: difference < 0,
  };
}
