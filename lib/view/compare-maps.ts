/**
 * Heat maps of a comparison: stages by layer, of A, of B, and by how much B's are longer. The difference
 * is relative, so that short stages show beside long ones, blue where B is shorter, orange where longer.
 */
import type { Compare, CompareCells } from '#lib/api/compare.ts';
import { isDiffering } from './compare-figures.ts';
import { durationFigure, type Figure, ratioFigure } from './format.ts';
import {
  foldRows,
  type MatrixCell,
  type MatrixEntry,
  type MatrixModel,
  meanOf,
  scaleMaxOf,
} from './matrix-model.ts';
import { mixColours, type ThemeName } from './palette.ts';

export type MapKind = 'a' | 'b' | 'difference';

/** Told apart by people with any colour vision, and never alone: the sign is written. */
const SHORTER = { dark: '#4f9dff', light: '#1763c6' } as const;
const LONGER = { dark: '#f2a33a', light: '#b45f00' } as const;
const EQUAL = { dark: '#1a202b', light: '#eceff3' } as const;

/** Up to this the scale does not shrink: noise must look calm. */
const LEAST_SCALE = 0.02;

/** Colour of a value on a scale from -max over 0 to max. */
export function divergingColour(value: number, max: number, theme: ThemeName): string {
  const share = max > 0 ? Math.min(1, Math.abs(value) / max) : 0;
  return mixColours(EQUAL[theme], (value < 0 ? SHORTER : LONGER)[theme], share);
}

/** From the left end of the scale to its right end. */
export function divergingLegend(theme: ThemeName): readonly string[] {
  return [SHORTER[theme], EQUAL[theme], LONGER[theme]];
}

export interface CompareMap {
  readonly model: MatrixModel;
  /** Row in `cells` of each cell of the matrix; -1: none. */
  readonly at: Int32Array;
}

export function compareMap({ cells, alignment }: Compare, kind: MapKind): CompareMap {
  const rows = rowsOf(cells, alignment.groups);
  const layers = [...new Set(cells.layer)].sort((x, y) => x - y);
  const at = new Int32Array(rows.length * layers.length).fill(-1);
  const rowOf = new Map(rows.map(({ id }, r) => [id, r]));
  const columnOf = new Map(layers.map((layer, c) => [layer, c]));
  for (let i = 0; i < cells.layer.length; i++) {
    const row = rowOf.get(rowId(cells, i))!;
    at[row * layers.length + columnOf.get(cells.layer[i]!)!] = i;
  }
  const values = Array.from(at, (i) => (i < 0 ? null : cellValue(cells, i, kind)));
  const outliers = new Set<number>();
  at.forEach((i, cell) => {
    if (kind === 'difference' && i >= 0 && isDiffering(cells.finding[i]!)) outliers.add(cell);
  });
  const columns = layers.map((layer): MatrixEntry => {
    const name = layer < 0 ? 'no layer' : `layer ${layer}`;
    return {
      id: String(layer),
      label: name,
      short: layer < 0 ? '–' : String(layer),
      group: '',
      role: null,
    };
  });
  const isDifference = kind === 'difference';
  const sizes = values.map((value) => (value === null ? null : Math.abs(value)));
  const nothing = (length: number): null[] => Array.from({ length }, () => null);
  return {
    at,
    model: {
      rows,
      columns,
      values,
      rowTotals: isDifference
        ? nothing(rows.length)
        : foldRows(values, rows.length, layers.length, meanOf),
      columnTotals: nothing(layers.length),
      scaleMax: isDifference ? Math.max(LEAST_SCALE, scaleMaxOf(sizes) / 2) : scaleMaxOf(sizes),
      outliers,
      isOneScale: false,
      rowMargin: isDifference ? '' : 'mean',
      columnMargin: '',
      figureOf: isDifference ? signedRatio : durationFigure,
      ...(isDifference ? { colourOf: divergingColour } : {}),
    },
  };
}

/** Relative where it is: a shift of what is nothing in A has no ratio. */
function cellValue(cells: CompareCells, i: number, kind: MapKind): number | null {
  if (kind !== 'difference') return cells[kind][i]!;
  const a = cells.a[i]!;
  const b = cells.b[i]!;
  const shift = cells.shift[i] ?? (a === null || b === null ? null : b - a);
  if (shift === null || a === null) return null;
  if (shift === 0) return 0;
  return a === 0 ? null : shift / Math.abs(a);
}

function signedRatio(value: number | null): Figure {
  const figure = ratioFigure(value === null ? null : Math.abs(value));
  if (value === null || figure.value === '0.0') return figure;
  return { ...figure, value: `${value > 0 ? '+' : '−'}${figure.value}` };
}

function rowId(cells: CompareCells, i: number): string {
  return JSON.stringify([cells.group[i], cells.stage[i], cells.part[i]]);
}

const STAGES = [
  'attention',
  'gate',
  'dense',
  'a2f_send',
  'a2f_recv',
  'shared_expert',
  'expert',
  'f2a_send',
  'f2a_recv',
  'combine',
  'collective',
  'sample',
  'copy',
  'host',
];

function rowsOf(cells: CompareCells, groups: Compare['alignment']['groups']): MatrixEntry[] {
  const rows = new Map<string, MatrixEntry & { readonly order: readonly number[] }>();
  for (let i = 0; i < cells.layer.length; i++) {
    const id = rowId(cells, i);
    if (rows.has(id)) continue;
    const group = cells.group[i]!;
    const stage = cells.stage[i]!;
    const part = cells.part[i]!;
    const label = part === 'all' ? stage : `${stage} ${part}`;
    const place = groups.findIndex(({ name }) => name === group);
    const known = STAGES.indexOf(stage);
    const role = groups[place]?.role ?? null;
    const order = [place, known < 0 ? STAGES.length : known, part === 'wait' ? 0 : 1];
    rows.set(id, { id, label, short: label, group, role, order });
  }
  return [...rows.values()].sort(
    (x, y) =>
      x.order[0]! - y.order[0]! ||
      x.order[1]! - y.order[1]! ||
      x.order[2]! - y.order[2]! ||
      (x.label < y.label ? -1 : 1),
  );
}

/** Column of the chosen layer, -1 without one. */
export function columnOf(model: MatrixModel, layer: number | null): number {
  return layer === null ? -1 : model.columns.findIndex(({ id }) => id === String(layer));
}

export function cellRow({ at, model }: CompareMap, cell: MatrixCell): number {
  return at[cell.row * model.columns.length + cell.column] ?? -1;
}

/** All cells with every digit. */
export function cellTable({ cells }: Compare): (string | number | null)[][] {
  return [
    [
      'group',
      'stage',
      'part',
      'layer',
      'a ns',
      'b ns',
      'shift ns',
      'low ns',
      'high ns',
      'delta',
      'q',
      'finding',
    ],
    ...cells.layer.map((layer, i) => [
      cells.group[i]!,
      cells.stage[i]!,
      cells.part[i]!,
      layer,
      cells.a[i]!,
      cells.b[i]!,
      cells.shift[i]!,
      cells.low[i]!,
      cells.high[i]!,
      cells.effect[i]!,
      cells.q[i]!,
      cells.finding[i]!,
    ]),
  ];
}
