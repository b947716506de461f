/** Rollups of worker time in memory. */
import { compareInstants } from '#lib/table/instants.ts';
import type {
  DeploymentRollup,
  GroupRollup,
  RollupBucket,
  WorkerRollup,
} from '#lib/table/rollups.ts';
import { addedLengths, addedRollup } from './memory-rollup-sums.ts';
import { byBucketAndWorker } from './memory-stage-rollups.ts';
import { keptFrom, ROLLUP_LEVELS_NS } from './rollup-levels.ts';
import type { RetentionPolicy, RollupSelection } from './telemetry-store.ts';

export class MemoryRollups {
  readonly #workerRollups = new Map<string, WorkerRollup>();
  readonly #deploymentRollups = new Map<string, DeploymentRollup>();

  put(workers: readonly WorkerRollup[], deployments: readonly DeploymentRollup[]): void {
    for (const rollup of workers) {
      this.#workerRollups.set(`${bucketKey(rollup)} ${rollup.workerId}`, rollup);
    }
    for (const rollup of deployments) this.#deploymentRollups.set(bucketKey(rollup), rollup);
  }

  workers(selection: RollupSelection): readonly WorkerRollup[] {
    return [...this.#workerRollups.values()]
      .filter((rollup) => inSelection(rollup, selection))
      .sort(byBucketAndWorker);
  }

  deployments(selection: RollupSelection): readonly DeploymentRollup[] {
    return [...this.#deploymentRollups.values()]
      .filter((rollup) => inSelection(rollup, selection))
      .sort((a, b) => compareInstants(a.bucketStartUnixNs, b.bucketStartUnixNs));
  }

  workerSums(selection: RollupSelection): readonly WorkerRollup[] {
    const sums = new Map<string, WorkerRollup>();
    for (const row of this.workers(selection)) {
      const sum = sums.get(row.workerId);
      sums.set(row.workerId, sum === undefined ? row : addedRollup(sum, row));
    }
    return [...sums.values()];
  }

  groups(selection: RollupSelection): readonly GroupRollup[] {
    const sums = new Map<string, GroupRollup>();
    for (const row of this.workers(selection)) {
      const { deployment, resolutionNs, bucketStartUnixNs, group, role, events, lengths } = row;
      const key = JSON.stringify([String(bucketStartUnixNs), group]);
      const known = sums.get(key);
      sums.set(key, {
        ...{ deployment, resolutionNs, bucketStartUnixNs, group, role },
        workers: (known?.workers ?? 0) + 1,
        events: (known?.events ?? 0) + events,
        lengths: known === undefined ? lengths : addedLengths(known.lengths, lengths),
      });
    }
    return [...sums.values()].sort(
      (a, b) =>
        compareInstants(a.bucketStartUnixNs, b.bucketStartUnixNs) || (a.group < b.group ? -1 : 1),
    );
  }

  /** How many were deleted. */
  retain(policy: RetentionPolicy, nowUnixNs: bigint): number {
    const rollupsBefore = nowUnixNs - BigInt(Math.round(policy.rollupsNs));
    let deletedRollups = 0;
    for (const rollups of [this.#workerRollups, this.#deploymentRollups]) {
      for (const [key, rollup] of rollups) {
        const level = ROLLUP_LEVELS_NS.indexOf(rollup.resolutionNs);
        const before = level < 0 ? rollupsBefore : keptFrom(level, policy, nowUnixNs, null);
        if (rollup.bucketStartUnixNs + BigInt(rollup.resolutionNs) > before) continue;
        rollups.delete(key);
        deletedRollups++;
      }
    }
    return deletedRollups;
  }
}

function bucketKey(bucket: RollupBucket): string {
  return `${JSON.stringify(bucket.deployment)} ${bucket.resolutionNs} ${bucket.bucketStartUnixNs}`;
}

function inSelection(bucket: RollupBucket, selection: RollupSelection): boolean {
  return (
    bucket.deployment === selection.deployment &&
    bucket.resolutionNs === selection.resolutionNs &&
    bucket.bucketStartUnixNs < selection.window.toUnixNs &&
    bucket.bucketStartUnixNs + BigInt(bucket.resolutionNs) > selection.window.fromUnixNs
  );
}
