/**
 * The seconds around a window's worst step, from events: what is told by name where the window itself
 * is told from rollups.
 */
import { reportOf } from '#lib/analysis/build-report.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';
import { addNanos, NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { alignEvents } from '#lib/model/align-events.ts';
import { assemble } from '#lib/model/assemble.ts';
import type { SlowSteps } from '#lib/postmortem/facts.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { earlierOf, laterOf } from '#lib/table/instants.ts';
import { loadWindow, REPORT_COLUMNS } from './load-events.ts';
import { reportJson } from './report-json.ts';
import { earlier } from './window.ts';

/** On either side of the step; less where that holds too many events. */
const AROUND_NS = 5 * NS_PER_S;
/** Times that a quarter of the time is tried. */
const TRIES = 5;
/** Around what is told, so that its first and last steps are whole. */
const MARGIN_NS = 2 * NS_PER_S;

/** null: no raw events are kept, or even a moment holds too many. `whole`: the window's own report. */
export async function closeUpOf(
  reader: TelemetryReader,
  whole: ReportJson,
  window: TimeWindow,
  { startUnixNs, durationNs }: SlowSteps['slowest'][number],
  maxEvents: number,
): Promise<ReportJson | null> {
  const { deployment, quality } = whole;
  const start = unixNanos(BigInt(startUnixNs));
  const end = addNanos(start, durationNs);
  const marginNs = Math.min(MARGIN_NS, Math.max(NS_PER_S / 100, 1.2 * durationNs));
  let aroundNs = AROUND_NS;
  for (let tried = 0; tried < TRIES; tried++, aroundNs = Math.round(aroundNs / 4)) {
    const span = {
      fromUnixNs: laterOf(earlier(start, aroundNs), window.fromUnixNs),
      toUnixNs: earlierOf(addNanos(end, aroundNs), window.toUnixNs),
    };
    const loaded = await loadWindow(reader, deployment, span, maxEvents, marginNs, REPORT_COLUMNS);
    if (!loaded.complete) continue;
    const { tables, clock } = alignEvents(loaded.tables, deployment, span);
    const { late, rejected } = quality;
    const answer = reportOf(assemble(tables, deployment), span, { late, rejected, clock });
    return answer.steps.count === 0 ? null : reportJson(answer);
  }
  return null;
}
