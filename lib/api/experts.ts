/** `GET /deployments/{id}/experts`: tokens by layer, rank and expert. */
import { z } from 'zod';

export const expertLayerSchema = z.object({
  layer: z.number(),
  maxOverMean: z.number(),
  vllmBalancedness: z.number(),
  sglangBalancedness: z.number(),
  tokensTimeCorrelation: z.number().nullable(),
  worker: z.string(),
});

export const expertWorkerSchema = z.object({
  worker: z.string(),
  tokens: z.number(),
  tokensRatio: z.number(),
  active: z.number().nullable(),
});

/** An expert's index is its place in the worker's list; -1: events carry no list. */
export const hottestExpertSchema = z.object({
  worker: z.string(),
  layer: z.number(),
  expert: z.number(),
  tokens: z.number(),
});

/** Worker × layer, row-major by worker; means over keys; null: no data. */
export const expertsAnswerSchema = z.object({
  deployment: z.string(),
  window: z.object({ startUnixNs: z.string(), endUnixNs: z.string(), durationNs: z.number() }),
  steps: z.number(),
  workers: z.array(
    z.object({ workerId: z.string(), group: z.string(), role: z.string(), rank: z.number() }),
  ),
  layers: z.array(z.number()),
  /** Routed tokens of a key. */
  tokens: z.array(z.number().nullable()),
  /** Experts with a token, tokens of the busiest expert, mean tokens of an expert. */
  active: z.array(z.number().nullable()),
  maxTokens: z.array(z.number().nullable()),
  meanTokens: z.array(z.number().nullable()),
  /** Duration of the expert events of a key. */
  expertNs: z.array(z.number().nullable()),
  /** Over all layers and by layer; null: no event carries tokens. */
  summary: z
    .object({
      maxOverMean: z.number(),
      vllmBalancedness: z.number(),
      sglangBalancedness: z.number(),
      activePerRank: z.number(),
      expertMaxOverMean: z.number().nullable(),
      tokensTimeCorrelation: z.number().nullable(),
      forcedRouting: z.boolean(),
      keys: z.number(),
      hottest: z.array(hottestExpertSchema),
      layers: z.array(expertLayerSchema),
      workers: z.array(expertWorkerSchema),
    })
    .nullable(),
  /** Mean tokens of single experts of a key; empty where events carry no lists. */
  experts: z.array(
    z.object({ workerId: z.string(), layer: z.number(), tokens: z.array(z.number()) }),
  ),
});
export type ExpertsAnswer = z.infer<typeof expertsAnswerSchema>;
