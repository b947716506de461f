/** Everything that the API asks of the stores, as plain data that can cross to a query thread. */
import type { RulePreview, RulesAnswer } from '#lib/api/alert-rules.ts';
import type { AlertHistory, Alerts, Deliveries, SilenceJson } from '#lib/api/alerts.ts';
import type { AnnotationJson } from '#lib/api/annotations.ts';
import type { Breakdown } from '#lib/api/breakdown.ts';
import type { Compare } from '#lib/api/compare.ts';
import type { Condition } from '#lib/api/condition.ts';
import type { CriticalPath } from '#lib/api/critical-path.ts';
import type { Deployments } from '#lib/api/deployments.ts';
import type { ExpertsAnswer } from '#lib/api/experts.ts';
import type { IngestTotalsJson, StoreHealth } from '#lib/api/health.ts';
import type { IncidentDetail, Incidents } from '#lib/api/incidents.ts';
import type { ProblemKind } from '#lib/api/problem.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';
import type { Series } from '#lib/api/series.ts';
import type { StragglersAnswer } from '#lib/api/stragglers.ts';
import type { TimelineFlow } from '#lib/api/timeline-flow.ts';
import type { TimelineSearch } from '#lib/api/timeline-search.ts';
import type { TimelineStats } from '#lib/api/timeline-stats.ts';
import type { TimelineSteps } from '#lib/api/timeline-steps.ts';
import type { HeatmapAnswer, StripAnswer } from '#lib/api/views.ts';
import type { Waits } from '#lib/api/waits.ts';
import type { WhatifAnswer } from '#lib/api/whatif.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import type { SetupFacts } from '#lib/postmortem/facts.ts';
import type { StateDocument } from '#lib/store/state-store.ts';
import type { Pin, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { AlertRulesQuestion, RulesYamlQuestion } from './alert-rules.ts';
import type { AlertHistoryQuestion, AlertsQuestion, LimitQuestion } from './alerts.ts';
import type { RulePreviewQuestion } from './rule-preview.ts';

/** `from` and `to` as written by the caller (lib/query/parse-time.ts). */
export interface DeploymentQuestion {
  readonly deployment: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export interface WhatifQuestion extends DeploymentQuestion {
  /** Changes such as "ratio=12A4F" (lib/api/whatif.ts). */
  readonly set?: readonly string[] | undefined;
}

/** Side A's deployment and times stand at the top. */
export interface CompareQuestion extends DeploymentQuestion {
  readonly b: DeploymentQuestion;
}

export interface TimelineQuestion extends DeploymentQuestion {
  /** Bins that the asker has room for, in digits. */
  readonly bins?: string | undefined;
  /** Worker ids with commas between them. */
  readonly workers?: string | undefined;
}

/** Which events of a timeline are wanted, as written by the caller (timeline-task.ts). */
export interface FilterTexts {
  /** Names with commas between them. */
  readonly stages?: string | undefined;
  readonly layer?: string | undefined;
  readonly microbatch?: string | undefined;
  /** A rank in the other group. */
  readonly peer?: string | undefined;
}

export interface TimelineTileQuestion extends TimelineQuestion, FilterTexts {}

export interface TimelineStepsQuestion extends DeploymentQuestion {
  /** `time` or `slowest`. */
  readonly order?: string | undefined;
  /** In digits, as the rest. */
  readonly limit?: string | undefined;
  readonly overNs?: string | undefined;
  readonly domain?: string | undefined;
  /** An instant, and which way from it: `next` or `previous`; in place of a window. */
  readonly at?: string | undefined;
  readonly direction?: string | undefined;
}

/** All in digits; `at`: an instant near to the step. */
export interface TimelineFlowQuestion extends DeploymentQuestion {
  readonly step?: string | undefined;
  readonly domain?: string | undefined;
  readonly layer?: string | undefined;
  readonly microbatch?: string | undefined;
  readonly at?: string | undefined;
}

export interface TimelineSearchQuestion extends DeploymentQuestion {
  /** Words and pairs (search-query.ts). */
  readonly q?: string | undefined;
  /** In digits. */
  readonly limit?: string | undefined;
  /** An instant: what lies nearest to it comes first. */
  readonly near?: string | undefined;
}

export interface CriticalPathQuestion extends DeploymentQuestion {
  /** Whose path is told: `slowest`, which is the default, or `newest`. */
  readonly pick?: string | undefined;
  /** In digits: of the step with this number, of this domain. */
  readonly step?: string | undefined;
  readonly domain?: string | undefined;
}

export interface PostmortemQuestion extends DeploymentQuestion {
  /** `html` (default) or `md`. */
  readonly format?: string | undefined;
  /** IANA name of the zone of local times; default UTC. */
  readonly zone?: string | undefined;
  /** Where the dashboard is that evidence links lead to; absent: nothing is linked. */
  readonly url?: string | undefined;
  readonly setup: SetupFacts;
  /** Of the collector now; null: not known. */
  readonly conditions: readonly Condition[] | null;
}

export interface IncidentReportQuestion
  extends Pick<PostmortemQuestion, 'zone' | 'url' | 'setup' | 'conditions'> {
  readonly incidentId: string;
}

export interface PostmortemFile {
  readonly fileName: string;
  readonly contentType: string;
  /** What the file may do in a browser: nothing runs, nothing is loaded. */
  readonly contentPolicy: string;
  readonly text: string;
}

export interface IncidentsQuestion {
  /** Absent: all. */
  readonly deployment?: string | undefined;
  readonly status?: string | undefined;
  /** In digits. */
  readonly limit?: string | undefined;
}

export interface IncidentQuestion {
  readonly incidentId: string;
}

/** What the flight recorder asks, in instants. */
export interface EvidenceQuestion extends TimeWindow {
  readonly deployment: string;
}

export interface SnapshotQuestion extends EvidenceQuestion {
  /** Inside of the window: what matters most, such as when its alert fired. */
  readonly focusUnixNs: UnixNanos;
}

export interface FitQuestion extends SnapshotQuestion {
  /** What is kept reaches so far beyond the window on both sides. */
  readonly marginNs: number;
  readonly maxBytes: number;
}

/** What is kept of a window's raw events. */
export interface EvidenceExtent {
  /** What a pin of the window keeps. */
  readonly rawBytes: number;
  /** Of the deployment. */
  readonly lastSeenUnixNs: UnixNanos;
  /** Which part retention had taken before, as a sentence; '': none. */
  readonly missing: string;
}

export interface EvidenceSnapshot {
  /** null: `reportNote` says why. */
  readonly report: ReportJson | null;
  readonly reportNote: string;
  /** Of the last healthy window of the same length before. */
  readonly baseline: ReportJson | null;
  readonly baselineNote: string;
}

/** Ready to send: an answer of megabytes is not taken apart and put together again. */
export interface JsonText {
  readonly json: string;
  /** Equal for equal answers. */
  readonly etag: string;
}

/** A frame of columns (lib/api/column-frame.ts), moved between threads, never copied. */
export interface FrameBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Equal for equal answers. */
  readonly etag: string;
}

export interface StoreTotals {
  readonly store: StoreHealth;
  readonly totals: readonly IngestTotalsJson[];
}

/** What each kind of question takes and is answered with. */
export interface Questions {
  deployments: { question: Record<never, never>; answer: Deployments };
  report: { question: DeploymentQuestion; answer: ReportJson };
  series: { question: DeploymentQuestion; answer: Series };
  heatmap: { question: DeploymentQuestion; answer: HeatmapAnswer };
  strip: { question: DeploymentQuestion; answer: StripAnswer };
  breakdown: { question: DeploymentQuestion; answer: Breakdown };
  criticalPath: { question: CriticalPathQuestion; answer: CriticalPath };
  stragglers: { question: DeploymentQuestion; answer: StragglersAnswer };
  experts: { question: DeploymentQuestion; answer: ExpertsAnswer };
  waits: { question: DeploymentQuestion; answer: Waits };
  compare: { question: CompareQuestion; answer: Compare };
  timeline: { question: TimelineQuestion; answer: JsonText };
  timelineTile: { question: TimelineTileQuestion; answer: FrameBytes };
  timelineSteps: { question: TimelineStepsQuestion; answer: TimelineSteps };
  timelineFlow: { question: TimelineFlowQuestion; answer: TimelineFlow };
  timelineSearch: { question: TimelineSearchQuestion; answer: TimelineSearch };
  timelineStats: { question: TimelineTileQuestion; answer: TimelineStats };
  whatif: { question: WhatifQuestion; answer: WhatifAnswer };
  postmortem: { question: PostmortemQuestion; answer: PostmortemFile };
  totals: { question: Record<never, never>; answer: StoreTotals };
  alerts: { question: AlertsQuestion; answer: Alerts };
  alertHistory: { question: AlertHistoryQuestion; answer: AlertHistory };
  rulePreview: { question: RulePreviewQuestion; answer: RulePreview };
  rulesYaml: { question: RulesYamlQuestion; answer: string };
  alertRules: { question: AlertRulesQuestion; answer: RulesAnswer };
  silences: { question: Record<never, never>; answer: { silences: SilenceJson[] } };
  deliveries: { question: LimitQuestion; answer: Deliveries };
  annotations: { question: DeploymentQuestion; answer: { annotations: AnnotationJson[] } };
  incidents: { question: IncidentsQuestion; answer: Incidents };
  incident: { question: IncidentQuestion; answer: IncidentDetail };
  incidentReport: { question: IncidentReportQuestion; answer: PostmortemFile };
  incidentDocuments: { question: Record<never, never>; answer: readonly StateDocument[] };
  pins: { question: Record<never, never>; answer: readonly Pin[] };
  evidence: { question: EvidenceQuestion; answer: EvidenceExtent };
  evidenceFit: { question: FitQuestion; answer: TimeWindow | null };
  evidenceSnapshot: { question: SnapshotQuestion; answer: EvidenceSnapshot };
}
export type QuestionKind = keyof Questions;

/** Why there is no answer, ready for a problem document. */
export interface QueryFailure {
  readonly kind: ProblemKind;
  readonly message: string;
  readonly parameter?: string;
}

/** Main -> query thread. */
export interface QueryRequest {
  readonly id: number;
  readonly kind: QuestionKind;
  readonly question: unknown;
  /** Wall clock of the asker: relative times count from it. */
  readonly nowUnixMs: number;
}

/** Query thread -> main. */
export type QueryReply =
  | { readonly id: number; readonly ok: true; readonly answer: unknown }
  | { readonly id: number; readonly ok: false; readonly failure: QueryFailure };

/** `workerData` of a query thread. */
export interface QueryThreadData {
  /** `sqlite`, or the URL of another store. */
  readonly store: string;
  /** Folder of the database. */
  readonly dataDir: string;
  /**
   * `part`: it works on a part of another query thread's report (part-thread.ts); `export`: it makes
   * one export (export-thread.ts).
   */
  readonly task?: 'part' | 'export';
}
