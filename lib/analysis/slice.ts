/**
 * A report's window may be cut into slices, each of which is worked on alone. A slice's edges lie
 * between two nanoseconds, so that no event starts or ends on one. What figures of a slice owe to the
 * other slices is told by `SharedFacts`.
 */
import type { WindowNs } from '#lib/model/select-window.ts';
import type { SmallestTransfers } from '#lib/model/smallest-transfers.ts';
import type { LoadModel } from './load-model.ts';
import type { WorkerDomains } from './observed.ts';

export interface Slice {
  /** The slice's part of the window. */
  readonly window: WindowNs;
  /** The report's window. */
  readonly whole: WindowNs;
  /**
   * Times that belong to the slice: its window, but open-ended where it is the first or the last.
   * What an event counts only once for, it counts where it starts.
   */
  readonly ownFromNs: number;
  readonly ownToNs: number;
  /** null: what the slice itself tells is all there is, or all that is known yet. */
  readonly known: SharedFacts | null;
  /** Fitted to steps of the whole window; null: to be fitted to the slice's, which is the window. */
  readonly loadModel: LoadModel | null;
}

/** Facts over all slices. */
export interface SharedFacts {
  /** Layers that cross the network or have experts. */
  readonly sparseLayers: ReadonlySet<number>;
  readonly smallestTransfers: SmallestTransfers;
  readonly workerDomains: WorkerDomains;
  /** By worker id. */
  readonly linkLoads: ReadonlyMap<string, LinkLoad>;
}

/** What a worker's sends of complete keys did to its link. */
export interface LinkLoad {
  /** Sum of all durations, and the time in which any was under way. */
  readonly durationNs: number;
  readonly inFlightNs: number;
  readonly bytes: number;
  /** false: some send carries none. */
  readonly haveBytes: boolean;
}

/** The whole window as its only slice. */
export function wholeSlice(window: WindowNs): Slice {
  return {
    window,
    whole: window,
    ownFromNs: Number.NEGATIVE_INFINITY,
    ownToNs: Number.POSITIVE_INFINITY,
    known: null,
    loadModel: null,
  };
}

/** Does what starts at `startNs` count in this slice? */
export function owns(slice: Slice, startNs: number): boolean {
  return startNs >= slice.ownFromNs && startNs < slice.ownToNs;
}
