/** Two windows side by side: `GET /api/v1/compare`, `afdscope compare`. */
import { windowOf } from '#lib/analysis/build-report.ts';
import type { ComparedSide, Comparison } from '#lib/analysis/compare-types.ts';
import { compareWindows } from '#lib/analysis/compare-windows.ts';
import type { Compare, CompareSide } from '#lib/api/compare.ts';
import { NS_PER_S, type UnixNanos } from '#lib/base/units.ts';
import type { TelemetryFiles } from '#lib/ingest/read-files.ts';
import { alignEvents } from '#lib/model/align-events.ts';
import { assemble, deploymentsIn } from '#lib/model/assemble.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { type AnalyzeOptions, chooseDeployment, readQuestionFiles } from './analyze-files.ts';
import { BadQuestionError, UnknownDeploymentError } from './errors.ts';
import { loadSpread } from './load-spread.ts';
import { pictureWindow } from './newest-events.ts';
import { timeText } from './parse-time.ts';
import type { CompareQuestion, DeploymentQuestion } from './questions.ts';
import { completed } from './report.ts';
import { earlier, parseWindow, requireDeployment, windowJson } from './window.ts';

/** Of each side: read, aligned and looked at in about a second and a half of one core. */
export const MAX_SERVED_COMPARE_EVENTS = 1_000_000;

/** Without times: the last minute. */
const DEFAULT_SPAN_NS = 60 * NS_PER_S;

/** One side, read and brought into one time. */
export interface CompareSource {
  readonly assembled: Assembled;
  readonly window: TimeWindow;
  /** false: parts of the window were read. */
  readonly readWhole: boolean;
  /** What is to be said of how it was read. */
  readonly notes: readonly string[];
}

/** B's window defaults to the newest minute, A's to as long before it, or the newest of another deployment. */
export async function compare(
  reader: TelemetryReader,
  question: CompareQuestion,
  nowUnixNs: UnixNanos,
  maxEvents: number = MAX_SERVED_COMPARE_EVENTS,
): Promise<Compare> {
  const { b, ...a } = question;
  const windowB = await sideWindow(reader, b, nowUnixNs).catch(namingSide('b'));
  const windowA = await windowBefore(reader, a, b.deployment, windowB, nowUnixNs).catch(
    namingSide('a'),
  );
  const sourceA = await storedSide(reader, a.deployment, windowA, maxEvents);
  const sourceB = await storedSide(reader, b.deployment, windowB, maxEvents);
  return compareAnswer(sourceA, sourceB);
}

/** One side from the store. Throws `BadQuestionError` and `UnknownDeploymentError` with the side's names. */
export async function compareSourceOfStore(
  reader: TelemetryReader,
  question: DeploymentQuestion,
  side: 'a' | 'b',
  nowUnixNs: UnixNanos,
  maxEvents: number,
): Promise<CompareSource> {
  const window = await sideWindow(reader, question, nowUnixNs).catch(namingSide(side));
  return storedSide(reader, question.deployment, window, maxEvents);
}

export interface CompareFileSource {
  readonly source: CompareSource;
  readonly files: TelemetryFiles;
}

/** One side from telemetry files; errors as in `analyzeFiles`. */
export async function compareSourceOfFiles(
  paths: readonly string[],
  options: AnalyzeOptions,
  nowUnixNs: UnixNanos,
): Promise<CompareFileSource> {
  const given = parseWindow(options, nowUnixNs);
  const files = await readQuestionFiles(paths, options);
  const deployment = chooseDeployment(deploymentsIn(files.events), options.deployment);
  const assembled = assemble(alignEvents(files.events, deployment, given).tables, deployment);
  const window = completed(given, assembled);
  return { source: { assembled, window, readWhole: true, notes: [] }, files };
}

export function compareAnswer(a: CompareSource, b: CompareSource): Compare {
  const comparison = compareWindows(
    { assembled: a.assembled, window: windowOf(a.assembled, a.window) },
    { assembled: b.assembled, window: windowOf(b.assembled, b.window) },
  );
  return answerOf(comparison, a, b);
}

function answerOf(comparison: Comparison, a: CompareSource, b: CompareSource): Compare {
  const { cells, alignment, latency, notes, ...rest } = comparison;
  return {
    schema: 'afdscope.compare/1',
    ...rest,
    a: sideJson(comparison.a, a),
    b: sideJson(comparison.b, b),
    cells: { ...cells },
    alignment: { ...alignment },
    latency: { ...latency },
    notes: [...notes, ...readNotes('A', a), ...readNotes('B', b)],
  };
}

function sideJson(
  side: ComparedSide,
  { assembled, window, readWhole }: CompareSource,
): CompareSide {
  return {
    deployment: assembled.deployment,
    ...side,
    window: windowJson(window),
    readWhole,
  };
}

function readNotes(side: string, { readWhole, notes }: CompareSource): string[] {
  const parts = readWhole
    ? []
    : [
        'the window holds more events than are read at once; evenly spread parts of it were looked at',
      ];
  return [...parts, ...notes].map((note) => `${side}: ${note}.`);
}

async function sideWindow(
  reader: TelemetryReader,
  question: DeploymentQuestion,
  nowUnixNs: UnixNanos,
): Promise<TimeWindow> {
  return pictureWindow(reader, question, nowUnixNs, DEFAULT_SPAN_NS);
}

/** Of the same deployment, absent times of A are those of a window as long as B's, directly before it. */
async function windowBefore(
  reader: TelemetryReader,
  a: DeploymentQuestion,
  deploymentB: string,
  { fromUnixNs, toUnixNs }: TimeWindow,
  nowUnixNs: UnixNanos,
): Promise<TimeWindow> {
  const isGiven = a.from !== undefined && a.to !== undefined;
  if (isGiven || a.deployment !== deploymentB) return sideWindow(reader, a, nowUnixNs);
  const given = parseWindow(a, nowUnixNs);
  const end = given.toUnixNs ?? fromUnixNs;
  const start = given.fromUnixNs ?? earlier(end, Number(toUnixNs - fromUnixNs));
  const times = { from: timeText(start), to: timeText(end) };
  return sideWindow(reader, { deployment: a.deployment, ...times }, nowUnixNs);
}

async function storedSide(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
  maxEvents: number,
): Promise<CompareSource> {
  if (window.fromUnixNs >= window.toUnixNs) {
    return { assembled: assemble([], deployment), window, readWhole: true, notes: [] };
  }
  const seen = await requireDeployment(reader, deployment);
  const { tables, events, whole } = await loadSpread(reader, seen, window, maxEvents);
  const aligned = alignEvents(tables, deployment, window);
  const assembled = assemble(aligned.tables, deployment);
  const notes: string[] = [];
  if (events === 0) notes.push(await whyEmpty(reader, window));
  return { assembled, window, readWhole: whole, notes };
}

async function whyEmpty(reader: TelemetryReader, window: TimeWindow): Promise<string> {
  const { oldestRawUnixNs } = await reader.size();
  if (oldestRawUnixNs !== null && window.fromUnixNs < oldestRawUnixNs) {
    return 'single events of that time are no longer kept (retention.raw), and steps are compared one by one';
  }
  return 'no events lie in the window';
}

/** "from" of side A is called "a.from". */
function namingSide(side: 'a' | 'b'): (error: unknown) => never {
  return (error) => {
    if (error instanceof BadQuestionError) {
      throw new BadQuestionError(`${side}.${error.parameter}`, error.message);
    }
    if (error instanceof UnknownDeploymentError) throw error.asParameter(side);
    throw error;
  };
}
