/** Boxes by Canvas2D, for browsers without WebGL2. Boxes that share a pixel are drawn once. */
import {
  BUBBLE,
  HATCHED,
  type LoadedTile,
  PAINT_ORDER,
  SPIKE,
  WORDS,
} from '#lib/view/timeline-boxes.ts';
import { timelineColours } from '#lib/view/timeline-colours.ts';
import type { WorkerRow } from '#lib/view/timeline-rows.ts';
import { hatch } from '../hatch.ts';
import {
  type BoxRenderer,
  type BoxScene,
  FADE,
  type PiecePlace,
  piecePlace,
} from './box-renderer.ts';

const EVENT_HEIGHTS = 255 << 8;
/** Every browser has canvases of this width. */
const MAX_STRIP_PX = 8192;

export function canvasRenderer(canvas: HTMLCanvasElement): BoxRenderer | null {
  const context = canvas.getContext('2d');
  return context === null ? null : new CanvasRenderer(canvas, context);
}

class CanvasRenderer implements BoxRenderer {
  readonly kind = 'canvas2d';
  readonly #canvas: HTMLCanvasElement;
  readonly #window: CanvasRenderingContext2D;
  /** Of the window, or of a strip. */
  #context: CanvasRenderingContext2D;
  #colours: readonly string[] = [];
  #hatches: (CanvasPattern | null)[] = [];
  #shown = '';
  /** Wider than the window; null: it was drawn at once. */
  #strip: HTMLCanvasElement | null = null;

  constructor(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D) {
    this.#canvas = canvas;
    this.#window = context;
    this.#context = context;
  }

  mostMarginPx(widthPx: number): number {
    return Math.max(0, Math.floor((MAX_STRIP_PX - widthPx) / 2));
  }

  draw(scene: BoxScene, marginPx: number, hatchPx: number): void {
    const width = Math.max(1, Math.round(scene.widthPx * scene.ratio));
    const height = Math.max(1, Math.round(scene.heightPx * scene.ratio));
    resize(this.#canvas, width, height);
    this.#strip = marginPx === 0 ? null : (this.#strip ?? document.createElement('canvas'));
    if (this.#strip !== null) resize(this.#strip, width + 2 * marginPx, height);
    const context = this.#strip?.getContext('2d') ?? this.#window;
    this.#context = context;
    this.#paint(scene, width + (this.#strip === null ? 0 : 2 * marginPx), height, hatchPx);
    if (this.#strip !== null) this.shift(marginPx);
  }

  shift(fromPx: number): void {
    if (this.#strip === null) return;
    const { width, height } = this.#canvas;
    this.#window.clearRect(0, 0, width, height);
    this.#window.drawImage(this.#strip, fromPx, 0, width, height, 0, 0, width, height);
  }

  #paint(scene: BoxScene, width: number, height: number, hatchPx: number): void {
    const look = `${scene.theme} ${scene.ratio}`;
    if (this.#shown !== look) {
      this.#colours = timelineColours(scene.theme);
      this.#hatches = this.#colours.map((colour) => hatch(this.#context, colour));
      this.#shown = look;
    }
    const moved = new DOMMatrix([1, 0, 0, 1, -hatchPx, 0]);
    for (const pattern of this.#hatches) pattern?.setTransform(moved);
    this.#context.clearRect(0, 0, width, height);
    for (const piece of scene.pieces) {
      const place = piecePlace(piece, scene.view, width);
      if (place.toPx <= place.fromPx) continue;
      const isFaded = piece.isFaded === true;
      for (const row of scene.rows) {
        const worker = scene.indexOf(row.worker.workerId);
        if (worker === undefined) continue;
        this.#context.globalAlpha = isFaded ? FADE : 1;
        for (const stream of PAINT_ORDER)
          this.#stream(scene, piece.tile, place, row, worker, stream);
        this.#context.globalAlpha = 1;
        if (scene.bubbles && !isFaded) this.#bubbles(scene, piece.tile, place, row, worker);
      }
    }
  }

  #stream(
    scene: BoxScene,
    tile: LoadedTile,
    place: PiecePlace,
    row: WorkerRow,
    worker: number,
    stream: number,
  ): void {
    const at = tile.segmentOf.get(worker * 4 + stream);
    if (at === undefined) return;
    const { firstBox, endBox } = tile.segments[at]!;
    this.#boxes(scene, tile.boxes, firstBox, endBox, place, row, stream);
  }

  #bubbles(
    scene: BoxScene,
    tile: LoadedTile,
    place: PiecePlace,
    row: WorkerRow,
    worker: number,
  ): void {
    const words = tile.bubbles;
    const count = words.length / WORDS;
    // Bubbles come by row: those of a worker are one run.
    let first = 0;
    while (first < count && words[first * WORDS + 2]! >>> 18 !== worker) first++;
    let end = first;
    while (end < count && words[end * WORDS + 2]! >>> 18 === worker) end++;
    this.#context.globalAlpha = 0.8;
    this.#boxes(scene, words, first, end, place, row, 0);
    this.#context.globalAlpha = 1;
  }

  #boxes(
    scene: BoxScene,
    words: Uint32Array,
    first: number,
    end: number,
    place: PiecePlace,
    row: WorkerRow,
    stream: number,
  ): void {
    const context = this.#context;
    const { ratio, scrollPx } = scene;
    const lane = row.lanes[stream]!;
    const laneTop = Math.floor((lane.topPx - scrollPx) * ratio + 0.5);
    const lanePx = Math.floor(lane.heightPx * ratio + 0.5);
    const { anchor, anchorPx, unitPx, fromPx, toPx } = place;
    let lastLook = -1;
    let lastHeights = -1;
    let paintedTo = -1;
    for (let box = first; box < end; box++) {
      const word = box * WORDS;
      let from = Math.floor(anchorPx + (words[word]! - anchor) * unitPx + 0.5);
      let to = Math.floor(anchorPx + (words[word + 1]! - anchor) * unitPx + 0.5);
      if (from >= toPx) {
        // Events come by start; bins begin anew with each stage.
        continue;
      }
      const look = words[word + 2]!;
      const packed = words[word + 3]!;
      const flags = look & 255;
      const isEvent = (flags & (SPIKE | BUBBLE)) === 0 && (packed & 65535) === EVENT_HEIGHTS;
      to = Math.max(to, from + ((flags & SPIKE) !== 0 ? 2 : 1));
      if (isEvent && to - from >= 4) to--;
      from = Math.max(from, fromPx);
      to = Math.min(to, toPx);
      if (to <= from) continue;
      const heights = row.isOpen ? packed & 65535 : packed >>> 16;
      if (look === lastLook && heights === lastHeights && to <= paintedTo) continue;
      if (look !== lastLook) {
        const colour = (look >> 8) & 255;
        const pattern = (flags & HATCHED) !== 0 ? this.#hatches[colour] : null;
        context.fillStyle = pattern ?? this.#colours[colour] ?? '#7d8594';
      }
      lastLook = look;
      lastHeights = heights;
      paintedTo = to;
      let top = Math.floor(laneTop + lanePx - ((heights >> 8) / 255) * lanePx + 0.5);
      let bottom = Math.floor(laneTop + lanePx - ((heights & 255) / 255) * lanePx + 0.5);
      if ((flags & SPIKE) !== 0) {
        top = laneTop;
        bottom = laneTop + 2 * ratio;
      }
      context.fillRect(from, top, to - from, bottom - top);
    }
  }

  /** Tiles are read where they are: nothing is held of them. */
  drop(): void {}

  dispose(): void {}
}

/** Also empties a canvas whose size is another. */
function resize(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}
