/**
 * The report of a window (`GET /api/v1/deployments/{id}/report`, `afdscope report`): from raw events,
 * exact to the nanosecond, where they are kept and not too many; else from rollups, and it says so.
 */
import { buildReport, reportOf } from '#lib/analysis/build-report.ts';
import type { Report } from '#lib/analysis/report-types.ts';
import { addNanos, type UnixNanos } from '#lib/base/units.ts';
import { alignEvents } from '#lib/model/align-events.ts';
import { assemble } from '#lib/model/assemble.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import type { StoredDeployment, TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { RejectCounts } from '#lib/table/reject-reasons.ts';
import { BadQuestionError } from './errors.ts';
import { loadWindow, MARGIN_NS, REPORT_COLUMNS } from './load-events.ts';
import {
  LONG_REPORT_EVENTS,
  reportInHalves,
  reportInSlices,
  SHARED_REPORT_EVENTS,
} from './long-report.ts';
import { overviewOf } from './overview.ts';
import type { DeploymentQuestion } from './questions.ts';
import { countsFor, rejectionsOf } from './rejections.ts';
import { edgeLength, rollupReport } from './rollup-report.ts';
import { earlier, parseWindow, requireDeployment } from './window.ts';
import type { PartHelper } from './window-part.ts';

/**
 * A report takes about 110 bytes an event, 126 where clocks are corrected: more than this could fill a
 * machine.
 */
export const MAX_RAW_EVENTS = 32_000_000;

/**
 * `startHelper`: starts another thread for the half of a long window; it is closed after.
 *
 * Without `from` and `to`: from the first start to the last end of all raw events kept.
 */
export async function report(
  reader: TelemetryReader,
  question: DeploymentQuestion,
  nowUnixNs: UnixNanos,
  maxRawEvents: number = MAX_RAW_EVENTS,
  startHelper?: () => PartHelper,
): Promise<Report> {
  const given = parseWindow(question, nowUnixNs);
  const { deployment } = question;
  const seen = await requireDeployment(reader, deployment);
  const quality = await qualityOf(reader, deployment);
  const whole: TimeWindow = {
    fromUnixNs: given.fromUnixNs ?? seen.firstSeenUnixNs,
    toUnixNs: given.toUnixNs ?? addNanos(seen.lastSeenUnixNs, 1),
  };
  // Nothing is gone from before the deployment's first event, though its first bucket starts there.
  const needed = latest(given.fromUnixNs, seen.firstSeenUnixNs);
  if (await rollupsMustDo(reader, deployment, whole, needed, maxRawEvents)) {
    const answer = await rollupReport(reader, deployment, whole, quality);
    if (answer !== null) return answer;
  }
  if (startHelper !== undefined && likelyEvents(seen, whole) > SHARED_REPORT_EVENTS) {
    const helper = startHelper();
    try {
      // Around the middle both halves read the same.
      const max = 0.75 * maxRawEvents;
      const answer = await reportInHalves(reader, deployment, given, whole, quality, max, helper);
      if (answer !== null) return answer;
    } finally {
      await helper.close();
    }
  }
  const loaded = await loadWindow(
    reader,
    deployment,
    given,
    maxRawEvents,
    MARGIN_NS,
    REPORT_COLUMNS,
  );
  if (!loaded.complete) {
    const answer = await rollupReport(reader, deployment, whole, quality);
    if (answer !== null) return answer;
    throw new BadQuestionError(
      'from',
      `The window holds more than ${maxRawEvents} events, and there are no sums of them. Ask for a shorter one.`,
    );
  }
  if (loaded.events > LONG_REPORT_EVENTS) {
    const answer = await reportInSlices(loaded.tables, deployment, given, quality);
    if (answer !== null) return answer;
  }
  if (given.fromUnixNs === undefined && given.toUnixNs === undefined) {
    return buildReport({ events: loaded.tables, deployment, ...quality });
  }
  const { tables, clock } = alignEvents(loaded.tables, deployment, given);
  const assembled = assemble(tables, deployment);
  return reportOf(assembled, completed(given, assembled), { ...quality, clock });
}

/** An estimate may be off where the rate changed. */
const CERTAINLY_MORE = 1.2;

/** At the deployment's mean rate since it was first seen. */
function likelyEvents(seen: StoredDeployment, window: TimeWindow): number {
  const allNs = Number(seen.lastSeenUnixNs - seen.firstSeenUnixNs);
  const windowNs = Number(window.toUnixNs - window.fromUnixNs);
  return allNs <= windowNs ? seen.events : seen.events * (windowNs / allNs);
}

/** Open ends become the first start and the last end of the events. */
export function completed(given: Partial<TimeWindow>, assembled: Assembled): TimeWindow {
  const { baseUnixNs } = assembled.events;
  const fromUnixNs = given.fromUnixNs ?? addNanos(baseUnixNs, assembled.firstStartNs);
  const toUnixNs = given.toUnixNs ?? addNanos(baseUnixNs, assembled.lastEndNs);
  if (toUnixNs < fromUnixNs) return { fromUnixNs, toUnixNs: fromUnixNs };
  return { fromUnixNs, toUnixNs };
}

function latest(from: UnixNanos | undefined, first: UnixNanos): UnixNanos | undefined {
  return from !== undefined && from < first ? first : from;
}

/** Is it plain, before anything large is read, that raw events cannot answer? */
async function rollupsMustDo(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
  neededUnixNs: UnixNanos | undefined,
  maxRawEvents: number,
): Promise<boolean> {
  const { oldestRawUnixNs } = await reader.size();
  const rawIsGone =
    neededUnixNs !== undefined &&
    (oldestRawUnixNs === null || neededUnixNs + BigInt(MARGIN_NS) < oldestRawUnixNs) &&
    !(await isPinned(reader, deployment, { ...window, fromUnixNs: neededUnixNs }));
  if (rawIsGone) {
    const before =
      oldestRawUnixNs === null || oldestRawUnixNs > window.toUnixNs
        ? window.toUnixNs
        : oldestRawUnixNs;
    if (await hasRollups(reader, deployment, { ...window, toUnixNs: before })) return true;
  }
  return (await estimatedEvents(reader, deployment, window)) > CERTAINLY_MORE * maxRawEvents;
}

/** Are all raw events of the window kept from retention? Imported ones are. */
async function isPinned(
  reader: TelemetryReader,
  deployment: string,
  { fromUnixNs, toUnixNs }: TimeWindow,
): Promise<boolean> {
  const { lastSeenUnixNs } = await requireDeployment(reader, deployment);
  let reached: bigint = fromUnixNs;
  for (const pin of await reader.pins(deployment)) {
    if (pin.fromUnixNs <= reached && pin.toUnixNs > reached) reached = pin.toUnixNs;
  }
  return reached >= toUnixNs || reached > lastSeenUnixNs;
}

async function hasRollups(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
): Promise<boolean> {
  if (window.fromUnixNs >= window.toUnixNs) return false;
  const finestNs = edgeLength(window);
  for (const part of await reader.rollupParts({
    kind: 'partition',
    deployment,
    window,
    finestNs,
  })) {
    if ((await reader.deploymentRollups({ deployment, ...part })).length > 0) return true;
  }
  return false;
}

/** Of the window and what is read around it, as far as rollups tell. */
async function estimatedEvents(
  reader: TelemetryReader,
  deployment: string,
  { fromUnixNs, toUnixNs }: TimeWindow,
): Promise<number> {
  const read = {
    fromUnixNs: earlier(fromUnixNs, MARGIN_NS),
    toUnixNs: addNanos(toUnixNs, MARGIN_NS),
  };
  return (await overviewOf(reader, deployment, read)).events;
}

/**
 * Refusals of the deployment, and those that no deployment is known of, since the store was made.
 * What was imported has no senders that those could be of.
 */
async function qualityOf(
  reader: TelemetryReader,
  deployment: string,
): Promise<{ late: number; rejected: RejectCounts }> {
  const totals = await reader.ingestTotals();
  const { late = 0, ...rejected } = rejectionsOf(countsFor(totals, deployment), deployment);
  return { late, rejected };
}
