/**
 * `GET /api/v1/deployments/{id}/breakdown`: where the time of each layer and micro-batch goes.
 * Times are medians over the window's keys (domain, step, layer, micro-batch) and their workers;
 * null: no sample. Definitions: README, "Definitions".
 */
import { z } from 'zod';

const times = {
  /** Compute of the attention side per key. */
  attentionNs: z.number().nullable(),
  /** Transfer from attention to FFN. */
  a2fNs: z.number().nullable(),
  /** Compute of the FFN side per key. */
  ffnNs: z.number().nullable(),
  /** Transfer from FFN to attention. */
  f2aNs: z.number().nullable(),
  /** Wait part of the receives on attention workers. */
  attentionWaitNs: z.number().nullable(),
  /** Wait part of the receives on FFN workers. */
  ffnWaitNs: z.number().nullable(),
  /** Start to start of the same stage in this layer and the next. */
  periodNs: z.number().nullable(),
  /** Keys that the medians are over. */
  count: z.number(),
};

export const breakdownCellSchema = z.object({
  layer: z.number(),
  microbatch: z.number(),
  ...times,
});
export type BreakdownCell = z.infer<typeof breakdownCellSchema>;

export const breakdownLayerSchema = z.object({
  layer: z.number(),
  ...times,
  /** Layer period that the pipeline could reach; null where the layer has no complete key. */
  idealPeriodNs: z.number().nullable(),
  bound: z.enum(['attention-bound', 'ffn-bound', 'network-bound', 'latency-bound']).nullable(),
});
export type BreakdownLayer = z.infer<typeof breakdownLayerSchema>;

export const breakdownSchema = z.object({
  deployment: z.string(),
  window: z.object({ startUnixNs: z.string(), endUnixNs: z.string(), durationNs: z.number() }),
  /** Steps that the window touches. */
  steps: z.number(),
  microbatches: z.number(),
  /** Over all micro-batches, by layer. */
  layers: z.array(breakdownLayerSchema),
  /** By layer, then micro-batch. */
  cells: z.array(breakdownCellSchema),
});
export type Breakdown = z.infer<typeof breakdownSchema>;
