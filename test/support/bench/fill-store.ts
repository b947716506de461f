/**
 * A store filled the way the collector fills it, without the network: packed steps of a cluster are
 * decoded, appended and added up, rollups are stored each second, and upkeep runs until nothing is
 * left to do. The exact partition of worker time is made up, since it takes assembled steps: its rows
 * are as many and as large as real ones.
 */
import { NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { DEFAULT_DECODE_LIMITS, Decoder } from '#lib/ingest/decoder.ts';
import type { TelemetryBatch, TelemetryStore } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import {
  type DeploymentRollup,
  ROLLUP_LENGTHS,
  type RollupLengthName,
  type WorkerRollup,
} from '#lib/table/rollups.ts';
import { StageAccumulator } from '#lib/table/stage-accumulator.ts';
import type { StageRollup } from '#lib/table/stage-rollups.ts';
import { testWorker } from '../afd-table.ts';
import { PatchedPacked, packedTemplates } from '../patched-packed.ts';
import { batchOf } from '../telemetry-batch.ts';

export interface FilledStore {
  readonly deployment: string;
  readonly events: number;
  readonly workers: readonly string[];
  readonly fromUnixNs: UnixNanos;
  readonly toUnixNs: UnixNanos;
}

export interface FillOptions {
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly onProgress?: (events: number) => void;
}

const DEPLOYMENT = 'bench';
/** A whole hour: 2026-11-23T14:00:00Z. */
const START = unixNanos(1_795_442_400_000_000_000n);
const HOUR_NS = 3600 * NS_PER_S;
const KEEP = { rawNs: 1e18, rawBytes: 1e18, rollupsNs: 90 * 86_400e9 };

export async function fillStore(store: TelemetryStore, options: FillOptions): Promise<FilledStore> {
  const sender = new PatchedPacked(packedTemplates(DEPLOYMENT), 1);
  const cluster = sender.cluster(options.eventsPerSecond);
  const decoder = new Decoder(DEFAULT_DECODE_LIMITS, { keepPacked: true });
  const sums = new StageAccumulator();
  const partition = new PartitionRows();
  let events = 0;
  let round = 0;
  let now: bigint = START;
  while (events < options.events) {
    const start = START + BigInt(round * cluster.bodyNs);
    now = start + BigInt(cluster.bodyNs);
    const batches: TelemetryBatch[] = [];
    const decoded = [];
    for (let worker = 0; worker < cluster.workers; worker++) {
      const { body } = sender.patch(worker, round, start);
      const result = decoder.decode('traces', 'protobuf', body.slice());
      if (!result.ok || result.value.packed.length === 0) throw new Error('a body was refused');
      decoded.push(result.value);
      batches.push({
        batchId: `${round} ${worker}`,
        receivedUnixNs: unixNanos(now),
        events: result.value.events,
        packed: result.value.packed,
        metrics: [],
        rejected: new Map(),
        logRecords: 0,
      });
    }
    const outcomes = await store.append(batches);
    for (const [i, { packed, packedTimes }] of decoded.entries()) {
      packed.forEach((table, p) => {
        sums.addPacked(table, packedTimes[p]!, outcomes[i]!.freshPacked[p]!);
        partition.notice(table.workers[0]!, table.events);
        events += table.events;
      });
      decoder.recycle(packedTimes);
    }
    await store.addStageRollups(sums.take(), outcomes.at(-1)!.sequence);
    await partition.close(store, now);
    for (let calls = 0; calls < 50 && (await store.retain(KEEP, unixNanos(now))).more; calls++);
    options.onProgress?.(events);
    round++;
  }
  await partition.close(store, now + BigInt(3600 * NS_PER_S));
  const later = unixNanos(now + BigInt(7200 * NS_PER_S));
  while ((await store.retain(KEEP, later)).more);
  return {
    deployment: DEPLOYMENT,
    events,
    workers: partition.workerIds,
    fromUnixNs: START,
    toUnixNs: unixNanos(now),
  };
}

/** Rows of seconds, tens and minutes, put when their time is over. */
class PartitionRows {
  readonly #workers = new Map<string, { group: string; role: string; rank: number }>();
  readonly #closed = new Map<number, bigint>();
  #events = 0;

  get workerIds(): readonly string[] {
    return [...this.#workers.keys()];
  }

  notice(worker: { group: string; role: string; rank: number }, events: number): void {
    const { group, role, rank } = worker;
    this.#workers.set(`${group}/${rank}`, { group, role, rank });
    this.#events = events;
  }

  async close(store: TelemetryStore, nowUnixNs: bigint): Promise<void> {
    const workers: WorkerRollup[] = [];
    const deployments: DeploymentRollup[] = [];
    for (const resolutionNs of [NS_PER_S, 10 * NS_PER_S, 60 * NS_PER_S]) {
      const unit = BigInt(resolutionNs);
      let at = this.#closed.get(resolutionNs) ?? START;
      const end = nowUnixNs < START + 90n * 86_400_000_000_000n ? nowUnixNs : START;
      for (let n = 0; at + unit <= end && n < 3600; at += unit, n++) {
        const bucket = {
          deployment: DEPLOYMENT,
          resolutionNs,
          bucketStartUnixNs: unixNanos(at),
        };
        for (const [workerId, worker] of this.#workers) {
          workers.push({ ...bucket, workerId, ...worker, ...madeUp(resolutionNs, this.#events) });
        }
        deployments.push({ ...bucket, ...madeUpSteps(resolutionNs) });
      }
      this.#closed.set(resolutionNs, at);
    }
    await store.putRollups(workers, deployments);
  }
}

function madeUp(resolutionNs: number, events: number): Pick<WorkerRollup, 'events' | 'lengths'> {
  const lengths = Object.fromEntries(
    ROLLUP_LENGTHS.map((name, i) => [name, Math.round(resolutionNs / (i + 1))]),
  ) as Record<RollupLengthName, number>;
  return { events: Math.round((events * resolutionNs) / NS_PER_S), lengths };
}

function madeUpSteps(resolutionNs: number) {
  const steps = (20 * resolutionNs) / NS_PER_S;
  return {
    steps,
    stepLatencySumNs: steps * 48e6,
    stepLatencyMaxNs: 60e6,
    tokens: steps * 1000,
    periodSumNs: steps * 60 * 0.8e6,
    periodCount: steps * 60,
    idealPeriodSumNs: steps * 60 * 0.7e6,
    idealPeriodCount: steps * 60,
  };
}

/** Rollups of an hour, as they are left after 90 days: nothing finer is kept. */
export async function fillHours(
  store: TelemetryStore,
  hours: number,
  workers: number,
): Promise<FilledStore> {
  const to = unixNanos(START + BigInt(hours) * BigInt(HOUR_NS));
  await store.append([batchOf('one', { events: [oneEvent()] })]);
  const all = Array.from({ length: workers }, (_, index) => {
    const role = index % 3 === 2 ? 'ffn' : 'attention';
    return { workerId: `${role}/${index}`, group: role, role, rank: index };
  });
  const bucketOf = (hour: number): UnixNanos => unixNanos(START + BigInt(hour) * BigInt(HOUR_NS));
  const resolutionNs = 60 * NS_PER_S;
  // One minute of each hour: its sums are rows as large as those of sixty.
  for (let hour = 0; hour < hours; hour++) {
    const base = { deployment: DEPLOYMENT, resolutionNs, bucketStartUnixNs: bucketOf(hour) };
    await store.putRollups(
      all.map((worker) => ({ ...base, ...worker, ...madeUp(HOUR_NS, 14_640) })),
      [{ ...base, ...madeUpSteps(HOUR_NS) }],
    );
  }
  const later = unixNanos(to + BigInt(60 * 86_400e9));
  while ((await store.retain(KEEP, later)).more);
  // Finer buckets of that time are given up, so that sums by stage go straight into hours.
  const policy = { rawNs: 0, rawBytes: 0, rollupsNs: 1000 * 86_400e9 };
  while ((await store.retain(policy, later)).more);
  const template = await hourTemplates();
  for (let hour = 0; hour < hours; hour++) {
    // Of each group one worker: what is asked here reads the sums over groups.
    const parts = template.map((row) => ({ ...row, bucketStartUnixNs: bucketOf(hour) }));
    await store.addStageRollups(parts, 0);
  }
  while ((await store.retain(policy, later)).more);
  return {
    deployment: DEPLOYMENT,
    events: 0,
    workers: all.map(({ workerId }) => workerId),
    fromUnixNs: START,
    toUnixNs: to,
  };
}

/** A second of an attention and of an FFN worker, as sums. */
async function hourTemplates(): Promise<readonly StageRollup[]> {
  const sender = new PatchedPacked(packedTemplates(DEPLOYMENT), 1);
  const decoder = new Decoder(DEFAULT_DECODE_LIMITS, { keepPacked: true });
  const sums = new StageAccumulator();
  const first = sender.templates.findIndex(({ role }) => role === 'ffn');
  for (const worker of [0, first]) {
    const { body } = sender.patch(worker, 0, START);
    const result = decoder.decode('traces', 'protobuf', body.slice());
    if (!result.ok) throw new Error('a body was refused');
    const { packed, packedTimes } = result.value;
    packed.forEach((table, p) => {
      sums.addPacked(table, packedTimes[p]!, null);
    });
  }
  return sums.take().filter(({ bucketStartUnixNs }) => bucketStartUnixNs === START);
}

function oneEvent(): EventTable {
  const builder = new EventTableBuilder(START, [testWorker(0, { deployment: DEPLOYMENT })]);
  builder.add({ startNs: 0, durationNs: 1, worker: 0, stage: 0, kind: 0 });
  return builder.finish();
}
