/**
 * Time per output token (TPOT) from the histograms that serving engines export. Cumulative points
 * become the difference to the point before (a smaller count means that the engine restarted);
 * delta points count as they are. All figures in seconds, as the histograms have them.
 */
import { NS_PER_S, type UnixNanos } from '#lib/base/units.ts';
import type { MetricSeries, MetricTable } from '#lib/table/metric-table.ts';

/** Histograms of seconds per output token, as engines name them. */
export const TPOT_METRICS = [
  'gen_ai.server.time_per_output_token',
  'vllm:time_per_output_token_seconds',
  'vllm:request_time_per_output_token_seconds',
  'vllm:inter_token_latency_seconds',
  'sglang:time_per_output_token_seconds',
  'sglang:inter_token_latency_seconds',
] as const;

const IS_TPOT: ReadonlySet<string> = new Set(TPOT_METRICS);

/** Observations of one series that fell between two of its points. */
export interface TokenDelta {
  readonly timeUnixNs: UnixNanos;
  readonly count: number;
  readonly sumS: number;
  readonly bounds: readonly number[];
  /** One more than bounds; empty where the sender gave none. */
  readonly buckets: readonly number[];
}

interface LastPoint {
  timeUnixNs: UnixNanos;
  count: number;
  sum: number;
  buckets: readonly number[];
}

/** What the observations of a time say; `p50S` and `p99S` are null without buckets. */
export interface TokenLatency {
  readonly meanS: number;
  readonly p50S: number | null;
  readonly p99S: number | null;
  readonly count: number;
}

/** Turns points into deltas; remembers the last point of each series, of a bounded number. */
export class TokenDeltas {
  readonly #last = new Map<string, LastPoint>();
  readonly #maxSeries: number;

  constructor(maxSeries = 10_000) {
    this.#maxSeries = maxSeries;
  }

  /** The deltas of the table's TPOT points, per deployment. */
  add(table: MetricTable): ReadonlyMap<string, readonly TokenDelta[]> {
    const found = new Map<string, TokenDelta[]>();
    const wanted = table.series.map(
      (series) => series.type === 'histogram' && IS_TPOT.has(series.name),
    );
    const order: number[] = [];
    for (let i = 0; i < table.length; i++)
      if (wanted[table.seriesIndex[i]!] === true) order.push(i);
    order.sort((a, b) => table.timeNs[a]! - table.timeNs[b]!);
    for (const i of order) {
      const series = table.series[table.seriesIndex[i]!]!;
      const delta = this.#delta(table, i, series);
      if (delta === null) continue;
      const list = found.get(series.deployment);
      if (list === undefined) found.set(series.deployment, [delta]);
      else list.push(delta);
    }
    return found;
  }

  #delta(table: MetricTable, i: number, series: MetricSeries): TokenDelta | null {
    const timeUnixNs = (table.baseUnixNs + BigInt(Math.round(table.timeNs[i]!))) as UnixNanos;
    const buckets = bucketsOf(table, i);
    const count = table.count[i]!;
    const sum = table.value[i]!;
    const { bounds } = series;
    if (!series.cumulative) {
      return count > 0 ? { timeUnixNs, count, sumS: sum, bounds, buckets } : null;
    }
    const key = seriesKey(series);
    const last = this.#last.get(key);
    if (last !== undefined && timeUnixNs <= last.timeUnixNs) return null;
    this.#remember(key, { timeUnixNs, count, sum, buckets });
    // The first point's observations are of an unknown length of time.
    if (last === undefined) return null;
    if (count < last.count) {
      return count > 0 ? { timeUnixNs, count, sumS: sum, bounds, buckets } : null;
    }
    if (count === last.count) return null;
    const comparable = buckets.length === last.buckets.length;
    return {
      timeUnixNs,
      count: count - last.count,
      sumS: Math.max(0, sum - last.sum),
      bounds,
      buckets: comparable ? buckets.map((n, k) => Math.max(0, n - last.buckets[k]!)) : [],
    };
  }

  #remember(key: string, point: LastPoint): void {
    // A Map keeps the order of insertion: the series that was silent longest goes first.
    this.#last.delete(key);
    this.#last.set(key, point);
    if (this.#last.size > this.#maxSeries) {
      for (const oldest of this.#last.keys()) {
        this.#last.delete(oldest);
        break;
      }
    }
  }
}

/**
 * All deltas together; null without observations. Quantiles are interpolated inside their bucket,
 * as Prometheus' histogram_quantile does, over the deltas that share the most common bounds.
 */
export function tokenLatency(deltas: readonly TokenDelta[]): TokenLatency | null {
  let count = 0;
  let sumS = 0;
  const byBounds = new Map<
    string,
    { bounds: readonly number[]; buckets: number[]; count: number }
  >();
  for (const delta of deltas) {
    count += delta.count;
    sumS += delta.sumS;
    if (delta.buckets.length !== delta.bounds.length + 1) continue;
    const key = delta.bounds.join(' ');
    const merged = byBounds.get(key) ?? {
      bounds: delta.bounds,
      buckets: new Array<number>(delta.buckets.length).fill(0),
      count: 0,
    };
    byBounds.set(key, merged);
    merged.count += delta.count;
    for (let k = 0; k < delta.buckets.length; k++) merged.buckets[k]! += delta.buckets[k]!;
  }
  if (count === 0) return null;
  let best: { bounds: readonly number[]; buckets: number[]; count: number } | null = null;
  for (const merged of byBounds.values()) {
    if (best === null || merged.count > best.count) best = merged;
  }
  return {
    meanS: sumS / count,
    p50S: best === null ? null : histogramQuantile(0.5, best.bounds, best.buckets),
    p99S: best === null ? null : histogramQuantile(0.99, best.bounds, best.buckets),
    count,
  };
}

/** The q-quantile of a histogram: linear inside the bucket that holds it; null when empty. */
export function histogramQuantile(
  q: number,
  bounds: readonly number[],
  buckets: readonly number[],
): number | null {
  const total = buckets.reduce((sum, n) => sum + n, 0);
  if (total === 0 || bounds.length === 0) return null;
  const rank = q * total;
  let below = 0;
  for (let k = 0; k < bounds.length; k++) {
    const inside = buckets[k]!;
    if (inside > 0 && below + inside >= rank) {
      const low = k === 0 ? Math.min(0, bounds[0]!) : bounds[k - 1]!;
      return low + ((bounds[k]! - low) * (rank - below)) / inside;
    }
    below += inside;
  }
  // In the open last bucket: its lower bound is all that is known.
  return bounds[bounds.length - 1]!;
}

/** Mean milliseconds per output token of the deltas in [from, from + span); null without any. */
export function meanTpotMs(
  sorted: readonly TokenDelta[],
  fromUnixNs: UnixNanos,
  spanNs: number,
): number | null {
  const toUnixNs = fromUnixNs + BigInt(spanNs);
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]!.timeUnixNs < fromUnixNs) low = middle + 1;
    else high = middle;
  }
  let count = 0;
  let sumS = 0;
  for (let i = low; i < sorted.length && sorted[i]!.timeUnixNs < toUnixNs; i++) {
    count += sorted[i]!.count;
    sumS += sorted[i]!.sumS;
  }
  return count === 0 ? null : ((sumS / count) * NS_PER_S) / 1e6;
}

function bucketsOf(table: MetricTable, i: number): readonly number[] {
  if (table.buckets === null) return [];
  const { offsets, values } = table.buckets;
  return Array.from(values.subarray(offsets[i]!, offsets[i + 1]!));
}

function seriesKey(series: MetricSeries): string {
  return JSON.stringify([
    series.deployment,
    series.workerId,
    series.host,
    series.hwId,
    series.name,
    series.attributes,
  ]);
}
