/**
 * Metric points as columns. A series is (sender, metric name, point attributes); a point is one row.
 *
 * Gauges and sums have their number in `value`. Histograms have the sum in `value`, the number of
 * observations in `count`, and bucket counts in `buckets` (bounds are the series').
 */
import type { UnixNanos } from '#lib/base/units.ts';
import type { ListColumn } from './event-table.ts';

export interface MetricSeries {
  readonly deployment: string;
  /** "group/rank" where the sender's resource names a worker, else ''. */
  readonly workerId: string;
  readonly host: string;
  /** GPU UUID from the resource's `hw.id` or the point's `hw.id`/`UUID`/`gpu_uuid`, else ''. */
  readonly hwId: string;
  readonly name: string;
  readonly unit: string;
  readonly type: 'gauge' | 'sum' | 'histogram';
  /** Sums and histograms: does each point hold the total since its start? */
  readonly cumulative: boolean;
  readonly monotonic: boolean;
  /** Point attributes as canonical JSON (sorted keys), '' for none. */
  readonly attributes: string;
  /** Histogram bounds; empty otherwise. */
  readonly bounds: readonly number[];
}

export interface MetricTable {
  readonly length: number;
  readonly baseUnixNs: UnixNanos;
  readonly series: readonly MetricSeries[];
  readonly seriesIndex: Int32Array;
  readonly timeNs: Float64Array;
  readonly value: Float64Array;
  /** Observations of a histogram point; 1 for the others. */
  readonly count: Float64Array;
  readonly buckets: ListColumn | null;
}
