/** The post-mortem report of an incident: of its window, with its alerts, notes and what was frozen. */
import type { UnixNanos } from '#lib/base/units.ts';
import type { PostmortemFacts } from '#lib/postmortem/facts.ts';
import type { StateStore } from '#lib/store/state-store.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import { BadQuestionError } from './errors.ts';
import { incidentDetail } from './incidents.ts';
import { postmortemFacts, postmortemFile } from './postmortem.ts';
import { alertFacts } from './postmortem-alerts.ts';
import type { IncidentReportQuestion, PostmortemFile } from './questions.ts';

/** @throws UnknownIncidentError, BadQuestionError */
export async function incidentReport(
  reader: TelemetryReader,
  state: StateStore,
  question: IncidentReportQuestion,
  nowUnixNs: UnixNanos,
): Promise<PostmortemFile> {
  return postmortemFile(await incidentPostmortem(reader, state, question, nowUnixNs), 'html');
}

/** Where raw events are gone, the reports that were made in time stand for them. */
export async function incidentPostmortem(
  reader: TelemetryReader,
  state: StateStore,
  { incidentId, ...question }: IncidentReportQuestion,
  nowUnixNs: UnixNanos,
): Promise<PostmortemFacts> {
  const detail = await incidentDetail(state, { incidentId });
  const { incident, timeline, setup } = detail;
  const { deployment, window } = incident;
  if (deployment === '') {
    throw new BadQuestionError(
      'id',
      'The incident is about the collector itself: there is no deployment to report on.',
    );
  }
  const asked = { ...question, deployment, from: window.fromUnixNs, to: window.toUnixNs };
  const facts = await postmortemFacts(reader, state, asked, nowUnixNs, undefined, detail);
  return { ...facts, alerts: alertFacts(timeline), incident: { incident, timeline, setup } };
}
