/** Expert load in the report (report-types.ts). */

/** Balance of the routed tokens over ranks, layers and experts. */
export interface ExpertReport {
  readonly maxOverMean: number;
  readonly vllmBalancedness: number;
  readonly sglangBalancedness: number;
  readonly activePerRank: number;
  readonly hottest: readonly {
    readonly worker: string;
    readonly layer: number;
    readonly expert: number;
    readonly tokens: number;
  }[];
  readonly forcedRouting: boolean;
  /** Keys (step, layer, micro-batch) that all FFN workers took part in. */
  readonly keys?: number | undefined;
  /** Of single experts: largest over mean tokens; null where events do not say. */
  readonly expertMaxOverMean?: number | null | undefined;
  /** Correlation of routed tokens with expert time over all keys and workers; null: no spread. */
  readonly tokensTimeCorrelation?: number | null | undefined;
  readonly layers?: readonly ExpertLayer[] | undefined;
  readonly workers?: readonly ExpertWorker[] | undefined;
}

/** Expert load of one layer over the window. */
export interface ExpertLayer {
  readonly layer: number;
  readonly maxOverMean: number;
  readonly vllmBalancedness: number;
  readonly sglangBalancedness: number;
  readonly tokensTimeCorrelation: number | null;
  /** The worker with most tokens. */
  readonly worker: string;
}

/** Expert load of one FFN worker over the window. */
export interface ExpertWorker {
  readonly worker: string;
  /** Routed tokens of a key and layer, mean. */
  readonly tokens: number;
  /** Over the mean of its group. */
  readonly tokensRatio: number;
  /** Experts with a token, mean; null where events do not say. */
  readonly active: number | null;
}
