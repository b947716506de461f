'use client';

/** Above the axis: when which alert fired. It follows the view once that rests. */
import Link from 'next/link';
import { useEffect, useState } from 'react';
import type { Severity } from '#lib/api/alert-rules.ts';
import { alertLane } from '#lib/view/alert-lane.ts';
import { millisOf } from '#lib/view/alert-links.ts';
import { choiceOfMark } from '#lib/view/alert-marks.ts';
import { useAlertMarks } from '../alerts/use-alert-marks.ts';
import { useDashboard } from '../dashboard.tsx';
import { useTimelinePart } from './timeline-context.tsx';
import { HEADER_PX } from './timeline-headers.tsx';

const LANE_PX = 15;

const LOOKS: Readonly<Record<Severity, string>> = {
  critical: 'border-critical bg-critical/20 text-critical',
  warning: 'border-warning bg-warning/20 text-warning',
  info: 'border-accent bg-accent/20 text-accent',
};

export function AlertsLane({ widthPx }: { readonly widthPx: number }) {
  const { state, hrefOf } = useDashboard();
  const isOn = useTimelinePart(({ overlays }) => overlays.marks);
  const view = useTimelinePart(({ viewport }) => viewport);
  const fromMs = millisOf(view.fromUnixNs);
  const marks = useAlertMarks(fromMs, fromMs + Math.ceil(view.spanNs / 1e6));
  const items = alertLane(marks, view, widthPx);
  // Once there it stays, so that the picture does not jump with every move.
  const [wasSeen, setWasSeen] = useState(false);
  useEffect(() => {
    if (items.length > 0) setWasSeen(true);
  }, [items.length]);
  if (!isOn || widthPx <= 0 || !(wasSeen || items.length > 0)) return null;
  return (
    <div
      className="flex shrink-0 border-b border-line bg-panel"
      style={{ height: LANE_PX }}
      data-testid="alerts-lane"
    >
      <p
        className="m-0 shrink-0 truncate border-r border-line px-2 text-tiny text-muted"
        style={{ width: HEADER_PX, lineHeight: `${LANE_PX}px` }}
      >
        {items.length === 0 ? 'no alert here' : 'alerts'}
      </p>
      <div className="relative min-w-0 overflow-hidden" style={{ width: widthPx }}>
        {items.map(({ mark, leftPx, widthPx: itemPx }) => (
          <Link
            key={`${mark.alertId} ${mark.fromUnixMs}`}
            href={hrefOf('/alerts', { alerts: { ...state.alerts, ...choiceOfMark(mark) } })}
            prefetch={false}
            title={mark.text}
            aria-label={`Alert ${mark.rule}: ${mark.text}`}
            data-rule={mark.rule}
            className={`absolute inset-y-px overflow-hidden border-l px-1 text-tiny whitespace-nowrap ${LOOKS[mark.severity]}`}
            style={{ left: leftPx, width: itemPx, lineHeight: `${LANE_PX - 2}px` }}
          >
            {mark.rule}
          </Link>
        ))}
      </div>
    </div>
  );
}
