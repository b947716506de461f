/**
 * What rules are evaluated on. A sample is one figure of one series over a short span of event time; a
 * later sample of the same series and instant replaces an earlier one (late events change figures).
 */

/** Whose a figure is: always a deployment ('' for the collector itself), and labels of alert-metrics.ts. */
export type SeriesLabels = Readonly<Record<string, string>>;

export interface Sample {
  /** A name of ALERT_METRICS, or `report:` and a path. */
  readonly metric: string;
  readonly labels: SeriesLabels;
  /** End of the span, event time in unix milliseconds. */
  readonly atUnixMs: number;
  /** In the metric's base unit. */
  readonly value: number;
  /**
   * What the value is a mean over (active ns of a ratio, tokens of a time per token, 1 where nothing
   * better is known): windows add value × weight and divide by the weights, so that a ratio of a window
   * is the ratio of sums.
   */
  readonly weight: number;
  /** What annotations may say beside labels ("step", "reason"); the newest of a series counts. */
  readonly facts?: Readonly<Record<string, string>>;
}

/** Samples of one deployment that were taken together: one look at its live figures. */
export interface SampleSet {
  readonly deployment: string;
  /** When it was looked, by the collector's clock. */
  readonly atUnixMs: number;
  readonly samples: readonly Sample[];
}
