/** `GET | POST /api/v1/annotations`, `DELETE /api/v1/annotations?id=`: notes of people on a time. */
import { z } from 'zod';

/** Unix nanoseconds as a decimal string: JSON numbers cannot hold them. */
export const unixNsStringSchema = z
  .string()
  .regex(/^\d{1,19}$/, 'must be unix nanoseconds as a string of digits');

export const annotationSchema = z.object({
  id: z.string(),
  deployment: z.string(),
  fromUnixNs: unixNsStringSchema,
  /** Equal to fromUnixNs for an instant. */
  toUnixNs: unixNsStringSchema,
  author: z.string(),
  text: z.string(),
  createdUnixNs: unixNsStringSchema,
});
export type AnnotationJson = z.infer<typeof annotationSchema>;

export const annotationsSchema = z.object({ annotations: z.array(annotationSchema) });
export type Annotations = z.infer<typeof annotationsSchema>;

/** Body of a POST; with the `id` of a known annotation it replaces that one. */
export const annotationRequestSchema = z.object({
  id: z.string().min(1).max(64).optional(),
  deployment: z.string().min(1).max(256),
  fromUnixNs: unixNsStringSchema,
  toUnixNs: unixNsStringSchema.optional(),
  author: z.string().max(128).default(''),
  text: z.string().min(1).max(4096),
});
export type AnnotationRequest = z.input<typeof annotationRequestSchema>;
