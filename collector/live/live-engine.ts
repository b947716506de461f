/**
 * All deployments of the live thread: takes in what was committed, and once a cycle makes figures,
 * closes buckets, keeps the memory in its bounds. Time comes in as a parameter.
 */
import type { CommittedMessage, RollupsMessage } from '#collector/messages.ts';
import type { IngestHealth, Overview } from '#lib/api/live-event.ts';
import { ReusedRoom } from '#lib/base/column-room.ts';
import {
  NS_PER_S,
  type UnixNanos,
  unixMsFromNanos,
  unixNanos,
  unixNanosFromMs,
} from '#lib/base/units.ts';
import { GpuActivityBook } from '#lib/live/gpu-activity.ts';
import { partitionTable } from '#lib/live/partition-table.ts';
import { TokenDeltas } from '#lib/query/token-latency.ts';
import type { IngestTotals } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { IngestMark } from '#lib/table/ingest-marks.ts';
import type { StepUnpacker } from '#lib/table/packed-table.ts';
import type { DeploymentRollup, WorkerRollup } from '#lib/table/rollups.ts';
import { DeploymentLive, type Picture } from './deployment-live.ts';
import type { LiveStats, LiveUpdate } from './live-messages.ts';
import type { LiveSettings } from './live-settings.ts';
import { MINUTE } from './rollup-closer.ts';
import { RollupLoad } from './rollup-load.ts';
import { RollupRebuild } from './rollup-rebuild.ts';

/** Seconds of events that wait for their buckets: those closed together, margins, a slow cycle. */
const HELD_BESIDE_LAG_S = 10;

/** Portions of buckets closed for one deployment in one cycle. */
const MAX_PORTIONS = 8;

export interface CycleOutcome {
  readonly updates: readonly LiveUpdate[];
  readonly evicted: readonly string[];
  /** null: nothing to store. */
  readonly rollups: RollupsMessage | null;
  /** null: as it was. */
  readonly sampling: ReadonlyMap<string, number> | null;
}

/** What the engine needs from where it runs. */
export interface LiveEngineParts {
  readonly unpacker: StepUnpacker;
  /** Processor time of this thread so far. */
  readonly cpuMs: () => number;
}

export class LiveEngine {
  readonly rebuild: RollupRebuild;
  readonly #settings: LiveSettings;
  readonly #deployments = new Map<string, DeploymentLive>();
  readonly #watched = new Set<string>();
  readonly #gpus = new GpuActivityBook();
  readonly #tokenDeltas = new TokenDeltas();
  /** Deployments of which the store has events from before this process. */
  #stored: ReadonlySet<string> = new Set();
  #totals: readonly IngestTotals[] = [];
  #droppedEvents = 0;
  #lateEvents = 0;
  #closedBuckets = 0;
  #ignored = new Set<string>();
  readonly #parts: LiveEngineParts;
  /** Columns of a look at one deployment, one look after the other. */
  readonly #room = new ReusedRoom();
  readonly #load: RollupLoad;

  constructor(settings: LiveSettings, parts: LiveEngineParts) {
    this.#settings = settings;
    this.#parts = parts;
    const heldS = settings.maxLagNs / NS_PER_S + HELD_BESIDE_LAG_S;
    this.#load = new RollupLoad(settings.rollupShare, settings.maxEvents / heldS);
    this.rebuild = new RollupRebuild(settings.maxRollupEvents * 2, parts.unpacker);
  }

  /** Is there so much that only some steps are looked at? */
  get overloaded(): boolean {
    return this.#load.every.size > 0;
  }

  setStored(deployments: Iterable<string>): void {
    this.#stored = new Set(deployments);
  }

  setTotals(totals: readonly IngestTotals[]): void {
    this.#totals = totals;
  }

  setWatched(deployment: string, watched: boolean): void {
    if (watched) this.#watched.add(deployment);
    else this.#watched.delete(deployment);
  }

  take(message: CommittedMessage, nowUnixMs: number): void {
    const startedMs = this.#parts.cpuMs();
    let events = 0;
    for (const table of message.events) {
      events += table.length;
      for (const [deployment, part] of byDeployment(table)) {
        this.#follow(deployment, nowUnixMs)?.add(part, nowUnixMs);
      }
    }
    for (const table of message.packed) {
      events += table.events;
      const deployment = table.workers[0]?.deployment;
      if (deployment === undefined) continue;
      this.#follow(deployment, nowUnixMs)?.addPacked(table, nowUnixMs);
    }
    for (const [deployment, count] of message.leftOut) {
      this.#follow(deployment, nowUnixMs)?.addLeftOut(count, nowUnixMs);
    }
    this.#load.spent(this.#parts.cpuMs() - startedMs, events);
    for (const { deployment, fromUnixNs, toUnixNs } of message.missed) {
      this.#follow(deployment, nowUnixMs)?.closer.markDirty(fromUnixNs, toUnixNs);
    }
    for (const table of message.metrics) {
      this.#gpus.add(table);
      for (const [deployment, deltas] of this.#tokenDeltas.add(table)) {
        this.#deployments.get(deployment)?.addTokenDeltas(deltas);
      }
    }
  }

  cycle(nowUnixMs: number): CycleOutcome {
    const nowUnixNs = unixNanosFromMs(nowUnixMs);
    const updates: LiveUpdate[] = [];
    for (const [deployment, live] of this.#deployments) {
      const watched = this.#watched.has(deployment);
      const picture = live.look(nowUnixNs, nowUnixMs, watched);
      const hangsChanged = live.lookForHangs(nowUnixNs);
      // What stands still goes on doing so: its alert must not go by one word.
      if (picture === null && !watched && !hangsChanged && !live.standsStill) continue;
      updates.push(this.#update(live, picture, nowUnixNs, nowUnixMs));
    }
    for (const deployment of this.#watched) {
      if (!this.#deployments.has(deployment)) updates.push(this.#absent(deployment, nowUnixMs));
    }
    const closingMs = this.#parts.cpuMs();
    const rollups = this.#closeBuckets(nowUnixNs, nowUnixMs);
    this.#load.spent(this.#parts.cpuMs() - closingMs, 0);
    this.#room.release();
    for (const live of this.#deployments.values()) this.#droppedEvents += live.trim(nowUnixNs);
    this.#fitMemory();
    const evicted = this.#evictIdle(nowUnixMs);
    const rates = new Map<string, number>();
    for (const [name, live] of this.#deployments) rates.set(name, live.eventsPerSecond(nowUnixMs));
    return { updates, evicted, rollups, sampling: this.#load.choose(rates) };
  }

  /** Are the minute's buckets closed, so that they can be rebuilt from the store? */
  isClosed(deployment: string, minuteUnixNs: bigint): boolean {
    const live = this.#deployments.get(deployment);
    if (live === undefined) return true;
    const { closedUntil } = live.closer;
    if (closedUntil !== null) return minuteUnixNs + MINUTE <= closedUntil;
    return false;
  }

  stats(cycleMs: number, periodMs: number): LiveStats {
    let events = 0;
    for (const live of this.#deployments.values()) events += live.window.events;
    return {
      deployments: this.#deployments.size,
      events,
      cpuMs: this.#parts.cpuMs(),
      sampledDeployments: this.#load.every.size,
      cycleMs,
      periodMs,
      droppedEvents: this.#droppedEvents,
      lateEvents: this.#lateEvents,
      closedBuckets: this.#closedBuckets,
      rebuildQueue: this.rebuild.length,
      rebuiltMinutes: this.rebuild.rebuiltMinutes,
      abandonedMinutes: this.rebuild.abandonedMinutes,
      ignoredDeployments: this.#ignored.size,
    };
  }

  #follow(deployment: string, nowUnixMs: number): DeploymentLive | undefined {
    const known = this.#deployments.get(deployment);
    if (known !== undefined) return known;
    if (this.#deployments.size >= this.#settings.maxDeployments) {
      if (this.#ignored.size < this.#settings.maxDeployments) this.#ignored.add(deployment);
      return undefined;
    }
    const continues = this.#stored.has(deployment);
    const live = new DeploymentLive(
      deployment,
      this.#settings,
      nowUnixMs,
      continues,
      this.#parts.unpacker,
      this.#room,
    );
    this.#deployments.set(deployment, live);
    this.#ignored.delete(deployment);
    return live;
  }

  #closeBuckets(nowUnixNs: UnixNanos, nowUnixMs: number): RollupsMessage | null {
    const workers: WorkerRollup[] = [];
    const deployments: DeploymentRollup[] = [];
    const late: IngestMark[] = [];
    for (const [deployment, live] of this.#deployments) {
      const newest = live.newestEnd(nowUnixNs);
      if (newest === null) continue;
      const quiet = live.state(nowUnixMs) === 'quiet';
      const lagNs = quiet ? -1_000_000_000n : BigInt(this.#settings.maxLagNs);
      const until = unixNanos(newest - lagNs);
      for (let portion = 0; portion < MAX_PORTIONS; portion++) {
        const alone = this.#load.every.has(deployment) ? live.longestStepNs : null;
        const { rollups, more } = live.closer.close(live.window, until, quiet, alone, live.clocks);
        for (const row of rollups.workers) workers.push(row);
        for (const row of rollups.deployments) deployments.push(row);
        if (!more) break;
      }
      for (const mark of live.closer.takeLate()) {
        late.push(mark);
        this.#lateEvents += mark.events;
      }
      for (const minute of live.closer.takeDirtyMinutes()) this.rebuild.add(deployment, minute);
      for (const minute of live.closer.takePartialMinutes()) {
        this.rebuild.addLater(deployment, minute);
      }
    }
    this.#closedBuckets += deployments.length;
    if (workers.length === 0 && deployments.length === 0 && late.length === 0) return null;
    return { type: 'rollups', workers, deployments, late };
  }

  /** Over the budget the largest deployments lose their oldest events; the store still has them. */
  #fitMemory(): void {
    const all = [...this.#deployments.values()];
    let total = all.reduce((sum, live) => sum + live.window.events, 0);
    if (total <= this.#settings.maxEvents) return;
    all.sort((a, b) => b.window.events - a.window.events);
    for (const live of all) {
      const excess = total - this.#settings.maxEvents;
      if (excess <= 0) return;
      const before = live.window.oldestUnixNs;
      const dropped = live.window.dropToFit(Math.max(0, live.window.events - excess));
      total -= dropped;
      const after = live.window.oldestUnixNs;
      const { closedUntil } = live.closer;
      if (dropped === 0 || before === null || after === null) continue;
      // Events before what is closed were kept as a margin only.
      if (closedUntil !== null && after <= closedUntil) continue;
      this.#droppedEvents += dropped;
      live.closer.markDirty(closedUntil ?? before, after);
    }
  }

  #evictIdle(nowUnixMs: number): string[] {
    const evicted: string[] = [];
    for (const [deployment, live] of this.#deployments) {
      if (live.idleMs(nowUnixMs) < this.#settings.evictAfterMs) continue;
      for (const minute of live.closer.takeAllDirtyMinutes()) this.rebuild.add(deployment, minute);
      this.#deployments.delete(deployment);
      this.#stored = new Set([...this.#stored, deployment]);
      evicted.push(deployment);
    }
    return evicted;
  }

  /**
   * What stands still since the last look, or goes on again: to be asked every second, since a cycle may
   * be seconds away.
   */
  lookForHangs(nowUnixMs: number): readonly LiveUpdate[] {
    const nowUnixNs = unixNanosFromMs(nowUnixMs);
    return [...this.#deployments.values()]
      .filter((live) => live.lookForHangs(nowUnixNs))
      .map((live) => this.#update(live, null, nowUnixNs, nowUnixMs));
  }

  #update(
    live: DeploymentLive,
    picture: Picture | null,
    nowUnixNs: UnixNanos,
    nowUnixMs: number,
  ): LiveUpdate {
    const last = picture ?? live.lastPicture;
    return {
      deployment: live.deployment,
      overview: this.#overview(live, last?.report ?? null, nowUnixNs, nowUnixMs),
      points: picture?.points ?? [],
      strip: picture?.strip ?? null,
      heatmap: picture?.heatmap ?? null,
    };
  }

  #overview(
    live: DeploymentLive,
    report: Overview['report'],
    nowUnixNs: UnixNanos,
    nowUnixMs: number,
  ): Overview {
    const newest = live.newestEnd(nowUnixNs);
    return {
      kind: 'overview',
      deployment: live.deployment,
      state: live.state(nowUnixMs),
      atUnixMs: nowUnixMs,
      report,
      gpu: this.#gpus.groups(live.workers(), nowUnixNs),
      tpotMs: live.tpotMs(),
      stragglers: live.stragglers as Overview['stragglers'],
      hangs: live.hangs as Overview['hangs'],
      ingest: {
        ...this.#ingest(live.deployment),
        eventsPerSecond: live.eventsPerSecond(nowUnixMs),
        lagMs: newest === null ? null : nowUnixMs - unixMsFromNanos(newest),
      },
    };
  }

  /** A deployment that somebody looks at and that sent nothing since this process started. */
  #absent(deployment: string, nowUnixMs: number): LiveUpdate {
    const overview: Overview = {
      kind: 'overview',
      deployment,
      state: this.#stored.has(deployment) ? 'quiet' : 'empty',
      atUnixMs: nowUnixMs,
      report: null,
      gpu: [],
      tpotMs: null,
      ingest: { ...this.#ingest(deployment), eventsPerSecond: 0, lagMs: null },
    };
    return { deployment, overview, points: [], strip: null, heatmap: null };
  }

  /** Totals of the deployment, and what was refused without anybody knowing whose it was. */
  #ingest(deployment: string): Omit<IngestHealth, 'eventsPerSecond' | 'lagMs'> {
    const own = this.#totals.find((row) => row.deployment === deployment);
    const rejected: Record<string, number> = {};
    for (const row of this.#totals) {
      if (row.deployment !== deployment && row.deployment !== '') continue;
      for (const [reason, events] of Object.entries(row.rejected)) {
        if (events > 0) rejected[reason] = (rejected[reason] ?? 0) + events;
      }
    }
    return {
      acceptedEvents: own?.acceptedEvents ?? 0,
      acceptedMetricPoints: own?.acceptedMetricPoints ?? 0,
      logRecords: own?.logRecords ?? 0,
      rejected,
    };
  }
}

/** The rows of each deployment as a table of their own. */
function byDeployment(table: EventTable): [string, EventTable][] {
  const names = [...new Set(table.workers.map((worker) => worker.deployment))];
  if (names.length === 1) return [[names[0]!, table]];
  const indexOf = new Map(names.map((name, index) => [name, index]));
  const deploymentOfWorker = table.workers.map((worker) => indexOf.get(worker.deployment)!);
  const parts = partitionTable(table, (row) => deploymentOfWorker[table.worker[row]!]!);
  return [...parts].map(([index, part]) => [names[index]!, part]);
}
