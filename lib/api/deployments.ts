/** `GET /api/v1/deployments`. */
import { z } from 'zod';

export const deploymentSchema = z.object({
  id: z.string(),
  /** As the senders wrote it, such as "48A16F"; '' where unknown. */
  topology: z.string(),
  groups: z.array(z.object({ group: z.string(), role: z.string(), workers: z.number() })),
  firstSeenUnixNs: z.string(),
  lastSeenUnixNs: z.string(),
  /** Distinct steps seen; null where the store does not keep the number. */
  steps: z.number().nullable(),
  events: z.number(),
  /** Of these, what came by imports. */
  importedEvents: z.number().optional(),
  /** Windows whose raw events retention keeps. */
  pinned: z.array(z.object({ fromUnixNs: z.string(), toUnixNs: z.string() })).optional(),
});
export type Deployment = z.infer<typeof deploymentSchema>;

export const deploymentsSchema = z.object({ deployments: z.array(deploymentSchema) });
export type Deployments = z.infer<typeof deploymentsSchema>;
