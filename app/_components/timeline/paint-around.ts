/** All of the picture but the boxes, drawn by Canvas2D in any case: what is below them, above them, and the axis. */
import { exactInstant, type TimeAxis, timeAxis } from '#lib/view/timeline-axis.ts';
import type { LoadedTile } from '#lib/view/timeline-boxes.ts';
import type { RowsLayout } from '#lib/view/timeline-rows.ts';
import type { TilePiece } from '#lib/view/timeline-tiles.ts';
import { xToTime } from '#lib/view/timeline-viewport.ts';
import { sizedContext } from '../canvas-size.ts';
import type { BoxScene } from './box-renderer.ts';
import { AXIS_PX, paintAxis } from './paint-axis.ts';
import { paintBase } from './paint-base.ts';
import { paintLabels } from './paint-labels.ts';
import { paintFlow, paintHits, paintPath } from './paint-links.ts';
import { type OverlayScene, paintOverlay } from './paint-overlay.ts';
import { PieceReader } from './piece-facts.ts';
import type { TimelineState } from './timeline-store.ts';

export interface AroundCanvases {
  readonly base: HTMLCanvasElement;
  readonly overlay: HTMLCanvasElement;
  readonly axis: HTMLCanvasElement;
  /** Says where the axis counts from. */
  readonly corner: HTMLElement;
}

export interface AroundScene
  extends Pick<
    BoxScene,
    'view' | 'widthPx' | 'heightPx' | 'scrollPx' | 'layout' | 'rows' | 'indexOf' | 'theme'
  > {
  /** Rows in the window, those between the workers' too. */
  readonly allRows: RowsLayout['rows'];
  /** Without what is faded. */
  readonly pieces: readonly TilePiece<LoadedTile>[];
  readonly state: TimelineState;
  readonly pointerPx: number | null;
}

export class AroundPainter {
  readonly #canvases: AroundCanvases;
  readonly #reader = new PieceReader();

  constructor(canvases: AroundCanvases) {
    this.#canvases = canvases;
  }

  paint(scene: AroundScene): void {
    const { view, widthPx, heightPx, scrollPx, theme, state, pieces, pointerPx } = scene;
    const zoneMinutes = -new Date(Number(view.fromUnixNs / 1_000_000n)).getTimezoneOffset();
    const axis = timeAxis(view, widthPx, zoneMinutes);
    this.#tellBase(axis, exactInstant(view.fromUnixNs, zoneMinutes));
    const facts = this.#reader.read(pieces);
    const notes = state.overlays.notes ? state.layers.notes : [];
    const shared = { view, widthPx, heightPx, scrollPx, theme };
    const below = sizedContext(this.#canvases.base, widthPx, heightPx);
    if (below !== null) paintBase(below, { ...shared, rows: scene.allRows, axis, notes });
    const beside = sizedContext(this.#canvases.axis, widthPx, AXIS_PX);
    if (beside !== null) {
      const pointer = pointerPx === null ? null : pointerOf(scene, pointerPx, zoneMinutes);
      paintAxis(beside, { ...shared, axis, marks: facts.axis, notes, pointer });
    }
    const above = sizedContext(this.#canvases.overlay, widthPx, heightPx);
    if (above !== null) paintAbove(above, scene, facts.clocks);
  }

  /** The day, and the instant that offsets on the axis are added to. */
  #tellBase({ base }: TimeAxis, from: string): void {
    const { corner } = this.#canvases;
    const text = base === '' ? from.slice(0, 10) : `${base} +`;
    if (corner.textContent !== text) corner.textContent = text;
  }
}

function pointerOf({ view, widthPx }: AroundScene, xPx: number, zoneMinutes: number) {
  return { xPx, text: exactInstant(xToTime(view, xPx, widthPx), zoneMinutes).slice(11) };
}

function paintAbove(
  context: CanvasRenderingContext2D,
  scene: AroundScene,
  clocks: OverlayScene['clocks'],
): void {
  const { view, widthPx, heightPx, scrollPx, theme, state, pieces, rows, indexOf } = scene;
  context.clearRect(0, 0, widthPx, heightPx);
  paintLabels(context, pieces, rows, indexOf, view, widthPx, scrollPx, theme);
  const overlay: OverlayScene = { ...scene, context, clocks };
  if (state.overlays.path) paintPath(overlay);
  if (state.overlays.flow) paintFlow(overlay);
  paintHits(overlay);
  paintOverlay(overlay);
}
