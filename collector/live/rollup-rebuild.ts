/**
 * Makes the rollups of whole minutes from the raw events in the store: after a restart, for late
 * events, for what had to leave the memory, and, when there is time, for minutes of which only some
 * steps were looked at. One portion a call, so that the live picture is not held up.
 */
import { mergeRollups, type Rollups, rollupBuckets } from '#lib/analysis/rollup-buckets.ts';
import { floorTo, NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { alignEvents } from '#lib/model/align-events.ts';
import { assemble } from '#lib/model/assemble.ts';
import { loadWindow, MARGIN_NS } from '#lib/query/load-events.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { laterOf } from '#lib/table/instants.ts';
import type { StepUnpacker } from '#lib/table/packed-table.ts';
import type { DeploymentRollup, WorkerRollup } from '#lib/table/rollups.ts';
import { bucketsWithData } from './buckets-with-data.ts';
import { loadLookedAt } from './load-looked-at.ts';
import { MINUTE } from './rollup-closer.ts';

const MAX_QUEUE = 4096;
/** Of the minutes with rows of some steps the newest are made whole. */
const MAX_LATER = 60;

/** Lengths and margins of one portion, in seconds; the first that fits the memory is taken. */
const PORTIONS = [
  { spanS: 60, marginS: MARGIN_NS / NS_PER_S },
  { spanS: 20, marginS: 5 },
  { spanS: 5, marginS: 2 },
  { spanS: 1, marginS: 1 },
] as const;

/** At start, minutes older than this before the newest event are left as they are. */
const BACKFILL_NS = 3600 * NS_PER_S;

/** A minute that is being rebuilt, up to `from`. */
interface Work {
  readonly deployment: string;
  readonly minute: bigint;
  readonly workers: WorkerRollup[];
  readonly deployments: DeploymentRollup[];
  from: bigint;
  /** Index into PORTIONS. */
  size: number;
}

export class RollupRebuild {
  readonly #maxEvents: number;
  readonly #unpacker: StepUnpacker;
  readonly #later: { readonly deployment: string; readonly minute: bigint }[] = [];
  #work: Work | null = null;
  /** By deployment, then minute: each minute waits once. */
  readonly #queue = new Map<string, Set<bigint>>();
  #length = 0;
  rebuiltMinutes = 0;
  abandonedMinutes = 0;

  constructor(maxEvents: number, unpacker: StepUnpacker) {
    this.#maxEvents = maxEvents;
    this.#unpacker = unpacker;
  }

  get length(): number {
    return this.#length + (this.#work === null ? 0 : 1);
  }

  /** Is there anything to do, now or when there is time? */
  get pending(): boolean {
    return this.length > 0 || this.#later.length > 0;
  }

  /** The minute has rows of some of its steps; it is made whole once nothing else is to be done. */
  addLater(deployment: string, minuteUnixNs: bigint): void {
    const known = this.#later.some(
      (one) => one.deployment === deployment && one.minute === minuteUnixNs,
    );
    if (known) return;
    this.#later.push({ deployment, minute: minuteUnixNs });
    if (this.#later.length > MAX_LATER) this.#later.shift();
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
    const totals = new Map((await reader.ingestTotals()).map((row) => [row.deployment, row]));
    for (const { deployment, lastSeenUnixNs, firstSeenUnixNs } of await reader.deployments()) {
      // What was only imported is answered from raw events.
      const { importedEvents = 0, acceptedEvents = 0 } = totals.get(deployment) ?? {};
      if (importedEvents > 0 && importedEvents >= acceptedEvents) continue;
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

  /**
   * Rebuilds a portion of the next minute that `isClosed`; the rows of the whole minute after its
   * last portion, null before it and where there is nothing to do.
   */
  async next(
    reader: TelemetryReader,
    isClosed: (deployment: string, minuteUnixNs: bigint) => boolean,
  ): Promise<Rollups | null> {
    this.#work ??= await this.#begin(reader, isClosed);
    const work = this.#work;
    if (work === null) return null;
    // Should it fail, the minute is not tried for ever.
    this.#work = null;
    await this.#portion(reader, work);
    if (work.from < work.minute + MINUTE) {
      this.#work = work;
      return null;
    }
    if (work.workers.length === 0 && work.deployments.length === 0) return null;
    this.rebuiltMinutes++;
    const fine: Rollups = { workers: work.workers, deployments: work.deployments };
    const tens = mergeRollups(fine, 10 * NS_PER_S);
    const sixties = mergeRollups(tens, 60 * NS_PER_S);
    return {
      workers: [...fine.workers, ...tens.workers, ...sixties.workers],
      deployments: [...fine.deployments, ...tens.deployments, ...sixties.deployments],
    };
  }

  async #begin(
    reader: TelemetryReader,
    isClosed: (deployment: string, minuteUnixNs: bigint) => boolean,
  ): Promise<Work | null> {
    const next = this.#takeNext(isClosed);
    if (next === null) return null;
    const { deployment, minute } = next;
    // Where retention took a part of the minute, the stored rows are better than what is left.
    const { oldestRawUnixNs } = await reader.size();
    if (oldestRawUnixNs === null) return null;
    const seen = (await reader.deployments()).find((row) => row.deployment === deployment);
    const firstUnixNs = laterOf(unixNanos(minute), seen?.firstSeenUnixNs ?? oldestRawUnixNs);
    const existing = await reader.deploymentRollups({
      deployment,
      window: { fromUnixNs: unixNanos(minute), toUnixNs: unixNanos(minute + MINUTE) },
      resolutionNs: NS_PER_S,
    });
    if (oldestRawUnixNs > firstUnixNs && existing.length > 0) return null;
    return { deployment, minute, workers: [], deployments: [], from: minute, size: 0 };
  }

  #takeNext(
    isClosed: (deployment: string, minuteUnixNs: bigint) => boolean,
  ): { readonly deployment: string; readonly minute: bigint } | null {
    for (const [deployment, minutes] of this.#queue) {
      for (const minute of minutes) {
        if (!isClosed(deployment, minute)) continue;
        minutes.delete(minute);
        this.#length--;
        // Whoever was served goes to the end, so that one deployment cannot starve the others.
        this.#queue.delete(deployment);
        if (minutes.size > 0) this.#queue.set(deployment, minutes);
        return { deployment, minute };
      }
    }
    const ready = this.#later.findLastIndex((one) => isClosed(one.deployment, one.minute));
    return this.#later.splice(ready, ready < 0 ? 0 : 1)[0] ?? null;
  }

  async #portion(reader: TelemetryReader, work: Work): Promise<void> {
    const { deployment } = work;
    const end = work.minute + MINUTE;
    for (;;) {
      const { spanS, marginS } = PORTIONS[work.size]!;
      const to = work.from + BigInt(spanS * NS_PER_S);
      const window = {
        fromUnixNs: unixNanos(work.from),
        toUnixNs: unixNanos(to < end ? to : end),
      };
      const tables = await this.#load(reader, work, window, marginS * NS_PER_S);
      if (tables === null) {
        work.size++;
        continue;
      }
      const aligned = alignEvents(tables, deployment, window);
      const assembled = assemble(aligned.tables, deployment);
      const rows = bucketsWithData(
        rollupBuckets(assembled, window.fromUnixNs, window.toUnixNs, NS_PER_S),
      );
      for (const row of rows.workers) work.workers.push(row);
      for (const row of rows.deployments) work.deployments.push(row);
      work.from = window.toUnixNs;
      return;
    }
  }

  /** null: too much for the memory, and a shorter portion is to be tried. */
  async #load(
    reader: TelemetryReader,
    { deployment, size }: Work,
    window: TimeWindow,
    marginNs: number,
  ): Promise<readonly EventTable[] | null> {
    if (size < PORTIONS.length - 1) {
      const loaded = await loadWindow(reader, deployment, window, this.#maxEvents, marginNs);
      return loaded.complete ? loaded.tables : null;
    }
    const around: TimeWindow = {
      fromUnixNs: unixNanos(window.fromUnixNs - BigInt(marginNs)),
      toUnixNs: unixNanos(window.toUnixNs + BigInt(marginNs)),
    };
    return (await loadLookedAt(reader, deployment, around, this.#maxEvents, this.#unpacker)).tables;
  }
}
