/**
 * `GET /api/v1/deployments/{id}/timeline/stats?from&to&workers&stages&layer&microbatch&peer`: what an
 * area of the timeline holds.
 */
import { z } from 'zod';
import { quantilesSchema } from './report-schema.ts';

export const timelineStatsSchema = z.object({
  deployment: z.string(),
  window: z.object({ startUnixNs: z.string(), endUnixNs: z.string(), durationNs: z.number() }),
  workers: z.number(),
  /** `raw`: from events, exact. `rollup`: whole buckets that touch the window, quantiles by sketch. */
  exactness: z.enum(['raw', 'rollup']),
  events: z.number(),
  /** By group, then stage; a receive that was cut counts under both its kinds. */
  stages: z.array(
    z.object({
      group: z.string(),
      stage: z.string(),
      kind: z.string(),
      /** Events that overlap the window. */
      count: z.number(),
      /** Their time inside the window. */
      sumNs: z.number(),
      /** sumNs over (window × workers of the group in the selection). */
      share: z.number(),
      /** Of whole events, also of those that stick out. */
      durationNs: quantilesSchema,
    }),
  ),
  /** Waiting by cause, over all workers; empty where it is not known. */
  causes: z.array(z.object({ cause: z.string(), ns: z.number(), share: z.number() })),
  /** Durations of all events, in bins that grow by a constant factor. */
  histogram: z.object({
    /** One more than `count`. */
    edgesNs: z.array(z.number()),
    count: z.array(z.number()),
  }),
});
export type TimelineStats = z.infer<typeof timelineStatsSchema>;
