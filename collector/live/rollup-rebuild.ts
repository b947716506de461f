/**
 * Makes the rollups of whole minutes from the raw events in the store: after a restart, for late
 * events, and for what had to leave the memory. One portion a call, so that the live picture is not
 * held up.
 */
import { mergeRollups, type Rollups, rollupBuckets } from '#lib/analysis/rollup-buckets.ts';
import { floorTo, NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { assemble } from '#lib/model/assemble.ts';
import { loadWindow, MARGIN_NS } from '#lib/query/load-events.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import type { DeploymentRollup, WorkerRollup } from '#lib/table/rollups.ts';
import { bucketsWithData } from './buckets-with-data.ts';
import { MINUTE } from './rollup-closer.ts';

const MAX_QUEUE = 4096;

/** Lengths and margins of one portion, in seconds; the first that fits the memory is taken. */
const PORTIONS = [
  { spanS: 60, marginS: MARGIN_NS / NS_PER_S },
  { spanS: 20, marginS: 5 },
  { spanS: 5, marginS: 2 },
  { spanS: 1, marginS: 1 },
] as const;

/** At start, minutes older than this before the newest event are left as they are. */
const BACKFILL_NS = 3600 * NS_PER_S;

export class RollupRebuild {
  readonly #maxEvents: number;
  /** By deployment, then minute: each minute waits once. */
  readonly #queue = new Map<string, Set<bigint>>();
  #length = 0;
  rebuiltMinutes = 0;
  abandonedMinutes = 0;

  constructor(maxEvents: number) {
    this.#maxEvents = maxEvents;
  }

  get length(): number {
    return this.#length;
  }

  add(deployment: string, minuteUnixNs: bigint): void {
    const minutes = this.#queue.get(deployment) ?? new Set<bigint>();
    if (minutes.has(minuteUnixNs)) return;
    if (this.#length >= MAX_QUEUE) {
      this.abandonedMinutes++;
      return;
    }
    this.#queue.set(deployment, minutes);
    minutes.add(minuteUnixNs);
    this.#length++;
  }

  /** Queues the minutes after the last stored 60 s row of every deployment, of the last hour. */
  async addMissing(reader: TelemetryReader): Promise<void> {
    for (const { deployment, lastSeenUnixNs, firstSeenUnixNs } of await reader.deployments()) {
      const toUnixNs = unixNanos(lastSeenUnixNs + 1n);
      const hour = toUnixNs - BigInt(BACKFILL_NS);
      const from = hour > firstSeenUnixNs ? hour : firstSeenUnixNs;
      const rows = await reader.deploymentRollups({
        deployment,
        window: { fromUnixNs: unixNanos(from), toUnixNs },
        resolutionNs: 60 * NS_PER_S,
      });
      const last = rows.at(-1);
      const missing = last === undefined ? from : last.bucketStartUnixNs + MINUTE;
      for (let m: bigint = floorTo(missing, MINUTE); m < toUnixNs; m += MINUTE)
        this.add(deployment, m);
    }
  }

  /** Rebuilds the next minute that `isClosed`; null when there is none. */
  async next(
    reader: TelemetryReader,
    isClosed: (deployment: string, minuteUnixNs: bigint) => boolean,
  ): Promise<Rollups | null> {
    for (const [deployment, minutes] of this.#queue) {
      for (const minute of minutes) {
        if (!isClosed(deployment, minute)) continue;
        minutes.delete(minute);
        this.#length--;
        // Whoever was served goes to the end, so that one deployment cannot starve the others.
        this.#queue.delete(deployment);
        if (minutes.size > 0) this.#queue.set(deployment, minutes);
        return this.#rebuild(reader, deployment, unixNanos(minute));
      }
    }
    return null;
  }

  async #rebuild(
    reader: TelemetryReader,
    deployment: string,
    minute: UnixNanos,
  ): Promise<Rollups | null> {
    // Where retention took a part of the minute, the stored rows are better than what is left.
    const { oldestRawUnixNs } = await reader.size();
    if (oldestRawUnixNs === null) return null;
    const existing = await reader.deploymentRollups({
      deployment,
      window: { fromUnixNs: minute, toUnixNs: unixNanos(minute + MINUTE) },
      resolutionNs: NS_PER_S,
    });
    if (oldestRawUnixNs > minute && existing.length > 0) return null;
    const fine = await this.#fineRows(reader, deployment, minute);
    if (fine.workers.length === 0 && fine.deployments.length === 0) return null;
    this.rebuiltMinutes++;
    const tens = mergeRollups(fine, 10 * NS_PER_S);
    const sixties = mergeRollups(tens, 60 * NS_PER_S);
    return {
      workers: [...fine.workers, ...tens.workers, ...sixties.workers],
      deployments: [...fine.deployments, ...tens.deployments, ...sixties.deployments],
    };
  }

  async #fineRows(
    reader: TelemetryReader,
    deployment: string,
    minute: UnixNanos,
  ): Promise<{ workers: WorkerRollup[]; deployments: DeploymentRollup[] }> {
    const workers: WorkerRollup[] = [];
    const deployments: DeploymentRollup[] = [];
    const end = minute + MINUTE;
    let from: bigint = minute;
    let size = 0;
    while (from < end) {
      const { spanS, marginS } = PORTIONS[size]!;
      const to = from + BigInt(spanS * NS_PER_S) < end ? from + BigInt(spanS * NS_PER_S) : end;
      const window = { fromUnixNs: unixNanos(from), toUnixNs: unixNanos(to) };
      const isSmallest = size === PORTIONS.length - 1;
      const limit = isSmallest ? Number.POSITIVE_INFINITY : this.#maxEvents;
      const loaded = await loadWindow(reader, deployment, window, limit, marginS * NS_PER_S);
      if (!loaded.complete) {
        size++;
        continue;
      }
      const assembled = assemble(loaded.tables, deployment);
      const rows = bucketsWithData(
        rollupBuckets(assembled, window.fromUnixNs, window.toUnixNs, NS_PER_S),
      );
      for (const row of rows.workers) workers.push(row);
      for (const row of rows.deployments) deployments.push(row);
      from = to;
    }
    return { workers, deployments };
  }
}
