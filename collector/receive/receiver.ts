/** What both receivers are: their options, their limits, how they listen. */
import type { Server } from 'node:net';
import type { IngestService } from '#collector/ingest/ingest-client.ts';
import type { ReadLimits } from './read-body.ts';
import type { ReceiverStats } from './receiver-stats.ts';

export const DEFAULT_MAX_BODY_BYTES = 64 * 1024 * 1024;

export interface ReceiverOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly ingest: Pick<IngestService, 'submit'>;
  /** Holds the byte budget, which both receivers share. */
  readonly stats: ReceiverStats;
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
