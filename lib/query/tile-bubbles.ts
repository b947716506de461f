/** Why the workers of a tile waited: bubbles while a receive was open, as columns. */
import { causeSegments } from '#lib/analysis/cause-segments.ts';
import type { TimelineEventColumns } from '#lib/api/timeline-tile.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import type { WindowNs } from '#lib/model/select-window.ts';

export type BubbleColumns = Pick<
  TimelineEventColumns,
  'bubbleRow' | 'bubbleStartNs' | 'bubbleDurationNs' | 'bubbleCause' | 'bubbleCulprit'
>;

/** `workers[r]`: the worker of row `r`. */
export function tileBubbles(
  assembled: Assembled,
  window: WindowNs,
  workers: readonly number[],
): BubbleColumns {
  const segments = causeSegments(assembled, window, workers);
  const length = segments.reduce((sum, { startNs }) => sum + startNs.length, 0);
  const rowOf = new Map(workers.map((worker, row) => [worker, row]));
  const columns = emptyBubbles(length);
  let at = 0;
  segments.forEach(({ startNs, endNs, cause, culprit }, row) => {
    for (let i = 0; i < startNs.length; i++, at++) {
      columns.bubbleRow[at] = row;
      columns.bubbleStartNs[at] = startNs[i]! - window.fromNs;
      columns.bubbleDurationNs[at] = endNs[i]! - startNs[i]!;
      columns.bubbleCause[at] = cause[i]!;
      columns.bubbleCulprit[at] = rowOf.get(culprit[i]!) ?? -1;
    }
  });
  return columns;
}

export function emptyBubbles(length = 0): BubbleColumns {
  return {
    bubbleRow: new Uint16Array(length),
    bubbleStartNs: new Float64Array(length),
    bubbleDurationNs: new Float64Array(length),
    bubbleCause: new Uint8Array(length),
    bubbleCulprit: new Int32Array(length),
  };
}
