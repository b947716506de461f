'use client';

import Link from 'next/link';
import type { Severity } from '#lib/api/alert-rules.ts';
import { type AlertMark, choiceOfMark } from '#lib/view/alert-marks.ts';
import { useDashboard } from '../dashboard.tsx';
import { bandPlace, type PlotGrid } from './time-band.tsx';

const LINES: Readonly<Record<Severity, string>> = {
  critical: 'border-critical bg-critical/12',
  warning: 'border-warning bg-warning/12',
  info: 'border-accent bg-accent/12',
};
const HEADS: Readonly<Record<Severity, string>> = {
  critical: 'bg-critical',
  warning: 'bg-warning',
  info: 'bg-accent',
};

/**
 * Alerts over a chart: a line where each fired, its stretch tinted, and a bar at the top that tells the
 * rule and leads to its alerts. All below the bar is left to the pointer.
 */
export function AlertMarks({
  marks,
  grid,
  window,
}: {
  readonly marks: readonly AlertMark[];
  readonly grid: PlotGrid;
  readonly window: { readonly fromMs: number; readonly toMs: number };
}) {
  const { state, hrefOf } = useDashboard();
  return marks.map((mark) => {
    const place = bandPlace(grid, window, mark.fromUnixMs, mark.toUnixMs ?? window.toMs);
    if (place === null) return null;
    const key = `${mark.alertId} ${mark.fromUnixMs}`;
    return (
      <span key={key} data-testid="alert-mark" data-rule={mark.rule}>
        <span
          aria-hidden="true"
          className={`pointer-events-none absolute border-l ${LINES[mark.severity]}`}
          style={{ ...place, top: grid.top, bottom: grid.bottom }}
        />
        <Link
          href={hrefOf('/alerts', { alerts: { ...state.alerts, ...choiceOfMark(mark) } })}
          prefetch={false}
          title={mark.text}
          aria-label={`Alert ${mark.rule}: ${mark.text}`}
          // The chart would take it for the beginning of a brush.
          onPointerDown={(event) => event.stopPropagation()}
          className={`absolute h-1.5 min-w-1.5 cursor-pointer ${HEADS[mark.severity]}`}
          style={{ ...place, top: grid.top - 6 }}
        />
      </span>
    );
  });
}
