/** One question to the stores, whichever it is, and why there is no answer when there is none. */
import { createHash } from 'node:crypto';
import { type UnixNanos, unixNanosFromMs } from '#lib/base/units.ts';
import type { StateStore } from '#lib/store/state-store.ts';
import {
  DatabaseVersionError,
  NoDatabaseError,
  ScanExpiredError,
  UnsupportedStoreError,
} from '#lib/store/store-errors.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import {
  type AlertRulesQuestion,
  alertRulesYaml,
  listAlertRules,
  type RulesYamlQuestion,
} from './alert-rules.ts';
import {
  alertHistory,
  type LimitQuestion,
  listAlerts,
  listDeliveries,
  listSilences,
} from './alerts.ts';
import { listAnnotations } from './annotations.ts';
import { breakdown } from './breakdown.ts';
import { compare } from './compare.ts';
import { criticalPath } from './critical-path.ts';
import { listDeployments } from './deployments.ts';
import { BadQuestionError, UnknownDeploymentError, UnknownIncidentError } from './errors.ts';
import { experts } from './experts.ts';
import { heatmap } from './heatmap.ts';
import { evidenceExtent, evidenceSnapshot, fittingWindow } from './incident-evidence.ts';
import { incidentDetail, listIncidents } from './incidents.ts';
import { postmortem } from './postmortem.ts';
import { incidentReport } from './postmortem-incident.ts';
import type {
  CompareQuestion,
  DeploymentQuestion,
  EvidenceQuestion,
  FitQuestion,
  IncidentQuestion,
  IncidentReportQuestion,
  JsonText,
  PostmortemQuestion,
  QueryFailure,
  QueryRequest,
  QuestionKind,
  SnapshotQuestion,
} from './questions.ts';
import { report } from './report.ts';
import { reportJson } from './report-json.ts';
import { type RulePreviewQuestion, rulePreview } from './rule-preview.ts';
import { series } from './series.ts';
import { storeTotals } from './store-totals.ts';
import { stragglers } from './stragglers.ts';
import { strip } from './strip.ts';
import { timeline } from './timeline.ts';
import { timelineFlow } from './timeline-flow.ts';
import { timelineSearch } from './timeline-search.ts';
import { timelineStats } from './timeline-stats.ts';
import { timelineSteps } from './timeline-steps.ts';
import { timelineTileFrame } from './timeline-tile.ts';
import { waits } from './waits.ts';
import { whatifQuestion } from './whatif.ts';

export interface Stores {
  readonly telemetry: TelemetryReader;
  /** Opened on first use. */
  readonly state: () => Promise<StateStore>;
}

/**
 * Raw events of one served report: a page asks again every few seconds, and an event takes 0.4 µs
 * and 110 bytes. The command line takes more (`MAX_RAW_EVENTS`).
 */
const MAX_SERVED_EVENTS = 6_000_000;

type Answerer = (
  stores: Stores,
  question: DeploymentQuestion,
  nowUnixNs: UnixNanos,
) => Promise<unknown>;

const ANSWERERS: Readonly<Record<QuestionKind, Answerer>> = {
  deployments: ({ telemetry }) => listDeployments(telemetry),
  report: async ({ telemetry }, question, now) =>
    reportJson(await report(telemetry, question, now, MAX_SERVED_EVENTS)),
  series: ({ telemetry }, question, now) => series(telemetry, question, now),
  heatmap: ({ telemetry }, question, now) => heatmap(telemetry, question, now),
  strip: ({ telemetry }, question, now) => strip(telemetry, question, now),
  breakdown: ({ telemetry }, question, now) => breakdown(telemetry, question, now),
  compare: ({ telemetry }, question, now) => compare(telemetry, question as CompareQuestion, now),
  criticalPath: ({ telemetry }, question, now) => criticalPath(telemetry, question, now),
  stragglers: ({ telemetry }, question, now) => stragglers(telemetry, question, now),
  experts: ({ telemetry }, question, now) => experts(telemetry, question, now),
  waits: ({ telemetry }, question, now) => waits(telemetry, question, now),
  timeline: async ({ telemetry }, question, now) =>
    jsonText(await timeline(telemetry, question, now)),
  timelineTile: ({ telemetry }, question, now) => timelineTileFrame(telemetry, question, now),
  timelineFlow: ({ telemetry }, question, now) => timelineFlow(telemetry, question, now),
  timelineSearch: ({ telemetry, state }, question, now) =>
    timelineSearch(telemetry, state, question, now),
  timelineStats: ({ telemetry }, question, now) => timelineStats(telemetry, question, now),
  timelineSteps: ({ telemetry }, question, now) => timelineSteps(telemetry, question, now),
  whatif: ({ telemetry }, question, now) => whatifQuestion(telemetry, question, now),
  postmortem: async ({ telemetry, state }, question, now) =>
    postmortem(telemetry, await state(), question as PostmortemQuestion, now),
  totals: ({ telemetry }) => storeTotals(telemetry),
  alerts: async ({ state }, question) => listAlerts(await state(), question),
  alertHistory: async ({ state }, question, now) => alertHistory(await state(), question, now),
  rulePreview: async ({ state }, question, now) =>
    rulePreview(await state(), question as unknown as RulePreviewQuestion, now),
  rulesYaml: async ({ state }, question) =>
    alertRulesYaml(await state(), question as unknown as RulesYamlQuestion),
  alertRules: async ({ state }, question) =>
    listAlertRules(await state(), question as unknown as AlertRulesQuestion),
  silences: async ({ state }, _question, now) => listSilences(await state(), now),
  deliveries: async ({ state }, question) =>
    listDeliveries(await state(), question as LimitQuestion),
  annotations: async ({ state }, question, now) => listAnnotations(await state(), question, now),
  incidents: async ({ state }, question) => listIncidents(await state(), question),
  incident: async ({ state }, question) =>
    incidentDetail(await state(), question as unknown as IncidentQuestion),
  incidentReport: async ({ telemetry, state }, question, now) =>
    incidentReport(telemetry, await state(), question as unknown as IncidentReportQuestion, now),
  incidentDocuments: async ({ state }) => (await state()).documents({ kind: 'incident' }),
  pins: ({ telemetry }) => telemetry.pins(),
  evidence: ({ telemetry }, question) =>
    evidenceExtent(telemetry, question as unknown as EvidenceQuestion),
  evidenceFit: ({ telemetry }, question) =>
    fittingWindow(telemetry, question as unknown as FitQuestion),
  evidenceSnapshot: ({ telemetry }, question, now) =>
    evidenceSnapshot(telemetry, question as unknown as SnapshotQuestion, now),
};

function jsonText(value: unknown): JsonText {
  const json = JSON.stringify(value);
  return { json, etag: `"${createHash('sha1').update(json).digest('base64url')}"` };
}

/** Retried once where a merge of chunks took away what a scan still had to read. */
export async function answer(stores: Stores, request: QueryRequest): Promise<unknown> {
  const run = (): Promise<unknown> =>
    ANSWERERS[request.kind](
      stores,
      request.question as DeploymentQuestion,
      unixNanosFromMs(request.nowUnixMs),
    );
  try {
    return await run();
  } catch (error) {
    if (error instanceof ScanExpiredError) return run();
    throw error;
  }
}

/** The failure that a problem document is made of. */
export function failureOf(error: unknown): QueryFailure {
  if (error instanceof BadQuestionError) {
    return { kind: 'bad-parameter', message: error.message, parameter: error.parameter };
  }
  if (error instanceof UnknownDeploymentError) {
    return { kind: 'not-found', message: error.message, parameter: error.parameter };
  }
  if (error instanceof UnknownIncidentError) {
    return { kind: 'not-found', message: error.message, parameter: 'id' };
  }
  if (error instanceof NoDatabaseError) {
    return {
      kind: 'no-database',
      message: 'Nothing has been stored yet. Start the collector; it makes the database.',
    };
  }
  if (error instanceof DatabaseVersionError || error instanceof UnsupportedStoreError) {
    return { kind: 'no-database', message: `${error.message}.` };
  }
  return {
    kind: 'internal',
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}
