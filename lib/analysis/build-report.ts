/** The report of one deployment over one window: the contract in report-types.ts. */
import { addNanos, nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import { alignEvents } from '#lib/model/align-events.ts';
import { assemble } from '#lib/model/assemble.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { selectWindow, type WindowNs } from '#lib/model/select-window.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { finishReport, type ReportQuality, type ReportWindow } from './finish-report.ts';
import { reportPart } from './report-part.ts';
import type { Report } from './report-types.ts';
import { wholeSlice } from './slice.ts';

export type { ReportQuality, ReportWindow } from './finish-report.ts';

export interface ReportInput extends ReportQuality {
  readonly events: readonly EventTable[];
  readonly deployment: string;
  /** Default: first start to last end of the deployment's events. */
  readonly window?: ReportWindow;
}

/** Of raw events: clocks are aligned first. */
export function buildReport(input: ReportInput): Report {
  const { tables, clock } = alignEvents(input.events, input.deployment, input.window);
  return reportOf(assemble(tables, input.deployment), input.window, { ...input, clock });
}

/**
 * The same for events that are aligned and assembled already, so that several questions share the
 * work.
 */
export function reportOf(
  assembled: Assembled,
  window: ReportWindow | undefined,
  quality: ReportQuality = {},
): Report {
  const span = windowOf(assembled, window);
  const selected = selectWindow(assembled, span);
  const { baseUnixNs, length } = assembled.events;
  const edge = (offsetNs: number): UnixNanos =>
    length === 0 ? baseUnixNs : addNanos(baseUnixNs, offsetNs);
  const whole = window ?? {
    fromUnixNs: edge(assembled.firstStartNs),
    toUnixNs: edge(assembled.lastEndNs),
  };
  return finishReport(
    [reportPart(selected, wholeSlice(span))],
    assembled.deployment,
    whole,
    withMisdated(quality, assembled.misdated),
  );
}

function withMisdated(quality: ReportQuality, misdated: number): ReportQuality {
  if (misdated === 0) return quality;
  const rejected: Record<string, number> = { ...quality.rejected };
  rejected.bad_time = (rejected.bad_time ?? 0) + misdated;
  return { ...quality, rejected };
}

/** The window in the table's own time; without one, all of the table. */
export function windowOf(assembled: Assembled, window: ReportWindow | undefined): WindowNs {
  if (window === undefined) {
    return { fromNs: assembled.firstStartNs, toNs: assembled.lastEndNs };
  }
  const base = assembled.events.baseUnixNs;
  const fromNs = nanosBetween(base, window.fromUnixNs);
  const durationNs = Math.max(0, nanosBetween(window.fromUnixNs, window.toUnixNs));
  return { fromNs, toNs: fromNs + durationNs };
}
