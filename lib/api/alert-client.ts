/** Typed calls of alerts, rules, silences and incidents, as client.ts makes them of the others. */
import type { z } from 'zod';
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
  type Alerts,
  type acknowledgeRequestSchema,
  alertHistorySchema,
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
import {
  type FreezeRequest,
  type IncidentChange,
  type IncidentDetail,
  type IncidentJson,
  type Incidents,
  incidentDetailSchema,
  incidentSchema,
  incidentsSchema,
} from './incidents.ts';

/** Of all deployments unless one is named. */
export function fetchAlerts(
  question: { readonly deployment?: string } = {},
  options?: ClientOptions,
): Promise<Alerts> {
  return call(alertsSchema, `/api/v1/alerts${query(question)}`, options);
}

/** Newest first; `to` is where the page before ended. */
export function fetchAlertHistory(
  question: TimeRange & {
    readonly deployment?: string;
    readonly rule?: string;
    readonly limit?: number;
  },
  options?: ClientOptions,
): Promise<AlertHistory> {
  const { limit, ...rest } = question;
  const parameters = { ...rest, ...(limit === undefined ? {} : { limit: String(limit) }) };
  return call(alertHistorySchema, `/api/v1/alerts/history${query(parameters)}`, options);
}

/** Says who looks after it. */
export async function acknowledgeAlert(
  body: z.input<typeof acknowledgeRequestSchema>,
  options?: ClientOptions,
): Promise<void> {
  await send('/api/v1/alerts/acknowledge', options, withBody('POST', body));
}

export function fetchRules(options?: ClientOptions): Promise<RulesAnswer> {
  return call(rulesAnswerSchema, '/api/v1/alerts/rules', options);
}

/**
 * Makes the rule, or replaces the one of its name. `basedOn`: `changedUnixMs` of the listed rule that was
 * edited; where somebody else has changed it since, it is a `conflict` problem and nothing is stored.
 */
export function putRule(
  rule: AlertRuleInput,
  options: ClientOptions & { readonly basedOn?: number | null } = {},
): Promise<ListedRule> {
  const { basedOn } = options;
  const parameters = basedOn === undefined ? {} : { basedOn: String(basedOn ?? 'none') };
  const path = `/api/v1/alerts/rules${query(parameters)}`;
  return call(listedRuleSchema, path, options, withBody('PUT', rule));
}

/** Deletes the stored rule; a built-in or file rule of the name comes back. */
export async function deleteRule(name: string, options?: ClientOptions): Promise<void> {
  await send(`/api/v1/alerts/rules${query({ name })}`, options, { method: 'DELETE' });
}

/** When would this rule have fired? */
export function previewRule(
  body: { readonly rule: AlertRuleInput; readonly deployment?: string } & TimeRange,
  options?: ClientOptions,
): Promise<RulePreview> {
  const init = withBody('POST', body);
  return call(rulePreviewSchema, '/api/v1/alerts/rules/preview', options, init);
}

/** Where all rules, or one, are as YAML. */
export function rulesExportUrl(name?: string): string {
  return `/api/v1/alerts/rules/export${query(name === undefined ? {} : { name })}`;
}

export async function fetchSilences(options?: ClientOptions): Promise<readonly SilenceJson[]> {
  return (await call(silencesSchema, '/api/v1/silences', options)).silences;
}

/** With the id of a known one it replaces that. */
export function postSilence(body: SilenceRequest, options?: ClientOptions): Promise<SilenceJson> {
  return call(silenceSchema, '/api/v1/silences', options, withBody('POST', body));
}

/** It ends now. */
export async function expireSilence(id: string, options?: ClientOptions): Promise<void> {
  await send(`/api/v1/silences${query({ id })}`, options, { method: 'DELETE' });
}

export function fetchDeliveries(options?: ClientOptions): Promise<Deliveries> {
  return call(deliveriesSchema, '/api/v1/alerts/deliveries', options);
}

export function fetchReceivers(options?: ClientOptions): Promise<Receivers> {
  return call(receiversSchema, '/api/v1/alerts/receivers', options);
}

export function testReceiver(receiver: string, options?: ClientOptions): Promise<ReceiverTest> {
  const init = withBody('POST', { receiver });
  return call(receiverTestSchema, '/api/v1/alerts/receivers/test', options, init);
}

export function fetchIncidents(options?: ClientOptions): Promise<Incidents> {
  return call(incidentsSchema, '/api/v1/incidents', options);
}

export function fetchIncident(id: string, options?: ClientOptions): Promise<IncidentDetail> {
  return call(incidentDetailSchema, incidentPath(id), options);
}

/** Keeps a window as an incident. */
export function freeze(body: FreezeRequest, options?: ClientOptions): Promise<IncidentJson> {
  return call(incidentSchema, '/api/v1/incidents', options, withBody('POST', body));
}

export function changeIncident(
  id: string,
  change: IncidentChange,
  options?: ClientOptions,
): Promise<IncidentJson> {
  return call(incidentSchema, incidentPath(id), options, withBody('POST', change));
}

/** Its post-mortem report, to be opened in a tab. */
export function incidentReportUrl(id: string, zone?: string): string {
  return `${incidentPath(id)}/report.html${query(zone === undefined ? {} : { zone })}`;
}

/** Its window with its notes, to be imported elsewhere. */
export function incidentArchiveUrl(id: string): string {
  return `/api/v1/export${query({ format: 'archive', incident: id })}`;
}

function incidentPath(id: string): string {
  return `/api/v1/incidents/${encodeURIComponent(id)}`;
}

function withBody(method: 'POST' | 'PUT', body: unknown): RequestInit {
  return {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
}
