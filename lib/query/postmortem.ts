/** A post-mortem report of a window as one file: `GET /api/v1/deployments/{id}/postmortem`. */
import type { Hang } from '#lib/analysis/hang-types.ts';
import type { Compare } from '#lib/api/compare.ts';
import type { IncidentDetail } from '#lib/api/incidents.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';
import type { Waits } from '#lib/api/waits.ts';
import { NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { Baseline, PicturedStep, PostmortemFacts } from '#lib/postmortem/facts.ts';
import { isTimeZone } from '#lib/postmortem/instants.ts';
import {
  POSTMORTEM_FORMATS,
  type PostmortemFormat,
  postmortemFileName,
  renderPostmortem,
} from '#lib/postmortem/postmortem.ts';
import { REPORT_POLICY } from '#lib/postmortem/render-html.ts';
import type { StateStore } from '#lib/store/state-store.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { listAnnotations } from './annotations.ts';
import { compare } from './compare.ts';
import { BadQuestionError } from './errors.ts';
import { MAX_PICTURE_EVENTS, pictureWindow } from './newest-events.ts';
import { timeText } from './parse-time.ts';
import { alertsOfWindow } from './postmortem-alerts.ts';
import { findBaseline } from './postmortem-baseline.ts';
import { closeUpOf } from './postmortem-close-up.ts';
import { type StepSearch, slowSteps, usualStep } from './postmortem-steps.ts';
import type { DeploymentQuestion, PostmortemFile, PostmortemQuestion } from './questions.ts';
import { report } from './report.ts';
import { reportJson } from './report-json.ts';
import { storeTotals } from './store-totals.ts';
import { stragglers } from './stragglers.ts';
import { waits } from './waits.ts';
import { parseWindow, requireDeployment } from './window.ts';

const DEFAULT_SPAN_NS = 300 * NS_PER_S;

/** Events that are read, at most, for one part of a report. */
export interface PostmortemBounds {
  /** Above it the window is told from rollups, and only seconds around its worst step from events. */
  readonly window: number;
  /** Those seconds. */
  readonly closeUp: number;
  /** Above it the worst steps are looked for in the slowest seconds only. */
  readonly picture: number;
}

const BOUNDS: PostmortemBounds = {
  window: 4_000_000,
  closeUp: 2_000_000,
  picture: MAX_PICTURE_EVENTS,
};

/** @throws BadQuestionError, UnknownDeploymentError */
export async function postmortem(
  reader: TelemetryReader,
  state: StateStore | null,
  question: PostmortemQuestion,
  nowUnixNs: UnixNanos,
): Promise<PostmortemFile> {
  const format = formatOf(question.format);
  return postmortemFile(await postmortemFacts(reader, state, question, nowUnixNs), format);
}

export function postmortemFile(facts: PostmortemFacts, format: PostmortemFormat): PostmortemFile {
  const { deployment, window } = facts.report;
  return {
    fileName: postmortemFileName(deployment, window.startUnixNs, format),
    contentType: `text/${format === 'html' ? 'html' : 'markdown'}; charset=utf-8`,
    contentPolicy: REPORT_POLICY,
    text: renderPostmortem(facts, format),
  };
}

/**
 * Without `from`, the last five minutes of data before `to`; without `to`, up to the newest event.
 * `state`: null where there are no notes. `frozen`: stands for what retention took. @throws BadQuestionError, UnknownDeploymentError
 */
export async function postmortemFacts(
  reader: TelemetryReader,
  state: StateStore | null,
  question: PostmortemQuestion,
  nowUnixNs: UnixNanos,
  bounds: PostmortemBounds = BOUNDS,
  frozen: Pick<IncidentDetail, 'report' | 'baseline'> | null = null,
): Promise<PostmortemFacts> {
  const made = {
    atUnixNs: String(nowUnixNs),
    timeZone: zoneOf(question.zone),
    baseUrl: baseUrlOf(question.url),
  };
  const { deployment } = question;
  const seen = await requireDeployment(reader, deployment);
  const window = await windowOf(reader, question, nowUnixNs);
  const texts = textsOf(deployment, window);
  const kept = reportJson(await report(reader, texts, nowUnixNs, bounds.window));
  // Made while all events were there.
  const isBetter = kept.exactness !== 'raw' || kept.quality.events === 0;
  const answer = isBetter ? (frozen?.report ?? kept) : kept;
  const whole = answer.steps.count > 0 ? answer : await withHangs(reader, texts, answer, nowUnixNs);
  const search: StepSearch = {
    reader,
    deployment,
    window,
    hangs: (whole.hangs ?? []) as readonly Hang[],
    wanted: wantedOf(whole),
    maxEvents: bounds.picture,
  };
  const found = await slowSteps(search);
  const worst = found.slowest[0];
  const closeUp =
    whole.exactness === 'raw' || worst === undefined
      ? null
      : await closeUpOf(reader, whole, window, worst, bounds.closeUp);
  const baseline: Baseline =
    frozen !== null && frozen.baseline !== null
      ? { kind: 'found', report: frozen.baseline, passedOver: [] }
      : await findBaseline(reader, seen, window, nowUnixNs);
  const { usualNearby, ...steps } = found;
  const usual =
    baseline.kind === 'found' && found.pictured.length > 0
      ? await usualStep(reader, deployment, windowIn(baseline.report), rowIds(found.pictured))
      : null;
  const close = closeUp === null ? texts : textsOf(deployment, windowIn(closeUp));
  return {
    report: whole,
    closeUp,
    steps: {
      ...steps,
      usual: usual ?? usualNearby,
      usualOf: usual === null ? 'window' : 'baseline',
    },
    baseline,
    comparison: await comparisonOf(reader, whole, baseline, nowUnixNs),
    waits: await waitsOf(reader, close, nowUnixNs),
    annotations: state === null ? [] : (await listAnnotations(state, texts, nowUnixNs)).annotations,
    alerts: state === null ? [] : await alertsOfWindow(state, deployment, window),
    intake: await intakeOf(reader, question),
    setup: question.setup,
    made,
  };
}

async function windowOf(
  reader: TelemetryReader,
  question: DeploymentQuestion,
  nowUnixNs: UnixNanos,
): Promise<TimeWindow> {
  const { fromUnixNs, toUnixNs } = parseWindow(question, nowUnixNs);
  // What is given is kept: silence after the newest event tells, too.
  if (fromUnixNs !== undefined && toUnixNs !== undefined) return { fromUnixNs, toUnixNs };
  const window = await pictureWindow(reader, question, nowUnixNs, DEFAULT_SPAN_NS);
  if (window.fromUnixNs < window.toUnixNs) return window;
  throw new BadQuestionError('from', 'The deployment has no events in this window.');
}

function textsOf(
  deployment: string,
  { fromUnixNs, toUnixNs }: TimeWindow,
): Required<DeploymentQuestion> {
  return { deployment, from: timeText(fromUnixNs), to: timeText(toUnixNs) };
}

function windowIn({ window }: ReportJson): TimeWindow {
  return {
    fromUnixNs: unixNanos(BigInt(window.startUnixNs)),
    toUnixNs: unixNanos(BigInt(window.endUnixNs)),
  };
}

/** A window without a step may lie inside of a hang. */
async function withHangs(
  reader: TelemetryReader,
  texts: DeploymentQuestion,
  answer: ReportJson,
  nowUnixNs: UnixNanos,
): Promise<ReportJson> {
  const { hangs } = await stragglers(reader, texts, nowUnixNs);
  return { ...answer, hangs };
}

/** Worker ids that the pictures should show: who hung and who is slow, worst first. */
function wantedOf({ hangs = [], stragglers: slow }: ReportJson): string[] {
  const hung = hangs.flatMap(({ worker }) => (worker === null ? [] : [worker]));
  return [...new Set([...hung, ...slow.slice(0, 4).map(({ worker }) => worker)])];
}

function rowIds([first]: readonly PicturedStep[]): string[] {
  return first?.rows.map(({ workerId }) => workerId) ?? [];
}

/** null: no baseline, or too few whole steps of events on a side to say anything. */
async function comparisonOf(
  reader: TelemetryReader,
  whole: ReportJson,
  baseline: Baseline,
  nowUnixNs: UnixNanos,
): Promise<Compare | null> {
  if (baseline.kind === 'none' || whole.steps.count === 0) return null;
  const { deployment } = whole;
  const healthy = textsOf(deployment, windowIn(baseline.report));
  const b = textsOf(deployment, windowIn(whole));
  const answer = await compare(reader, { ...healthy, b }, nowUnixNs);
  return answer.verdict.direction === 'unknown' ? null : answer;
}

/** null: no raw events. */
async function waitsOf(
  reader: TelemetryReader,
  texts: DeploymentQuestion,
  nowUnixNs: UnixNanos,
): Promise<Waits | null> {
  const answer = await waits(reader, texts, nowUnixNs);
  return answer.steps === 0 ? null : answer;
}

async function intakeOf(
  reader: TelemetryReader,
  { deployment, conditions }: PostmortemQuestion,
): Promise<PostmortemFacts['intake']> {
  const { store, totals } = await storeTotals(reader);
  return {
    store,
    totals: totals.filter((row) => row.deployment === deployment || row.deployment === ''),
    conditions,
  };
}

function formatOf(text: string | undefined): PostmortemFormat {
  const found = POSTMORTEM_FORMATS.find((name) => name === (text ?? 'html'));
  if (found !== undefined) return found;
  throw new BadQuestionError('format', `"${text}" is no format of a report: write html or md.`);
}

function zoneOf(text: string | undefined): string {
  if (text === undefined) return 'UTC';
  if (isTimeZone(text)) return text;
  throw new BadQuestionError('zone', `"${text}" is no time zone: write one such as Europe/Berlin.`);
}

/** Without a slash at its end. */
function baseUrlOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol)) {
    return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  }
  throw new BadQuestionError(
    'url',
    `"${text}" is no address of a dashboard: write http://host:port.`,
  );
}
