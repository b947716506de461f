/** Workers that a deployment had about a window: from rollups, and from its newest events. */
import { NS_PER_S } from '#lib/base/units.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { laterOf } from '#lib/table/instants.ts';
import { compareWorkers, workerId } from '#lib/table/worker-info.ts';
import type { RowWorker } from './tile-rows.ts';
import { earlier } from './window.ts';

/** Rollups of so many buckets tell. */
const MAX_BUCKETS = 8;
/** Events that rollups do not know yet. */
const NEWEST_NS = 15 * NS_PER_S;
const MAX_EVENTS = 400_000;

/** In the order of every answer. */
export async function deploymentWorkers(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
): Promise<RowWorker[]> {
  const found = new Map<string, RowWorker>();
  const selection = { kind: 'stage', deployment, window, finestNs: 10e9 } as const;
  const parts = await reader.rollupParts(selection);
  for (const { resolutionNs, window: own } of parts.slice(-MAX_BUCKETS)) {
    const from = laterOf(own.fromUnixNs, earlier(own.toUnixNs, MAX_BUCKETS * resolutionNs));
    const buckets = { resolutionNs, window: { fromUnixNs: from, toUnixNs: own.toUnixNs } };
    for (const { workers } of await reader.stageBands({ deployment, ...buckets })) {
      for (const { workerId: id, group, role, rank } of workers) {
        found.set(id, { workerId: id, group, role, rank });
      }
    }
  }
  const fromUnixNs = laterOf(window.fromUnixNs, earlier(window.toUnixNs, NEWEST_NS));
  const newest = { fromUnixNs, toUnixNs: window.toUnixNs };
  const columns = { measures: [], lists: [] } as const;
  let events = 0;
  for await (const slice of reader.scanSteps({ deployment, window: newest, columns })) {
    for (const info of slice.workers) {
      if (info.deployment !== deployment) continue;
      const { group, role, rank } = info;
      found.set(workerId(info), { workerId: workerId(info), group, role, rank });
    }
    events += slice.length;
    if (events > MAX_EVENTS) break;
  }
  return [...found.values()].sort(compareWorkers);
}
