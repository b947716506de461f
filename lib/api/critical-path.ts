/**
 * `GET /api/v1/deployments/{id}/critical-path?from&to&pick&step&domain`: the chain of events that made
 * steps as long as they were, and how much later every event of one step could have ended.
 *
 *     attention/0  [attention|gate][a2f ]                    [combine|attention …
 *     ffn/0                        ·····[expert][f2a     ]···
 *     path          attention  gate  a2f  expert  f2a  combine  attention …   no holes
 *
 * Definitions: docs/definitions.md, "Critical path".
 */
import { z } from 'zod';

/**
 * `a2f`, `f2a`: a transfer that the path waits for. `link-queue`: an earlier send of the same worker
 * that it waits for. `gap`: waiting that nothing explains.
 */
export const pathKindSchema = z.enum([
  'compute',
  'a2f',
  'f2a',
  'link-queue',
  'collective',
  'copy',
  'host',
  'gap',
]);

/** Sums over the paths of several steps. Each list adds up to `durationNs`; the largest come first. */
export const pathSumsSchema = z.object({
  /** The latencies of the steps, added. */
  durationNs: z.number(),
  /** Steps that the path was made of. */
  steps: z.number(),
  /** Steps that end in the window; more than `steps`: evenly spread ones were taken. */
  ofSteps: z.number(),
  /** The largest 200; what is left is one more, of worker and stage `other` and layer -1. */
  share: z.array(
    z.object({ worker: z.string(), stage: z.string(), layer: z.number(), ns: z.number() }),
  ),
  byStage: z.array(z.object({ stage: z.string(), ns: z.number() })),
  byWorker: z.array(z.object({ worker: z.string(), ns: z.number() })),
  /** By layer; -1: what has no layer. */
  byLayer: z.array(z.object({ layer: z.number(), ns: z.number() })),
  byKind: z.array(z.object({ kind: pathKindSchema, ns: z.number() })),
});
export type PathSums = z.infer<typeof pathSumsSchema>;

/** Rows of a column are those of its neighbours; times count from the step's start. */
const columns = {
  /** Index into `workers`. */
  worker: z.array(z.number()),
  startNs: z.array(z.number()),
  durationNs: z.array(z.number()),
  /** Index into `stages`. */
  stage: z.array(z.number()),
  /** -1: none. */
  layer: z.array(z.number()),
  microbatch: z.array(z.number()),
};

export const stepPathSchema = z.object({
  domain: z.number(),
  step: z.number(),
  startUnixNs: z.string(),
  /** The step's latency; the path's segments add up to it. */
  durationNs: z.number(),
  workers: z.array(
    z.object({ workerId: z.string(), group: z.string(), role: z.string(), rank: z.number() }),
  ),
  /** Names of stages; one is `gap`. */
  stages: z.array(z.string()),
  kinds: z.array(pathKindSchema),
  /** From the step's first start to its last end, each segment from the end of the one before. */
  path: z.object({
    ...columns,
    /** Index into `kinds`. */
    kind: z.array(z.number()),
  }),
  /**
   * Events of the step by worker, then start, each receive once, whoever it is from. `slackNs`: how
   * much later the event could have ended without the step ending later; 0 on the path.
   */
  events: z.object({ ...columns, slackNs: z.array(z.number()) }),
  /** Beyond 20,000, those with the most slack. */
  hiddenEvents: z.number(),
});
export type StepPath = z.infer<typeof stepPathSchema>;

export const criticalPathSchema = z.object({
  deployment: z.string(),
  /** What of the asked window was looked at: its newest part, where it is long. */
  window: z.object({ startUnixNs: z.string(), endUnixNs: z.string(), durationNs: z.number() }),
  /** null: no step ends in the window. */
  sums: pathSumsSchema.nullable(),
  /** The slowest step of the window, or its newest, or the one asked for; null: there is none. */
  step: stepPathSchema.nullable(),
});
export type CriticalPath = z.infer<typeof criticalPathSchema>;
