/**
 * A realistic table without a simulator: attention and FFN workers that ping-pong micro-batches,
 * with normal jitter on every duration. For sizes and round trips, not for the analysis.
 */
import { unixNanos } from '#lib/base/units.ts';
import { Kind, Stage } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';

export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function testWorker(rank: number, fields: Partial<WorkerInfo> = {}): WorkerInfo {
  const role = fields.role ?? 'attention';
  return {
    deployment: 'prod',
    group: role,
    role,
    rank,
    domain: 0,
    incarnation: 'one',
    service: 'decode',
    instanceId: `${role}-${rank}`,
    host: `node-${rank >> 3}`,
    hwId: `GPU-${role}-${rank}`,
    clockDomain: `node-${rank >> 3}`,
    sendEnd: 'arrival',
    sendMode: 'unknown',
    topology: '8A4F',
    microbatches: 3,
    layers: 61,
    connector: 'stepmesh',
    model: 'deepseek-v3.2',
    ...fields,
  };
}

/** Steps of `workers` attention or FFN workers, rows worker by worker. */
export function afdTable(options: {
  readonly role: 'attention' | 'ffn';
  readonly workers: number;
  readonly steps: number;
  readonly firstStep?: number;
  readonly layers?: number;
  readonly microbatches?: number;
  readonly jitter?: number;
  readonly seed?: number;
  readonly baseUnixNs?: bigint;
  readonly deployment?: string;
  readonly measures?: boolean;
}): EventTable {
  const random = seededRandom(options.seed ?? 1);
  const jitter = options.jitter ?? 0.03;
  const layers = options.layers ?? 61;
  const microbatches = options.microbatches ?? 3;
  const attention = options.role === 'attention';
  const about = (meanNs: number) => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(1, Math.round(meanNs * (1 + jitter * normal)));
  };
  const infos = Array.from({ length: options.workers }, (_, rank) =>
    testWorker(rank, { role: options.role, deployment: options.deployment ?? 'prod' }),
  );
  const base = unixNanos(options.baseUnixNs ?? 1_795_000_000_123_456_789n);
  const builder = new EventTableBuilder(base, infos);
  const stages = attention
    ? [Stage.f2a_recv, Stage.attention, Stage.a2f_send]
    : [Stage.a2f_recv, Stage.expert, Stage.f2a_send];
  for (let worker = 0; worker < options.workers; worker++) {
    let gpuFreeNs = 0;
    const sentNs = new Array<number>(microbatches).fill(0);
    for (let s = 0; s < options.steps; s++) {
      const step = (options.firstStep ?? 0) + s;
      for (let layer = 0; layer < layers; layer++) {
        for (let microbatch = 0; microbatch < microbatches; microbatch++) {
          const arrivesNs = sentNs[microbatch]! + about(400_000);
          const common = { worker, step, layer, microbatch };
          const recvStart = sentNs[microbatch]!;
          builder.add({
            ...common,
            startNs: recvStart,
            durationNs: arrivesNs - recvStart,
            stage: stages[0]!,
            kind: Kind.receive,
          });
          const computeStart = Math.max(arrivesNs, gpuFreeNs);
          const computeNs = about(attention ? 270_000 : 255_000);
          builder.add({
            ...common,
            startNs: computeStart,
            durationNs: computeNs,
            stage: stages[1]!,
            kind: Kind.compute,
            ...(options.measures === true
              ? { measures: { tokens: 128, contextTokens: 128 * (4000 + step) } }
              : {}),
          });
          gpuFreeNs = computeStart + computeNs;
          const sendNs = about(attention ? 70_000 : 130_000);
          builder.add({
            ...common,
            startNs: gpuFreeNs,
            durationNs: sendNs,
            stage: stages[2]!,
            kind: Kind.transfer,
          });
          sentNs[microbatch] = gpuFreeNs + sendNs;
        }
      }
    }
  }
  return builder.finish();
}
