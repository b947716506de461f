/** Incidents as they are stored: `GET /api/v1/incidents`, `GET /api/v1/incidents/{id}`. */
import type { z } from 'zod';
import { type AlertEvent, alertEventSchema } from '#lib/api/alerts.ts';
import {
  INCIDENT_STATUSES,
  type IncidentDetail,
  type IncidentJson,
  type Incidents,
  incidentDetailSchema,
  incidentSchema,
} from '#lib/api/incidents.ts';
import { unixNanos, unixNanosFromMs } from '#lib/base/units.ts';
import type { StateDocument, StateStore } from '#lib/store/state-store.ts';
import { UnknownIncidentError } from './errors.ts';
import { oneOf, wholeNumber } from './question-texts.ts';
import type { IncidentQuestion, IncidentsQuestion } from './questions.ts';

const MAX_TIMELINE = 1000;
const DEFAULT_LISTED = 200;
const MAX_LISTED = 5000;

/** What was frozen, as the document `incident-evidence` holds it. */
export const frozenSchema = incidentDetailSchema.pick({
  report: true,
  reportNote: true,
  baseline: true,
  baselineNote: true,
  setup: true,
});
export type Frozen = z.infer<typeof frozenSchema>;

/** The newest first. @throws BadQuestionError */
export async function listIncidents(
  state: StateStore,
  { deployment, status, limit }: IncidentsQuestion,
): Promise<Incidents> {
  const wanted = oneOf('status', status, INCIDENT_STATUSES);
  const most = wholeNumber('limit', limit, { least: 1, most: MAX_LISTED }) ?? DEFAULT_LISTED;
  const rows = await state.documents({
    kind: 'incident',
    ...(deployment === undefined ? {} : { deployment }),
    ...(wanted === undefined ? {} : { statuses: [wanted] }),
  });
  const incidents = rows
    .map(incidentOf)
    .sort((a, b) => b.createdUnixMs - a.createdUnixMs || (a.id < b.id ? -1 : 1));
  return { incidents: incidents.slice(0, most) };
}

/** @throws UnknownIncidentError */
export async function incidentDetail(
  state: StateStore,
  { incidentId }: IncidentQuestion,
): Promise<IncidentDetail> {
  const row = await state.document('incident', incidentId);
  if (row === null) throw new UnknownIncidentError(incidentId);
  const incident = incidentOf(row);
  const evidence = await state.document('incident-evidence', incidentId);
  const frozen: Frozen =
    evidence === null ? NOTHING_FROZEN : frozenSchema.parse(JSON.parse(evidence.detail));
  return { incident, ...frozen, timeline: await timelineOf(state, incident) };
}

const NOTHING_FROZEN: Frozen = {
  report: null,
  reportNote: 'Nothing is stored of it.',
  baseline: null,
  baselineNote: '',
  setup: { version: '', config: {}, rules: [] },
};

export function incidentOf({ detail }: StateDocument): IncidentJson {
  return incidentSchema.parse(JSON.parse(detail));
}

/**
 * What alerts of the deployment did in the window, and then what its own alerts did until the last of
 * them ended, or it was resolved: the same trouble comes again under the same id.
 */
async function timelineOf(
  state: StateStore,
  { deployment, window, alertIds, endedUnixMs, status, updatedUnixMs }: IncidentJson,
): Promise<AlertEvent[]> {
  const fromUnixNs = unixNanos(BigInt(window.fromUnixNs));
  const toUnixNs = unixNanos(BigInt(window.toUnixNs));
  const query = { topic: 'alert', order: 'oldest', limit: MAX_TIMELINE } as const;
  const inside = await state.logged({ ...query, deployment, fromUnixNs, toUnixNs });
  const rows = [...inside];
  const endMs = endedUnixMs ?? (status === 'resolved' ? updatedUnixMs : null);
  for (const subject of alertIds) {
    const until = endMs === null ? {} : { toUnixNs: unixNanosFromMs(endMs + 1) };
    rows.push(...(await state.logged({ ...query, subject, fromUnixNs: toUnixNs, ...until })));
  }
  return rows
    .map(({ detail }) => alertEventSchema.safeParse(JSON.parse(detail)).data)
    .filter((event) => event !== undefined)
    .sort((a, b) => a.atUnixMs - b.atUnixMs)
    .slice(0, MAX_TIMELINE);
}
