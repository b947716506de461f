/** The history of the trend charts, from rollups: `GET /api/v1/deployments/{id}/series`. */
import type { Series } from '#lib/api/series.ts';
import { NS_PER_S, type UnixNanos } from '#lib/base/units.ts';
import type { RollupSelection, TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { DeploymentRollup, WorkerRollup } from '#lib/table/rollups.ts';
import type { DeploymentQuestion } from './questions.ts';
import { meanTpotMs, type TokenDelta, TokenDeltas, TPOT_METRICS } from './token-latency.ts';
import { trendPoints } from './trend-points.ts';
import { earlier, requireDeployment, windowOrNewest } from './window.ts';

export const MAX_POINTS = 1500;

/** Resolutions of the stored rollups. */
export const ROLLUP_RESOLUTIONS_NS = [NS_PER_S, 10 * NS_PER_S, 60 * NS_PER_S] as const;

/** Engines export every 10 to 60 s: look back so far for the point before the window. */
const METRIC_LOOK_BACK_NS = 120 * NS_PER_S;

/** Points of the window (default: the last five minutes) at the resolution that suits its length. */
export async function series(
  reader: TelemetryReader,
  question: DeploymentQuestion,
  nowUnixNs: UnixNanos,
): Promise<Series> {
  const window = windowOrNewest(question, nowUnixNs);
  await requireDeployment(reader, question.deployment);
  const { storedNs, shownNs } = resolutionFor(Number(window.toUnixNs - window.fromUnixNs));
  const { workers, deployments } = await rollupRows(reader, question.deployment, window, storedNs);
  const deltas = await tokenDeltas(reader, question.deployment, window);
  const points = trendPoints(workers, deployments, shownNs, (from, spanNs) =>
    meanTpotMs(deltas, from, spanNs),
  );
  return {
    deployment: question.deployment,
    fromUnixNs: String(window.fromUnixNs),
    toUnixNs: String(window.toUnixNs),
    resolutionMs: shownNs / 1e6,
    exactness: 'rollup',
    points: points.slice(-MAX_POINTS),
  };
}

/**
 * 1 s up to 10 minutes, 10 s up to 2 hours, 60 s beyond; where even that makes too many points,
 * several buckets become one.
 */
export function resolutionFor(lengthNs: number): { storedNs: number; shownNs: number } {
  if (lengthNs <= 600 * NS_PER_S) return { storedNs: NS_PER_S, shownNs: NS_PER_S };
  if (lengthNs <= 7200 * NS_PER_S) return { storedNs: 10 * NS_PER_S, shownNs: 10 * NS_PER_S };
  const minutes = Math.max(1, Math.ceil(lengthNs / (60 * NS_PER_S) / (MAX_POINTS - 2)));
  return { storedNs: 60 * NS_PER_S, shownNs: minutes * 60 * NS_PER_S };
}

/**
 * Stored rows of one resolution, and for the newest time, whose coarse bucket is not closed yet, the
 * finer ones.
 */
export async function rollupRows(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
  storedNs: number,
): Promise<{ workers: WorkerRollup[]; deployments: DeploymentRollup[] }> {
  const workers: WorkerRollup[] = [];
  const deployments: DeploymentRollup[] = [];
  let fromUnixNs = window.fromUnixNs;
  for (const resolutionNs of [...ROLLUP_RESOLUTIONS_NS].reverse()) {
    if (resolutionNs > storedNs || fromUnixNs >= window.toUnixNs) continue;
    const selection: RollupSelection = {
      deployment,
      window: { fromUnixNs, toUnixNs: window.toUnixNs },
      resolutionNs,
    };
    const [moreWorkers, moreDeployments] = [
      await reader.workerRollups(selection),
      await reader.deploymentRollups(selection),
    ];
    for (const row of moreWorkers) workers.push(row);
    for (const row of moreDeployments) deployments.push(row);
    const last = newestBucket(moreWorkers, moreDeployments);
    if (last !== null) fromUnixNs = (last + BigInt(resolutionNs)) as UnixNanos;
    // Without a coarse row at all, finer ones would be read for the whole window: only its newest
    // part can be waiting for its coarse bucket.
    else if (resolutionNs > NS_PER_S) {
      const tail = earlier(window.toUnixNs, 20 * resolutionNs);
      if (tail > fromUnixNs) fromUnixNs = tail;
    }
  }
  return { workers, deployments };
}

function newestBucket(
  workers: readonly WorkerRollup[],
  deployments: readonly DeploymentRollup[],
): bigint | null {
  let newest: bigint | null = null;
  for (const rows of [workers, deployments]) {
    const last = rows.at(-1);
    if (last !== undefined && (newest === null || last.bucketStartUnixNs > newest)) {
      newest = last.bucketStartUnixNs;
    }
  }
  return newest;
}

async function tokenDeltas(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
): Promise<readonly TokenDelta[]> {
  const deltas = new TokenDeltas();
  const found: TokenDelta[] = [];
  const selection = {
    deployment,
    window: {
      fromUnixNs: earlier(window.fromUnixNs, METRIC_LOOK_BACK_NS),
      toUnixNs: window.toUnixNs,
    },
    names: TPOT_METRICS,
  };
  for await (const table of reader.scanMetrics(selection)) {
    for (const delta of deltas.add(table).get(deployment) ?? []) found.push(delta);
  }
  return found.sort((a, b) =>
    a.timeUnixNs < b.timeUnixNs ? -1 : a.timeUnixNs > b.timeUnixNs ? 1 : 0,
  );
}
