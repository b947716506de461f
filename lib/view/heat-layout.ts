/** Geometry of the heat map: names left, cells, totals right and below. CSS pixels. */
import type { HeatModel } from './heat-model.ts';

export interface HeatLayout {
  readonly cellsLeftPx: number;
  readonly cellsTopPx: number;
  readonly cellWidthPx: number;
  readonly rowHeightPx: number;
  readonly rowTopPx: readonly number[];
  readonly totalsLeftPx: number;
  readonly totalsWidthPx: number;
  readonly meansTopPx: number;
  readonly meansHeightPx: number;
  readonly heightPx: number;
}

const NAME_PX = 92;
const TOTAL_PX = 96;
const TOP_PX = 16;
const GROUP_GAP_PX = 8;
const MEANS_PX = 34;

export function heatLayout(model: HeatModel, widthPx: number): HeatLayout {
  const rows = model.workers.length;
  const rowHeightPx = rows <= 16 ? 16 : rows <= 48 ? 11 : 5;
  const rowTopPx: number[] = [];
  let top = TOP_PX;
  for (const [w, worker] of model.workers.entries()) {
    if (w > 0 && model.workers[w - 1]!.group !== worker.group) top += GROUP_GAP_PX;
    rowTopPx.push(top);
    top += rowHeightPx;
  }
  const cellsWidth = Math.max(0, widthPx - NAME_PX - TOTAL_PX);
  return {
    cellsLeftPx: NAME_PX,
    cellsTopPx: TOP_PX,
    cellWidthPx: model.layers.length === 0 ? 0 : cellsWidth / model.layers.length,
    rowHeightPx,
    rowTopPx,
    totalsLeftPx: NAME_PX + cellsWidth + 8,
    totalsWidthPx: TOTAL_PX - 8,
    meansTopPx: top + 8,
    meansHeightPx: MEANS_PX - 8,
    heightPx: top + 8 + MEANS_PX,
  };
}

export interface HeatCell {
  readonly worker: number;
  readonly layer: number;
}

/** The cell under a point, as indexes into the model's workers and layers; null outside. */
export function cellAt(
  layout: HeatLayout,
  model: HeatModel,
  xPx: number,
  yPx: number,
): HeatCell | null {
  if (!(layout.cellWidthPx > 0)) return null;
  const layer = Math.floor((xPx - layout.cellsLeftPx) / layout.cellWidthPx);
  if (layer < 0 || layer >= model.layers.length) return null;
  const worker = layout.rowTopPx.findIndex((top) => yPx >= top && yPx < top + layout.rowHeightPx);
  return worker === -1 ? null : { worker, layer };
}
