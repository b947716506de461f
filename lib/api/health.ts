/** `GET /api/v1/health`: what came in, what became of it, how large it is, who runs. */
import { z } from 'zod';
import { conditionSchema } from './condition.ts';

export const ingestTotalsSchema = z.object({
  /** '' for what could not be put to a deployment. */
  deployment: z.string(),
  acceptedEvents: z.number(),
  acceptedMetricPoints: z.number(),
  logRecords: z.number(),
  /** Events per reason since the database was made; a missing reason is zero. */
  rejected: z.record(z.string(), z.number()),
});
export type IngestTotalsJson = z.infer<typeof ingestTotalsSchema>;

export const storeHealthSchema = z.object({
  databaseBytes: z.number(),
  walBytes: z.number(),
  rawBytes: z.number(),
  /** Start of the oldest raw event that is kept: the effective retention. */
  oldestRawUnixNs: z.string().nullable(),
  /** Stored chunks that the answering reader could not read and left out. */
  damagedChunks: z.number().optional(),
});
export type StoreHealth = z.infer<typeof storeHealthSchema>;

export const collectorHealthSchema = z.object({
  /**
   * `up`: ready; `starting`: answers, not ready; `degraded`: not ready, and its conditions say why;
   * `down`: no answer, or no runtime file.
   */
  state: z.enum(['up', 'starting', 'degraded', 'down']),
  /** What is wrong and what to do; '' where nothing is. */
  detail: z.string(),
  pid: z.number().nullable(),
  startedUnixMs: z.number().nullable(),
  /** Where workers send: base URL, and host:port. */
  otlpHttp: z.string().nullable(),
  otlpGrpc: z.string().nullable(),
  admin: z.string().nullable(),
  /** What is wrong now, graver ones first; some of them while it is `up`. */
  conditions: z.array(conditionSchema).optional(),
  /** Age of the oldest request that waits for its commit. */
  queueWaitMs: z.number().optional(),
  /** Requests that wait to be let in. */
  waitingRequests: z.number().optional(),
  /** Requests told to come again since the collector started, by reason. */
  refused: z.record(z.string(), z.number()).optional(),
});
export type CollectorHealth = z.infer<typeof collectorHealthSchema>;

export const healthSchema = z.object({
  atUnixMs: z.number(),
  collector: collectorHealthSchema,
  /** null: there is no database yet. */
  store: storeHealthSchema.nullable(),
  /** Why the database could not be read; absent where it could, or where there is none yet. */
  storeProblem: z.string().optional(),
  totals: z.array(ingestTotalsSchema),
});
export type Health = z.infer<typeof healthSchema>;
