/** The report of a window with more events than one assembly should hold: in slices, in two threads. */
import type { Report } from '#lib/analysis/report-types.ts';
import { seamHolds } from '#lib/analysis/seam.ts';
import { joinParts, SlicedWindow } from '#lib/analysis/sliced-report.ts';
import { type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { RejectCounts } from '#lib/table/reject-reasons.ts';
import { type PartHelper, SEAM_MARGIN_NS, WindowPart } from './window-part.ts';

/** Below this a single assembly is as quick, and small enough. */
export const LONG_REPORT_EVENTS = 1_000_000;

/**
 * From here on another thread gains more than its start costs: about two seconds of processor time
 * until its code is loaded and compiled well, in which one thread reports five million events.
 */
export const SHARED_REPORT_EVENTS = 8_000_000;

interface Quality {
  readonly late: number;
  readonly rejected: RejectCounts;
}

/** null: the events must be assembled together. `given`: absent ends are the events' own. */
export async function reportInSlices(
  tables: readonly EventTable[],
  deployment: string,
  given: Partial<TimeWindow>,
  quality: Quality,
): Promise<Report | null> {
  const sliced = SlicedWindow.of(tables, deployment, given, {});
  if (sliced === null) return null;
  const again = sliced.part.bind(sliced);
  return joinParts(sliced.parts(), again, deployment, sliced.window, quality);
}

/**
 * The same with the second half of `expected` left to `helper`, reading included. null: it cannot be
 * done in parts (also where a step reaches further over the middle than a part reads), or there are
 * more than `maxEvents` events in a part.
 */
export async function reportInHalves(
  reader: TelemetryReader,
  deployment: string,
  given: Partial<TimeWindow>,
  expected: TimeWindow,
  quality: Quality,
  maxEvents: number,
  helper: PartHelper,
): Promise<Report | null> {
  const middle: UnixNanos = unixNanos((expected.fromUnixNs + expected.toUnixNs) / 2n);
  const question = { deployment, window: given, seamUnixNs: middle, maxEvents };
  const second = helper.answer({ ...question, own: { fromUnixNs: middle } });
  // Its failure is told when it is waited for, not before.
  second.catch(() => undefined);
  const first = await WindowPart.load(reader, { ...question, own: { toUnixNs: middle } });
  if (first === null) return null;
  const own = first.answer();
  const other = await second;
  if (other === null || !seamHolds(own.steps, other.steps, SEAM_MARGIN_NS)) return null;
  const { length } = own.parts;
  return joinParts(
    [...own.parts, ...other.parts],
    (part, known) =>
      part < length ? first.again(part, known) : helper.again(part - length, known),
    deployment,
    { fromUnixNs: own.window.fromUnixNs, toUnixNs: other.window.toUnixNs },
    quality,
  );
}
