/** The newest raw events of a window, assembled: what heat map, strip and breakdown look at. */
import { addNanos, type UnixNanos } from '#lib/base/units.ts';
import { alignEvents } from '#lib/model/align-events.ts';
import { assemble } from '#lib/model/assemble.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { loadNewest } from './load-events.ts';
import type { DeploymentQuestion } from './questions.ts';
import { completed } from './report.ts';
import { earlier, parseWindow, requireDeployment } from './window.ts';

/** More would take longer than somebody who waits for a page has. */
export const MAX_PICTURE_EVENTS = 1_000_000;

const DEFAULT_SPAN_NS = 10e9;

/** Workers' clocks may be so far ahead of ours. */
const MAX_AHEAD_NS = 5e9;

export interface NewestEvents {
  readonly assembled: Assembled;
  /** What of the asked window was looked at. */
  readonly window: TimeWindow;
}

/**
 * Where the window is long, its newest part. Without `from`, the last seconds (ten) of data before
 * `to`; without `to`, up to the newest event, not counting what a wrong clock dated far ahead.
 */
export async function newestEvents(
  reader: TelemetryReader,
  question: DeploymentQuestion,
  nowUnixNs: UnixNanos,
  maxEvents: number = MAX_PICTURE_EVENTS,
  defaultSpanNs: number = DEFAULT_SPAN_NS,
): Promise<NewestEvents> {
  const wanted = await pictureWindow(reader, question, nowUnixNs, defaultSpanNs);
  if (wanted.fromUnixNs === wanted.toUnixNs) {
    const nothing = assemble([], question.deployment);
    return { assembled: nothing, window: completed(wanted, nothing) };
  }
  const { tables, window } = await loadNewest(reader, question.deployment, wanted, maxEvents);
  const aligned = alignEvents(tables, question.deployment, window);
  return { assembled: assemble(aligned.tables, question.deployment), window };
}

/** The window that a picture is of, whatever part of it can be looked at; it may be empty. */
export async function pictureWindow(
  reader: TelemetryReader,
  question: DeploymentQuestion,
  nowUnixNs: UnixNanos,
  defaultSpanNs: number = DEFAULT_SPAN_NS,
): Promise<TimeWindow> {
  const given = parseWindow(question, nowUnixNs);
  const lastEnd = credibleEnd(await requireDeployment(reader, question.deployment), nowUnixNs);
  const toUnixNs =
    given.toUnixNs === undefined || given.toUnixNs > lastEnd ? lastEnd : given.toUnixNs;
  const fromUnixNs = given.fromUnixNs ?? earlier(toUnixNs, defaultSpanNs);
  return fromUnixNs < toUnixNs ? { fromUnixNs, toUnixNs } : { fromUnixNs, toUnixNs: fromUnixNs };
}

/** End of the newest event, or what the clock allows where that lies ahead of it. */
function credibleEnd(
  seen: { readonly firstSeenUnixNs: UnixNanos; readonly lastSeenUnixNs: UnixNanos },
  nowUnixNs: UnixNanos,
): UnixNanos {
  const limit = addNanos(nowUnixNs, MAX_AHEAD_NS);
  const lastEnd = addNanos(seen.lastSeenUnixNs, 1);
  // Where everything lies ahead, it is this machine's clock that is wrong.
  return lastEnd > limit && seen.firstSeenUnixNs < limit ? limit : lastEnd;
}
