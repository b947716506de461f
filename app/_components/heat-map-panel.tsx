'use client';

import { useMemo } from 'react';
import type { Heatmap } from '#lib/api/live-event.ts';
import type { Term } from '#lib/view/definitions.ts';
import { ageText, durationFigure } from '#lib/view/format.ts';
import { HEAT_METRICS, type HeatMetric, heatModel } from '#lib/view/heat-model.ts';
import { useDashboard } from './dashboard.tsx';
import { TermName } from './figure.tsx';
import { HeatCanvas } from './heat-canvas.tsx';
import { HeatLegend } from './heat-legend.tsx';
import { Waiting } from './skeleton.tsx';

const TERMS: Readonly<Record<HeatMetric, Term>> = {
  bubble: 'heatBubble',
  duration: 'heatDuration',
  wait: 'heatWait',
};
const NAMES: Readonly<Record<HeatMetric, string>> = {
  bubble: 'Bubble',
  duration: 'Duration',
  wait: 'Wait',
};

export function HeatMapPanel({
  heatmap,
  isRollup,
  partNs,
}: {
  readonly heatmap: Heatmap | null | undefined;
  /** Its bubbles and waits are estimates. */
  readonly isRollup: boolean;
  /** Only the newest part of the window is shown, of this length; null: all of it. */
  readonly partNs: number | null;
}) {
  const { state, update } = useDashboard();
  const model = useMemo(
    () => (heatmap === null || heatmap === undefined ? null : heatModel(heatmap, state.heat)),
    [heatmap, state.heat],
  );
  return (
    <section id="heat" className="panel scroll-mt-14 pb-2" aria-label="Workers by layers">
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 pt-2 pb-1">
        <h2 className="panel-title">
          <TermName term={TERMS[state.heat]} /> of each worker
        </h2>
        {model !== null && (
          <span className="text-small text-muted">
            mean of {model.steps.toLocaleString('en-US')} {model.steps === 1 ? 'step' : 'steps'}
            {isRollup && (
              <>
                {' '}
                · <TermName term="heatRollup">rollup</TermName>
              </>
            )}
            {partNs !== null && (
              <span title="All of the window is too much for one picture; choose a shorter one for its earlier part">
                {' '}
                · newest {ageText(partNs / 1e6)} of the window
              </span>
            )}
            {model.outliers.size > 0 && (
              <>
                ,{' '}
                <span
                  className="text-critical"
                  title="Over the group’s median of the same layer by 4.5 robust deviations, a quarter of the median and a twentieth of the layer’s compute"
                >
                  {model.outliers.size} outlined
                </span>
              </>
            )}
          </span>
        )}
        {model !== null && <HeatLegend top={durationFigure(model.scaleMaxNs)} />}
        <fieldset className="segments ml-auto" aria-label="Figure">
          {HEAT_METRICS.map((metric) => (
            <button
              key={metric}
              type="button"
              className="control"
              aria-pressed={state.heat === metric}
              onClick={() => update({ heat: metric }, 'replace')}
            >
              {NAMES[metric]}
            </button>
          ))}
        </fieldset>
      </header>
      {model === null ? (
        <div className="px-3 pb-1">
          <Waiting
            heightPx={260}
            text={heatmap === undefined ? 'Loading layers' : 'No layer in this window yet'}
          />
        </div>
      ) : (
        <HeatCanvas model={model} metric={NAMES[state.heat].toLowerCase()} />
      )}
    </section>
  );
}
