/**
 * The timeline's axis: round instants of the viewer's clock, or round offsets from one where the view
 * is closer than a second; and above them the steps and layers that the events tell.
 */
import { durationFigure, figureText } from './format.ts';
import type { LoadedTile } from './timeline-boxes.ts';
import type { TilePiece } from './timeline-tiles.ts';
import { extentOf, offsetOf, type TimelineViewport, timeToX } from './timeline-viewport.ts';

export interface AxisTick {
  readonly xPx: number;
  readonly label: string;
  /** A mark without words between two that have some. */
  readonly isMinor: boolean;
}

export interface TimeAxis {
  /** Where the ticks count from, for the left corner; '' where they are clock times. */
  readonly base: string;
  readonly ticks: readonly AxisTick[];
}

const SECOND_NS = 1_000_000_000n;
const CLOCK_STEPS_S = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
  172_800, 604_800, 1_209_600, 2_592_000,
] as const;
/** Room that a tick's label wants. */
const LABEL_PX = 92;
const MINOR_A_TICK = 5;

/** `zoneMinutes`: how far the viewer's clock is ahead of UTC. */
export function timeAxis(view: TimelineViewport, widthPx: number, zoneMinutes: number): TimeAxis {
  const leastNs = (view.spanNs * LABEL_PX) / Math.max(1, widthPx);
  return leastNs >= 0.5e9
    ? clockAxis(view, widthPx, zoneMinutes, leastNs)
    : offsetAxis(view, widthPx, zoneMinutes, leastNs);
}

function clockAxis(
  view: TimelineViewport,
  widthPx: number,
  zoneMinutes: number,
  leastNs: number,
): TimeAxis {
  const stepS = CLOCK_STEPS_S.find((step) => step * 1e9 >= leastNs) ?? 2_592_000;
  const zoneNs = BigInt(zoneMinutes) * 60n * SECOND_NS;
  const stepNs = BigInt(stepS) * SECOND_NS;
  const { fromUnixNs, toUnixNs } = extentOf(view);
  const ticks: AxisTick[] = [];
  let at = ceilTo(fromUnixNs + zoneNs, stepNs);
  for (let lastDay = ''; at <= toUnixNs + zoneNs; at += stepNs) {
    const clock = new Date(Number(at / 1_000_000n)).toISOString();
    const day = clock.slice(5, 10);
    const time = stepS >= 60 ? clock.slice(11, 16) : clock.slice(11, 19);
    const label =
      stepS >= 86_400 ? day : lastDay !== '' && day !== lastDay ? `${day} ${time}` : time;
    lastDay = day;
    ticks.push({ xPx: timeToX(view, at - zoneNs, widthPx), label, isMinor: false });
  }
  return { base: '', ticks };
}

/** Ticks count from the last whole second, millisecond or microsecond before the view. */
function offsetAxis(
  view: TimelineViewport,
  widthPx: number,
  zoneMinutes: number,
  leastNs: number,
): TimeAxis {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, leastNs)));
  const stepNs = [1, 2, 5, 10].map((m) => m * power).find((step) => step >= leastNs) ?? 10 * power;
  const baseNs = [1e3, 1e6, 1e9].find((unit) => unit >= view.spanNs) ?? 1e9;
  const unit = BigInt(baseNs);
  const base = floorTo(view.fromUnixNs, unit);
  const fromNs = -offsetOf(view, base);
  const ticks: AxisTick[] = [];
  const minorNs = stepNs / MINOR_A_TICK;
  const isFine = minorNs >= 1;
  const each = isFine ? minorNs : stepNs;
  for (let n = Math.ceil(fromNs / each); n * each <= fromNs + view.spanNs; n++) {
    const isMinor = isFine && n % MINOR_A_TICK !== 0;
    ticks.push({
      xPx: ((n * each - fromNs) / view.spanNs) * widthPx,
      label: isMinor ? '' : `+${offsetText(n * each, stepNs)}`,
      isMinor,
    });
  }
  return {
    base: exactInstant(base, zoneMinutes)
      .slice(11)
      .replace(/\.?0+$/, ''),
    ticks,
  };
}

/** An offset with as many digits as the distance of ticks needs. */
export function offsetText(ns: number, stepNs: number): string {
  const [unit, name] =
    stepNs >= 1e9
      ? [1e9, 's']
      : stepNs >= 1e6 / 10
        ? [1e6, 'ms']
        : stepNs >= 1e3 / 10
          ? [1e3, 'µs']
          : [1, 'ns'];
  const digits = Math.max(0, Math.ceil(Math.log10(unit / stepNs) - 1e-9));
  return `${(ns / unit).toFixed(digits)} ${name}`;
}

/** `2026-11-27 14:03:05.123456789` on a clock that is `zoneMinutes` ahead of UTC. */
export function exactInstant(instant: bigint, zoneMinutes: number): string {
  const shifted = instant + BigInt(zoneMinutes) * 60n * SECOND_NS;
  // A view may begin before 1970: where a clock counts from 0, there is room to its left.
  const whole = floorTo(shifted, SECOND_NS);
  const seconds = new Date(Number(whole / SECOND_NS) * 1000).toISOString();
  return `${seconds.slice(0, 10)} ${seconds.slice(11, 19)}.${String(shifted - whole).padStart(9, '0')}`;
}

function ceilTo(value: bigint, unit: bigint): bigint {
  return -floorTo(-value, unit);
}

function floorTo(value: bigint, unit: bigint): bigint {
  const over = value % unit;
  return over < 0n ? value - over - unit : value - over;
}

export interface StepMark {
  readonly domain: number;
  readonly step: number;
  readonly startUnixNs: bigint;
}

export interface LayerMark {
  readonly domain: number;
  readonly step: number;
  readonly layer: number;
  readonly startUnixNs: bigint;
}

/** First starts of steps, and of the layers of the topmost row, among the events of tiles. */
export interface TileMarks {
  readonly steps: readonly StepMark[];
  readonly layers: readonly LayerMark[];
}

const NO_MARKS: TileMarks = { steps: [], layers: [] };
const marksOf = new WeakMap<LoadedTile, TileMarks>();

/** Kept with the tile: a frame must not look at all events. */
function tileMarks(tile: LoadedTile): TileMarks {
  const known = marksOf.get(tile);
  if (known !== undefined) return known;
  const marks = tile.tile.detail === 'events' ? readMarks(tile) : NO_MARKS;
  marksOf.set(tile, marks);
  return marks;
}

function readMarks(tile: LoadedTile): TileMarks {
  if (tile.tile.detail !== 'events') return NO_MARKS;
  const { header, columns } = tile.tile;
  const { startNs, step, domain, layer, row, stream } = columns;
  const windowUnixNs = BigInt(header.window.startUnixNs);
  const starts = new Map<string, { domain: number; step: number; ns: number }>();
  const layers = new Map<string, { mark: Omit<LayerMark, 'startUnixNs'>; ns: number }>();
  const lead = header.rows.findIndex(({ role }) => role === 'attention');
  for (let at = 0; at < startNs.length; at++) {
    if (step[at]! < 0) continue;
    const key = `${domain[at]} ${step[at]}`;
    const known = starts.get(key);
    if (known === undefined) {
      starts.set(key, { domain: domain[at]!, step: step[at]!, ns: startNs[at]! });
    } else if (startNs[at]! < known.ns) known.ns = startNs[at]!;
    if (row[at] !== Math.max(0, lead) || stream[at] !== 0 || layer[at]! < 0) continue;
    const layerKey = `${key} ${layer[at]}`;
    const begun = layers.get(layerKey);
    if (begun === undefined) {
      const mark = { domain: domain[at]!, step: step[at]!, layer: layer[at]! };
      layers.set(layerKey, { mark, ns: startNs[at]! });
    } else if (startNs[at]! < begun.ns) begun.ns = startNs[at]!;
  }
  const steps = [...starts.values()]
    .sort((a, b) => a.ns - b.ns)
    .map(({ ns, ...of }) => ({ ...of, startUnixNs: windowUnixNs + BigInt(Math.round(ns)) }));
  return {
    steps,
    layers: [...layers.values()].map(({ mark, ns }) => ({
      ...mark,
      startUnixNs: windowUnixNs + BigInt(Math.round(ns)),
    })),
  };
}

/** Steps and layers that begin in the pieces; the first start of each step over all of them. */
export function pieceMarks(pieces: readonly TilePiece<LoadedTile>[]): TileMarks {
  const steps = new Map<string, StepMark>();
  const layers = new Map<string, LayerMark>();
  for (const { tile, fromUnixNs, toUnixNs } of pieces) {
    const marks = tileMarks(tile);
    for (const mark of marks.steps) {
      const key = `${mark.domain} ${mark.step}`;
      const known = steps.get(key);
      if (known === undefined || mark.startUnixNs < known.startUnixNs) steps.set(key, mark);
    }
    for (const mark of marks.layers) {
      if (mark.startUnixNs < fromUnixNs || mark.startUnixNs >= toUnixNs) continue;
      const key = `${mark.domain} ${mark.step} ${mark.layer}`;
      const known = layers.get(key);
      if (known === undefined || mark.startUnixNs < known.startUnixNs) layers.set(key, mark);
    }
  }
  const byStart = (a: { startUnixNs: bigint }, b: { startUnixNs: bigint }) =>
    a.startUnixNs < b.startUnixNs ? -1 : a.startUnixNs > b.startUnixNs ? 1 : 0;
  return {
    steps: [...steps.values()].sort(byStart),
    layers: rising([...layers.values()].sort(byStart)),
  };
}

/**
 * Without layers that began before one that is marked already: micro-batches interleave, so what is
 * left of a layer may be the first that the pieces hold of it.
 */
function rising(layers: readonly LayerMark[]): readonly LayerMark[] {
  const newest = new Map<string, number>();
  return layers.filter(({ domain, step, layer }) => {
    const key = `${domain} ${step}`;
    if (layer <= (newest.get(key) ?? -1)) return false;
    newest.set(key, layer);
    return true;
  });
}

export interface LayerTick {
  readonly xPx: number;
  readonly layer: number;
}

/** Which layers of a step are named where not all can be. */
const LAYER_STRIDES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] as const;

/**
 * Layers that are marked where each wants `leastPx`: of every step those that a stride divides, so that
 * numbers count up evenly and begin anew with the next step.
 */
export function layerTicks(
  layers: readonly LayerMark[],
  view: TimelineViewport,
  widthPx: number,
  leastPx: number,
): readonly LayerTick[] {
  const steps = Map.groupBy(layers, ({ domain, step }) => `${domain} ${step}`);
  const starts = [...steps.values()].map((own) => timeToX(view, own[0]!.startUnixNs, widthPx));
  const ticks: LayerTick[] = [];
  let freePx = -Infinity;
  for (const [at, own] of [...steps.values()].entries()) {
    const [first, last] = [own[0]!, own.at(-1)!];
    const lastPx = timeToX(view, last.startUnixNs, widthPx);
    const layerPx = (lastPx - starts[at]!) / Math.max(1, last.layer - first.layer);
    const stride = LAYER_STRIDES.find((each) => each * layerPx >= leastPx) ?? Infinity;
    // The next step's first layer is worth more than one more of this.
    const endPx = starts[at + 1] ?? (own.length > 1 ? lastPx + layerPx : Infinity);
    for (const { layer, startUnixNs } of own) {
      if (layer !== 0 && layer % stride !== 0) continue;
      const xPx = timeToX(view, startUnixNs, widthPx);
      if (xPx < Math.max(0, freePx) || xPx > widthPx || xPx + leastPx > endPx) continue;
      ticks.push({ xPx, layer });
      freePx = xPx + leastPx;
    }
  }
  return ticks;
}

/** The view in words, for titles and readers: `1.20 ms from 2026-11-27 14:03:05.123456789`. */
export function viewText(view: TimelineViewport, zoneMinutes: number): string {
  const from = exactInstant(view.fromUnixNs, zoneMinutes);
  return `${figureText(durationFigure(view.spanNs))} from ${from}`;
}
