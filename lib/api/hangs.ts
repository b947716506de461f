/** Hangs and silent workers: who stands still, since when, who waits for whom. */
import { z } from 'zod';

export const hangSchema = z.object({
  kind: z.enum(['hang', 'silent']),
  domain: z.number(),
  step: z.number(),
  sinceUnixNs: z.string(),
  untilUnixNs: z.string().nullable(),
  durationNs: z.number(),
  usualNs: z.number().nullable(),
  /** The first fault of the chain. */
  worker: z.string().nullable(),
  reason: z.enum(['no-progress', 'no-receive', 'silent', 'unknown']),
  waiting: z.number(),
  workers: z.array(
    z.object({
      worker: z.string(),
      last: z
        .object({
          step: z.number(),
          stage: z.string(),
          layer: z.number(),
          microbatch: z.number(),
          endUnixNs: z.string(),
        })
        .nullable(),
      next: z.object({ stage: z.string(), layer: z.number(), microbatch: z.number() }).nullable(),
      waitsFor: z.array(z.string()),
    }),
  ),
});
export type HangJson = z.infer<typeof hangSchema>;
