/**
 * `GET /api/v1/alerts`, its history, silences, acknowledgements and deliveries. Instants are unix
 * milliseconds of event time unless a field says otherwise: alerts are seconds apart, never nanoseconds.
 */
import { z } from 'zod';
import { SEVERITIES } from './alert-rules.ts';

const labels = z.record(z.string(), z.string());

/** `firing` includes alerts that are kept firing; `resolved` ones stay listed for a while. */
export const ALERT_STATES = ['pending', 'firing', 'resolved'] as const;

export const acknowledgementSchema = z.object({
  by: z.string(),
  atUnixMs: z.number(),
  comment: z.string(),
});

export const alertSchema = z.object({
  /** Hash of rule and labels: the same trouble has the same id each time. */
  id: z.string(),
  rule: z.string(),
  severity: z.enum(SEVERITIES),
  state: z.enum(ALERT_STATES),
  deployment: z.string(),
  /** Of the series (group, worker, …) and of the rule; deployment, alertname and severity too. */
  labels,
  annotations: labels,
  runbook: z.string(),
  /** At the last evaluation that had data. */
  value: z.number().nullable(),
  /** What the value was compared with. */
  bound: z.number().nullable(),
  compare: z.string(),
  metric: z.string(),
  unit: z.string(),
  /** When the condition became true. */
  startsAtUnixMs: z.number(),
  firedAtUnixMs: z.number().nullable(),
  resolvedAtUnixMs: z.number().nullable(),
  updatedAtUnixMs: z.number(),
  /** True because nothing came. */
  noData: z.boolean(),
  /** Id of the alert that explains this one; null: it stands for itself. */
  inhibitedBy: z.string().nullable(),
  /** Ids of silences that cover it now. */
  silencedBy: z.array(z.string()),
  acknowledged: acknowledgementSchema.nullable(),
  incidentId: z.string().nullable(),
  /** It fired and ended several times within the last hour. */
  flapping: z.boolean(),
  /** Times fired within the last 24 hours. */
  firedCount: z.number(),
});
export type AlertJson = z.infer<typeof alertSchema>;
export const alertsSchema = z.object({
  /** Of the last evaluation, wall clock; null: none yet. */
  evaluatedUnixMs: z.number().nullable(),
  alerts: z.array(alertSchema),
});
export type Alerts = z.infer<typeof alertsSchema>;

/** One change of one alert's state. */
export const alertEventSchema = z.object({
  alertId: z.string(),
  rule: z.string(),
  severity: z.enum(SEVERITIES),
  deployment: z.string(),
  labels,
  atUnixMs: z.number(),
  change: z.enum([
    'pending',
    'firing',
    'resolved',
    'dropped',
    'inhibited',
    'released',
    'acknowledged',
    'silenced',
    'unsilenced',
  ]),
  value: z.number().nullable(),
  detail: z.string(),
});
export type AlertEvent = z.infer<typeof alertEventSchema>;
/** `GET /api/v1/alerts/history?deployment&from&to&rule&limit`: newest first. */
export const alertHistorySchema = z.object({
  events: z.array(alertEventSchema),
  more: z.boolean(),
});
export type AlertHistory = z.infer<typeof alertHistorySchema>;

/** Alertmanager's matchers. */
export const matcherSchema = z.object({
  name: z.string().min(1).max(128),
  value: z.string().max(1024),
  isRegex: z.boolean().default(false),
  isEqual: z.boolean().default(true),
});
export type Matcher = z.output<typeof matcherSchema>;

export const silenceSchema = z.object({
  id: z.string(),
  matchers: z.array(matcherSchema),
  startsAtUnixMs: z.number(),
  endsAtUnixMs: z.number(),
  author: z.string(),
  comment: z.string(),
  createdUnixMs: z.number(),
  state: z.enum(['pending', 'active', 'expired']),
});
export type SilenceJson = z.infer<typeof silenceSchema>;
export const silencesSchema = z.object({ silences: z.array(silenceSchema) });

/** What a date can hold. */
const instantMs = z.number().nonnegative().max(8.64e15, 'must be a time in unix milliseconds');

/** Body of `POST /api/v1/silences`; with the id of a known one it replaces that. */
export const silenceRequestSchema = z
  .object({
    id: z.string().min(1).max(64).optional(),
    matchers: z.array(matcherSchema).min(1, 'a silence needs at least one matcher').max(32),
    startsAtUnixMs: instantMs.optional(),
    endsAtUnixMs: instantMs,
    author: z.string().min(1, 'who silences?').max(128),
    comment: z.string().min(1, 'say why').max(2048),
  })
  .refine(
    ({ startsAtUnixMs, endsAtUnixMs }) => endsAtUnixMs > (startsAtUnixMs ?? 0),
    'a silence must end after it starts',
  );
export type SilenceRequest = z.input<typeof silenceRequestSchema>;

/** Body of `POST /api/v1/alerts/acknowledge`. */
export const acknowledgeRequestSchema = z.object({
  alertId: z.string().min(1),
  by: z.string().min(1).max(128),
  comment: z.string().max(2048).default(''),
});

/** One message to one receiver: what the delivery log shows. Never holds a secret. */
export const deliverySchema = z.object({
  id: z.string(),
  receiver: z.string(),
  kind: z.string(),
  /** What the receiver can tell repeats by. */
  dedupKey: z.string(),
  alertIds: z.array(z.string()),
  status: z.enum(['firing', 'resolved']),
  state: z.enum(['waiting', 'sent', 'failed']),
  createdUnixMs: z.number(),
  attempts: z.number(),
  lastAttemptUnixMs: z.number().nullable(),
  nextAttemptUnixMs: z.number().nullable(),
  /** Of the last attempt: "503 Service Unavailable", "timed out after 10 s". */
  lastError: z.string().nullable(),
});
export type DeliveryJson = z.infer<typeof deliverySchema>;
export const deliveriesSchema = z.object({ deliveries: z.array(deliverySchema) });
export type Deliveries = z.infer<typeof deliveriesSchema>;

/** `GET /api/v1/alerts/receivers`: who is told, by name and kind. Never holds a secret. */
export const receiversSchema = z.object({
  receivers: z.array(
    z.object({
      name: z.string(),
      /** One a target: `webhook`, `slack`, `pagerduty`, `email`, `alertmanager`. */
      kinds: z.array(z.string()),
    }),
  ),
  /** The receivers file; null: none is configured, and nobody is told. */
  file: z.string().nullable(),
  /** Why the file cannot be used; null: it can. */
  problem: z.string().nullable(),
});
export type Receivers = z.infer<typeof receiversSchema>;

/** Body of `POST /api/v1/alerts/receivers/test`: sends a message that says that it is a test. */
export const receiverTestRequestSchema = z.object({ receiver: z.string().min(1).max(128) });
/** What became of it, a line a target. */
export const receiverTestSchema = z.object({
  results: z.array(z.object({ kind: z.string(), ok: z.boolean(), detail: z.string() })),
});
export type ReceiverTest = z.infer<typeof receiverTestSchema>;
