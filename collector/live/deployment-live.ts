/** The newest seconds of one deployment, and the figures that the live stream shows of them. */
import { reportOf } from '#lib/analysis/build-report.ts';
import type { Hang } from '#lib/analysis/hang-types.ts';
import { layerMatrix } from '#lib/analysis/layer-matrix.ts';
import { newestStep } from '#lib/analysis/newest-step.ts';
import { rollupBuckets } from '#lib/analysis/rollup-buckets.ts';
import type { Straggler } from '#lib/analysis/straggler-types.ts';
import type { Heatmap, Strip, TrendPoint } from '#lib/api/live-event.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';
import type { ReusedRoom } from '#lib/base/column-room.ts';
import {
  addNanos,
  floorTo,
  NS_PER_S,
  type UnixNanos,
  unixNanos,
  unixNanosFromMs,
} from '#lib/base/units.ts';
import { HangWatch, type SeenWorker } from '#lib/live/hang-watch.ts';
import { LiveClocks, movedBackNs } from '#lib/live/live-clocks.ts';
import { LiveWindow } from '#lib/live/live-window.ts';
import { ReportLag } from '#lib/live/report-lag.ts';
import { StepLog } from '#lib/live/step-log.ts';
import { wholeSteps } from '#lib/live/step-window.ts';
import { StragglerWatch } from '#lib/live/straggler-watch.ts';
import { packedExtents, type WorkerExtent, workerExtents } from '#lib/live/table-extent.ts';
import type { TimeWindow } from '#lib/live/time-window.ts';
import { Watermark } from '#lib/live/watermark.ts';
import type { ClockFacts } from '#lib/model/align-events.ts';
import { assemble } from '#lib/model/assemble.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { heatmapOf, stripOf } from '#lib/query/pictures.ts';
import { reportJson } from '#lib/query/report-json.ts';
import { meanTpotMs, type TokenDelta, tokenLatency } from '#lib/query/token-latency.ts';
import { trendPoints } from '#lib/query/trend-points.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { earlierOf, laterOf } from '#lib/table/instants.ts';
import type { PackedTable, StepUnpacker } from '#lib/table/packed-table.ts';
import { type WorkerInfo, workerId } from '#lib/table/worker-info.ts';
import { bucketsWithData } from './buckets-with-data.ts';
import type { LiveSettings } from './live-settings.ts';
import { RollupCloser } from './rollup-closer.ts';

const SECOND = BigInt(NS_PER_S);

/** Looked at around the report's window for the steps at its edges: less where much happens. */
const REPORT_MARGINS_NS = [1_000_000_000n, 250_000_000n];

/** Engines export their histograms every 10 to 60 s. */
const TPOT_SPAN_NS = 60n * SECOND;

/** Points made in one cycle: after a pause the history answers for the rest. */
const MAX_POINTS_AT_ONCE = 30n;

const RATE_SPAN_MS = 5000;

/** Events that start further ahead of the clock are not kept in memory. */
const MAX_AHEAD_NS = 60n * SECOND;

/** What one look at the window gave. */
export interface Picture {
  readonly report: ReportJson | null;
  readonly points: readonly TrendPoint[];
  readonly strip: Strip | null;
  readonly heatmap: Heatmap | null;
}

export class DeploymentLive {
  readonly deployment: string;
  readonly window: LiveWindow;
  readonly closer: RollupCloser;
  readonly clocks: LiveClocks;
  readonly #steps = new StepLog();
  readonly #settings: LiveSettings;
  readonly #room: ReusedRoom;
  readonly #watermark: Watermark;
  /** By worker id: the newest description. */
  readonly #workers = new Map<string, { info: WorkerInfo; lastEndUnixNs: UnixNanos }>();
  readonly #arrivals: { atMs: number; events: number }[] = [];
  readonly #lag = new ReportLag();
  readonly #hangs = new HangWatch();
  readonly #stragglers = new StragglerWatch();
  #tokenDeltas: TokenDelta[] = [];
  #lastArrivalMs: number;
  #lastPicture: Picture | null = null;
  #lastPictureMs = 0;
  #lastReported: UnixNanos | null = null;
  #lastQuiet = false;
  #pointsUntil: UnixNanos | null = null;

  /** `room`: for the columns of one look, which nothing keeps; all deployments may share it. */
  constructor(
    deployment: string,
    settings: LiveSettings,
    nowMs: number,
    continues: boolean,
    unpacker: StepUnpacker,
    room: ReusedRoom,
  ) {
    this.deployment = deployment;
    this.window = new LiveWindow(unpacker);
    this.#settings = settings;
    this.#room = room;
    this.#lastArrivalMs = nowMs;
    this.#watermark = new Watermark(settings.maxLagNs);
    this.clocks = new LiveClocks(deployment);
    this.closer = new RollupCloser(deployment, settings.maxRollupEvents, continues, room);
  }

  /** All rows must be of this deployment. */
  add(table: EventTable, nowMs: number): void {
    if (table.length === 0) return;
    this.#arrived(table.length, nowMs);
    this.closer.noticeLate(table);
    this.#steps.add(table);
    this.#see(table.workers, workerExtents(table), nowMs);
    this.window.add(table);
  }

  /** All steps must be of this deployment. */
  addPacked(table: PackedTable, nowMs: number): void {
    if (table.length === 0) return;
    this.#arrived(table.events, nowMs);
    this.closer.noticeLateSteps(table);
    this.#steps.addPacked(table);
    this.#see(table.workers, packedExtents(table), nowMs);
    this.window.addPacked(table);
  }

  /** So many events came of steps that are not looked at. */
  addLeftOut(events: number, nowMs: number): void {
    this.#arrived(events, nowMs);
  }

  #arrived(events: number, nowMs: number): void {
    this.#lastArrivalMs = nowMs;
    this.#arrivals.push({ atMs: nowMs, events });
  }

  #see(workers: readonly WorkerInfo[], extents: readonly WorkerExtent[], nowMs: number): void {
    for (const { worker, lastEndUnixNs } of extents) {
      const info = workers[worker]!;
      const id = workerId(info);
      this.#watermark.see(id, lastEndUnixNs, unixNanosFromMs(nowMs));
      const known = this.#workers.get(id);
      if (known !== undefined && known.lastEndUnixNs < lastEndUnixNs) {
        this.#lag.see(id, known.lastEndUnixNs, unixNanosFromMs(nowMs));
      }
      if (known === undefined || known.lastEndUnixNs < lastEndUnixNs) {
        this.#workers.set(id, { info, lastEndUnixNs });
      }
    }
  }

  /** The longest of the steps in memory. */
  get longestStepNs(): number {
    return this.#steps.longestNs;
  }

  addTokenDeltas(deltas: readonly TokenDelta[]): void {
    for (const delta of deltas) this.#tokenDeltas.push(delta);
    this.#tokenDeltas.sort((a, b) => (a.timeUnixNs < b.timeUnixNs ? -1 : 1));
    const newest = this.#tokenDeltas.at(-1);
    if (newest === undefined) return;
    const oldest = newest.timeUnixNs - 2n * TPOT_SPAN_NS;
    this.#tokenDeltas = this.#tokenDeltas.filter((delta) => delta.timeUnixNs >= oldest);
  }

  state(nowMs: number): 'live' | 'quiet' {
    return nowMs - this.#lastArrivalMs < this.#settings.quietAfterMs ? 'live' : 'quiet';
  }

  idleMs(nowMs: number): number {
    return nowMs - this.#lastArrivalMs;
  }

  eventsPerSecond(nowMs: number): number {
    while (this.#arrivals.length > 0 && this.#arrivals[0]!.atMs < nowMs - RATE_SPAN_MS) {
      this.#arrivals.shift();
    }
    const events = this.#arrivals.reduce((sum, arrival) => sum + arrival.events, 0);
    return (events * 1000) / RATE_SPAN_MS;
  }

  newestEnd(nowUnixNs: UnixNanos): UnixNanos | null {
    return this.#watermark.newest(nowUnixNs);
  }

  *workers(): Generator<WorkerInfo> {
    for (const { info } of this.#workers.values()) yield info;
  }

  tpotMs(): { mean: number; p50: number | null; p99: number | null } | null {
    const newest = this.#tokenDeltas.at(-1);
    if (newest === undefined) return null;
    const from = newest.timeUnixNs - TPOT_SPAN_NS;
    const latency = tokenLatency(this.#tokenDeltas.filter((delta) => delta.timeUnixNs > from));
    if (latency === null) return null;
    return { mean: latency.meanS * 1e3, p50: inMs(latency.p50S), p99: inMs(latency.p99S) };
  }

  /**
   * Report and new points over whole steps, and pictures where someone looks. null: nothing new came
   * since the last call.
   */
  look(nowUnixNs: UnixNanos, nowMs: number, watched: boolean): Picture | null {
    const quiet = this.state(nowMs) === 'quiet';
    const reported = quiet
      ? this.#watermark.newest(nowUnixNs)
      : this.#watermark.reported(nowUnixNs);
    if (reported === null) return null;
    const wantsPictures = watched && nowMs - this.#lastPictureMs >= this.#settings.pictureEveryMs;
    const nothingNew = reported === this.#lastReported && quiet === this.#lastQuiet;
    if (nothingNew && !(wantsPictures && this.#lastPicture?.strip === null)) return null;
    this.#lastReported = reported;
    this.#lastQuiet = quiet;
    const big = this.#bigSteps(reported, !quiet);
    const picture =
      big === null
        ? this.#lookAtSpan(reported, quiet, wantsPictures)
        : this.#lookAtSteps(big, wantsPictures);
    if (wantsPictures) this.#lastPictureMs = nowMs;
    this.#lastPicture = {
      ...picture,
      strip: picture.strip ?? this.#lastPicture?.strip ?? null,
      heatmap: picture.heatmap ?? this.#lastPicture?.heatmap ?? null,
    };
    return picture;
  }

  /** Does anything stand still that did not at the last look, or go on again? Told without news, too. */
  lookForHangs(nowUnixNs: UnixNanos): boolean {
    // What a wrong clock dated far ahead says nothing about now.
    const limit = nowUnixNs + MAX_AHEAD_NS;
    const ends = this.#steps.newestEnds();
    for (const [domain, end] of ends) if (end > limit) ends.delete(domain);
    return this.#hangs.look(nowUnixNs, ends, this.#seenWorkers(), this.#lag.usualNs, () => {
      const newest = this.#watermark.newest(nowUnixNs) ?? nowUnixNs;
      const seen = { fromUnixNs: this.#reportFrom(newest), toUnixNs: unixNanos(newest + 1n) };
      const { tables } = this.clocks.look(this.window.tables(seen), seen);
      return this.#assemble(tables);
    });
  }

  get hangs(): readonly Hang[] {
    return this.#hangs.hangs;
  }

  /** Does something stand still now? */
  get standsStill(): boolean {
    return this.hangs.some(({ untilUnixNs }) => untilUnixNs === null);
  }

  get stragglers(): readonly Straggler[] {
    return this.#stragglers.stragglers;
  }

  *#seenWorkers(): Generator<SeenWorker> {
    for (const [id, { info, lastEndUnixNs }] of this.#workers) {
      yield { id, domain: info.domain, lastEndUnixNs };
    }
  }

  get lastPicture(): Picture | null {
    return this.#lastPicture;
  }

  /**
   * Forgets what neither the report nor an open bucket needs. A worker whose clock is far ahead must
   * not fill the memory with events that nobody looks at for hours: they are made from the store once
   * their time comes. Says how many such events went.
   */
  trim(nowUnixNs: UnixNanos): number {
    const ahead = this.window.dropFrom(unixNanos(nowUnixNs + MAX_AHEAD_NS));
    if (ahead.span !== null) this.closer.markDirty(ahead.span.fromUnixNs, ahead.span.toUnixNs);
    const newest = this.#watermark.newest(nowUnixNs);
    if (newest === null) return ahead.events;
    const report = newest - BigInt(this.#settings.maxLagNs + this.#settings.reportSpanNs) - SECOND;
    const buckets = (this.closer.closedUntil ?? report) - 10n * SECOND;
    const keep = earlierOf(unixNanos(buckets), unixNanos(report));
    this.window.dropBefore(laterOf(keep, unixNanos(0n)));
    this.#steps.forgetBefore(keep);
    this.#watermark.forgetBefore(unixNanos(newest - 600n * SECOND));
    for (const [id, worker] of this.#workers) {
      if (worker.lastEndUnixNs >= newest - 600n * SECOND) continue;
      this.#workers.delete(id);
      this.#lag.forget(id);
    }
    return ahead.events;
  }

  /** What the last call gave is overwritten. */
  #assemble(tables: readonly EventTable[]): Assembled {
    this.#room.empty();
    return assemble(tables, this.deployment, this.#room);
  }

  /** The usual case: whatever happened in the last seconds. */
  #lookAtSpan(reported: UnixNanos, quiet: boolean, wantsPictures: boolean): Picture {
    const from = this.#reportFrom(reported);
    const pointsFrom = this.#pointsFrom(from, reported);
    const around = this.#withMargin(earlierOf(from, pointsFrom), reported);
    const seen = { fromUnixNs: from, toUnixNs: reported };
    const { tables, clock } = this.clocks.look(this.window.tables(around), seen);
    const assembled = this.#assemble(tables);
    // A clock that was ahead has reported so much less than it seemed.
    const known = unixNanos(reported - BigInt(movedBackNs(clock)));
    return {
      ...this.#figures(assembled, from, known, !quiet, wantsPictures, clock),
      points: this.#points(assembled, pointsFrom, floorTo(reported, SECOND)),
    };
  }

  /** Where a quarter of a second is too much: the newest whole steps, known from the log. */
  #lookAtSteps(steps: TimeWindow, wantsPictures: boolean): Picture {
    const { fromUnixNs, toUnixNs } = steps;
    const { tables, clock } = this.clocks.look(this.window.tables(steps), steps);
    const assembled = this.#assemble(tables);
    const second = floorTo(fromUnixNs, SECOND);
    const isNew = this.#pointsUntil === null || second >= this.#pointsUntil;
    const points = isNew ? this.#points(assembled, second, unixNanos(second + SECOND)) : [];
    const figures = this.#figures(assembled, fromUnixNs, toUnixNs, false, wantsPictures, clock);
    return { ...figures, points };
  }

  /** null: the report's span, even if short, is not too much, or no step is whole. */
  #bigSteps(reported: UnixNanos, newestMayGoOn: boolean): TimeWindow | null {
    const { maxReportEvents, maxStepSpanNs } = this.#settings;
    const shortest = { fromUnixNs: unixNanos(reported - SECOND / 4n), toUnixNs: reported };
    const last = this.#steps.newestWhole(reported, 0, newestMayGoOn);
    if (last === null || last.fromUnixNs < reported - BigInt(maxStepSpanNs)) return null;
    // A short span holds a whole step only where it is as long as one, and as the pause after it.
    const fits =
      this.window.count(shortest) <= maxReportEvents &&
      this.#reportFrom(reported) <= last.fromUnixNs;
    return fits ? null : this.#steps.newestWhole(reported, maxReportEvents, newestMayGoOn);
  }

  /** Start of the report's span: less where it would hold too many events. */
  #reportFrom(reported: UnixNanos): UnixNanos {
    let spanNs = BigInt(this.#settings.reportSpanNs);
    const count = (): number =>
      this.window.count({ fromUnixNs: unixNanos(reported - spanNs), toUnixNs: reported });
    while (spanNs > SECOND / 4n && count() > this.#settings.maxReportEvents) spanNs /= 2n;
    return unixNanos(reported - spanNs);
  }

  #withMargin(from: UnixNanos, to: UnixNanos): TimeWindow {
    const around = REPORT_MARGINS_NS.map((marginNs) => ({
      fromUnixNs: unixNanos(from - marginNs),
      toUnixNs: unixNanos(to + marginNs),
    }));
    const fits = (window: TimeWindow): boolean =>
      this.window.count(window) <= this.#settings.maxReportEvents;
    return around.find(fits) ?? around.at(-1)!;
  }

  #figures(
    assembled: Assembled,
    from: UnixNanos,
    reported: UnixNanos,
    newestMayGoOn: boolean,
    wantsPictures: boolean,
    clock: ClockFacts | null,
  ): Omit<Picture, 'points'> {
    const base = assembled.events.baseUnixNs;
    const steps = wholeSteps(
      assembled,
      Number(from - base),
      Number(reported - base),
      newestMayGoOn,
    );
    if (steps === null) return { report: null, strip: null, heatmap: null };
    const window = {
      fromUnixNs: addNanos(base, steps.fromNs),
      toUnixNs: addNanos(base, steps.toNs),
    };
    return {
      report: reportJson(reportOf(assembled, window, { clock })),
      strip: wantsPictures ? stripOf(newestStep(assembled, window), this.deployment) : null,
      heatmap: wantsPictures ? heatmapOf(layerMatrix(assembled, window), this.deployment) : null,
    };
  }

  /** First second without a point, as far back as the event limit allows. */
  #pointsFrom(from: UnixNanos, reported: UnixNanos): UnixNanos {
    const until = floorTo(reported, SECOND);
    const wanted = this.#pointsUntil ?? unixNanos(until - SECOND);
    const oldest = unixNanos(until - MAX_POINTS_AT_ONCE * SECOND);
    const start = laterOf(wanted, oldest);
    if (start >= from) return start;
    const events = this.window.count({ fromUnixNs: start, toUnixNs: reported });
    if (events <= 2 * this.#settings.maxReportEvents) return start;
    return floorTo(from + SECOND - 1n, SECOND);
  }

  /** One point for each whole second up to `until`, once. */
  #points(assembled: Assembled, start: UnixNanos, until: UnixNanos): TrendPoint[] {
    if (start >= until) return [];
    const rows = bucketsWithData(rollupBuckets(assembled, start, until, NS_PER_S));
    this.#pointsUntil = until;
    const { baseUnixNs } = assembled.events;
    this.#stragglers.add(assembled, Number(start - baseUnixNs), Number(until - baseUnixNs));
    return trendPoints(rows.workers, rows.deployments, NS_PER_S, (at, spanNs) =>
      meanTpotMs(this.#tokenDeltas, at, spanNs),
    );
  }
}

function inMs(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1e3;
}
