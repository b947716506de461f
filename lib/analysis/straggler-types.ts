/** Slow workers and the load model in the report (report-types.ts). */

/** How compute time of a (key, worker) depends on its load; one side. */
export interface SideLoadReport {
  /** Is excess split by it? */
  readonly usable: boolean;
  /** What told the slopes: loads that vary in time, workers that differ, or nothing. */
  readonly basis: 'time' | 'workers' | 'none';
  readonly fixedNs: number;
  readonly medianNs: number;
  /** The first and the second load. */
  readonly loads: readonly {
    readonly measure: string;
    readonly nsPerUnit: number;
    /** null: no event carries it. */
    readonly median: number | null;
  }[];
  /** Standard error of the slope over that of a time proportional to the load; null: not known. */
  readonly errorRatio: number | null;
  readonly spreadRatio: number | null;
  readonly samples: number;
  readonly steps: number;
}

export interface LoadModelReport {
  /** null: the side has no compute in layers that cross the network. */
  readonly attention: SideLoadReport | null;
  readonly ffn: SideLoadReport | null;
}

/** What of a straggler's excess it is. */
export type StragglerCause = 'load' | 'device' | 'both';
export type StragglerClass = 'compute-slow' | 'comm-slow' | 'mixed';

export interface Straggler {
  readonly worker: string;
  readonly stage: string;
  /** Of its time after normalising for load. Below 4 workers: its excess over 2 %. */
  readonly score: number;
  /** Its mean time over its group's median, minus 1. Split into load and residual. */
  readonly excessRatio: number;
  readonly loadRatio: number;
  readonly residualRatio: number;
  /** Start of the first window of the run in which it is slow. */
  readonly sinceUnixNs: string;
  readonly group?: string | undefined;
  /** Of the worker, over all its stages. */
  readonly class?: StragglerClass | undefined;
  readonly cause?: StragglerCause | undefined;
  /** The same score before normalising for load. */
  readonly rawScore?: number | undefined;
  /** Mean time of an event, and the group's median of it. */
  readonly meanNs?: number | undefined;
  readonly medianNs?: number | undefined;
  /** Time of its excess over the whole window. */
  readonly excessNs?: number | undefined;
  /** Low: a single window, few events, or less than 4 workers to compare with. */
  readonly confidence?: 'high' | 'medium' | 'low' | undefined;
  /** Sub-windows in which it was slow, of the latest ones that were looked at. */
  readonly windows?: { readonly slow: number; readonly of: number } | undefined;
  /** Time that others waited because of it, in the window, whatever of its stages they waited for. */
  readonly sufferedNs?: number | undefined;
}
