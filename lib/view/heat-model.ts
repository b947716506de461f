/** The worker × layer heat map: values, totals, scale and outliers of the chosen figure. */
import type { Heatmap } from '#lib/api/live-event.ts';
import { median } from './median.ts';
import { outlierLimit } from './outliers.ts';
import type { ThemeName } from './palette.ts';
import { mixColours } from './palette.ts';

export const HEAT_METRICS = ['bubble', 'duration', 'wait'] as const;
export type HeatMetric = (typeof HEAT_METRICS)[number];

export function isHeatMetric(name: string): name is HeatMetric {
  return HEAT_METRICS.some((metric) => metric === name);
}

export interface HeatModel {
  readonly workers: Heatmap['workers'];
  readonly layers: readonly number[];
  /** Row-major by worker; null: no data. */
  readonly values: readonly (number | null)[];
  /** Sum over layers by worker, ns a step; null without any value. */
  readonly rowTotals: readonly (number | null)[];
  /** Mean over workers by layer, ns a step. */
  readonly columnMeans: readonly (number | null)[];
  /** Top of the colour scale: the 97th percentile, so that the few layers at the pipeline’s ends do not darken the rest. */
  readonly scaleMaxNs: number;
  /** Cell indexes that stand out within their group and layer. */
  readonly outliers: ReadonlySet<number>;
  readonly steps: number;
}

export function heatModel(heatmap: Heatmap, metric: HeatMetric): HeatModel {
  const values =
    metric === 'bubble'
      ? heatmap.bubbleNs
      : metric === 'duration'
        ? heatmap.durationNs
        : heatmap.waitNs;
  const layers = heatmap.layers.length;
  const rowTotals = heatmap.workers.map((_, w) =>
    sumOrNull(values.slice(w * layers, (w + 1) * layers)),
  );
  const columnMeans = heatmap.layers.map((_, l) => {
    const column = heatmap.workers
      .map((_w, w) => values[w * layers + l] ?? null)
      .filter((value) => value !== null);
    return column.length === 0 ? null : column.reduce((a, b) => a + b, 0) / column.length;
  });
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  const scaleMaxNs = known[Math.min(known.length - 1, Math.floor(known.length * 0.97))] ?? 0;
  return {
    workers: heatmap.workers,
    layers: heatmap.layers,
    values,
    rowTotals,
    columnMeans,
    scaleMaxNs,
    outliers: outliersOf(heatmap, values),
    steps: heatmap.steps,
  };
}

function sumOrNull(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((a, b) => a + b, 0);
}

/**
 * A cell stands out when it is over its group's median in the same layer by more than 4.5 robust
 * deviations, a quarter of that median and a twentieth of the group's compute in that layer: jitter
 * does not pass all three, and what passes is worth a look.
 */
function outliersOf(heatmap: Heatmap, values: readonly (number | null)[]): ReadonlySet<number> {
  const layers = heatmap.layers.length;
  const rowsByGroup = new Map<string, number[]>();
  for (const [w, worker] of heatmap.workers.entries()) {
    const rows = rowsByGroup.get(worker.group) ?? [];
    rows.push(w);
    rowsByGroup.set(worker.group, rows);
  }
  const outliers = new Set<number>();
  for (const rows of rowsByGroup.values()) {
    if (rows.length < 3) continue;
    for (let l = 0; l < layers; l++) {
      const cells = rows
        .map((w) => w * layers + l)
        .filter((cell) => values[cell] !== null && values[cell] !== undefined);
      if (cells.length < 3) continue;
      const computeNs = median(cells.map((cell) => heatmap.durationNs[cell] ?? 0));
      const limit = outlierLimit(
        cells.map((cell) => values[cell]!),
        0.05 * computeNs,
      );
      for (const cell of cells) if (values[cell]! > limit) outliers.add(cell);
    }
  }
  return outliers;
}

/** Dark to bright on dark, bright to dark on light: more is always further from the background. */
const RAMPS: Readonly<Record<ThemeName, readonly string[]>> = {
  dark: ['#161c28', '#213b63', '#3f6a86', '#8f9a7a', '#d8c168', '#fff0a3'],
  light: ['#f1f4f8', '#cfdcea', '#8fb1d3', '#4d7fb5', '#235089', '#0c2950'],
};

/** Colour of a value on [0, max]. */
export function heatColour(value: number, max: number, theme: ThemeName): string {
  const ramp = RAMPS[theme];
  const position = max > 0 ? Math.min(1, Math.max(0, value / max)) * (ramp.length - 1) : 0;
  const below = Math.min(Math.floor(position), ramp.length - 2);
  return mixColours(ramp[below]!, ramp[below + 1]!, position - below);
}

/** The ramp as colours for a legend. */
export function heatLegend(theme: ThemeName): readonly string[] {
  return RAMPS[theme];
}
