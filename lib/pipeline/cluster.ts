/** The workers of a simulated cluster: attention ranks first, then FFN ranks on hosts of their own. */
import { Random } from '#lib/base/random.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import type { PipelineSpec } from './spec.ts';

/** Index i of the result is worker i of every event of the simulation. */
export function clusterWorkers(spec: PipelineSpec): WorkerInfo[] {
  const workers: WorkerInfo[] = [];
  const attentionHosts = Math.ceil(spec.attentionWorkers / spec.gpusPerHost);
  for (let rank = 0; rank < spec.attentionWorkers; rank++) {
    workers.push(worker(spec, 'attention', rank, 0, domainOf(spec, rank)));
  }
  for (let rank = 0; rank < spec.ffnWorkers; rank++) {
    workers.push(worker(spec, 'ffn', rank, attentionHosts, 0));
  }
  return workers;
}

/** Domain of an attention rank: ranks are dealt out in blocks of (nearly) equal size. */
export function domainOf(spec: PipelineSpec, attentionRank: number): number {
  return Math.floor((attentionRank * spec.domains) / spec.attentionWorkers);
}

function worker(
  spec: PipelineSpec,
  role: 'attention' | 'ffn',
  rank: number,
  firstHost: number,
  domain: number,
): WorkerInfo {
  const host = `node-${firstHost + Math.floor(rank / spec.gpusPerHost)}`;
  return {
    deployment: spec.deployment,
    group: role,
    role,
    rank,
    domain,
    incarnation: `${role}-${rank}`,
    service: `afd-${role}`,
    instanceId: `${role}-${rank}`,
    host,
    hwId: gpuUuid(host, rank % spec.gpusPerHost),
    clockDomain: host,
    sendEnd: 'arrival',
    sendMode: 'unknown',
    topology: `${spec.attentionWorkers}A${spec.ffnWorkers}F`,
    microbatches: spec.microbatches,
    layers: spec.layers,
    connector: spec.connector,
    model: spec.model,
  };
}

/** The same GPU has the same UUID in every run. */
function gpuUuid(host: string, slot: number): string {
  const random = new Random(0).fork(`${host}/${slot}`);
  const hex = Array.from({ length: 4 }, () => random.uint32().toString(16).padStart(8, '0')).join(
    '',
  );
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20),
  ];
  return `GPU-${parts.join('-')}`;
}
