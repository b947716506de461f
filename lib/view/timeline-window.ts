/** The time that a Timeline page shows, read from its address. */
import type { TimeSelection } from './time-range.ts';
import { parseTimeline } from './timeline-url.ts';
import { extentOf, type TimelineExtent } from './timeline-viewport.ts';

/** null: the page is another one, or the timeline follows the newest data. */
export function timelineWindow(path: string, search: string): TimelineExtent | null {
  if (path !== '/timeline') return null;
  const { viewport, isTail } = parseTimeline(new URLSearchParams(search));
  return viewport === null || isTail ? null : extentOf(viewport);
}

/** A report is about steps: a view of less is told with what is around it. */
const LEAST_REPORT_MS = 1_000;

/** What a report of the page is about: the timeline's view where it stands, else the page's range. */
export function reportRange(path: string, search: string, range: TimeSelection): TimeSelection {
  const view = timelineWindow(path, search);
  if (view === null) return range;
  const fromMs = Number(view.fromUnixNs / 1_000_000n);
  const toMs = Number((view.toUnixNs + 999_999n) / 1_000_000n);
  const moreMs = Math.max(0, Math.ceil((LEAST_REPORT_MS - (toMs - fromMs)) / 2));
  return { kind: 'absolute', fromMs: fromMs - moreMs, toMs: toMs + moreMs };
}
