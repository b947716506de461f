/**
 * Boxes by WebGL2: each tile is one buffer, sent once; a frame sets some numbers and draws. Rows lie
 * where a small texture says, so that folding and moving them sends no box again.
 */

import { type LoadedTile, WORDS } from '#lib/view/timeline-boxes.ts';
import { timelineColours } from '#lib/view/timeline-colours.ts';
import type { RowsLayout } from '#lib/view/timeline-rows.ts';
import { type BoxRenderer, type BoxScene, FADE, piecePlace } from './box-renderer.ts';
import { activate, type BoxProgram, boxProgram } from './webgl-program.ts';

/** The rows' texture is 256 workers of four lanes wide. */
const WORKERS_A_LINE = 256;
const COLOURS = 256;
const STREAMS = 4;

interface TileBuffer {
  readonly array: WebGLVertexArrayObject;
  readonly buffer: WebGLBuffer;
}

/** What is wider than the window is drawn here, and copied to it in part. */
interface Strip {
  readonly frame: WebGLFramebuffer;
  readonly pixels: WebGLRenderbuffer;
  size: string;
}

interface TileBuffers {
  readonly boxes: TileBuffer;
  readonly bubbles: TileBuffer;
}

/** null: this browser has no WebGL2. `onRestored` is called once a lost context is back. */
export function webglRenderer(
  canvas: HTMLCanvasElement,
  onRestored: () => void,
): BoxRenderer | null {
  const gl = canvas.getContext('webgl2', {
    alpha: true,
    antialias: false,
    depth: false,
    premultipliedAlpha: true,
    preserveDrawingBuffer: true,
  });
  if (gl === null) return null;
  return new WebglRenderer(canvas, gl, onRestored);
}

class WebglRenderer implements BoxRenderer {
  readonly kind = 'webgl2';
  readonly #canvas: HTMLCanvasElement;
  readonly #gl: WebGL2RenderingContext;
  readonly #onRestored: () => void;
  #program: BoxProgram;
  #tiles = new Map<LoadedTile, TileBuffers>();
  #rows: WebGLTexture | null = null;
  #colours: WebGLTexture | null = null;
  #shownLayout: RowsLayout | null = null;
  #shownWorkers = -1;
  #shownTheme = '';
  #strip: Strip | null = null;
  #mostPx: number | undefined;

  constructor(canvas: HTMLCanvasElement, gl: WebGL2RenderingContext, onRestored: () => void) {
    this.#canvas = canvas;
    this.#gl = gl;
    this.#onRestored = onRestored;
    this.#program = boxProgram(gl);
    canvas.addEventListener('webglcontextlost', this.#onLost);
    canvas.addEventListener('webglcontextrestored', this.#onBack);
  }

  #onLost = (event: Event): void => event.preventDefault();

  #onBack = (): void => {
    this.#program = boxProgram(this.#gl);
    this.#tiles.clear();
    this.#rows = null;
    this.#colours = null;
    this.#shownLayout = null;
    this.#shownTheme = '';
    this.#strip = null;
    this.#onRestored();
  };

  mostMarginPx(widthPx: number): number {
    // Each question waits for the graphics process.
    this.#mostPx ??= Number(this.#gl.getParameter(this.#gl.MAX_TEXTURE_SIZE) ?? 0);
    return Math.max(0, Math.floor((this.#mostPx - widthPx) / 2));
  }

  draw(scene: BoxScene, marginPx: number, hatchPx: number): void {
    const gl = this.#gl;
    if (gl.isContextLost()) return;
    const width = Math.max(1, Math.round(scene.widthPx * scene.ratio));
    const height = Math.max(1, Math.round(scene.heightPx * scene.ratio));
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    if (marginPx === 0) {
      gl.bindFramebuffer(gl.FRAMEBUFFER, null);
      this.#paint(scene, width, height, hatchPx);
      return;
    }
    this.#bindStrip(width + 2 * marginPx, height);
    this.#paint(scene, width + 2 * marginPx, height, hatchPx);
    this.shift(marginPx);
  }

  shift(fromPx: number): void {
    const gl = this.#gl;
    if (this.#strip === null || gl.isContextLost()) return;
    const { width, height } = this.#canvas;
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, this.#strip.frame);
    gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, null);
    const [from, to] = [fromPx, fromPx + width];
    const { COLOR_BUFFER_BIT, NEAREST } = gl;
    gl.blitFramebuffer(from, 0, to, height, 0, 0, width, height, COLOR_BUFFER_BIT, NEAREST);
  }

  /** Draws go to a strip of this size from now on. */
  #bindStrip(width: number, height: number): void {
    const gl = this.#gl;
    this.#strip ??= { frame: gl.createFramebuffer(), pixels: gl.createRenderbuffer(), size: '' };
    const { frame, pixels, size } = this.#strip;
    gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
    if (size === `${width} ${height}`) return;
    gl.bindRenderbuffer(gl.RENDERBUFFER, pixels);
    gl.renderbufferStorage(gl.RENDERBUFFER, gl.RGBA8, width, height);
    gl.framebufferRenderbuffer(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.RENDERBUFFER, pixels);
    this.#strip.size = `${width} ${height}`;
  }

  #paint(scene: BoxScene, width: number, height: number, hatchPx: number): void {
    const gl = this.#gl;
    const { at } = this.#program;
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    activate(gl, this.#program);
    this.#bindColours(scene);
    this.#bindRows(scene);
    gl.uniform1i(at.rows, 0);
    gl.uniform1i(at.colours, 1);
    gl.uniform2f(at.sizePx, width, height);
    gl.uniform1f(at.scrollPx, scene.scrollPx);
    gl.uniform1f(at.ratio, scene.ratio);
    gl.uniform1f(at.hatchPx, hatchPx);
    for (const piece of scene.pieces) {
      const place = piecePlace(piece, scene.view, width);
      if (place.toPx <= place.fromPx) continue;
      gl.uniform1i(at.anchor, place.anchor);
      gl.uniform1f(at.anchorPx, place.anchorPx);
      gl.uniform1f(at.unitPx, place.unitPx);
      gl.uniform2f(at.clipPx, place.fromPx, place.toPx);
      gl.uniform1f(at.fade, piece.isFaded === true ? FADE : 1);
      const buffers = this.#tiles.get(piece.tile) ?? this.#upload(piece.tile);
      const { first, end } = shownBoxes(piece.tile, scene);
      this.#drawBoxes(buffers.boxes, first, end);
      if (!scene.bubbles || piece.isFaded === true) continue;
      this.#drawBoxes(buffers.bubbles, 0, piece.tile.bubbles.length / WORDS);
    }
    gl.bindVertexArray(null);
  }

  #drawBoxes({ array, buffer }: TileBuffer, first: number, end: number): void {
    if (end <= first) return;
    const gl = this.#gl;
    gl.bindVertexArray(array);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    // WebGL2 cannot begin at an instance: the buffer is read from there on.
    gl.vertexAttribIPointer(0, WORDS, gl.UNSIGNED_INT, 0, first * WORDS * 4);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, end - first);
  }

  #upload(tile: LoadedTile): TileBuffers {
    const made = {
      boxes: this.#vertexArray(tile.boxes),
      bubbles: this.#vertexArray(tile.bubbles),
    };
    this.#tiles.set(tile, made);
    return made;
  }

  #vertexArray(words: Uint32Array<ArrayBuffer>): TileBuffer {
    const gl = this.#gl;
    const array = gl.createVertexArray();
    const buffer = gl.createBuffer();
    gl.bindVertexArray(array);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, words, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribIPointer(0, WORDS, gl.UNSIGNED_INT, 0, 0);
    gl.vertexAttribDivisor(0, 1);
    return { array, buffer };
  }

  #bindRows(scene: BoxScene): void {
    const gl = this.#gl;
    gl.activeTexture(gl.TEXTURE0);
    const { workers } = scene;
    if (this.#shownLayout === scene.layout && this.#shownWorkers === workers) {
      gl.bindTexture(gl.TEXTURE_2D, this.#rows);
      return;
    }
    this.#rows ??= dataTexture(gl);
    gl.bindTexture(gl.TEXTURE_2D, this.#rows);
    const lines = Math.max(1, Math.ceil(workers / WORKERS_A_LINE));
    const lanes = new Float32Array(WORKERS_A_LINE * 4 * 4 * lines);
    for (const [workerId, row] of scene.layout.byWorker) {
      const worker = scene.indexOf(workerId);
      if (worker === undefined) continue;
      for (const [stream, lane] of row.lanes.entries()) {
        const texel = worker * 4 + stream;
        lanes.set([lane.topPx, lane.heightPx, row.isOpen ? 0 : 1, 0], texel * 4);
      }
    }
    const width = WORKERS_A_LINE * 4;
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, width, lines, 0, gl.RGBA, gl.FLOAT, lanes);
    this.#shownLayout = scene.layout;
    this.#shownWorkers = workers;
  }

  #bindColours(scene: BoxScene): void {
    const gl = this.#gl;
    gl.activeTexture(gl.TEXTURE1);
    this.#colours ??= dataTexture(gl);
    gl.bindTexture(gl.TEXTURE_2D, this.#colours);
    if (this.#shownTheme === scene.theme) return;
    const bytes = new Uint8Array(COLOURS * 4);
    for (const [at, colour] of timelineColours(scene.theme).entries()) {
      const rgb = Number.parseInt(colour.slice(1), 16);
      bytes.set([rgb >> 16, (rgb >> 8) & 255, rgb & 255, 255], at * 4);
    }
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, COLOURS, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    this.#shownTheme = scene.theme;
  }

  drop(tile: LoadedTile): void {
    const held = this.#tiles.get(tile);
    if (held === undefined) return;
    this.#tiles.delete(tile);
    for (const { array, buffer } of [held.boxes, held.bubbles]) {
      this.#gl.deleteVertexArray(array);
      this.#gl.deleteBuffer(buffer);
    }
  }

  dispose(): void {
    this.#canvas.removeEventListener('webglcontextlost', this.#onLost);
    this.#canvas.removeEventListener('webglcontextrestored', this.#onBack);
    for (const tile of [...this.#tiles.keys()]) this.drop(tile);
    this.#gl.deleteFramebuffer(this.#strip?.frame ?? null);
    this.#gl.deleteRenderbuffer(this.#strip?.pixels ?? null);
    this.#gl.deleteTexture(this.#rows);
    this.#gl.deleteTexture(this.#colours);
    this.#gl.deleteProgram(this.#program.program);
  }
}

/** The boxes from the first to the last that belong to a row in the window. */
function shownBoxes(
  tile: LoadedTile,
  { rows, indexOf }: BoxScene,
): { readonly first: number; readonly end: number } {
  let first = Infinity;
  let end = 0;
  for (const row of rows) {
    const worker = indexOf(row.worker.workerId);
    if (worker === undefined) continue;
    for (let stream = 0; stream < STREAMS; stream++) {
      const at = tile.segmentOf.get(worker * STREAMS + stream);
      if (at === undefined) continue;
      first = Math.min(first, tile.segments[at]!.firstBox);
      end = Math.max(end, tile.segments[at]!.endBox);
    }
  }
  return { first, end };
}

function dataTexture(gl: WebGL2RenderingContext): WebGLTexture {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  for (const parameter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
    gl.texParameteri(gl.TEXTURE_2D, parameter, gl.NEAREST);
  }
  for (const parameter of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) {
    gl.texParameteri(gl.TEXTURE_2D, parameter, gl.CLAMP_TO_EDGE);
  }
  return texture;
}
