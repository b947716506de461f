/** Typed calls of alerting, as client.ts makes them of the other questions. */
import {
  type AlertRuleInput,
  type ListedRule,
  listedRuleSchema,
  type RulePreview,
  type RulesAnswer,
  rulePreviewSchema,
  rulesAnswerSchema,
} from './alert-rules.ts';
import {
  type AlertHistory,
  type AlertJson,
  type Alerts,
  alertHistorySchema,
  alertSchema,
  alertsSchema,
  type Deliveries,
  deliveriesSchema,
  type Receivers,
  type ReceiverTest,
  receiversSchema,
  receiverTestSchema,
  type SilenceJson,
  type SilenceRequest,
  silenceSchema,
  silencesSchema,
} from './alerts.ts';
import { type ClientOptions, call, query, send, type TimeRange } from './client.ts';

/** Without a deployment those of all; `state` is one of ALERT_STATES. */
export function fetchAlerts(
  question: { readonly deployment?: string; readonly state?: string } = {},
  options?: ClientOptions,
): Promise<Alerts> {
  return call(alertsSchema, `/api/v1/alerts${query({ ...question })}`, options);
}

/** Changes of alerts in a window (default: the last 24 hours), the newest first. */
export function fetchAlertHistory(
  question: TimeRange & {
    readonly deployment?: string;
    readonly rule?: string;
    readonly alertId?: string;
    readonly limit?: number;
  } = {},
  options?: ClientOptions,
): Promise<AlertHistory> {
  const { limit, ...texts } = question;
  const parameters = { ...texts, ...(limit === undefined ? {} : { limit: String(limit) }) };
  return call(alertHistorySchema, `/api/v1/alerts/history${query(parameters)}`, options);
}

export function acknowledgeAlert(
  request: { readonly alertId: string; readonly by: string; readonly comment?: string },
  options?: ClientOptions,
): Promise<AlertJson> {
  return call(alertSchema, '/api/v1/alerts/acknowledge', options, json('POST', request));
}

export function fetchRules(options?: ClientOptions): Promise<RulesAnswer> {
  return call(rulesAnswerSchema, '/api/v1/alerts/rules', options);
}

/**
 * Stores a rule under its name. `basedOn`: `changedUnixMs` of the listed rule that was edited; where
 * somebody else changed it since, it is a `conflict` problem.
 */
export function putRule(
  rule: AlertRuleInput,
  basedOn?: number | null,
  options?: ClientOptions,
): Promise<ListedRule> {
  const parameters: Record<string, string> =
    basedOn === undefined ? {} : { basedOn: String(basedOn ?? 'none') };
  const path = `/api/v1/alerts/rules${query(parameters)}`;
  return call(listedRuleSchema, path, options, json('PUT', rule));
}

/** Deletes what was stored under the name; a built-in or file rule of that name holds again. */
export async function deleteRule(name: string, options?: ClientOptions): Promise<void> {
  await send(`/api/v1/alerts/rules${query({ name })}`, options, { method: 'DELETE' });
}

/** When would this rule have fired? Default: over the last three hours, of all deployments. */
export function previewRule(
  request: TimeRange & { readonly rule: unknown; readonly deployment?: string },
  options?: ClientOptions,
): Promise<RulePreview> {
  return call(rulePreviewSchema, '/api/v1/alerts/rules/preview', options, json('POST', request));
}

/** Where the rules are as a YAML file; `page`: those that were made or changed there alone. */
export function rulesExportUrl(source: 'all' | 'page' = 'all'): string {
  return `/api/v1/alerts/rules/export${source === 'all' ? '' : query({ source })}`;
}

export async function fetchSilences(options?: ClientOptions): Promise<readonly SilenceJson[]> {
  return (await call(silencesSchema, '/api/v1/silences', options)).silences;
}

/** Makes a silence, or replaces the one with the same id. */
export function postSilence(
  request: SilenceRequest,
  options?: ClientOptions,
): Promise<SilenceJson> {
  return call(silenceSchema, '/api/v1/silences', options, json('POST', request));
}

/** Ends a silence now; it stays listed as expired. */
export async function expireSilence(id: string, options?: ClientOptions): Promise<void> {
  await send(`/api/v1/silences${query({ id })}`, options, { method: 'DELETE' });
}

export function fetchDeliveries(options?: ClientOptions): Promise<Deliveries> {
  return call(deliveriesSchema, '/api/v1/alerts/deliveries', options);
}

export function fetchReceivers(options?: ClientOptions): Promise<Receivers> {
  return call(receiversSchema, '/api/v1/alerts/receivers', options);
}

/** Sends a test message; resolves when the receiver answered or did not. */
export function testReceiver(receiver: string, options?: ClientOptions): Promise<ReceiverTest> {
  const path = '/api/v1/alerts/receivers/test';
  return call(receiverTestSchema, path, options, json('POST', { receiver }));
}

function json(method: 'POST' | 'PUT', body: unknown): RequestInit {
  return {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
}
