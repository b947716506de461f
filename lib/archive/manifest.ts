/** What an archive says about itself: its first part and its last. */
import { z } from 'zod';

const unixNs = z.string().regex(/^\d{1,19}$/, 'expected unix nanoseconds in digits');
const count = z.number().int().nonnegative();

export const manifestSchema = z.object({
  schema: z.literal('afdscope.archive/1'),
  createdUnixNs: unixNs,
  /** Of the afdscope that wrote it. */
  version: z.string(),
  deployment: z.string().min(1),
  /** As the senders wrote it, '' where they did not. */
  topology: z.string(),
  /** What was asked for: the report of this window is the same elsewhere. */
  window: z.object({ fromUnixNs: unixNs, toUnixNs: unixNs }),
  /** Read around the window on both sides, so that steps and receives at its edges are whole. */
  marginNs: count,
  /** Was it everything that the deployment had? */
  isWhole: z.boolean(),
  /** Worker ids, where not all were asked for. */
  workers: z.array(z.string()).optional(),
  /** Events that the deployment's collector refused or changed, by reason, since its store was made. */
  rejected: z.record(z.string(), count),
  /** Windows of it that were kept from retention. */
  pins: z.array(z.object({ fromUnixNs: unixNs, toUnixNs: unixNs })),
});
export type ArchiveManifest = z.infer<typeof manifestSchema>;

export const archiveEndSchema = z.object({
  /** Parts before this one. */
  parts: count,
  /** Those of packed steps included. */
  events: count,
  points: count,
  annotations: count,
});
export type ArchiveEnd = z.infer<typeof archiveEndSchema>;

export const archiveAnnotationsSchema = z.array(
  z.object({
    id: z.string().min(1),
    fromUnixNs: unixNs,
    toUnixNs: unixNs,
    author: z.string(),
    text: z.string(),
    createdUnixNs: unixNs,
  }),
);
export type ArchiveAnnotation = z.infer<typeof archiveAnnotationsSchema>[number];
