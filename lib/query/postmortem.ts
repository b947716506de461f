/** A post-mortem report of a window as one file: `GET /api/v1/deployments/{id}/postmortem`. */
import type { Hang } from '#lib/analysis/hang-types.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';
import type { Waits } from '#lib/api/waits.ts';
import { NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { PicturedStep, PostmortemFacts } from '#lib/postmortem/facts.ts';
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
import { BadQuestionError } from './errors.ts';
import { pictureWindow } from './newest-events.ts';
import { findBaseline } from './postmortem-baseline.ts';
import { type StepSearch, slowSteps, usualStep, windowAround } from './postmortem-steps.ts';
import type { DeploymentQuestion, PostmortemFile, PostmortemQuestion } from './questions.ts';
import { report } from './report.ts';
import { reportJson } from './report-json.ts';
import { storeTotals } from './store-totals.ts';
import { stragglers } from './stragglers.ts';
import { waits } from './waits.ts';
import { parseWindow, requireDeployment } from './window.ts';

const DEFAULT_SPAN_NS = 300 * NS_PER_S;
/** Above it the window is told from rollups, and only the seconds around its worst step from events. */
const MOST_EVENTS = 4_000_000;
const CLOSE_EVENTS = 2_000_000;

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
 * `state`: null where there are no notes. @throws BadQuestionError, UnknownDeploymentError
 */
export async function postmortemFacts(
  reader: TelemetryReader,
  state: StateStore | null,
  question: PostmortemQuestion,
  nowUnixNs: UnixNanos,
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
  const answer = reportJson(await report(reader, texts, nowUnixNs, MOST_EVENTS));
  const whole = answer.steps.count > 0 ? answer : await withHangs(reader, texts, answer, nowUnixNs);
  const search: StepSearch = {
    reader,
    deployment,
    window,
    hangs: (whole.hangs ?? []) as readonly Hang[],
    wanted: wantedOf(whole),
  };
  const found = await slowSteps(search);
  const closeUp = await closeUpOf(search, whole, found.slowest[0], nowUnixNs);
  const baseline = await findBaseline(reader, seen, window, nowUnixNs);
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
    comparison: null,
    waits: await waitsOf(reader, close, nowUnixNs),
    annotations: state === null ? [] : (await listAnnotations(state, texts, nowUnixNs)).annotations,
    alerts: [],
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
  return { deployment, from: String(fromUnixNs), to: String(toUnixNs) };
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

/** Of the seconds around the worst step, where the window itself is told from rollups. */
async function closeUpOf(
  search: StepSearch,
  whole: ReportJson,
  worst: PostmortemFacts['steps']['slowest'][number] | undefined,
  nowUnixNs: UnixNanos,
): Promise<ReportJson | null> {
  if (whole.exactness === 'raw' || worst === undefined) return null;
  const around = await windowAround(search, worst, CLOSE_EVENTS);
  const texts = textsOf(search.deployment, around);
  const closeUp = reportJson(await report(search.reader, texts, nowUnixNs, MOST_EVENTS));
  return closeUp.exactness === 'raw' && closeUp.steps.count > 0 ? closeUp : null;
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
