/**
 * `GET /api/v1/deployments/{id}/waits`: who waited because of whom, why, and in which layers.
 *
 *     workers    0 attention/0   1 attention/1   2 ffn/0
 *     matrices   attention-ffn   waiters [0, 1]  culprits [2]   totalNs [w0·c0, w1·c0]
 *     layers     3, attention    causes (ten sums), stages (sums of durations)
 *
 * Times are nanoseconds of the window, of the bubble while a receive was open, summed over workers
 * and steps. Definitions: docs/definitions.md, "Causes".
 */
import { z } from 'zod';
import { bubbleCausesSchema } from './report-schema.ts';

/** Names as in the report's `causes`; the nine that name a cause, and `unknownNs`. */
export const causeNameSchema = bubbleCausesSchema.keyof();
export type CauseName = z.infer<typeof causeNameSchema>;

export const waitingWorkerSchema = z.object({
  id: z.string(),
  group: z.string(),
  role: z.string(),
  rank: z.number(),
  /** Its bubble while a receive was open; the ten causes add up to it. */
  waitedNs: z.number(),
  causes: bubbleCausesSchema,
  /** What workers, itself left out, waited because of it, and why. */
  blamedNs: z.number(),
  blamed: bubbleCausesSchema,
});
export type WaitingWorker = z.infer<typeof waitingWorkerSchema>;

export const waitMatrixSchema = z.object({
  /** Side that waited, side of the culprits. Fan-in is in those of one side, but not alone. */
  kind: z.enum(['attention-ffn', 'ffn-attention', 'attention-attention', 'ffn-ffn']),
  /** Indices into `workers`, by rank. */
  waiters: z.array(z.number()),
  culprits: z.array(z.number()),
  /** Row-major: `totalNs[waiter * culprits.length + culprit]`. */
  totalNs: z.array(z.number()),
  /** The same by cause; causes without any time are left out. They add up to `totalNs`. */
  causes: z.array(z.object({ cause: causeNameSchema, ns: z.array(z.number()) })),
  /** Beyond 256 a side, those with the least time; what they add up to. */
  hiddenWaiters: z.number(),
  hiddenCulprits: z.number(),
  hiddenNs: z.number(),
});
export type WaitMatrix = z.infer<typeof waitMatrixSchema>;

export const waitLayerSchema = z.object({
  /** -1: what has no layer. */
  layer: z.number(),
  /** Of the workers that waited, or worked. */
  role: z.string(),
  /** Of the receives of this layer. */
  causes: bubbleCausesSchema,
  /** Sums of the durations of the layer's events inside the window; receives are not among them. */
  stages: z.array(z.object({ stage: z.string(), count: z.number(), totalNs: z.number() })),
});
export type WaitLayer = z.infer<typeof waitLayerSchema>;

export const waitsSchema = z.object({
  deployment: z.string(),
  /** What of the asked window was looked at: its newest part, where it is long. */
  window: z.object({ startUnixNs: z.string(), endUnixNs: z.string(), durationNs: z.number() }),
  /** Steps that end in the window. */
  steps: z.number(),
  /** Their mean latency; null without any. */
  stepNs: z.number().nullable(),
  workers: z.array(waitingWorkerSchema),
  /** Without those in which nobody waited. */
  matrices: z.array(waitMatrixSchema),
  /** By layer, then role. */
  layers: z.array(waitLayerSchema),
});
export type Waits = z.infer<typeof waitsSchema>;
