'use client';

import { useState } from 'react';
import type { TimelineStats } from '#lib/api/timeline-stats.ts';
import { durationFigure, figureText } from '#lib/view/format.ts';
import { histogramBars, histogramTicks } from '#lib/view/timeline-area.ts';
import { TermName } from '../figure.tsx';

/** Durations of the area's events in logarithmic bins; a bar tells its range and count. */
export function AreaHistogram({ stats }: { readonly stats: TimelineStats }) {
  const bars = histogramBars(stats);
  const [at, setAt] = useState<number | null>(null);
  const shown = at === null ? undefined : bars[at];
  const most = bars.reduce((best, bar, i) => (bar.count > (bars[best]?.count ?? 0) ? i : best), 0);
  return (
    <section aria-label="Durations">
      <h3 className="mb-1 flex justify-between gap-2 text-small text-muted">
        <TermName term="areaHistogram" />
        <span>log scale</span>
      </h3>
      <div
        role="slider"
        tabIndex={0}
        aria-label="Durations of the area's events"
        aria-valuemin={0}
        aria-valuemax={Math.max(0, bars.length - 1)}
        aria-valuenow={at ?? most}
        aria-valuetext={bars[at ?? most]?.text ?? 'no events'}
        className="flex h-20 items-end border-b border-line"
        data-testid="area-histogram"
        data-bars={bars.length}
        onPointerLeave={() => setAt(null)}
        onBlur={() => setAt(null)}
        onKeyDown={(event) => {
          const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
          if (by === 0) return;
          event.preventDefault();
          event.stopPropagation();
          setAt(Math.min(bars.length - 1, Math.max(0, (at ?? most) + by)));
        }}
      >
        {bars.map((bar, i) => (
          <div
            key={bar.fromNs}
            className="flex h-full min-w-0 flex-1 items-end"
            onPointerEnter={() => setAt(i)}
          >
            <div
              className={`w-full border-r border-panel ${i === at ? 'bg-text' : 'bg-muted'}`}
              style={{ height: bar.count === 0 ? 0 : `max(1px, ${bar.heightRatio * 100}%)` }}
            />
          </div>
        ))}
      </div>
      <div className="relative h-4 text-tiny text-muted" aria-hidden="true">
        {spread(histogramTicks(stats.histogram.edgesNs)).map(({ ns, at: place }) => (
          <span
            key={ns}
            className="absolute -translate-x-1/2 whitespace-nowrap"
            style={{ left: `${Math.min(93, Math.max(7, place * 100))}%` }}
          >
            {figureText(durationFigure(ns)).replace(/\.0+ /, ' ')}
          </span>
        ))}
      </div>
      <p className="h-4 truncate text-tiny" data-testid="histogram-text">
        {shown?.text}
      </p>
    </section>
  );
}

/** As many ticks as there is room for. */
function spread<T>(ticks: readonly T[]): readonly T[] {
  const every = Math.ceil(ticks.length / 5);
  return ticks.filter((_, i) => i % every === 0);
}
