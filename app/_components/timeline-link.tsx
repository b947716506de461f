'use client';

import { ChartGanttIcon } from 'lucide-react';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { linkToTimeline, type TimelinePlace } from '#lib/view/timeline-link.ts';
import type { TimelineExtent } from '#lib/view/timeline-viewport.ts';
import { useDashboard } from './dashboard.tsx';

/** Opens the timeline where the evidence beside it is. */
export function TimelineLink({
  window,
  place = {},
  title,
  children,
}: {
  /** null: the page's own time. */
  readonly window: TimelineExtent | null;
  readonly place?: TimelinePlace;
  /** What it shows, for the hover and for readers. */
  readonly title: string;
  readonly children?: ReactNode;
}) {
  const { state } = useDashboard();
  return (
    <Link
      href={linkToTimeline(state, window, place)}
      prefetch={false}
      title={title}
      aria-label={title}
      className="inline-flex items-center gap-1 text-muted hover:text-text"
    >
      <ChartGanttIcon size={13} aria-hidden />
      {children}
    </Link>
  );
}

/** The window of an answer: unix nanoseconds in text. */
export function extentOfWindow(window: {
  readonly startUnixNs: string;
  readonly endUnixNs: string;
}): TimelineExtent {
  return { fromUnixNs: BigInt(window.startUnixNs), toUnixNs: BigInt(window.endUnixNs) };
}
