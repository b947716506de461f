/**
 * `GET /api/v1/deployments/{id}/whatif?from&to&set=…`: recorded timings replayed through the pipeline,
 * first as they are, then with changes. `set` may come several times:
 *
 *     ratio=12A4F           workers on either side; requests per attention worker stay
 *     microbatches=3        micro-batches in flight, each as large as now
 *     batch=0.5             requests of each micro-batch, times so much
 *     network=0.5           transfer times, times so much
 *     fix=attention/2       the worker is as fast as the median of its group, at its own load
 *     experts=level         routed tokens spread evenly over the FFN workers
 *     stage:expert=0.8      times of one stage, times so much
 *
 * Definitions: docs/definitions.md, "What-if".
 */
import { z } from 'zod';

/** Bounds that hold nine times in ten, by the spread of the recorded steps. */
const estimate = z.object({ value: z.number(), low: z.number(), high: z.number() });
export type WhatifEstimate = z.infer<typeof estimate>;

export const whatifOutcomeSchema = z.object({
  attention: z.number(),
  ffn: z.number(),
  microbatches: z.number(),
  /** Mean time of a step: until the next one starts where it directly follows, else until it ends. */
  stepNs: estimate,
  /** Start to start of consecutive layers. */
  periodNs: estimate.nullable(),
  tokensPerSecond: estimate.nullable(),
  tokensPerSecondPerGpu: estimate.nullable(),
  /** Part of the steps' time in which a worker of the side does not compute, mean over workers. */
  attentionBubble: z.number(),
  ffnBubble: z.number(),
});
export type WhatifOutcome = z.infer<typeof whatifOutcomeSchema>;

export const whatifSchema = z.object({
  deployment: z.string(),
  /** What of the asked window was replayed. */
  window: z.object({ startUnixNs: z.string(), endUnixNs: z.string(), durationNs: z.number() }),
  /** Whole steps that were replayed. */
  steps: z.number(),
  events: z.number(),
  /** As they were understood, in the order given. */
  changes: z.array(z.object({ set: z.string(), words: z.string() })),
  /** null: nothing in the window can be replayed; `problem` says why. */
  result: z
    .object({
      measured: whatifOutcomeSchema,
      /** The same steps through the pipeline, nothing changed. */
      replayed: whatifOutcomeSchema,
      /** Replayed over measured step time, minus one. */
      replayErrorRatio: z.number(),
      /** false: the replay is too far off (5 %) for a prediction to be believed. */
      reproduces: z.boolean(),
      /** With the changes; equal to `replayed` without any. */
      predicted: whatifOutcomeSchema,
      /** Predicted over replayed, minus one; negative step time: faster. */
      stepGain: estimate,
      tokensPerSecondPerGpuGain: estimate.nullable(),
    })
    .nullable(),
  problem: z.string().nullable(),
  /** How times that were not measured were come by, in words. */
  assumes: z.array(z.string()),
});
export type WhatifAnswer = z.infer<typeof whatifSchema>;
