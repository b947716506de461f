/**
 * The ping-pong strip's boxes, indexed for drawing and pointing.
 *
 *     row        ┌──────── top lane: compute ────────┐
 *     attention/0 ██ 0 ██ ██ 1 ██      ██ 2 ██
 *                 ▒▒▒▒  ░░wait░░ ▒▒                     bottom lane: transfer, wait, copy, host
 *
 * A box lies in [startNs, startNs + durationNs) from the step's start.
 */
import type { Strip } from '#lib/api/live-event.ts';

export interface StripRow {
  readonly workerId: string;
  readonly group: string;
  readonly role: string;
  /** Boxes of the row are `first` to `end - 1`, by start. */
  readonly first: number;
  readonly end: number;
  /** The longest box of the row: how far back a search for overlaps must look. */
  readonly longestNs: number;
}

export interface StripModel {
  readonly strip: Strip;
  readonly rows: readonly StripRow[];
  /** First compute of each layer, by layer; the axis in layers. */
  readonly layerStarts: readonly { readonly layer: number; readonly startNs: number }[];
  /** Kind name of each box. */
  readonly kindOf: (box: number) => string;
  readonly stageOf: (box: number) => string;
}

export type Lane = 'top' | 'bottom';

export function laneOf(kind: string): Lane {
  return kind === 'compute' ? 'top' : 'bottom';
}

export function stripModel(strip: Strip): StripModel {
  const kindOf = (box: number) => strip.kinds[strip.boxKind[box]!] ?? 'host';
  const stageOf = (box: number) => strip.stages[strip.stage[box]!] ?? 'host';
  const boxes = strip.row.length;
  const rows: StripRow[] = [];
  let at = 0;
  for (const [index, row] of strip.rows.entries()) {
    while (at < boxes && strip.row[at]! < index) at++;
    const first = at;
    let longestNs = 0;
    while (at < boxes && strip.row[at] === index) {
      longestNs = Math.max(longestNs, strip.boxDurationNs[at]!);
      at++;
    }
    rows.push({
      workerId: row.workerId,
      group: row.group,
      role: row.role,
      first,
      end: at,
      longestNs,
    });
  }
  const startByLayer = new Map<number, number>();
  for (let box = 0; box < boxes; box++) {
    const layer = strip.layer[box]!;
    if (layer < 0 || kindOf(box) !== 'compute') continue;
    const known = startByLayer.get(layer);
    if (known === undefined || strip.startNs[box]! < known) {
      startByLayer.set(layer, strip.startNs[box]!);
    }
  }
  const layerStarts = [...startByLayer]
    .map(([layer, startNs]) => ({ layer, startNs }))
    .sort((a, b) => a.startNs - b.startNs);
  return { strip, rows, layerStarts, kindOf, stageOf };
}

/** First box of the row that may reach past `fromNs`. */
export function firstVisible(model: StripModel, row: StripRow, fromNs: number): number {
  const starts = model.strip.startNs;
  let low = row.first;
  let high = row.end;
  const target = fromNs - row.longestNs;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! < target) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The box at an instant of a row's lane, or -1. Where boxes overlap, transfers win over waits and
 * the later start over the earlier: the order in which they are painted.
 */
export function hitTest(model: StripModel, rowIndex: number, lane: Lane, atNs: number): number {
  const row = model.rows[rowIndex];
  if (row === undefined) return -1;
  const { startNs, boxDurationNs } = model.strip;
  let best = -1;
  for (let box = firstVisible(model, row, atNs); box < row.end; box++) {
    if (startNs[box]! > atNs) break;
    if (startNs[box]! + boxDurationNs[box]! <= atNs) continue;
    const kind = model.kindOf(box);
    if (laneOf(kind) !== lane) continue;
    if (best === -1 || kind !== 'wait' || model.kindOf(best) === 'wait') best = box;
  }
  return best;
}
