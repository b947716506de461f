'use client';

import type { EChartsType } from 'echarts/core';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { ExpertsAnswer } from '#lib/api/experts.ts';
import { loadPoints } from '#lib/view/expert-layer.ts';
import { fitText, scatterOption } from '#lib/view/expert-scatter.ts';
import { SURFACES } from '#lib/view/palette.ts';
import { chartSvg, initChart } from './echarts-core.ts';
import { TermName } from './figure.tsx';
import { useTheme } from './root-setting.ts';
import { type CsvCell, csvText } from './save-file.ts';
import { SaveMenu } from './save-menu.tsx';
import { Waiting } from './skeleton.tsx';

const HEIGHT_PX = 230;
/** Of a picture that is saved, whatever the panel's is. */
const PICTURE_WIDTH_PX = 640;

/** Does time go with load? A point a rank and layer; those of the shown layer stand out. */
export function ExpertScatter({
  answer,
  layer,
}: {
  readonly answer: ExpertsAnswer;
  readonly layer: number | null;
}) {
  const theme = useTheme();
  const points = useMemo(() => loadPoints(answer), [answer]);
  return (
    <section className="panel min-w-0 pb-2" aria-label="Expert time against tokens">
      <header className="flex flex-wrap items-center gap-x-3 px-3 pt-2 pb-1">
        <h2 className="panel-title">
          <TermName term="expertTime" /> against tokens
        </h2>
        <span className="text-small text-muted">{fitText(points) ?? 'load does not vary'}</span>
        <span className="ml-auto">
          <SaveMenu
            title="expert time against tokens"
            picture={() => ({
              name: 'expert-load',
              title: 'Expert time against tokens of ranks and layers',
              widthPx: PICTURE_WIDTH_PX,
              heightPx: HEIGHT_PX,
              body: {
                svg: () =>
                  chartSvg(
                    { ...scatterOption(points, layer, SURFACES[theme]), animation: false },
                    PICTURE_WIDTH_PX,
                    HEIGHT_PX,
                  ),
              },
            })}
            csv={{ name: 'expert-load', text: () => csvText(tableOf(points)) }}
          />
        </span>
      </header>
      {points.length === 0 ? (
        <div className="px-3">
          <Waiting heightPx={HEIGHT_PX} text="No expert event with tokens and a time" />
        </div>
      ) : (
        <Chart points={points} layer={layer} />
      )}
    </section>
  );
}

function tableOf(points: ReturnType<typeof loadPoints>): CsvCell[][] {
  return [
    ['worker', 'layer', 'tokens', 'expert ns'],
    ...points.map((point) => [point.worker, point.layer, point.tokens, point.timeNs]),
  ];
}

function Chart({
  points,
  layer,
}: {
  readonly points: ReturnType<typeof loadPoints>;
  readonly layer: number | null;
}) {
  const holder = useRef<HTMLDivElement>(null);
  const drawn = useRef<EChartsType | null>(null);
  const theme = useTheme();
  const [pointed, setPointed] = useState<string | null>(null);
  useEffect(() => {
    if (holder.current === null) return;
    const chart = initChart(holder.current);
    drawn.current = chart;
    const observer = new ResizeObserver(() => chart.resize());
    observer.observe(holder.current);
    chart.on('mouseover', (event) => setPointed(event.name));
    chart.on('mouseout', () => setPointed(null));
    return () => {
      observer.disconnect();
      chart.dispose();
      drawn.current = null;
    };
  }, []);
  useEffect(() => {
    drawn.current?.setOption(scatterOption(points, layer, SURFACES[theme]), {
      replaceMerge: ['series'],
    });
  }, [points, layer, theme]);
  return (
    <>
      <div
        ref={holder}
        role="img"
        aria-label={`Expert time against tokens, ${points.length} ranks and layers`}
        data-testid="expert-scatter"
        className="mx-2"
        style={{ height: HEIGHT_PX }}
      />
      <p className="mx-3 h-5 truncate text-small text-muted" aria-live="polite">
        {pointed ??
          (layer === null
            ? 'Rest on a point for its figures.'
            : `Diamonds: layer ${layer}. Rest on a point for its figures.`)}
      </p>
    </>
  );
}
