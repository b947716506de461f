/** `GET …/heatmap` and `GET …/strip`: the live stream's pictures for a window of the past. */
import { z } from 'zod';
import { heatmapSchema, stripSchema } from './live-event.ts';

export const heatmapAnswerSchema = z.object({
  deployment: z.string(),
  /** null: no step of the window has a compute event with a layer. */
  heatmap: heatmapSchema.nullable(),
  /** `rollup`: of the whole window; bubbles and waits of layers are estimates. */
  exactness: z.enum(['raw', 'rollup']).optional(),
});
export type HeatmapAnswer = z.infer<typeof heatmapAnswerSchema>;

export const stripAnswerSchema = z.object({
  deployment: z.string(),
  /** The newest complete step that lies in the window; null: there is none. */
  strip: stripSchema.nullable(),
});
export type StripAnswer = z.infer<typeof stripAnswerSchema>;
