/** Words in the boxes of events that are wide enough for some. */
import { ON_STAGE, SURFACES, type ThemeName } from '#lib/view/palette.ts';
import type { LoadedTile } from '#lib/view/timeline-boxes.ts';
import { longEvents } from '#lib/view/timeline-hit.ts';
import { boxLabel, LEAST_LABEL_PX } from '#lib/view/timeline-labels.ts';
import type { WorkerRow } from '#lib/view/timeline-rows.ts';
import { type TilePiece, tileExtent } from '#lib/view/timeline-tiles.ts';
import { offsetOf, type TimelineViewport } from '#lib/view/timeline-viewport.ts';
import { textWidth } from './text-width.ts';

/** Lanes lower than this have no words. */
const LEAST_LANE_PX = 12;
/** A frame draws no more words than this: a picture with more is one of boxes anyway. */
const MAX_LABELS = 600;

export function paintLabels(
  context: CanvasRenderingContext2D,
  pieces: readonly TilePiece<LoadedTile>[],
  rows: readonly WorkerRow[],
  indexOf: (workerId: string) => number | undefined,
  view: TimelineViewport,
  widthPx: number,
  scrollPx: number,
  theme: ThemeName,
): void {
  const pxPerNs = widthPx / view.spanNs;
  const leastNs = LEAST_LABEL_PX / pxPerNs;
  let left = MAX_LABELS;
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  for (const { tile, fromUnixNs, toUnixNs } of pieces) {
    if (tile.tile.detail !== 'events') continue;
    const { header, columns } = tile.tile;
    const originNs = offsetOf(view, tileExtent(tile).fromUnixNs) + tile.windowNs;
    const fromNs = Math.max(0, offsetOf(view, fromUnixNs)) - originNs;
    const toNs = Math.min(view.spanNs, offsetOf(view, toUnixNs)) - originNs;
    const waitKind = header.kinds.indexOf('wait');
    for (const row of rows) {
      const worker = indexOf(row.worker.workerId);
      if (worker === undefined) continue;
      for (let stream = 0; stream < 4; stream++) {
        const lane = row.lanes[stream]!;
        const at = tile.segmentOf.get(worker * 4 + stream);
        if (lane.heightPx < LEAST_LANE_PX || at === undefined) continue;
        const yPx = lane.topPx - scrollPx + lane.heightPx / 2 + 0.5;
        longEvents(tile, tile.segments[at]!, fromNs, toNs, leastNs, (event) => {
          if (left === 0) return;
          const startPx = (originNs + columns.startNs[event]!) * pxPerNs;
          const endPx = startPx + columns.durationNs[event]! * pxPerNs;
          // A box over the left edge shows its words at the edge; a neighbour tile draws none.
          const isCut = columns.startNs[event]! < fromNs;
          if (isCut && fromNs > -originNs) return;
          const leftPx = Math.max(0, startPx);
          const roomPx = Math.min(widthPx, endPx) - leftPx;
          const text = boxLabel(
            header.stages[columns.stage[event]!]!,
            columns.layer[event]!,
            columns.microbatch[event]!,
            roomPx,
          );
          if (text === '') return;
          left--;
          const isWait = columns.kind[event] === waitKind;
          if (isWait) {
            const textPx = textWidth(context, text);
            context.fillStyle = SURFACES[theme].background;
            context.fillRect(leftPx + 2, yPx - 6, textPx + 4, 12);
          }
          context.fillStyle = isWait ? SURFACES[theme].text : ON_STAGE;
          context.fillText(text, leftPx + 4, yPx);
        });
      }
    }
  }
}
