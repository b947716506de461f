/** What the flight recorder asks of the store: what a window keeps, what fits, and what it shows. */
import type { ReportJson } from '#lib/api/report-schema.ts';
import { addNanos, NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { earlierOf, laterOf } from '#lib/table/instants.ts';
import { overviewOf } from './overview.ts';
import { timeText } from './parse-time.ts';
import { findBaseline } from './postmortem-baseline.ts';
import type {
  EvidenceExtent,
  EvidenceQuestion,
  EvidenceSnapshot,
  FitQuestion,
  SnapshotQuestion,
} from './questions.ts';
import { report } from './report.ts';
import { reportJson } from './report-json.ts';
import { requireDeployment } from './window.ts';

/** Events that one report is made of: it is made beside the collector, in 110 bytes an event. */
const MAX_EVENTS = 4_000_000;
const FIT_STEPS = 12;

/** @throws UnknownDeploymentError */
export async function evidenceExtent(
  reader: TelemetryReader,
  { deployment, fromUnixNs, toUnixNs }: EvidenceQuestion,
): Promise<EvidenceExtent> {
  const { firstSeenUnixNs, lastSeenUnixNs } = await requireDeployment(reader, deployment);
  const { rawBytes, spans } = await reader.rawExtent(deployment, { fromUnixNs, toUnixNs });
  const sent = {
    fromUnixNs: laterOf(fromUnixNs, firstSeenUnixNs),
    toUnixNs: earlierOf(toUnixNs, lastSeenUnixNs),
  };
  const gone: TimeWindow[] = [];
  for (const hole of holes(sent, spans)) {
    if (await hasSums(reader, deployment, hole)) gone.push(hole);
  }
  return { rawBytes, lastSeenUnixNs, missing: missingText(gone) };
}

/** Were there events? Of buckets that lie inside: one that reaches beyond tells of its outside. */
async function hasSums(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
): Promise<boolean> {
  const selection = { kind: 'stage', deployment, window, finestNs: NS_PER_S } as const;
  for (const part of await reader.rollupParts(selection)) {
    for (const bands of await reader.stageBands({ deployment, ...part })) {
      const { bucketStartUnixNs: start, resolutionNs, length } = bands;
      const isInside =
        start >= window.fromUnixNs && start + BigInt(resolutionNs) <= window.toUnixNs;
      if (isInside && length > 0) return true;
    }
  }
  return false;
}

/** Whole seconds of the window that no span touches. */
function holes({ fromUnixNs, toUnixNs }: TimeWindow, spans: readonly TimeWindow[]): TimeWindow[] {
  const found: TimeWindow[] = [];
  let reached: UnixNanos = fromUnixNs;
  const ends = { fromUnixNs: toUnixNs, toUnixNs };
  for (const span of [...spans, ends]) {
    const from = wholeSecond(reached + BigInt(NS_PER_S - 1));
    const to = wholeSecond(earlierOf(span.fromUnixNs, toUnixNs));
    if (from < to) found.push({ fromUnixNs: from, toUnixNs: to });
    reached = laterOf(reached, span.toUnixNs);
  }
  return found;
}

function wholeSecond(instant: bigint): UnixNanos {
  return unixNanos(instant - (instant % BigInt(NS_PER_S)));
}

function missingText(gone: readonly TimeWindow[]): string {
  if (gone.length === 0) return '';
  const parts = gone.slice(0, 3).map(windowText);
  const more = gone.length > 3 ? `, and ${gone.length - 3} more stretches` : '';
  return `Raw events of ${parts.join(', ')}${more} had been deleted by retention before; sums of them are kept.`;
}

/** "2026-11-27 21:04:05 to 21:05:05 UTC" */
export function windowText({ fromUnixNs, toUnixNs }: TimeWindow): string {
  const [from, to] = [fromUnixNs, toUnixNs].map((instant) =>
    new Date(Number(instant / 1_000_000n)).toISOString(),
  ) as [string, string];
  const day = to.slice(0, 10) === from.slice(0, 10) ? '' : `${to.slice(0, 10)} `;
  return `${from.slice(0, 10)} ${from.slice(11, 19)} to ${day}${to.slice(11, 19)} UTC`;
}

/**
 * The window, or where it takes more than `maxBytes`, as much of it as fits: both sides of the focus
 * are cut by the same share, since what was before an alert tells as much as what came after. null: not
 * even the focus fits.
 */
export async function fittingWindow(
  reader: TelemetryReader,
  { deployment, fromUnixNs, toUnixNs, focusUnixNs, marginNs, maxBytes }: FitQuestion,
): Promise<TimeWindow | null> {
  const whole = { fromUnixNs, toUnixNs };
  const fits = async (window: TimeWindow): Promise<boolean> => {
    const kept = {
      fromUnixNs: addNanos(window.fromUnixNs, -marginNs),
      toUnixNs: addNanos(window.toUnixNs, marginNs),
    };
    return (await reader.rawExtent(deployment, kept)).rawBytes <= maxBytes;
  };
  if (await fits(whole)) return whole;
  if (!(await fits(scaled(whole, focusUnixNs, 0)))) return null;
  let least = 0;
  let most = 1;
  for (let i = 0; i < FIT_STEPS; i++) {
    const middle = (least + most) / 2;
    if (await fits(scaled(whole, focusUnixNs, middle))) least = middle;
    else most = middle;
  }
  return scaled(whole, focusUnixNs, least);
}

/** `share` of what lies on each side of the focus, and never nothing. */
function scaled({ fromUnixNs, toUnixNs }: TimeWindow, focus: UnixNanos, share: number): TimeWindow {
  const inside = laterOf(fromUnixNs, earlierOf(toUnixNs, focus));
  const before = Math.round(Number(inside - fromUnixNs) * share);
  const after = Math.round(Number(toUnixNs - inside) * share);
  return {
    fromUnixNs: addNanos(inside, -before),
    toUnixNs: addNanos(inside, Math.max(before === 0 ? 1 : 0, after)),
  };
}

/** Reports of the window and of the last healthy one before. What cannot be made is said, not thrown. */
export async function evidenceSnapshot(
  reader: TelemetryReader,
  question: SnapshotQuestion,
  nowUnixNs: UnixNanos,
  maxEvents: number = MAX_EVENTS,
): Promise<EvidenceSnapshot> {
  const { deployment } = question;
  const seen = await requireDeployment(reader, deployment);
  const made = await windowReport(reader, question, nowUnixNs, maxEvents);
  if (made.report === null) {
    const baselineNote = 'Without a report there is nothing to compare.';
    return { ...made, baseline: null, baselineNote };
  }
  const { startUnixNs, endUnixNs } = made.report.window;
  const window = {
    fromUnixNs: unixNanos(BigInt(startUnixNs)),
    toUnixNs: unixNanos(BigInt(endUnixNs)),
  };
  const baseline = await findBaseline(reader, seen, window, nowUnixNs);
  return baseline.kind === 'found'
    ? { ...made, baseline: baseline.report, baselineNote: '' }
    : { ...made, baseline: null, baselineNote: sentence(baseline.because) };
}

/** From raw events where it can be: of fewer seconds around the focus where the window holds too many. */
async function windowReport(
  reader: TelemetryReader,
  { deployment, fromUnixNs, toUnixNs, focusUnixNs }: SnapshotQuestion,
  nowUnixNs: UnixNanos,
  maxEvents: number,
): Promise<Pick<EvidenceSnapshot, 'report' | 'reportNote'>> {
  const window = { fromUnixNs, toUnixNs };
  const whole = await reportOf(reader, deployment, window, nowUnixNs, maxEvents);
  if (whole.quality.events === 0) {
    return { report: null, reportNote: 'The deployment sent no events in this window.' };
  }
  if (whole.exactness === 'raw') return { report: whole, reportNote: '' };
  const { events } = await overviewOf(reader, deployment, window);
  const share = Math.min(1, (SAFE_SHARE * maxEvents) / Math.max(1, events));
  if (share < 1) {
    const part = scaled(window, focusUnixNs, share);
    const closeUp = await reportOf(reader, deployment, part, nowUnixNs, maxEvents);
    if (closeUp.exactness === 'raw' && closeUp.quality.events > 0) {
      const many = Math.round(events).toLocaleString('en-US');
      const reportNote = `The window holds about ${many} events, more than one report is made of: this one is of ${windowText(part)}, from every event.`;
      return { report: closeUp, reportNote };
    }
  }
  return { report: whole, reportNote: 'Raw events were gone: this report is from sums.' };
}

/** Rates vary inside of a window. */
const SAFE_SHARE = 0.7;

async function reportOf(
  reader: TelemetryReader,
  deployment: string,
  { fromUnixNs, toUnixNs }: TimeWindow,
  nowUnixNs: UnixNanos,
  maxEvents: number,
): Promise<ReportJson> {
  const question = { deployment, from: timeText(fromUnixNs), to: timeText(toUnixNs) };
  return reportJson(await report(reader, question, nowUnixNs, maxEvents));
}

function sentence(text: string): string {
  const whole = text.endsWith('.') ? text : `${text}.`;
  return whole.charAt(0).toUpperCase() + whole.slice(1);
}
