/** The history of the trend charts, from rollups: `GET /api/v1/deployments/{id}/series`. */
import type { Series } from '#lib/api/series.ts';
import { NS_PER_S, type UnixNanos } from '#lib/base/units.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { DeploymentRollup, GroupRollup } from '#lib/table/rollups.ts';
import { STAGE_ROLLUP_RESOLUTIONS_NS } from '#lib/table/stage-rollups.ts';
import type { DeploymentQuestion } from './questions.ts';
import { rawBuckets } from './raw-buckets.ts';
import { meanTpotMs, type TokenDelta, TokenDeltas, TPOT_METRICS } from './token-latency.ts';
import { trendPoints } from './trend-points.ts';
import { earlier, requireDeployment, windowOrNewest } from './window.ts';

export const MAX_POINTS = 1500;

/** Engines export every 10 to 60 s: look back so far for the point before the window. */
const METRIC_LOOK_BACK_NS = 120 * NS_PER_S;

/** Points of the window (default: the last five minutes) at the resolution that suits its length. */
export async function series(
  reader: TelemetryReader,
  question: DeploymentQuestion,
  nowUnixNs: UnixNanos,
): Promise<Series> {
  const window = windowOrNewest(question, nowUnixNs);
  const seen = await requireDeployment(reader, question.deployment);
  const { storedNs, shownNs: wantedNs } = resolutionFor(
    Number(window.toUnixNs - window.fromUnixNs),
  );
  const rows = await rollupRows(reader, question.deployment, window, storedNs);
  const hasRollups = rows.groups.length + rows.deployments.length > 0;
  const raw = hasRollups ? null : await rawBuckets(reader, seen, window, wantedNs);
  const groups = raw?.workers ?? rows.groups;
  const deployments = raw?.deployments ?? rows.deployments;
  const shownNs = raw === null ? Math.max(wantedNs, rows.coarsestNs) : wantedNs;
  const deltas = await tokenDeltas(reader, question.deployment, window);
  const points = trendPoints(groups, deployments, shownNs, (from, spanNs) =>
    meanTpotMs(deltas, from, spanNs),
  );
  return {
    deployment: question.deployment,
    fromUnixNs: String(window.fromUnixNs),
    toUnixNs: String(window.toUnixNs),
    resolutionMs: shownNs / 1e6,
    exactness: raw === null || raw.workers.length === 0 ? 'rollup' : 'raw',
    points: points.slice(-MAX_POINTS),
  };
}

/**
 * 1 s up to 10 minutes, 10 s up to 2 hours, 60 s up to a day, hours beyond; where even that makes too
 * many points, several buckets become one.
 */
export function resolutionFor(lengthNs: number): { storedNs: number; shownNs: number } {
  const [second, tenSeconds, minute, hour] = STAGE_ROLLUP_RESOLUTIONS_NS;
  if (lengthNs <= 600 * NS_PER_S) return { storedNs: second, shownNs: second };
  if (lengthNs <= 7200 * NS_PER_S) return { storedNs: tenSeconds, shownNs: tenSeconds };
  if (lengthNs <= 86_400 * NS_PER_S) return { storedNs: minute, shownNs: minute };
  const hours = Math.max(1, Math.ceil(lengthNs / hour / (MAX_POINTS - 2)));
  return { storedNs: hour, shownNs: hours * hour };
}

/**
 * Stored rows of one resolution, finer ones where its buckets are not closed yet, coarser ones where
 * its own are deleted.
 */
async function rollupRows(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
  storedNs: number,
): Promise<{ groups: GroupRollup[]; deployments: DeploymentRollup[]; coarsestNs: number }> {
  const groups: GroupRollup[] = [];
  const deployments: DeploymentRollup[] = [];
  const selection = { kind: 'partition', finestNs: storedNs, coarsestNs: storedNs } as const;
  const parts = await reader.rollupParts({ ...selection, deployment, window });
  for (const part of parts) {
    for (const row of await reader.groupRollups({ deployment, ...part })) groups.push(row);
    for (const row of await reader.deploymentRollups({ deployment, ...part }))
      deployments.push(row);
  }
  return {
    groups,
    deployments,
    coarsestNs: Math.max(storedNs, ...parts.map(({ resolutionNs }) => resolutionNs)),
  };
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
