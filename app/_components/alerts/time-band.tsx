'use client';

import type { Severity } from '#lib/api/alert-rules.ts';

export interface PlotGrid {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const FILLS: Readonly<Record<Severity, string>> = {
  critical: 'border-critical bg-critical/15',
  warning: 'border-warning bg-warning/15',
  info: 'border-accent bg-accent/15',
};

/** A stretch of time over a chart's plot; a short one is still a line. */
export function TimeBand({
  grid,
  window,
  fromMs,
  toMs,
  severity,
  isFaint = false,
  title,
}: {
  readonly grid: PlotGrid;
  readonly window: { readonly fromMs: number; readonly toMs: number };
  readonly fromMs: number;
  readonly toMs: number;
  readonly severity: Severity;
  readonly isFaint?: boolean;
  readonly title: string;
}) {
  const place = bandPlace(grid, window, fromMs, toMs);
  if (place === null) return null;
  return (
    <span
      title={title}
      data-testid="time-band"
      className={`absolute border-l ${FILLS[severity]} ${isFaint ? 'opacity-40' : ''}`}
      style={{ ...place, top: grid.top, bottom: grid.bottom, minWidth: 1 }}
    />
  );
}

/** Left edge and width in CSS; null: outside of the window. */
export function bandPlace(
  grid: PlotGrid,
  { fromMs: startMs, toMs: endMs }: { readonly fromMs: number; readonly toMs: number },
  fromMs: number,
  toMs: number,
): { readonly left: string; readonly width: string } | null {
  if (endMs <= startMs || toMs < startMs || fromMs > endMs) return null;
  const at = (ms: number) => Math.min(1, Math.max(0, (ms - startMs) / (endMs - startMs)));
  const plot = `(100% - ${grid.left + grid.right}px)`;
  return {
    left: `calc(${grid.left}px + ${plot} * ${at(fromMs)})`,
    width: `calc(${plot} * ${at(toMs) - at(fromMs)})`,
  };
}
