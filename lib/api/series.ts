/** `GET /api/v1/deployments/{id}/series`: the history that the trend charts start from. */
import { z } from 'zod';
import { trendPointSchema } from './live-event.ts';

export const seriesSchema = z.object({
  deployment: z.string(),
  fromUnixNs: z.string(),
  toUnixNs: z.string(),
  /** Bucket length of every point; 0 points: the store has no rollups in the window. */
  resolutionMs: z.number(),
  /** `raw`: there are no rollups of the window, which was imported. */
  exactness: z.enum(['rollup', 'raw']),
  /** Oldest first, at most 1,500; buckets without data are left out. */
  points: z.array(trendPointSchema),
});
export type Series = z.infer<typeof seriesSchema>;
