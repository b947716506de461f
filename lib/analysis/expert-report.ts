/** Balance of routed tokens: figures of the sums in experts.ts. Definitions: docs/definitions.md. */
import type { ExpertLayer, ExpertReport, ExpertWorker } from './expert-types.ts';
import {
  CELL_SUMS,
  CellSum,
  type ExpertPart,
  LAYER_SUMS,
  LayerSum,
  MEAN_SCALE,
  RATIO_SCALE,
} from './experts.ts';

/** Sums of all parts. Workers and layers are in the order of every answer. */
export interface ExpertSums {
  readonly workers: readonly string[];
  readonly layers: readonly number[];
  readonly byLayer: Float64Array;
  readonly byCell: Float64Array;
  readonly smallest: Float64Array;
  readonly largest: Float64Array;
  /** By (worker, layer), row-major; null: events carry no list. */
  readonly experts: readonly (readonly number[] | null)[];
}

const MAX_HOTTEST = 10;

/** Routing looks forced where so much of what can tell says so, in at least so many keys. */
const FORCED_SHARE = 0.95;
const MIN_TELLING_KEYS = 20;

export function sumExperts(parts: readonly (ExpertPart | null)[]): ExpertSums | null {
  const known = parts.filter((part) => part !== null);
  const layers = [...new Set(known.flatMap((part) => part.layers))].sort((a, b) => a - b);
  if (layers.length === 0) return null;
  const workers = [...new Set(known.flatMap((part) => part.workers))].sort(compareIds);
  const cells = workers.length * layers.length;
  const sums = {
    workers,
    layers,
    byLayer: new Float64Array(layers.length * LAYER_SUMS),
    byCell: new Float64Array(cells * CELL_SUMS),
    smallest: new Float64Array(cells).fill(Number.POSITIVE_INFINITY),
    largest: new Float64Array(cells).fill(Number.NEGATIVE_INFINITY),
    experts: new Array<number[] | null>(cells).fill(null),
  };
  for (const part of known) {
    const layerAt = part.layers.map((layer) => layers.indexOf(layer));
    const workerAt = part.workers.map((worker) => workers.indexOf(worker));
    layerAt.forEach((layer, l) => {
      addAt(sums.byLayer, layer * LAYER_SUMS, part.byLayer, l * LAYER_SUMS, LAYER_SUMS);
    });
    workerAt.forEach((worker, w) => {
      layerAt.forEach((layer, l) => {
        const to = worker * layers.length + layer;
        const from = w * layerAt.length + l;
        addAt(sums.byCell, to * CELL_SUMS, part.byCell, from * CELL_SUMS, CELL_SUMS);
        sums.smallest[to] = Math.min(sums.smallest[to]!, part.smallest[from]!);
        sums.largest[to] = Math.max(sums.largest[to]!, part.largest[from]!);
      });
    });
    for (const { worker, layer, tokens } of part.experts) {
      const at = workerAt[worker]! * layers.length + layerAt[layer]!;
      const own = sums.experts[at] ?? [];
      tokens.forEach((count, e) => {
        own[e] = (own[e] ?? 0) + count;
      });
      sums.experts[at] = own;
    }
  }
  return sums;
}

function addAt(to: Float64Array, at: number, from: Float64Array, source: number, n: number): void {
  for (let i = 0; i < n; i++) to[at + i] = to[at + i]! + from[source + i]!;
}

function compareIds(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : 1);
}

/** `parts`: of windows that make up the report's. null: no event carries routed tokens. */
export function reportExperts(parts: readonly (ExpertPart | null)[]): ExpertReport | null {
  const sums = sumExperts(parts);
  return sums === null ? null : reportExpertSums(sums);
}

export function reportExpertSums(sums: ExpertSums): ExpertReport {
  const all = new Float64Array(LAYER_SUMS);
  sums.layers.forEach((_, l) => {
    addAt(all, 0, sums.byLayer, l * LAYER_SUMS, LAYER_SUMS);
  });
  const cells = new Float64Array(CELL_SUMS);
  for (let at = 0; at < sums.byCell.length; at += CELL_SUMS) {
    addAt(cells, 0, sums.byCell, at, CELL_SUMS);
  }
  const expertMean = all[LayerSum.expertMean]! / MEAN_SCALE;
  return {
    ...balanceOf(all),
    activePerRank: ratio(cells[CellSum.active]!, cells[CellSum.activeCount]!) ?? 0,
    hottest: hottest(sums),
    forcedRouting: looksForced(sums, all, cells),
    keys: all[LayerSum.keys]!,
    expertMaxOverMean: ratio(all[LayerSum.expertMax]!, expertMean),
    tokensTimeCorrelation: correlation(cells),
    layers: sums.layers.map((layer, l) => layerReport(sums, layer, l)),
    workers: workerReports(sums),
  };
}

function balanceOf(
  layer: Float64Array,
): Pick<ExpertReport, 'maxOverMean' | 'vllmBalancedness' | 'sglangBalancedness'> {
  const keys = layer[LayerSum.keys]!;
  return {
    maxOverMean: layer[LayerSum.maxOverMean]! / RATIO_SCALE / keys,
    vllmBalancedness: ratio(layer[LayerSum.mean]! / MEAN_SCALE, layer[LayerSum.max]!) ?? 1,
    sglangBalancedness: layer[LayerSum.sglang]! / RATIO_SCALE / keys,
  };
}

function layerReport(sums: ExpertSums, layer: number, l: number): ExpertLayer {
  const cells = new Float64Array(CELL_SUMS);
  let most = 0;
  let worker = sums.workers[0]!;
  sums.workers.forEach((id, w) => {
    const at = (w * sums.layers.length + l) * CELL_SUMS;
    addAt(cells, 0, sums.byCell, at, CELL_SUMS);
    if (sums.byCell[at + CellSum.tokens]! <= most) return;
    most = sums.byCell[at + CellSum.tokens]!;
    worker = id;
  });
  return {
    layer,
    ...balanceOf(sums.byLayer.subarray(l * LAYER_SUMS, (l + 1) * LAYER_SUMS)),
    tokensTimeCorrelation: correlation(cells),
    worker,
  };
}

function workerReports(sums: ExpertSums): ExpertWorker[] {
  const totals = sums.workers.map((_, w) => {
    const own = new Float64Array(CELL_SUMS);
    sums.layers.forEach((__, l) => {
      addAt(own, 0, sums.byCell, (w * sums.layers.length + l) * CELL_SUMS, CELL_SUMS);
    });
    return own;
  });
  const tokens = totals.map((own) => ratio(own[CellSum.tokens]!, own[CellSum.count]!) ?? 0);
  const mean = tokens.reduce((sum, one) => sum + one, 0) / tokens.length;
  return sums.workers.map((worker, w) => ({
    worker,
    tokens: tokens[w]!,
    tokensRatio: ratio(tokens[w]!, mean) ?? 1,
    active: ratio(totals[w]![CellSum.active]!, totals[w]![CellSum.activeCount]!),
  }));
}

/**
 * Experts with the most tokens of a key over their layer's mean expert; without lists, each worker's
 * busiest expert, whichever it was (-1); without either, nothing.
 */
function hottest(sums: ExpertSums): ExpertReport['hottest'] {
  const found: { worker: string; layer: number; expert: number; tokens: number; hot: number }[] =
    [];
  sums.layers.forEach((layer, l) => {
    const mean = meanExpert(sums, l);
    if (mean === null || mean === 0) return;
    sums.workers.forEach((worker, w) => {
      const cell = w * sums.layers.length + l;
      const at = cell * CELL_SUMS;
      const count = sums.byCell[at]!;
      const own = sums.experts[cell];
      if (own !== null && own !== undefined) {
        own.forEach((total, expert) => {
          const tokens = total / count;
          found.push({ worker, layer, expert, tokens, hot: tokens / mean });
        });
        return;
      }
      const tokens = ratio(
        sums.byCell[at + CellSum.maxTokens]!,
        sums.byCell[at + CellSum.maxCount]!,
      );
      if (tokens !== null) found.push({ worker, layer, expert: -1, tokens, hot: tokens / mean });
    });
  });
  found.sort((a, b) => b.hot - a.hot || a.layer - b.layer || compareIds(a.worker, b.worker));
  return found.slice(0, MAX_HOTTEST).map(({ hot: _, ...one }) => one);
}

/** Tokens of a key and expert, mean over all experts of the layer. */
function meanExpert(sums: ExpertSums, l: number): number | null {
  let listed = 0;
  let experts = 0;
  let means = 0;
  let said = 0;
  sums.workers.forEach((_, w) => {
    const cell = w * sums.layers.length + l;
    const at = cell * CELL_SUMS;
    const own = sums.experts[cell];
    if (own !== null && own !== undefined) {
      listed += own.reduce((sum, tokens) => sum + tokens, 0) / sums.byCell[at]!;
      experts += own.length;
    }
    const mean = ratio(
      sums.byCell[at + CellSum.meanTokens]! / MEAN_SCALE,
      sums.byCell[at + CellSum.meanCount]!,
    );
    if (mean === null) return;
    means += mean;
    said++;
  });
  return experts > 0 ? listed / experts : ratio(means, said);
}

/**
 * Is the routing equal to the token where natural routing would vary? In nearly all keys the ranks got
 * the same, or every rank got the same in all keys of a layer, or all experts of a rank did.
 */
function looksForced(sums: ExpertSums, all: Float64Array, cells: Float64Array): boolean {
  if (isMost(all[LayerSum.equal]!, all[LayerSum.telling]!)) return true;
  if (isMost(cells[CellSum.evenExperts]!, cells[CellSum.tellingExperts]!)) return true;
  let constant = 0;
  let telling = 0;
  for (let cell = 0; cell < sums.smallest.length; cell++) {
    if (sums.byCell[cell * CELL_SUMS]! < MIN_TELLING_KEYS) continue;
    telling++;
    if (sums.smallest[cell] === sums.largest[cell]) constant++;
  }
  return telling > 1 && constant >= FORCED_SHARE * telling;
}

function isMost(part: number, of: number): boolean {
  return of >= MIN_TELLING_KEYS && part >= FORCED_SHARE * of;
}

/** Pearson's r of tokens and time; null where one of them does not vary. */
function correlation(cells: Float64Array): number | null {
  const n = cells[CellSum.count]!;
  const x = cells[CellSum.tokens]!;
  const y = cells[CellSum.y]!;
  const xx = n * cells[CellSum.xx]! - x * x;
  const yy = n * cells[CellSum.yy]! - y * y;
  if (!(xx > 0 && yy > 0)) return null;
  return (n * cells[CellSum.xy]! - x * y) / Math.sqrt(xx * yy);
}

function ratio(part: number, of: number): number | null {
  return of === 0 ? null : part / of;
}
