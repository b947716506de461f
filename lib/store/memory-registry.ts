/** Deployments, their workers and their steps as they were seen. */
import type { UnixNanos } from '#lib/base/units.ts';
import { compareInstants, earliest, latest } from '#lib/table/instants.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import type { PlannedDeployment } from './append-plan.ts';
import { addSteps, type StepRun } from './step-runs.ts';
import type { StoredDeployment, TimeWindow } from './telemetry-store.ts';

interface Deployment {
  topology: string;
  firstUnixNs: UnixNanos;
  lastUnixNs: UnixNanos;
  events: number;
  readonly workers: Map<string, WorkerInfo>;
  readonly runs: Map<number, { runs: readonly StepRun[]; steps: number }>;
}

export class MemoryRegistry {
  readonly #deployments = new Map<string, Deployment>();

  add(plan: PlannedDeployment): void {
    const { deployment } = plan;
    const known = this.#deployments.get(deployment);
    const spans = plan.workers.length > 0 ? workerSpans(plan) : plan.metricChunks;
    const from = spans.map((span) => span.fromUnixNs);
    const to = spans.map((span) => span.toUnixNs);
    const entry: Deployment = known ?? {
      topology: '',
      firstUnixNs: earliest(from, from[0]!),
      lastUnixNs: latest(to, to[0]!),
      events: 0,
      workers: new Map(),
      runs: new Map(),
    };
    this.#deployments.set(deployment, entry);
    if (plan.events > 0) {
      entry.firstUnixNs = earliest(from, entry.events > 0 ? entry.firstUnixNs : from[0]!);
      entry.lastUnixNs = latest(to, entry.events > 0 ? entry.lastUnixNs : to[0]!);
    }
    entry.events += plan.events;
    for (const { info } of [...plan.workers].sort((a, b) =>
      compareInstants(a.lastUnixNs, b.lastUnixNs),
    )) {
      if (info.topology !== '') entry.topology = info.topology;
      entry.workers.set(JSON.stringify([info.group, info.rank]), info);
    }
    for (const [domain, steps] of plan.steps) {
      const before = entry.runs.get(domain) ?? { runs: [], steps: 0 };
      const { runs, added } = addSteps(before.runs, steps);
      entry.runs.set(domain, { runs, steps: before.steps + added });
    }
  }

  deployments(): readonly StoredDeployment[] {
    return [...this.#deployments]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([deployment, entry]) => ({
        deployment,
        topology: entry.topology,
        groups: groupsOf([...entry.workers.values()]),
        firstSeenUnixNs: entry.firstUnixNs,
        lastSeenUnixNs: entry.lastUnixNs,
        steps: [...entry.runs.values()].reduce((sum, { steps }) => sum + steps, 0),
        events: entry.events,
      }));
  }
}

function groupsOf(workers: readonly WorkerInfo[]): StoredDeployment['groups'] {
  const groups = new Map<string, { group: string; role: string; workers: number }>();
  for (const { group, role } of workers) {
    const known = groups.get(group) ?? { group, role, workers: 0 };
    groups.set(group, { group, role, workers: known.workers + 1 });
  }
  return [...groups.values()].sort((a, b) => (a.group < b.group ? -1 : 1));
}

function workerSpans({ workers }: PlannedDeployment): readonly TimeWindow[] {
  return workers.map(({ firstUnixNs, lastUnixNs }) => ({
    fromUnixNs: firstUnixNs,
    toUnixNs: lastUnixNs,
  }));
}
