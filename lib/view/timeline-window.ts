/** The time that a Timeline page shows, read from its address. */
import { parseTimeline } from './timeline-url.ts';
import { extentOf, type TimelineExtent } from './timeline-viewport.ts';

/** null: the page is another one, or the timeline follows the newest data. */
export function timelineWindow(path: string, search: string): TimelineExtent | null {
  if (path !== '/timeline') return null;
  const { viewport, isTail } = parseTimeline(new URLSearchParams(search));
  return viewport === null || isTail ? null : extentOf(viewport);
}
