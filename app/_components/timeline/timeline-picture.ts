/**
 * The picture: three canvases over one another and the axis, drawn once a frame at most and only where
 * something changed. It asks the loader what there is, and never waits for it.
 */
import type { ThemeName } from '#lib/view/palette.ts';
import type { LoadedTile } from '#lib/view/timeline-boxes.ts';
import { hitTest } from '#lib/view/timeline-hit.ts';
import { laneItems } from '#lib/view/timeline-marks.ts';
import {
  type RowsLayout,
  rowAtHeight,
  type TimelineWorker,
  visibleRows,
  type WorkerRow,
} from '#lib/view/timeline-rows.ts';
import type { TimelineTarget } from '#lib/view/timeline-selection.ts';
import { samePieces, type TilePiece } from '#lib/view/timeline-tiles.ts';
import { xToTime } from '#lib/view/timeline-viewport.ts';
import type { BoxRenderer, BoxScene } from './box-renderer.ts';
import { BoxStrip, type CoverOf } from './box-strip.ts';
import { type AroundCanvases, AroundPainter } from './paint-around.ts';
import { AXIS_PX } from './paint-axis.ts';
import { PictureWorkers } from './picture-workers.ts';
import { canvasRenderer } from './render-canvas.ts';
import { webglRenderer } from './render-webgl.ts';
import { TileLoader } from './tile-loader.ts';
import type { FetchTile } from './tile-requests.ts';
import { infoOf, workersOf } from './timeline-info.ts';
import { timelineSheet } from './timeline-sheet.ts';
import type { TimelineStore } from './timeline-store.ts';

export interface PictureCanvases extends AroundCanvases {
  readonly boxes: HTMLCanvasElement;
}

export interface PictureOptions {
  readonly deployment: string;
  /** Workers that the deployment is said to have. */
  readonly workers: number;
  /** Draws with Canvas2D, though there may be WebGL2. */
  readonly isPlain?: boolean;
  readonly fetchTile?: FetchTile;
}

const INFO_MS = 150;
/** How far beside a box the pointer still means it. */
const REACH_PX = 2;

export class TimelinePicture {
  readonly #store: TimelineStore;
  readonly #canvases: PictureCanvases;
  readonly #loader: TileLoader;
  readonly #renderer: BoxRenderer;
  readonly #strip: BoxStrip;
  readonly #stops: (() => void)[];
  readonly #workers: PictureWorkers;
  readonly #around: AroundPainter;
  #layout: RowsLayout = { rows: [], heightPx: 0, byWorker: new Map() };
  #pieces: readonly TilePiece<LoadedTile>[] = [];
  #faded: readonly TilePiece<LoadedTile>[] = [];
  #loading = 0;
  #widthPx = 0;
  #heightPx = 0;
  #scrollPx = 0;
  #theme: ThemeName = 'dark';
  #pointer: { readonly xPx: number; readonly yPx: number } | null = null;
  #frame: number | undefined;
  #infoTimer: ReturnType<typeof setTimeout> | undefined;
  #infoKey = '';

  constructor(store: TimelineStore, canvases: PictureCanvases, options: PictureOptions) {
    this.#store = store;
    this.#canvases = canvases;
    this.#workers = new PictureWorkers(options.workers);
    const { deployment, fetchTile } = options;
    this.#loader = new TileLoader({
      deployment,
      onChange: this.invalidate,
      onDrop: (tile) => this.#renderer.drop(tile),
      ...(fetchTile === undefined ? {} : { fetchTile }),
    });
    const restored = () => {
      this.#strip.forget();
      this.invalidate();
    };
    const gl = options.isPlain === true ? null : webglRenderer(canvases.boxes, restored);
    const renderer = gl ?? canvasRenderer(canvases.boxes);
    if (renderer === null) throw new Error('The browser gives no context to draw on a canvas.');
    this.#renderer = renderer;
    this.#strip = new BoxStrip(renderer);
    this.#around = new AroundPainter(canvases);
    this.#stops = [
      store.onView(this.invalidate),
      store.subscribe(this.invalidate),
      store.onMoving(this.invalidate),
    ];
  }

  get rendererKind(): BoxRenderer['kind'] {
    return this.#renderer.kind;
  }

  get pieces(): readonly TilePiece<LoadedTile>[] {
    return this.#pieces;
  }

  get widthPx(): number {
    return this.#widthPx;
  }

  get heightPx(): number {
    return this.#heightPx;
  }

  /** What is drawn now as one canvas; null: nothing is. */
  sheet(): HTMLCanvasElement | null {
    const { axis, base, boxes, overlay, corner } = this.#canvases;
    if (this.#widthPx === 0 || this.#heightPx === 0) return null;
    const { view } = this.#store;
    const state = this.#store.state();
    return timelineSheet({
      axis,
      layers: [base, boxes, overlay],
      rows: visibleRows(this.#layout, this.#scrollPx, this.#heightPx),
      scrollPx: this.#scrollPx,
      widthPx: this.#widthPx,
      heightPx: this.#heightPx,
      axisPx: AXIS_PX,
      base: corner.textContent,
      theme: this.#theme,
      lane: state.overlays.marks ? laneItems(state.info.marks, view, this.#widthPx) : [],
    });
  }

  indexOf = (workerId: string): number | undefined => this.#loader.registry.known(workerId);

  setSize(widthPx: number, heightPx: number): void {
    this.#widthPx = widthPx;
    this.#heightPx = heightPx;
    this.invalidate();
  }

  setLayout(layout: RowsLayout): void {
    this.#layout = layout;
    this.invalidate();
  }

  /** Workers that are known from elsewhere than the tiles. */
  addWorkers(workers: readonly TimelineWorker[]): void {
    this.#learn(workers);
    this.invalidate();
  }

  setScroll(scrollPx: number): void {
    this.#scrollPx = scrollPx;
    this.invalidate();
  }

  setTheme(theme: ThemeName): void {
    this.#theme = theme;
    this.invalidate();
  }

  /** Where the pointer is, in pixels of the picture; null: elsewhere. */
  setPointer(pointer: { readonly xPx: number; readonly yPx: number } | null): void {
    this.#pointer = pointer;
    this.invalidate();
  }

  invalidate = (): void => {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#draw();
    });
  };

  /** What lies at a point of the picture. */
  hit(xPx: number, yPx: number): TimelineTarget | null {
    const row = this.rowAt(yPx);
    if (row === null) return null;
    const worker = this.indexOf(row.worker.workerId);
    if (worker === undefined) return null;
    const { view } = this.#store;
    const point = {
      atUnixNs: xToTime(view, xPx, this.#widthPx),
      reachNs: (REACH_PX * view.spanNs) / Math.max(1, this.#widthPx),
      yPx: yPx + this.#scrollPx,
    };
    const { bubbles } = this.#store.state().overlays;
    const own = hitTest(this.#pieces, row, worker, point, bubbles);
    return own ?? hitTest(this.#faded, row, worker, point, false);
  }

  /** The worker whose row is at a height of the picture. */
  rowAt(yPx: number): WorkerRow | null {
    const row = rowAtHeight(this.#layout, yPx + this.#scrollPx);
    return row?.kind === 'worker' ? row : null;
  }

  /** Workers whose rows lie between two heights of the picture. */
  workersBetween(aPx: number, bPx: number): readonly string[] {
    const [topPx, bottomPx] = aPx < bPx ? [aPx, bPx] : [bPx, aPx];
    return visibleRows(this.#layout, topPx + this.#scrollPx, Math.max(1, bottomPx - topPx)).flatMap(
      (row) => (row.kind === 'worker' ? [row.worker.workerId] : []),
    );
  }

  timeAt(xPx: number): bigint {
    return xToTime(this.#store.view, xPx, this.#widthPx);
  }

  /** Where a row's part lies in the window, to scroll to it; null: it is not shown. */
  rowOf(workerId: string): WorkerRow | null {
    return this.#layout.byWorker.get(workerId) ?? null;
  }

  /** Ids of the workers that have a row, from the top. */
  workersInOrder(): readonly string[] {
    return [...this.#layout.byWorker.keys()];
  }

  /** The worker whose row lies above (-1) or below (1); null: there is none. */
  workerBeside(workerId: string, by: -1 | 1): string | null {
    const ids = this.workersInOrder();
    return ids[ids.indexOf(workerId) + by] ?? null;
  }

  #draw(): void {
    if (this.#widthPx === 0 || this.#heightPx === 0) return;
    const { view } = this.#store;
    const state = this.#store.state();
    const rows = visibleRows(this.#layout, this.#scrollPx, this.#heightPx);
    const workerRows = rows.filter((row) => row.kind === 'worker');
    const blocks = this.#workers.blocksOf(workerRows);
    const { pieces, faded, loading } = this.#loader.tiles(
      view,
      this.#widthPx,
      blocks,
      state.filters,
      state.bounds,
      state.isDim,
    );
    if (pieces.length > 0 && this.#pieces.length === 0) performance.mark('timeline-first-picture');
    const isSame = samePieces(pieces, this.#pieces);
    this.#pieces = pieces;
    this.#faded = faded;
    this.#loading = loading;
    this.#store.tileLatencyMs = this.#loader.latencyMs;
    if (!isSame) this.#learn(workersOf(pieces));
    const shared = {
      view,
      widthPx: this.#widthPx,
      heightPx: this.#heightPx,
      scrollPx: this.#scrollPx,
      layout: this.#layout,
      rows: workerRows,
      indexOf: this.indexOf,
      theme: this.#theme,
    };
    const boxes: BoxScene = {
      ...shared,
      ratio: window.devicePixelRatio || 1,
      workers: this.#loader.registry.ids.length,
      pieces: [...faded, ...pieces],
      bubbles: state.overlays.bubbles,
    };
    const isMoving = this.#store.isMoving || state.isTail;
    const cover: CoverOf = (of, widthPx) => this.#loader.cover(of, widthPx, blocks);
    this.#strip.show(boxes, cover, isMoving);
    this.#around.paint({
      ...shared,
      allRows: rows,
      pieces,
      // Read again: what was learnt above may stand in it.
      state: this.#store.state(),
      pointerPx: this.#pointer?.xPx ?? null,
    });
    this.#infoTimer ??= setTimeout(this.#tellInfo, INFO_MS);
  }

  #learn(workers: readonly TimelineWorker[]): void {
    if (!this.#workers.learn(workers)) return;
    this.#infoKey = '';
    this.#tellInfo();
  }

  #tellInfo = (): void => {
    clearTimeout(this.#infoTimer);
    this.#infoTimer = undefined;
    const { loadedEvents, problem } = this.#loader;
    // A component that renders would hold up the frame; when the view rests, it is told.
    const known = this.#store.state().info;
    const canWait = known.detail !== null && known.workers === this.#workers.list;
    if (this.#store.isMoving && canWait && problem === known.problem) return;
    const info = infoOf(
      this.#pieces,
      this.#faded,
      this.#workers.list,
      loadedEvents,
      this.#loading,
      problem,
    );
    const tiles = [...this.#faded, ...this.#pieces].map(
      ({ tile }) => `${tile.level}.${tile.index}.${tile.sizeBytes}`,
    );
    const key = `${tiles.join(' ')} ${info.loading} ${info.problem?.detail} ${info.workers.length}`;
    if (key === this.#infoKey) return;
    this.#infoKey = key;
    this.#store.setInfo(info);
  };

  close(): void {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    clearTimeout(this.#infoTimer);
    for (const stop of this.#stops) stop();
    this.#loader.close();
    this.#renderer.dispose();
  }
}
