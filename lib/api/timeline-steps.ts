/**
 * `GET /api/v1/deployments/{id}/timeline/steps?from&to&order&limit&overNs&domain`: the steps of a
 * window. With `at` (unix ns) and `direction` (`next`, `previous`) in place of the window: the step
 * that starts after, or before, that instant.
 */
import { z } from 'zod';

export const timelineStepSchema = z.object({
  domain: z.number(),
  step: z.number(),
  startUnixNs: z.string(),
  /** Latency: first start to last end over the domain's workers. */
  durationNs: z.number(),
  /** Start to start of the step before on the same domain; null: none is known. */
  cadenceNs: z.number().nullable(),
  events: z.number(),
  /**
   * Once for each micro-batch and data-parallel rank. null: no event of the step tells them, or the
   * step is not among the first of the list, for which events are read (a million of them).
   */
  tokens: z.number().nullable(),
});
export type TimelineStep = z.infer<typeof timelineStepSchema>;

export const timelineStepsSchema = z.object({
  deployment: z.string(),
  /** What of the asked window was looked at: its newest part, where it holds too much. */
  window: z.object({ startUnixNs: z.string(), endUnixNs: z.string(), durationNs: z.number() }),
  /** `time`, or `slowest` first. */
  order: z.enum(['time', 'slowest']),
  /** Steps that start in the window, and those of them that last longer than `overNs`. */
  total: z.number(),
  over: z.number(),
  overNs: z.number().nullable(),
  /** At most `limit` (default 50, at most 1000); with `overNs` only those over it. */
  steps: z.array(timelineStepSchema),
});
export type TimelineSteps = z.infer<typeof timelineStepsSchema>;
