/** The clocks of a window, for questions that know nothing of it yet. */
import type { UnixNanos } from '#lib/base/units.ts';
import type { ClockAlignment } from '#lib/model/clock-alignment.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { clocksNear } from './clock-near.ts';
import { overviewOf } from './overview.ts';
import { lengthOf, MAX_ALIGNED_NS } from './timeline-task.ts';

/** null: nothing to align, or the window is long: then times are as the senders gave them. */
export async function clocksOfWindow(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
  nowUnixNs: UnixNanos,
): Promise<ClockAlignment | null> {
  if (lengthOf(window) > MAX_ALIGNED_NS) return null;
  const rate = await eventRate(reader, deployment, window);
  return clocksNear(reader, deployment, window, rate, nowUnixNs);
}

/** Events a nanosecond of all workers, about; 0 where rollups know nothing. */
export async function eventRate(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
): Promise<number> {
  const { events } = await overviewOf(reader, deployment, window);
  return events / lengthOf(window);
}
