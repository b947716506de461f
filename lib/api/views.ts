/** `GET …/heatmap` and `GET …/strip`: the live stream's pictures for a window of the past. */
import { z } from 'zod';
import { heatmapSchema, stripSchema } from './live-event.ts';

export const heatmapAnswerSchema = z.object({
  deployment: z.string(),
  /** null: no step of the window has a compute event with a layer. */
  heatmap: heatmapSchema.nullable(),
  /** `rollup`: bubbles and waits of layers are estimates. */
  exactness: z.enum(['raw', 'rollup']).optional(),
  /** What is shown: the newest part of a window that has too much for all of it. */
  window: z
    .object({ startUnixNs: z.string(), endUnixNs: z.string(), durationNs: z.number() })
    .optional(),
  /** Is `window` less than what was asked for, of what there is? */
  isPart: z.boolean().optional(),
});
export type HeatmapAnswer = z.infer<typeof heatmapAnswerSchema>;

export const stripAnswerSchema = z.object({
  deployment: z.string(),
  /** The newest complete step that lies in the window; null: there is none. */
  strip: stripSchema.nullable(),
});
export type StripAnswer = z.infer<typeof stripAnswerSchema>;
