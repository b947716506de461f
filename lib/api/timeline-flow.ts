/**
 * `GET /api/v1/deployments/{id}/timeline/flow?step&domain&layer&microbatch&at`: the way of one
 * micro-batch through one layer, across both groups. `at` (unix ns) is where to look for the step.
 *
 *     attention ──▶ a2f_send ══▶ a2f_recv ──▶ expert ──▶ f2a_send ══▶ f2a_recv ──▶ combine
 */
import { z } from 'zod';

export const timelineFlowSchema = z.object({
  deployment: z.string(),
  domain: z.number(),
  step: z.number(),
  layer: z.number(),
  microbatch: z.number(),
  /** By start. `kind` is that after the cut of receives. */
  events: z.array(
    z.object({
      workerId: z.string(),
      stage: z.string(),
      kind: z.string(),
      startUnixNs: z.string(),
      durationNs: z.number(),
    }),
  ),
  /** Indices into `events`: the end of one leads to the start, or for a transfer the end, of another. */
  arrows: z.array(
    z.object({ from: z.number(), to: z.number(), kind: z.enum(['local', 'a2f', 'f2a']) }),
  ),
  /** What is missing of the key, in words; empty: nothing. */
  missing: z.array(z.string()),
});
export type TimelineFlow = z.infer<typeof timelineFlowSchema>;
