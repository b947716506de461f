/**
 * What is wrong with a collector as a whole, under names that stay: `/readyz`, the log, the metric
 * `afdscope_condition`, the banner of every page and the health page all say the same.
 */
import { z } from 'zod';

export const CONDITION_NAMES = [
  'disk-full',
  'locked',
  'damaged',
  'read-only',
  'folder-gone',
  'disk-error',
  'memory',
  'write-ahead-log',
  'store-stopped',
  'overload',
  'clock',
  'data-lost',
  'alerting',
  'rules-file',
  'receivers-file',
] as const;
export type ConditionName = (typeof CONDITION_NAMES)[number];

export const conditionSchema = z.object({
  /** One of `CONDITION_NAMES`, or one of a newer collector. */
  name: z.string(),
  /** `critical`: nothing can be stored; `warning`: something is late or inexact. */
  severity: z.enum(['critical', 'warning']),
  /** Requests are refused while it lasts, so that `/readyz` answers 503. */
  notReady: z.boolean(),
  /** By the clock of the collector's machine. */
  sinceUnixMs: z.number(),
  /** The facts: what, where. */
  detail: z.string(),
  /** What to do, and what happens by itself. */
  remedy: z.string(),
});
export type Condition = z.infer<typeof conditionSchema>;

/** Body of `/readyz` and `/healthz`; a collector of before 0.2 names no conditions. */
export const readinessSchema = z.object({
  status: z.string().default(''),
  reasons: z.array(z.string()).default([]),
  conditions: z.array(conditionSchema).default([]),
  /** Age of the oldest request that is not answered yet. */
  queueWaitMs: z.number().default(0),
  /** Requests that wait at the door, their bodies unread. */
  waitingRequests: z.number().default(0),
  /** Requests answered with "send again later" since the collector started, by reason. */
  refused: z.record(z.string(), z.number()).default({}),
});
export type Readiness = z.infer<typeof readinessSchema>;
