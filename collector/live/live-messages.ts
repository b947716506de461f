/** What the main thread and the live thread say to each other. */
import type { MessagePort } from 'node:worker_threads';
import type { Heatmap, Overview, Strip, TrendPoint } from '#lib/api/live-event.ts';
import type { LiveSettings } from './live-settings.ts';

/** `workerData` of the live thread. */
export interface LiveThreadData {
  readonly settings: LiveSettings;
  /** The other end is the ingest thread's. */
  readonly port: MessagePort;
}

/** Main -> live. */
export type ToLive =
  /** Somebody looks at the deployment, or nobody does any more. */
  | { readonly type: 'watched'; readonly deployment: string; readonly watched: boolean }
  | { readonly type: 'stop' };

/** New figures of a deployment; null: as they were. */
export interface LiveUpdate {
  readonly deployment: string;
  readonly overview: Overview;
  /** Oldest first. */
  readonly points: readonly TrendPoint[];
  readonly strip: Strip | null;
  readonly heatmap: Heatmap | null;
}

export interface LiveStats {
  readonly deployments: number;
  readonly events: number;
  /** Processor time of the live thread so far. */
  readonly cpuMs: number;
  /** Deployments of which some steps only are looked at. */
  readonly sampledDeployments: number;
  /** Time that the last cycle took, and the time between cycles now. */
  readonly cycleMs: number;
  readonly periodMs: number;
  /** Events that left the memory before their rollups were made; these are rebuilt from the store. */
  readonly droppedEvents: number;
  readonly lateEvents: number;
  readonly closedBuckets: number;
  /** Minutes whose rollups wait to be rebuilt from the store, and those that were. */
  readonly rebuildQueue: number;
  readonly rebuiltMinutes: number;
  /** Minutes given up because the queue was full. */
  readonly abandonedMinutes: number;
  /** Deployments not followed for want of room. */
  readonly ignoredDeployments: number;
}

/** Live -> main. */
export type FromLive =
  | { readonly type: 'ready' }
  | { readonly type: 'update'; readonly update: LiveUpdate }
  | { readonly type: 'evicted'; readonly deployment: string }
  | { readonly type: 'stats'; readonly stats: LiveStats }
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'stopped' };
