'use client';

import type { EChartsType } from 'echarts/core';
import { useEffect, useRef } from 'react';
import type { Compare } from '#lib/api/compare.ts';
import { latencyOption, quantileOf, SIDE_LINES } from '#lib/view/compare-latency.ts';
import { durationFigure } from '#lib/view/format.ts';
import { SURFACES } from '#lib/view/palette.ts';
import { chartSvg, initChart } from '../echarts-core.ts';
import { Fig, TermName } from '../figure.tsx';
import { useTheme } from '../root-setting.ts';
import { type CsvCell, csvText } from '../save-file.ts';
import { SaveMenu } from '../save-menu.tsx';

const HEIGHT_PX = 220;
/** Of a picture that is saved, whatever the panel's is. */
const PICTURE_WIDTH_PX = 640;
const QUANTILES = [
  [0.5, 'p50'],
  [0.9, 'p90'],
  [0.99, 'p99'],
] as const;

/** How step latencies are spread on either side. */
export function LatencyPanel({ answer: { latency } }: { readonly answer: Compare }) {
  const holder = useRef<HTMLDivElement>(null);
  const drawn = useRef<EChartsType | null>(null);
  const theme = useTheme();
  useEffect(() => {
    if (holder.current === null) return;
    const chart = initChart(holder.current);
    drawn.current = chart;
    const observer = new ResizeObserver(() => chart.resize());
    observer.observe(holder.current);
    return () => {
      observer.disconnect();
      chart.dispose();
      drawn.current = null;
    };
  }, []);
  useEffect(() => {
    drawn.current?.setOption(latencyOption(latency, SURFACES[theme]), {
      replaceMerge: ['series'],
    });
  }, [latency, theme]);
  return (
    <section className="panel min-w-0 pb-2" aria-label="Step latency of both sides">
      <header className="flex flex-wrap items-center gap-x-3 px-3 pt-2 pb-1">
        <h2 className="panel-title">
          <TermName term="compareLatency" />, share of steps
        </h2>
        {(['a', 'b'] as const).map((side) => (
          <span key={side} className="flex items-center gap-1.5 text-small text-muted">
            <span
              aria-hidden="true"
              className="w-5 border-t-2"
              style={{
                borderColor: SIDE_LINES[side].colour,
                borderStyle: SIDE_LINES[side].type,
              }}
            />
            {side.toUpperCase()}
          </span>
        ))}
        <span className="ml-auto">
          <SaveMenu
            title="step latencies"
            picture={() => ({
              name: 'step-latency',
              title: 'Step latency, share of steps: A solid, B dashed',
              widthPx: PICTURE_WIDTH_PX,
              heightPx: HEIGHT_PX,
              body: {
                svg: () =>
                  chartSvg(latencyOption(latency, SURFACES[theme]), PICTURE_WIDTH_PX, HEIGHT_PX),
              },
            })}
            csv={{ name: 'step-latency', text: () => csvText(tableOf(latency)) }}
          />
        </span>
      </header>
      <div
        ref={holder}
        role="img"
        aria-label={`Step latency: ${latency.a.length} steps of A, ${latency.b.length} of B. The table below has their quantiles.`}
        data-testid="compare-latency"
        className="mx-2"
        style={{ height: HEIGHT_PX }}
      />
      <table className="mx-3 text-small">
        <thead>
          <tr className="text-muted">
            <th scope="col" className="pr-4 text-left font-normal">
              Side
            </th>
            {QUANTILES.map(([, name]) => (
              <th key={name} scope="col" className="pr-4 text-right font-normal">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {(['a', 'b'] as const).map((side) => (
            <tr key={side}>
              <th scope="row" className="pr-4 text-left font-normal">
                {side.toUpperCase()}
              </th>
              {QUANTILES.map(([share, name]) => (
                <td key={name} className="pr-4 text-right">
                  <Fig figure={durationFigure(quantileOf(latency[side], share))} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function tableOf(latency: Compare['latency']): CsvCell[][] {
  return [
    ['side', 'latency ns'],
    ...latency.a.map((ns) => ['a', ns]),
    ...latency.b.map((ns) => ['b', ns]),
  ];
}
