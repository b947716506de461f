/**
 * Rules on telemetry that comes at the pace of a clock of its own: the real live engine, the real samples,
 * the real evaluation, so that what is printed is what would have happened.
 *
 *     feed ──committed──▶ live engine ──overview each second──▶ samples ──▶ evaluate ──▶ changes
 */
import { LiveEngine } from '#collector/live/live-engine.ts';
import { LIVE_DEFAULTS } from '#collector/live/live-settings.ts';
import type { CommittedMessage } from '#collector/messages.ts';
import type { AlertBook, AlertChange } from '#lib/alert/alert-state.ts';
import { evaluateRules } from '#lib/alert/evaluate.ts';
import type { SampleSet } from '#lib/alert/sample.ts';
import { needsOf, SampleHistory } from '#lib/alert/sample-history.ts';
import type { AlertRule } from '#lib/api/alert-rules.ts';
import type { Overview } from '#lib/api/live-event.ts';
import { type UnixNanos, unixMsFromNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { alertSamples, reportPathsOf } from '#lib/query/alert-samples.ts';

const CYCLE_NS = 1_000_000_000n;

/** Where telemetry comes from, second by second. */
export interface TelemetryFeed {
  readonly fromUnixNs: UnixNanos;
  readonly toUnixNs: UnixNanos;
  /** What has come by then and was not given before. */
  until(nowUnixNs: bigint): readonly CommittedMessage[] | Promise<readonly CommittedMessage[]>;
}

export interface ReplayResult {
  readonly changes: readonly AlertChange[];
  readonly book: AlertBook;
  /** Looks that gave samples; 0: no telemetry was seen. */
  readonly looks: number;
  /** Alerts that there was no room for. */
  readonly leftOut: number;
}

/** One look a second of the feed's time. `observe`: gets every set of samples, too. */
export async function replayAlerts(
  rules: readonly AlertRule[],
  feed: TelemetryFeed,
  observe?: (set: SampleSet) => void,
): Promise<ReplayResult> {
  const settings = { ...LIVE_DEFAULTS, store: 'memory:', dataDir: 'none' };
  const engine = new LiveEngine(settings, { unpacker: new PackedUnpacker(), cpuMs: () => 0 });
  const history = new SampleHistory(needsOf(rules));
  const paths = reportPathsOf(rules);
  const before = new Map<string, Overview>();
  const changes: AlertChange[] = [];
  let book: AlertBook = new Map();
  let looks = 0;
  let leftOut = 0;
  const fromUnixMs = unixMsFromNanos(feed.fromUnixNs);
  for (let now = feed.fromUnixNs + CYCLE_NS; now <= feed.toUnixNs; now += CYCLE_NS) {
    const nowUnixMs = Number(now / 1_000_000n);
    for (const message of await feed.until(now)) engine.take(message, nowUnixMs);
    for (const { overview } of engine.cycle(nowUnixMs).updates) {
      const { deployment } = overview;
      const samples = alertSamples(overview, before.get(deployment) ?? null, paths);
      before.set(deployment, overview);
      const set = { deployment, atUnixMs: nowUnixMs, samples };
      history.add(set);
      observe?.(set);
      looks++;
    }
    const next = evaluateRules({
      rules,
      book,
      history,
      nowUnixMs,
      watchingSinceUnixMs: fromUnixMs,
    });
    book = next.book;
    leftOut = Math.max(leftOut, next.leftOut);
    changes.push(...next.changes);
  }
  return { changes, book, looks, leftOut };
}
