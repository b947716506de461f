/** What goes wrong in the simulated cluster. All absent: nothing does. */
import type { Role } from '#lib/table/codes.ts';

export interface RankName {
  readonly role: Extract<Role, 'attention' | 'ffn'>;
  readonly rank: number;
}

export interface Faults {
  /** Every compute event of the worker takes `factor` times as long, at the same load. */
  readonly slowRank?: RankName & { readonly factor: number };
  /** The attention worker's sequences are `factor` times as long: slow, but for its load. */
  readonly longContext?: { readonly rank: number; readonly factor: number };
  /**
   * One expert of the FFN worker is so popular that the worker gets `factor` times the mean of
   * the tokens (at most all of them), at the cost of the others, in layers [fromLayer, toLayer].
   */
  readonly hotExpert?: {
    readonly rank: number;
    readonly factor: number;
    readonly fromLayer?: number;
    readonly toLayer?: number;
  };
  /** Each transfer takes `factor` times as long with this probability. */
  readonly commTail?: { readonly probability: number; readonly factor: number };
  /** More host time before each step of each attention worker. */
  readonly hostGapNs?: number;
  /**
   * Reported times only. `target` is a host ("node-1") or a worker ("ffn/2"). A clock that drifts
   * runs fast by so many ppm from the simulation's start on.
   */
  readonly clockOffset?: readonly {
    readonly target: string;
    readonly offsetNs: number;
    readonly driftPpm?: number;
  }[];
  /** The worker starts no compute of this layer or later; everyone ends up waiting for it. */
  readonly hungRank?: RankName & { readonly layer?: number };
  /** Part of the events that never reach the report, 0..1. */
  readonly lostSpansRatio?: number;
}

export const NO_FAULTS: Faults = {};
