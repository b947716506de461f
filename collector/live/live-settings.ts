/** The live thread's bounds. All have defaults; tests shorten them. */
export interface LiveSettings {
  /** `sqlite`, or another store's URL; read for totals, start-up and rebuilt rollups. */
  readonly store: string;
  /** Folder of the database. */
  readonly dataDir: string;
  /** Time from one cycle to the next, while a cycle takes less than `targetCycleMs`. */
  readonly periodMs: number;
  readonly targetCycleMs: number;
  /** The live report covers whole steps of at most so long. */
  readonly reportSpanNs: number;
  /** ... and of at most so many events; at a higher rate it covers less time. */
  readonly maxReportEvents: number;
  /** The span is longer, up to this, where a whole step takes so long or few steps are looked at. */
  readonly maxStepSpanNs: number;
  /** How far behind the newest event a worker may report and still be waited for. */
  readonly maxLagNs: number;
  /** Events kept over all deployments; more close rollups early, then drop the oldest. */
  readonly maxEvents: number;
  readonly maxDeployments: number;
  /** Strip and heat map are made so often, while someone looks. */
  readonly pictureEveryMs: number;
  /** Without events for so long a deployment is `quiet`, and its buckets are closed. */
  readonly quietAfterMs: number;
  /** Without events for so long a deployment leaves the memory. */
  readonly evictAfterMs: number;
  /** Events assembled at once for rollups. */
  readonly maxRollupEvents: number;
  /**
   * Part of a processor that taking events in and closing buckets may take; where more comes, only
   * some steps are looked at.
   */
  readonly rollupShare: number;
}

export const LIVE_DEFAULTS: Omit<LiveSettings, 'store' | 'dataDir'> = {
  periodMs: 1000,
  targetCycleMs: 200,
  reportSpanNs: 5e9,
  maxReportEvents: 120_000,
  maxStepSpanNs: 15e9,
  maxLagNs: 10e9,
  maxEvents: 3_000_000,
  maxDeployments: 4096,
  pictureEveryMs: 2000,
  quietAfterMs: 10_000,
  evictAfterMs: 600_000,
  maxRollupEvents: 600_000,
  rollupShare: 0.12,
};
