/**
 * Geometry of the layers' stacks in CSS pixels: attention grows up from the axis, FFN down, on one
 * scale, and below them the critical path's share of each layer.
 */
import type { StackLayer, StackModel } from './layer-stack.ts';
import { median } from './median.ts';

export interface StackLayout {
  readonly barsLeftPx: number;
  readonly barWidthPx: number;
  /** Top of the axis band, which holds the layers' names. */
  readonly axisTopPx: number;
  readonly axisHeightPx: number;
  readonly nsPerPx: number;
  readonly attentionTopPx: number;
  readonly ffnBottomPx: number;
  readonly pathTopPx: number;
  readonly pathHeightPx: number;
  readonly heightPx: number;
}

export interface StackBox {
  readonly name: string;
  readonly topPx: number;
  readonly heightPx: number;
}

const NAME_PX = 92;
const RIGHT_PX = 12;
const TOP_PX = 14;
const BARS_PX = 190;
const AXIS_PX = 16;
const PATH_GAP_PX = 18;
const PATH_PX = 30;
/** The layers at the pipeline's ends may be many times the others: they are cut, and say so. */
const CUT_FACTOR = 3;

export function stackLayout(model: StackModel, widthPx: number, hasPath: boolean): StackLayout {
  const attentionNs = shownNs(model.layers.map(({ attention }) => attention.totalNs));
  const ffnNs = shownNs(model.layers.map(({ ffn }) => ffn.totalNs));
  const nsPerPx = Math.max(1e-9, (attentionNs + ffnNs) / BARS_PX);
  const attentionPx = attentionNs / nsPerPx;
  const axisTopPx = TOP_PX + attentionPx;
  const ffnBottomPx = axisTopPx + AXIS_PX + ffnNs / nsPerPx;
  const pathTopPx = ffnBottomPx + PATH_GAP_PX;
  return {
    barsLeftPx: NAME_PX,
    barWidthPx:
      model.layers.length === 0
        ? 0
        : Math.max(0, widthPx - NAME_PX - RIGHT_PX) / model.layers.length,
    axisTopPx,
    axisHeightPx: AXIS_PX,
    nsPerPx,
    attentionTopPx: TOP_PX,
    ffnBottomPx,
    pathTopPx,
    pathHeightPx: hasPath ? PATH_PX : 0,
    heightPx: hasPath ? pathTopPx + PATH_PX + 6 : ffnBottomPx + 14,
  };
}

/** Up to where bars are drawn: all of them, or a few times the usual one. */
function shownNs(totals: readonly number[]): number {
  const known = totals.filter((ns) => ns > 0);
  if (known.length === 0) return 0;
  const max = known.reduce((a, b) => Math.max(a, b), 0);
  return Math.min(max, CUT_FACTOR * median(known));
}

/** The parts of one side of a layer as boxes from the axis outwards; what is cut off is left out. */
export function stackBoxes(
  layout: StackLayout,
  layer: StackLayer,
  role: 'attention' | 'ffn',
): { readonly boxes: readonly StackBox[]; readonly isCut: boolean } {
  const roomPx =
    role === 'attention'
      ? layout.axisTopPx - layout.attentionTopPx
      : layout.ffnBottomPx - layout.axisTopPx - layout.axisHeightPx;
  const boxes: StackBox[] = [];
  let usedPx = 0;
  for (const { name, ns } of layer[role].parts) {
    const heightPx = Math.min(ns / layout.nsPerPx, roomPx - usedPx);
    if (heightPx <= 0) break;
    const topPx =
      role === 'attention'
        ? layout.axisTopPx - usedPx - heightPx
        : layout.axisTopPx + layout.axisHeightPx + usedPx;
    boxes.push({ name, topPx, heightPx });
    usedPx += heightPx;
  }
  return { boxes, isCut: layer[role].totalNs / layout.nsPerPx > roomPx + 0.5 };
}

/** Index of the layer under a point; -1 outside. */
export function layerIndexAt(layout: StackLayout, layers: number, xPx: number): number {
  if (!(layout.barWidthPx > 0)) return -1;
  const index = Math.floor((xPx - layout.barsLeftPx) / layout.barWidthPx);
  return index >= 0 && index < layers ? index : -1;
}
