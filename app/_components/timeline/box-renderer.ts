/**
 * Who draws the boxes of tiles: WebGL2 (render-webgl.ts), or Canvas2D where there is none
 * (render-canvas.ts). Both place them with the same arithmetic and draw the same picture.
 */
import type { ThemeName } from '#lib/view/palette.ts';
import type { LoadedTile } from '#lib/view/timeline-boxes.ts';
import type { RowsLayout, WorkerRow } from '#lib/view/timeline-rows.ts';
import type { TilePiece } from '#lib/view/timeline-tiles.ts';
import { offsetOf, type TimelineViewport } from '#lib/view/timeline-viewport.ts';

export interface BoxScene {
  readonly view: TimelineViewport;
  readonly widthPx: number;
  readonly heightPx: number;
  /** Device pixels of a CSS pixel. */
  readonly ratio: number;
  readonly scrollPx: number;
  readonly layout: RowsLayout;
  /** Rows in the window. */
  readonly rows: readonly WorkerRow[];
  /** Index of a worker in boxes, by its id; absent: it has no boxes. */
  readonly indexOf: (workerId: string) => number | undefined;
  /** How many workers have an index. */
  readonly workers: number;
  readonly pieces: readonly TilePiece<LoadedTile>[];
  readonly bubbles: boolean;
  readonly theme: ThemeName;
}

/** Opacity of what a filter takes away, where it is still to be seen. */
export const FADE = 0.2;

export interface BoxRenderer {
  readonly kind: 'webgl2' | 'canvas2d';
  /**
   * Draws the scene, whose view and pieces reach `marginPx` device pixels over both edges of the
   * window, and shows the middle of it. Hatches begin `hatchPx` device pixels before its left edge.
   */
  draw(scene: BoxScene, marginPx: number, hatchPx: number): void;
  /** Shows another part of what was drawn, from `fromPx` device pixels on. */
  shift(fromPx: number): void;
  /** The widest margin that it can draw beside a window of so many device pixels. */
  mostMarginPx(widthPx: number): number;
  /** Frees what it holds of a tile. */
  drop(tile: LoadedTile): void;
  dispose(): void;
}

/** Where a piece of a tile lies: pixel of its unit `anchor`, pixels a unit, and the part to draw. */
export interface PiecePlace {
  /** A whole unit near the view: differences to it stay exact in 32 bits. */
  readonly anchor: number;
  /** Device pixels from the left edge. */
  readonly anchorPx: number;
  readonly unitPx: number;
  readonly fromPx: number;
  readonly toPx: number;
}

export function piecePlace(
  piece: TilePiece<LoadedTile>,
  view: TimelineViewport,
  widthDevicePx: number,
): PiecePlace {
  const { level, index, unitShift } = piece.tile;
  const unitNs = 2 ** unitShift;
  const pxPerNs = widthDevicePx / view.spanNs;
  const originNs = offsetOf(view, BigInt(index) << BigInt(level));
  const units = 2 ** (level - unitShift);
  const anchor = Math.min(units, Math.max(0, Math.floor(-originNs / unitNs)));
  return {
    anchor,
    anchorPx: (originNs + anchor * unitNs) * pxPerNs,
    unitPx: unitNs * pxPerNs,
    fromPx: Math.max(0, Math.round(offsetOf(view, piece.fromUnixNs) * pxPerNs)),
    toPx: Math.min(widthDevicePx, Math.round(offsetOf(view, piece.toUnixNs) * pxPerNs)),
  };
}
