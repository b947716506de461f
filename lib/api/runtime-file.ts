/** `data/runtime.json`: how the parts of a running product find each other. */
import { z } from 'zod';

export const runtimeFileSchema = z.object({
  schema: z.literal('afdscope.runtime/1'),
  pid: z.number(),
  startedUnixMs: z.number(),
  /** Base URLs without a trailing slash; null where that part does not run. */
  otlpHttp: z.string().nullable(),
  /** host:port */
  otlpGrpc: z.string().nullable(),
  admin: z.string().nullable(),
  web: z.string().nullable(),
  /** Bearer token of the admin API's changing calls; the file is readable by its owner only. */
  adminToken: z.string(),
});
export type RuntimeFile = z.infer<typeof runtimeFileSchema>;
