import { ROLES, type Role } from './codes.ts';

/**
 * What a sender says about itself once (OTLP resource attributes), defaults filled in. A worker is
 * (deployment, group, rank); the same worker has several entries when it restarts.
 */
export interface WorkerInfo {
  readonly deployment: string;
  /** GPU group; default: the role. */
  readonly group: string;
  readonly role: Role;
  readonly rank: number;
  /** Data-parallel domain whose step counter the worker follows by default. */
  readonly domain: number;
  /** Changes when the process restarts. */
  readonly incarnation: string;
  readonly service: string;
  readonly instanceId: string;
  readonly host: string;
  /** UUID of the GPU, '' where unknown. */
  readonly hwId: string;
  readonly clockDomain: string;
  /** What the end of a send span means. */
  readonly sendEnd: 'arrival' | 'posted' | 'acked' | 'unknown';
  readonly sendMode: 'rendezvous' | 'unknown';
  /** As the sender wrote it, such as "48A16F"; '' where unknown. */
  readonly topology: string;
  /** Micro-batches and layers as the sender states them; 0 where unknown. */
  readonly microbatches: number;
  readonly layers: number;
  readonly connector: string;
  readonly model: string;
  /** GPU model as the sender names it (`hw.model`); absent: it does not. */
  readonly gpu?: string | undefined;
  /** How its stages are timed (`afd.timing`); absent: it does not say. */
  readonly timing?: Timing | undefined;
}

/** By the host's clock around launches, by events in GPU streams, by events inside of CUDA graphs. */
export const TIMINGS = ['host', 'cuda_event', 'cuda_graph'] as const;
export type Timing = (typeof TIMINGS)[number];

/** The worker's name inside its deployment, such as "attention/2". */
export function workerId(worker: Pick<WorkerInfo, 'group' | 'rank'>): string {
  return `${worker.group}/${worker.rank}`;
}

/** The order of workers in every answer: role as in ROLES (others last), then group, then rank. */
export function compareWorkers(
  a: { readonly role: string; readonly group: string; readonly rank: number },
  b: { readonly role: string; readonly group: string; readonly rank: number },
): number {
  return (
    roleOrder(a.role) - roleOrder(b.role) ||
    (a.group < b.group ? -1 : a.group > b.group ? 1 : 0) ||
    a.rank - b.rank
  );
}

function roleOrder(role: string): number {
  const names: readonly string[] = ROLES;
  const order = names.indexOf(role);
  return order < 0 ? names.length : order;
}
