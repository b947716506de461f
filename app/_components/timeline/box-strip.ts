/**
 * When boxes are drawn and when only moved: a view that goes sideways gets a strip wider than the
 * window, of which each frame shows another part until it is at an end or what it shows has changed.
 */
import type { LoadedTile } from '#lib/view/timeline-boxes.ts';
import {
  type DrawnStrip,
  isWholePixel,
  phasePx,
  remainder,
  shiftInStrip,
  stripView,
} from '#lib/view/timeline-strip.ts';
import { samePieces, type TilePiece } from '#lib/view/timeline-tiles.ts';
import { sameView, type TimelineViewport } from '#lib/view/timeline-viewport.ts';
import { hatchPeriodPx } from '../hatch.ts';
import type { BoxRenderer, BoxScene } from './box-renderer.ts';

/** What a strip beside the window is made of; `widthPx` in CSS pixels. */
export type CoverOf = (view: TimelineViewport, widthPx: number) => readonly TilePiece<LoadedTile>[];

/** Part of the window's width that a strip reaches over each edge. */
const MARGIN = 0.5;

export class BoxStrip {
  readonly #renderer: BoxRenderer;
  #strip: DrawnStrip | null = null;
  #scene: BoxScene | null = null;
  #shiftPx = 0;
  #lastView: TimelineViewport | null = null;

  constructor(renderer: BoxRenderer) {
    this.#renderer = renderer;
  }

  /** The drawing is lost. */
  forget(): void {
    this.#strip = null;
  }

  /** `isMoving`: a part of a pixel does not matter yet. */
  show(scene: BoxScene, coverOf: CoverOf, isMoving: boolean): void {
    const { view } = scene;
    const last = this.#lastView;
    this.#lastView = view;
    const widthPx = Math.max(1, Math.round(scene.widthPx * scene.ratio));
    if (this.#shift(scene, coverOf, widthPx, isMoving)) return;
    const isPanned = last !== null && last.spanNs === view.spanNs && !sameView(last, view);
    const wantedPx = isPanned ? Math.round(widthPx * MARGIN) : 0;
    const marginPx = Math.min(wantedPx, this.#renderer.mostMarginPx(widthPx));
    const strip = { view: stripView(view, widthPx, marginPx), widthPx: widthPx + 2 * marginPx };
    const pieces = marginPx === 0 ? scene.pieces : coverOf(strip.view, strip.widthPx / scene.ratio);
    const drawn = { ...scene, view: strip.view, pieces };
    const period = hatchPeriodPx(scene.ratio);
    const hatchPx = remainder(phasePx(view, widthPx, period) - marginPx, period);
    this.#renderer.draw(drawn, marginPx, hatchPx);
    this.#strip = strip;
    this.#scene = drawn;
    this.#shiftPx = marginPx;
  }

  /** false: the strip must be drawn anew. */
  #shift(scene: BoxScene, coverOf: CoverOf, widthPx: number, isMoving: boolean): boolean {
    const [strip, drawn] = [this.#strip, this.#scene];
    if (strip === null || drawn === null || !isSameLook(scene, drawn)) return false;
    const shiftPx = shiftInStrip(strip, scene.view, widthPx);
    if (shiftPx === null || (!isMoving && !isWholePixel(shiftPx))) return false;
    const hasMargin = strip.widthPx > widthPx;
    const pieces = hasMargin ? coverOf(strip.view, strip.widthPx / scene.ratio) : scene.pieces;
    if (!samePieces(pieces, drawn.pieces)) return false;
    const wholePx = Math.round(shiftPx);
    if (wholePx !== this.#shiftPx) this.#renderer.shift(wholePx);
    this.#shiftPx = wholePx;
    return true;
  }
}

/** All that a strip depends on but where it lies; rows in the window follow from the rest. */
function isSameLook(a: BoxScene, b: BoxScene): boolean {
  const { view: _view, pieces: _pieces, rows: _rows, ...look } = a;
  return Object.entries(look).every(([name, value]) => b[name as keyof BoxScene] === value);
}
