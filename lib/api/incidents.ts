/**
 * Incidents: what the flight recorder froze. `GET|POST /api/v1/incidents`, `GET /api/v1/incidents/{id}`,
 * `POST /api/v1/incidents/{id}` (status and notes), `DELETE` (gives the events to retention).
 */
import { z } from 'zod';
import { alertEventSchema } from './alerts.ts';
import { unixNsStringSchema } from './annotations.ts';
import { reportSchema } from './report-schema.ts';

export const INCIDENT_STATUSES = ['open', 'acknowledged', 'resolved'] as const;

export const incidentNoteSchema = z.object({
  atUnixMs: z.number(),
  author: z.string(),
  text: z.string(),
});

export const incidentSchema = z.object({
  id: z.string(),
  title: z.string(),
  deployment: z.string(),
  status: z.enum(INCIDENT_STATUSES),
  /** `alert`: made by one; `manual`: somebody froze it. */
  origin: z.enum(['alert', 'manual']),
  createdUnixMs: z.number(),
  updatedUnixMs: z.number(),
  /** When the last of its alerts ended, event time; null: one goes on, or it has none. */
  endedUnixMs: z.number().nullable(),
  /** What is pinned, or was. */
  window: z.object({ fromUnixNs: unixNsStringSchema, toUnixNs: unixNsStringSchema }),
  /** The alerts that belong to it; the first made it. */
  alertIds: z.array(z.string()),
  rule: z.string().nullable(),
  severity: z.string().nullable(),
  /**
   * `recording`: the window is not over; `kept`: its raw events are pinned; `released`: given to
   * retention (by hand, or for want of room), the report stays; `partial`: see `evidenceNote`.
   */
  evidence: z.enum(['recording', 'kept', 'partial', 'released']),
  evidenceNote: z.string(),
  /** Raw bytes that the pin keeps. */
  pinnedBytes: z.number().nullable(),
  notes: z.array(incidentNoteSchema),
});
export type IncidentJson = z.infer<typeof incidentSchema>;
export const incidentsSchema = z.object({ incidents: z.array(incidentSchema) });
export type Incidents = z.infer<typeof incidentsSchema>;

/** `GET /api/v1/incidents/{id}`: with what was frozen. */
export const incidentDetailSchema = z.object({
  incident: incidentSchema,
  /** Of the window, made when it was over; null: not yet, or it could not be made (`reportNote`). */
  report: reportSchema.nullable(),
  reportNote: z.string(),
  /** Of the last healthy window of the same length before; null: none was found. */
  baseline: reportSchema.nullable(),
  baselineNote: z.string(),
  /** Alert changes of the deployment in the window and up to the end of the incident, oldest first. */
  timeline: z.array(alertEventSchema),
  /** Version, configuration (without secrets) and rules at that moment. */
  setup: z.object({
    version: z.string(),
    config: z.record(z.string(), z.string()),
    rules: z.array(z.unknown()),
  }),
});
export type IncidentDetail = z.infer<typeof incidentDetailSchema>;

/** Body of `POST /api/v1/incidents`: freeze the last so many seconds, or a window. */
export const freezeRequestSchema = z.object({
  deployment: z.string().min(1).max(256),
  title: z.string().max(256).optional(),
  lastSeconds: z.number().positive().max(7200).optional(),
  fromUnixNs: unixNsStringSchema.optional(),
  toUnixNs: unixNsStringSchema.optional(),
  author: z.string().max(128).default(''),
  note: z.string().max(4096).default(''),
});
export type FreezeRequest = z.input<typeof freezeRequestSchema>;

/** Body of `POST /api/v1/incidents/{id}`. */
export const incidentChangeSchema = z.object({
  status: z.enum(INCIDENT_STATUSES).optional(),
  title: z.string().min(1).max(256).optional(),
  note: z.object({ author: z.string().max(128), text: z.string().min(1).max(4096) }).optional(),
  /** true: gives the raw events to retention; the report stays. */
  release: z.boolean().optional(),
});
export type IncidentChange = z.input<typeof incidentChangeSchema>;
