/** How much a window holds, from rollups: a few rows tell, before anything large is read. */
import { NS_PER_S, unixNanos } from '#lib/base/units.ts';
import type { RollupPart, TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { earlierOf, laterOf } from '#lib/table/instants.ts';
import type { StageBands } from '#lib/table/stage-bands.ts';

/** Buckets that an overview looks at. */
const OVERVIEW_BUCKETS = 64;

/** What the rollups say about the window: they lag some seconds behind. */
export interface Overview {
  readonly events: number;
  readonly workers: number;
  readonly stages: number;
}

/** From the newest of the window's rollups; older ones are taken to be like them. */
export async function overviewOf(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
  workers?: readonly string[] | undefined,
): Promise<Overview> {
  const lengthNs = Number(window.toUnixNs - window.fromUnixNs);
  const finestNs = lengthNs > OVERVIEW_BUCKETS * NS_PER_S ? 10 * NS_PER_S : NS_PER_S;
  const selection = { kind: 'stage', deployment, window, finestNs } as const;
  const wanted = workers === undefined ? null : new Set(workers);
  const ids = new Set<string>();
  const stages = new Set<string>();
  let events = 0;
  let seenNs = 0;
  let buckets = 0;
  for (const part of [...(await reader.rollupParts(selection))].reverse()) {
    const newest = newestBuckets(part, OVERVIEW_BUCKETS - buckets);
    for (const bands of await reader.stageBands({ deployment, ...newest })) {
      const share = shareInside(bands, window);
      for (const name of bands.stageNames) stages.add(name);
      for (const { workerId } of bands.workers) ids.add(workerId);
      for (let i = 0; i < bands.length; i++) {
        const { workerId } = bands.workers[bands.worker[i]!]!;
        if (wanted === null || wanted.has(workerId)) events += bands.count[i]! * share;
      }
      seenNs += share * bands.resolutionNs;
      buckets++;
    }
    if (buckets >= OVERVIEW_BUCKETS) break;
  }
  const whole = buckets < OVERVIEW_BUCKETS ? 1 : lengthNs / Math.max(1, seenNs);
  return {
    events: events * whole,
    workers: wanted?.size ?? ids.size,
    stages: Math.max(1, stages.size),
  };
}

function newestBuckets({ resolutionNs, window }: RollupPart, buckets: number): RollupPart {
  const from = window.toUnixNs - BigInt(buckets) * BigInt(resolutionNs);
  const fromUnixNs = laterOf(window.fromUnixNs, unixNanos(from));
  return { resolutionNs, window: { fromUnixNs, toUnixNs: window.toUnixNs } };
}

function shareInside(bands: StageBands, { fromUnixNs, toUnixNs }: TimeWindow): number {
  const start = bands.bucketStartUnixNs;
  const end = start + BigInt(bands.resolutionNs);
  const insideNs = Number(earlierOf(unixNanos(end), toUnixNs) - laterOf(start, fromUnixNs));
  return Math.max(0, insideNs) / bands.resolutionNs;
}
