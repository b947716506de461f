/**
 * `GET /api/v1/deployments/{id}/timeline/search?q&from&to&limit&near`: words and `key:value` pairs, all of
 * which must hold: `step:1234 layer:5 mb:1 stage:expert worker:ffn/3 dur>1ms`.
 */
import { z } from 'zod';

export const timelineSearchSchema = z.object({
  deployment: z.string(),
  query: z.string(),
  /** What was looked at: the newest part, where the window holds too much. */
  window: z.object({ startUnixNs: z.string(), endUnixNs: z.string(), durationNs: z.number() }),
  /** All that match in the window; more than `hits` holds (default 100, at most 1000). */
  total: z.number(),
  /** Of these, what starts before `near`; null: without it, and then hits are the earliest, by time. */
  before: z.number().nullable(),
  /** With `near`: those that lie nearest to that instant, nearest first, of each kind. */
  hits: z.array(
    z.object({
      kind: z.enum(['worker', 'step', 'event', 'annotation']),
      /** One line that tells it. */
      label: z.string(),
      workerId: z.string().nullable(),
      stage: z.string().nullable(),
      domain: z.number().nullable(),
      step: z.number().nullable(),
      layer: z.number().nullable(),
      microbatch: z.number().nullable(),
      /** Unix nanoseconds; of a worker without times: null. */
      startUnixNs: z.string().nullable(),
      durationNs: z.number(),
    }),
  ),
});
export type TimelineSearch = z.infer<typeof timelineSearchSchema>;
