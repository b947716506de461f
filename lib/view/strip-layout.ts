/** Where the strip's rows lie: groups apart, two lanes a row. All lengths in CSS pixels. */
import type { Lane, StripModel } from './strip-model.ts';

export interface RowBox {
  readonly row: number;
  readonly topPx: number;
  readonly heightPx: number;
  /** The compute lane ends and the other lane starts here, from topPx. */
  readonly splitPx: number;
}

export interface StripLayout {
  readonly rows: readonly RowBox[];
  readonly groups: readonly {
    readonly group: string;
    readonly role: string;
    readonly topPx: number;
    readonly heightPx: number;
  }[];
  readonly heightPx: number;
  readonly axisPx: number;
}

export const AXIS_PX = 34;
const GROUP_GAP_PX = 12;

/** Rows shrink as workers grow many, down to 12 px; then the strip scrolls. */
export function rowHeightPx(rows: number): number {
  if (rows <= 16) return 22;
  return rows <= 40 ? 16 : 12;
}

export function stripLayout(model: StripModel): StripLayout {
  const heightPx = rowHeightPx(model.rows.length);
  const rows: RowBox[] = [];
  const groups: { group: string; role: string; topPx: number; heightPx: number }[] = [];
  let top = AXIS_PX;
  for (const [index, row] of model.rows.entries()) {
    const open = groups.at(-1);
    if (open === undefined || open.group !== row.group) {
      if (open !== undefined) top += GROUP_GAP_PX;
      groups.push({ group: row.group, role: row.role, topPx: top, heightPx: 0 });
    }
    rows.push({ row: index, topPx: top, heightPx, splitPx: Math.round(heightPx * 0.62) });
    top += heightPx;
    groups.at(-1)!.heightPx = top - groups.at(-1)!.topPx;
  }
  return { rows, groups, heightPx: top + 4, axisPx: AXIS_PX };
}

/** The row and lane at a height, or null between and outside of rows. */
export function rowAt(
  layout: StripLayout,
  yPx: number,
): { readonly row: number; readonly lane: Lane } | null {
  for (const box of layout.rows) {
    if (yPx >= box.topPx && yPx < box.topPx + box.heightPx) {
      return { row: box.row, lane: yPx < box.topPx + box.splitPx ? 'top' : 'bottom' };
    }
  }
  return null;
}
