/**
 * The picture: three canvases over one another and the axis, drawn once a frame at most and only where
 * something changed. It asks the loader what there is, and never waits for it.
 */
import type { ThemeName } from '#lib/view/palette.ts';
import { exactInstant, type TimeAxis, timeAxis } from '#lib/view/timeline-axis.ts';
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
import { sizedContext } from '../canvas-size.ts';
import type { BoxRenderer } from './box-renderer.ts';
import { BoxStrip, type CoverOf } from './box-strip.ts';
import { AXIS_PX, paintAxis } from './paint-axis.ts';
import { paintBase } from './paint-base.ts';
import { paintLabels } from './paint-labels.ts';
import { paintFlow, paintHits, paintPath } from './paint-links.ts';
import { type OverlayScene, paintOverlay } from './paint-overlay.ts';
import { PieceReader } from './piece-facts.ts';
import { canvasRenderer } from './render-canvas.ts';
import { webglRenderer } from './render-webgl.ts';
import { type FetchTile, type TileBlock, TileLoader } from './tile-loader.ts';
import { infoOf, workersOf } from './timeline-info.ts';
import { timelineSheet } from './timeline-sheet.ts';
import type { TimelineStore } from './timeline-store.ts';

export interface PictureCanvases {
  readonly base: HTMLCanvasElement;
  readonly boxes: HTMLCanvasElement;
  readonly overlay: HTMLCanvasElement;
  readonly axis: HTMLCanvasElement;
  /** Says where the axis counts from. */
  readonly corner: HTMLElement;
}

export interface PictureOptions {
  readonly deployment: string;
  /** Workers that the deployment is said to have. */
  readonly workers: number;
  /** Draws with Canvas2D, though there may be WebGL2. */
  readonly isPlain?: boolean;
  readonly fetchTile?: FetchTile;
}

/** Up to so many workers are asked for together, and need not be known before. */
export const BLOCK_WORKERS = 48;
const INFO_MS = 150;
/** How far beside a box the pointer still means it. */
const REACH_PX = 2;

export class TimelinePicture {
  readonly #store: TimelineStore;
  readonly #canvases: PictureCanvases;
  readonly #options: PictureOptions;
  readonly #loader: TileLoader;
  readonly #renderer: BoxRenderer;
  readonly #strip: BoxStrip;
  readonly #stops: (() => void)[];
  readonly #reader = new PieceReader();
  #layout: RowsLayout = { rows: [], heightPx: 0, byWorker: new Map() };
  #workers: readonly TimelineWorker[] = [];
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
    this.#options = options;
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
    const blocks = this.#blocks(workerRows);
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
    const scene = {
      view,
      widthPx: this.#widthPx,
      heightPx: this.#heightPx,
      ratio: window.devicePixelRatio || 1,
      scrollPx: this.#scrollPx,
      layout: this.#layout,
      rows: workerRows,
      indexOf: this.indexOf,
      workers: this.#loader.registry.ids.length,
      pieces: [...faded, ...pieces],
      bubbles: state.overlays.bubbles,
      theme: this.#theme,
    };
    const isMoving = this.#store.isMoving || state.isTail;
    const cover: CoverOf = (of, widthPx) => this.#loader.cover(of, widthPx, blocks);
    this.#strip.show(scene, cover, isMoving);
    this.#drawAround(rows, workerRows);
    this.#infoTimer ??= setTimeout(this.#tellInfo, INFO_MS);
  }

  /** What is drawn by Canvas2D in any case: below the boxes, above them, and the axis. */
  #drawAround(rows: RowsLayout['rows'], workerRows: readonly WorkerRow[]): void {
    const { view } = this.#store;
    const state = this.#store.state();
    const [widthPx, heightPx] = [this.#widthPx, this.#heightPx];
    const zoneMinutes = -new Date(Number(view.fromUnixNs / 1_000_000n)).getTimezoneOffset();
    const axis = timeAxis(view, widthPx, zoneMinutes);
    this.#tellBase(axis, exactInstant(view.fromUnixNs, zoneMinutes));
    const facts = this.#reader.read(this.#pieces);
    const notes = state.overlays.notes ? state.layers.notes : [];
    const shared = { view, widthPx, heightPx, scrollPx: this.#scrollPx, theme: this.#theme };
    const base = sizedContext(this.#canvases.base, widthPx, heightPx);
    if (base !== null) paintBase(base, { ...shared, rows, axis, notes });
    const above = sizedContext(this.#canvases.axis, widthPx, AXIS_PX);
    const pointer = this.#pointer;
    if (above !== null) {
      const text =
        pointer === null ? '' : exactInstant(this.timeAt(pointer.xPx), zoneMinutes).slice(11);
      paintAxis(above, {
        ...shared,
        axis,
        marks: facts.axis,
        notes,
        pointer: pointer === null ? null : { xPx: pointer.xPx, text },
      });
    }
    const context = sizedContext(this.#canvases.overlay, widthPx, heightPx);
    if (context === null) return;
    context.clearRect(0, 0, widthPx, heightPx);
    paintLabels(
      context,
      this.#pieces,
      workerRows,
      this.indexOf,
      view,
      widthPx,
      this.#scrollPx,
      this.#theme,
    );
    const scene: OverlayScene = {
      ...shared,
      context,
      state,
      layout: this.#layout,
      rows: workerRows,
      clocks: facts.clocks,
      pointerPx: pointer?.xPx ?? null,
    };
    if (state.overlays.path) paintPath(scene);
    if (state.overlays.flow) paintFlow(scene);
    paintHits(scene);
    paintOverlay(scene);
  }

  /** The day, and the instant that offsets on the axis are added to. */
  #tellBase({ base }: TimeAxis, from: string): void {
    const { corner } = this.#canvases;
    const text = base === '' ? from.slice(0, 10) : `${base} +`;
    if (corner.textContent !== text) corner.textContent = text;
  }

  #blocks(rows: readonly WorkerRow[]): readonly TileBlock[] {
    if (this.#options.workers <= BLOCK_WORKERS && this.#workers.length <= BLOCK_WORKERS) {
      return [null];
    }
    const ids = this.#workers.map(({ workerId }) => workerId);
    const places = new Map(ids.map((id, at) => [id, Math.floor(at / BLOCK_WORKERS)]));
    const seen = new Set(rows.map(({ worker }) => places.get(worker.workerId) ?? 0));
    return [...seen]
      .sort((a, b) => a - b)
      .map((block) => ids.slice(block * BLOCK_WORKERS, (block + 1) * BLOCK_WORKERS));
  }

  /** Workers in an order that does not change as the picture moves. */
  #learn(workers: readonly TimelineWorker[]): void {
    const known = new Map(this.#workers.map((worker) => [worker.workerId, worker]));
    // A worker may be seen before its host is known.
    const fresh = workers.filter(({ workerId, host }) => {
      const old = known.get(workerId);
      return old === undefined || (old.host === '' && host !== '');
    });
    if (fresh.length === 0) return;
    for (const worker of fresh) known.set(worker.workerId, worker);
    this.#workers = [...known.values()].sort(
      (a, b) => a.group.localeCompare(b.group) || a.rank - b.rank,
    );
    this.#infoKey = '';
    this.#tellInfo();
  }

  #tellInfo = (): void => {
    clearTimeout(this.#infoTimer);
    this.#infoTimer = undefined;
    const { loadedEvents, problem } = this.#loader;
    // A component that renders would hold up the frame; when the view rests, it is told.
    const known = this.#store.state().info;
    const canWait = known.detail !== null && known.workers === this.#workers;
    if (this.#store.isMoving && canWait && problem === known.problem) return;
    const info = infoOf(
      this.#pieces,
      this.#faded,
      this.#workers,
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
