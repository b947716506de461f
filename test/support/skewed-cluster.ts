/** A simulated cluster, as it is and as its hosts report it whose clocks are off. */
import { Random } from '#lib/base/random.ts';
import type { ClockAlignment } from '#lib/model/clock-alignment.ts';
import { correctionAt } from '#lib/model/clock-correction.ts';
import { clusterWorkers } from '#lib/pipeline/cluster.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { PipelineSpec } from '#lib/pipeline/spec.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';

export interface HostSkew {
  readonly offsetNs: number;
  readonly driftPpm: number;
}

export interface SkewedCluster {
  readonly spec: PipelineSpec;
  /** As a clock without error shows it. */
  readonly right: EventTable;
  readonly reported: EventTable;
  readonly skews: ReadonlyMap<string, HostSkew>;
}

export interface ClusterOptions {
  readonly spec?: Partial<PipelineSpec>;
  readonly steps: number;
  readonly offsetNs: number;
  readonly driftPpm: number;
  readonly sendEnd?: WorkerInfo['sendEnd'];
  readonly faults?: Faults;
}

/** Every host but the first is up to `offsetNs` and `driftPpm` off, either way. */
export function skewedCluster(seed: number, options: ClusterOptions): SkewedCluster {
  const random = new Random(seed);
  const either = (most: number): number => (2 * random.uniform() - 1) * most;
  const spec = scenarioSpec('healthy', { layers: 12, gpusPerHost: 2, ...options.spec });
  const hosts = [...new Set(clusterWorkers(spec).map(({ host }) => host))];
  const skews = new Map(
    hosts.map((host, i) => [
      host,
      i === 0
        ? { offsetNs: 0, driftPpm: 0 }
        : { offsetNs: Math.round(either(options.offsetNs)), driftPpm: either(options.driftPpm) },
    ]),
  );
  const { steps, faults = {}, sendEnd } = options;
  const clockOffset = [...skews].map(([target, skew]) => ({ target, ...skew }));
  const ending = (table: EventTable): EventTable =>
    sendEnd === undefined
      ? table
      : { ...table, workers: table.workers.map((info) => ({ ...info, sendEnd })) };
  return {
    spec,
    right: ending(simulateSteps(spec, { steps, seed, faults })),
    reported: ending(simulateSteps(spec, { steps, seed, faults: { ...faults, clockOffset } })),
    skews,
  };
}

/** By domain: how far the applied correction is from the true one, at most, over its events. */
export function worstErrorsOf(
  { reported, skews }: SkewedCluster,
  alignment: ClockAlignment,
): Map<string, number> {
  const { offsetNs, driftPpm } = skews.get(alignment.referenceDomain!)!;
  const worst = new Map<string, number>();
  for (const { domain, correction } of alignment.domains) {
    const own = skews.get(domain)!;
    let most = 0;
    for (let row = 0; row < reported.length; row += 17) {
      if (reported.workers[reported.worker[row]!]!.clockDomain !== domain) continue;
      const rawNs = reported.startNs[row]!;
      const trueNs = (rawNs - own.offsetNs) / (1 + own.driftPpm * 1e-6);
      const wanted = trueNs * (1 + driftPpm * 1e-6) + offsetNs - rawNs;
      const applied =
        correction === null ? 0 : correctionAt(correction, reported.baseUnixNs, rawNs);
      most = Math.max(most, Math.abs(applied - wanted));
    }
    worst.set(domain, most);
  }
  return worst;
}
