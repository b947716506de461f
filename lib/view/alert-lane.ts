/** Where alerts lie on the lane above the timeline's axis. */
import { nanosOf } from './alert-links.ts';
import type { AlertMark } from './alert-marks.ts';
import { type TimelineViewport, timeToX } from './timeline-viewport.ts';

export interface AlertLaneItem {
  readonly mark: AlertMark;
  readonly leftPx: number;
  readonly widthPx: number;
}

/** So wide that it can be pointed at. */
const LEAST_PX = 14;

/** Those in view, cut to the lane; the worst come last, so that they lie above the others. */
export function alertLane(
  marks: readonly AlertMark[],
  view: TimelineViewport,
  widthPx: number,
): readonly AlertLaneItem[] {
  return marks
    .flatMap((mark) => {
      const fromPx = timeToX(view, nanosOf(mark.fromUnixMs), widthPx);
      const toPx =
        mark.toUnixMs === null ? widthPx : timeToX(view, nanosOf(mark.toUnixMs), widthPx);
      if (fromPx > widthPx || toPx < 0) return [];
      const leftPx = Math.min(Math.max(0, fromPx), Math.max(0, widthPx - LEAST_PX));
      const endPx = Math.min(widthPx, Math.max(leftPx + LEAST_PX, toPx));
      return [{ mark, leftPx, widthPx: endPx - leftPx }];
    })
    .reverse();
}
