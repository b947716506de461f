/**
 * What the live stream (SSE) carries. Every event replaces its part of the page's state, but for
 * `point`, which appends; so a reader that was away needs the last of each kind and the missed
 * points, and `reset` tells it to load the history anew.
 *
 *     id: 1841                    epoch; comes back as Last-Event-ID
 *     event: overview             one of the kinds below
 *     data: {…}                   the JSON of that kind
 */
import { z } from 'zod';
import { hangSchema } from './hangs.ts';
import { reportSchema } from './report-schema.ts';
import { stragglerSchema } from './stragglers.ts';

/** A figure that a sender's metrics gave for a group, newest values over its workers. */
export const gpuActivitySchema = z.object({
  group: z.string(),
  /** Means over the group's GPUs, 0..1; null where no metric came. */
  dramActiveRatio: z.number().nullable(),
  tensorActiveRatio: z.number().nullable(),
  smActiveRatio: z.number().nullable(),
  powerWatts: z.number().nullable(),
});
export type GpuActivity = z.infer<typeof gpuActivitySchema>;

export const ingestHealthSchema = z.object({
  eventsPerSecond: z.number(),
  acceptedEvents: z.number(),
  acceptedMetricPoints: z.number(),
  logRecords: z.number(),
  /** Events per reason since the database was made. */
  rejected: z.record(z.string(), z.number()),
  /** Wall clock minus newest event end; null before the first event. */
  lagMs: z.number().nullable(),
});
export type IngestHealth = z.infer<typeof ingestHealthSchema>;

/** `live` events arrive; `quiet` none for 10 s; `empty` never any. */
export const deploymentStateSchema = z.enum(['live', 'quiet', 'empty']);

export const overviewSchema = z.object({
  kind: z.literal('overview'),
  deployment: z.string(),
  state: deploymentStateSchema,
  atUnixMs: z.number(),
  /** Over the last few seconds of raw events; null while there are none. */
  report: reportSchema.nullable(),
  gpu: z.array(gpuActivitySchema),
  /** From the engine's own metrics; null where none came. */
  tpotMs: z
    .object({ mean: z.number(), p50: z.number().nullable(), p99: z.number().nullable() })
    .nullable(),
  ingest: ingestHealthSchema,
  /** Over the last half minute, worst first; absent from older collectors. */
  stragglers: z.array(stragglerSchema).optional(),
  /** What stands still now, and what did in the last minutes, the newest first. */
  hangs: z.array(hangSchema).optional(),
});
export type Overview = z.infer<typeof overviewSchema>;

/**
 * The newest complete step, receives split: parallel arrays, one entry a box, by row then start.
 * `kind` and `stage` are indexes into `kinds` and `stages`.
 */
export const stripSchema = z.object({
  kind: z.literal('strip'),
  deployment: z.string(),
  domain: z.number(),
  step: z.number(),
  startUnixNs: z.string(),
  durationNs: z.number(),
  /** Layers in the strip, of `layers` in the step: cut where a step has too many boxes. */
  shownLayers: z.number(),
  layers: z.number(),
  rows: z.array(
    z.object({ workerId: z.string(), group: z.string(), role: z.string(), rank: z.number() }),
  ),
  /** Workers of the deployment that have no row, for want of room. */
  hiddenWorkers: z.number(),
  stages: z.array(z.string()),
  kinds: z.array(z.string()),
  row: z.array(z.number()),
  startNs: z.array(z.number()),
  boxDurationNs: z.array(z.number()),
  layer: z.array(z.number()),
  microbatch: z.array(z.number()),
  stage: z.array(z.number()),
  boxKind: z.array(z.number()),
});
export type Strip = z.infer<typeof stripSchema>;

/**
 * Worker × layer, row-major by worker. `bubbleNs`: bubble charged to the layer of the compute event
 * that ends it, per step; `durationNs`: compute per step; `waitNs`: wait of the layer's receives.
 * null: no data.
 */
export const heatmapSchema = z.object({
  kind: z.literal('heatmap'),
  deployment: z.string(),
  steps: z.number(),
  workers: z.array(
    z.object({ workerId: z.string(), group: z.string(), role: z.string(), rank: z.number() }),
  ),
  layers: z.array(z.number()),
  bubbleNs: z.array(z.number().nullable()),
  durationNs: z.array(z.number().nullable()),
  waitNs: z.array(z.number().nullable()),
});
export type Heatmap = z.infer<typeof heatmapSchema>;

/** One step of the trend charts; the history has the same form (`/series`). */
export const trendPointSchema = z.object({
  atUnixMs: z.number(),
  /** Bucket length; charts break their lines where points are further apart than two of them. */
  spanMs: z.number(),
  groups: z.array(
    z.object({
      group: z.string(),
      role: z.string(),
      busyRatio: z.number().nullable(),
      activeBubbleRatio: z.number().nullable(),
      overlapRatio: z.number().nullable(),
    }),
  ),
  tokensPerSecond: z.number().nullable(),
  stepsPerSecond: z.number().nullable(),
  stepLatencyMs: z.number().nullable(),
  tpotMs: z.number().nullable(),
  measuredPeriodUs: z.number().nullable(),
  idealPeriodUs: z.number().nullable(),
});
export type TrendPoint = z.infer<typeof trendPointSchema>;

export const pointSchema = trendPointSchema.extend({
  kind: z.literal('point'),
  deployment: z.string(),
});

/** First on a fresh or forgotten connection: drop what you have, load the history. */
export const resetSchema = z.object({ kind: z.literal('reset'), deployment: z.string() });

export const liveEventSchema = z.discriminatedUnion('kind', [
  overviewSchema,
  stripSchema,
  heatmapSchema,
  pointSchema,
  resetSchema,
]);
export type LiveEvent = z.infer<typeof liveEventSchema>;
