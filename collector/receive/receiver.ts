/** What both receivers are: their options, their limits, how they listen. */
import type { Server } from 'node:net';
import type { IngestService } from '#collector/ingest/ingest-client.ts';
import type { FrontDoor } from './front-door.ts';
import type { ReadLimits } from './read-body.ts';
import type { ReceiverStats } from './receiver-stats.ts';

export const DEFAULT_MAX_BODY_BYTES = 64 * 1024 * 1024;

/** What the answers to stored requests ask of the workers that read them (docs/pull.md). */
export interface PullSource {
  /**
   * Values of the header `afdscope-pull`, a line each. `ring`: what the sender says of itself in
   * `afdscope-ring`.
   */
  valuesFor(ring: string | undefined): readonly string[];
}

export const PULL_HEADER = 'afdscope-pull';
export const RING_HEADER = 'afdscope-ring';

export interface ReceiverOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly ingest: Pick<IngestService, 'submit'>;
  /** Holds the byte budget, which both receivers share. */
  readonly stats: ReceiverStats;
  /** Where requests wait while they cannot be stored; absent: they are read at once. */
  readonly door?: FrontDoor;
  /** Absent: nothing is asked of workers. */
  readonly pulls?: PullSource;
  /** Limit of a body or message after decompression; default 64 MiB. */
  readonly maxBodyBytes?: number;
  /** Longest pause inside a body; default 10 s. */
  readonly bodyIdleMs?: number;
  /** Longest time for a whole body; default 120 s. */
  readonly bodyTotalMs?: number;
}

export interface OtlpReceiver {
  readonly host: string;
  readonly port: number;
  /** Refuses new requests from now on (503, UNAVAILABLE); those in flight go on. */
  drain(): void;
  /** Drains, waits for the answers of requests in flight up to `graceMs`, then closes. */
  close(graceMs?: number): Promise<void>;
}

/** How long a request may wait for the store: most senders time out after 10 s. */
export const HTTP_PATIENCE_MS = 8000;
export const MAX_PATIENCE_MS = 120_000;
/** Left for the answer to travel, and for a commit that has just begun. */
const ANSWER_MARGIN_MS = 2000;

/** gRPC says how long its sender waits (`grpc-timeout`: "9900m", "10S"); HTTP does not. */
export function grpcPatienceMs(timeout: string | undefined): number {
  const [, digits = '', unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(timeout ?? '') ?? [];
  const unitMs = UNIT_MS[unit];
  if (unitMs === undefined) return HTTP_PATIENCE_MS;
  return Math.min(MAX_PATIENCE_MS, Math.max(0, Number(digits) * unitMs - ANSWER_MARGIN_MS));
}

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

export function readLimitsOf(options: ReceiverOptions): ReadLimits {
  return {
    maxBytes: options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES,
    idleMs: options.bodyIdleMs ?? 10_000,
    totalMs: options.bodyTotalMs ?? 120_000,
  };
}

/** The port that was taken; rejects where the address cannot be listened on. */
export function listenOn(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

/** Resolves when the server has closed; `cut` ends, after `graceMs`, what is still open. */
export async function closeWithin(server: Server, graceMs: number, cut: () => void): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const timer = setTimeout(cut, graceMs);
  await closed;
  clearTimeout(timer);
}
