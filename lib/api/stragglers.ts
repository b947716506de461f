/** `GET /deployments/{id}/stragglers`: who is slow, by how much, why, and since when. */
import { z } from 'zod';
import { hangSchema } from './hangs.ts';

export const stragglerSchema = z.object({
  worker: z.string(),
  stage: z.string(),
  score: z.number(),
  excessRatio: z.number(),
  loadRatio: z.number(),
  residualRatio: z.number(),
  sinceUnixNs: z.string(),
  group: z.string().optional(),
  class: z.enum(['compute-slow', 'comm-slow', 'mixed']).optional(),
  cause: z.enum(['load', 'device', 'both']).optional(),
  rawScore: z.number().optional(),
  meanNs: z.number().optional(),
  medianNs: z.number().optional(),
  excessNs: z.number().optional(),
  confidence: z.enum(['high', 'medium', 'low']).optional(),
  windows: z.object({ slow: z.number(), of: z.number() }).optional(),
  sufferedNs: z.number().optional(),
});
export type StragglerJson = z.infer<typeof stragglerSchema>;

const sideLoadSchema = z
  .object({
    usable: z.boolean(),
    basis: z.enum(['time', 'workers', 'none']),
    fixedNs: z.number(),
    medianNs: z.number(),
    loads: z.array(
      z.object({ measure: z.string(), nsPerUnit: z.number(), median: z.number().nullable() }),
    ),
    errorRatio: z.number().nullable(),
    spreadRatio: z.number().nullable(),
    samples: z.number(),
    steps: z.number(),
  })
  .nullable();

export const loadModelSchema = z.object({ attention: sideLoadSchema, ffn: sideLoadSchema });

export const stragglersSchema = z.object({
  deployment: z.string(),
  window: z.object({ startUnixNs: z.string(), endUnixNs: z.string(), durationNs: z.number() }),
  /** From this score on a worker is slow. */
  thresholdScore: z.number(),
  /** Worst first; the same as in the report. */
  ranking: z.array(stragglerSchema),
  /** null: no worker with a stage to compare. */
  loadModel: loadModelSchema.nullable(),
  hangs: z.array(hangSchema),
  /** One entry a group and stage that matters: scores by worker and sub-window. */
  trends: z.array(
    z.object({
      group: z.string(),
      stage: z.string(),
      workers: z.array(z.string()),
      /** Starts of the sub-windows, ascending, and their length; those without data are left out. */
      atUnixNs: z.array(z.string()),
      spanNs: z.number(),
      /** Row-major by worker; null: too few events. */
      score: z.array(z.number().nullable()),
      rawScore: z.array(z.number().nullable()),
      excessRatio: z.array(z.number().nullable()),
      /** Part of the excess that load explains. */
      loadRatio: z.array(z.number().nullable()),
    }),
  ),
});
export type StragglersAnswer = z.infer<typeof stragglersSchema>;
