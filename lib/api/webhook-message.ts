/**
 * What webhook receivers are sent: Alertmanager's payload, version 4, key by key, so that whatever
 * takes Alertmanager's calls takes these. Annotations carry what it has no key for: `incident`,
 * `timeline`, `silence` and `runbook_url` are links, `value` is the figure, `rate_limit` says what was merged.
 */
import { z } from 'zod';

const labels = z.record(z.string(), z.string());
const rfc3339 = z.iso.datetime({ offset: true });

export const webhookAlertSchema = z.object({
  status: z.enum(['firing', 'resolved']),
  labels,
  annotations: labels,
  startsAt: rfc3339,
  /** 0001-01-01T00:00:00Z while it fires. */
  endsAt: rfc3339,
  generatorURL: z.string(),
  fingerprint: z.string(),
});
export type WebhookAlert = z.infer<typeof webhookAlertSchema>;

export const webhookMessageSchema = z.object({
  version: z.literal('4'),
  groupKey: z.string(),
  /** Alerts that are not listed, for want of room. */
  truncatedAlerts: z.number().int().nonnegative(),
  status: z.enum(['firing', 'resolved']),
  receiver: z.string(),
  groupLabels: labels,
  commonLabels: labels,
  commonAnnotations: labels,
  externalURL: z.string(),
  alerts: z.array(webhookAlertSchema),
});
export type WebhookMessage = z.infer<typeof webhookMessageSchema>;
