/**
 * Buckets of the trend charts made from raw events. The live view makes them of what comes in; what
 * was imported has none, and its raw events are kept.
 */
import { type Rollups, rollupBuckets } from '#lib/analysis/rollup-buckets.ts';
import { addNanos } from '#lib/base/units.ts';
import { alignEvents } from '#lib/model/align-events.ts';
import { assemble } from '#lib/model/assemble.ts';
import type { StoredDeployment, TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { earlierOf, laterOf } from '#lib/table/instants.ts';
import { loadNewest } from './load-events.ts';
import { MAX_PICTURE_EVENTS } from './newest-events.ts';

const NOTHING: Rollups = { workers: [], deployments: [] };

/** Of the pinned part of the window; where that holds too many events, of its newest part. */
export async function rawBuckets(
  reader: TelemetryReader,
  seen: StoredDeployment,
  window: TimeWindow,
  resolutionNs: number,
): Promise<Rollups> {
  const pinned = await reader.pins(seen.deployment);
  const isPinned = pinned.some(
    (pin) => pin.fromUnixNs < window.toUnixNs && pin.toUnixNs > window.fromUnixNs,
  );
  if (!isPinned) return NOTHING;
  const inside: TimeWindow = {
    fromUnixNs: laterOf(window.fromUnixNs, seen.firstSeenUnixNs),
    toUnixNs: earlierOf(window.toUnixNs, addNanos(seen.lastSeenUnixNs, 1)),
  };
  if (inside.fromUnixNs >= inside.toUnixNs) return NOTHING;
  const loaded = await loadNewest(reader, seen.deployment, inside, MAX_PICTURE_EVENTS);
  const aligned = alignEvents(loaded.tables, seen.deployment, loaded.window);
  const assembled = assemble(aligned.tables, seen.deployment);
  const { fromUnixNs, toUnixNs } = loaded.window;
  const rows = rollupBuckets(assembled, fromUnixNs, toUnixNs, resolutionNs);
  // Without an event there is a gap, not a zero.
  const workers = rows.workers.filter(({ events }) => events > 0);
  const starts = new Set(workers.map(({ bucketStartUnixNs }) => bucketStartUnixNs));
  const deployments = rows.deployments.filter((row) => starts.has(row.bucketStartUnixNs));
  return { workers, deployments };
}
