/** Which deployments there are: `GET /api/v1/deployments`. */
import type { Deployments } from '#lib/api/deployments.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';

/** By the time of their last event, newest first. */
export async function listDeployments(reader: TelemetryReader): Promise<Deployments> {
  const rows = [...(await reader.deployments())];
  const totals = new Map((await reader.ingestTotals()).map((row) => [row.deployment, row]));
  const pins = await reader.pins();
  rows.sort((a, b) => {
    if (a.lastSeenUnixNs !== b.lastSeenUnixNs) return a.lastSeenUnixNs > b.lastSeenUnixNs ? -1 : 1;
    return a.deployment < b.deployment ? -1 : 1;
  });
  return {
    deployments: rows.map((row) => ({
      id: row.deployment,
      topology: row.topology,
      groups: row.groups.map((group) => ({ ...group })),
      firstSeenUnixNs: String(row.firstSeenUnixNs),
      lastSeenUnixNs: String(row.lastSeenUnixNs),
      steps: row.steps,
      events: row.events,
      importedEvents: totals.get(row.deployment)?.importedEvents ?? 0,
      pinned: pins
        .filter((pin) => pin.deployment === row.deployment)
        .map((pin) => ({ fromUnixNs: String(pin.fromUnixNs), toUnixNs: String(pin.toUnixNs) })),
    })),
  };
}
