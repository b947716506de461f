/** The report of a window with more events than one assembly should hold: in slices, in two threads. */
import { fitLoadSums } from '#lib/analysis/load-model.ts';
import type { Report } from '#lib/analysis/report-types.ts';
import { seamHolds } from '#lib/analysis/seam.ts';
import { joinParts, SlicedWindow } from '#lib/analysis/sliced-report.ts';
import { type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { alignEvents, type ClockFacts } from '#lib/model/align-events.ts';
import { alignClocks, type ClockAlignment } from '#lib/model/clock-alignment.ts';
import { ClockBounds } from '#lib/model/clock-bounds.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { RejectCounts } from '#lib/table/reject-reasons.ts';
import { type PartClocks, type PartHelper, SEAM_MARGIN_NS, WindowPart } from './window-part.ts';

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
  const aligned = alignEvents(tables, deployment, given);
  const { clock } = aligned;
  const sliced = SlicedWindow.of(aligned.tables, deployment, given, {});
  if (sliced === null) return null;
  sliced.setLoadModel(fitLoadSums([sliced.loadSums()]));
  const again = sliced.part.bind(sliced);
  return joinParts(sliced.parts(), again, deployment, sliced.window, { ...quality, clock });
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
  const loading = helper.load({ ...question, own: { fromUnixNs: middle } });
  // A failure is told when it is waited for, not before.
  loading.catch(() => undefined);
  const first = await WindowPart.load(reader, { ...question, own: { toUnixNs: middle } });
  if (first === null) return null;
  const ownClocks = first.clocks();
  const otherClocks = await loading;
  if (otherClocks === null) return null;
  const alignment = alignParts([ownClocks, otherClocks]);
  const cutting = helper.cut(alignment);
  cutting.catch(() => undefined);
  const ownLoads = first.cut(alignment);
  const otherLoads = await cutting;
  if (ownLoads === null || otherLoads === null) return null;
  const loadModel = fitLoadSums([ownLoads, otherLoads]);
  const second = helper.answer(loadModel);
  second.catch(() => undefined);
  const own = first.answer(loadModel);
  const other = await second;
  if (!seamHolds(own.steps, other.steps, SEAM_MARGIN_NS)) return null;
  const { length } = own.parts;
  return joinParts(
    [...own.parts, ...other.parts],
    (part, known) =>
      part < length ? first.again(part, known) : helper.again(part - length, known),
    deployment,
    { fromUnixNs: own.window.fromUnixNs, toUnixNs: other.window.toUnixNs },
    { ...quality, clock: clockFacts(alignment, own.violationsAfter + other.violationsAfter) },
  );
}

/** As all transfers of the window tell; null: its workers share one clock. */
function alignParts(parts: readonly PartClocks[]): ClockAlignment | null {
  const known = parts.map(({ bounds }) => bounds).filter((bounds) => bounds !== null);
  if (known.length === 0) return null;
  const all = new ClockBounds();
  for (const bounds of known) all.merge(bounds);
  return alignClocks(all.part());
}

function clockFacts(alignment: ClockAlignment | null, violationsAfter: number): ClockFacts | null {
  if (alignment === null) return null;
  const { transfers, violationsBefore } = alignment;
  return { alignment, transfers, violationsBefore, violationsAfter };
}
