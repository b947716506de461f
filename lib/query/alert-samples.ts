/**
 * Samples for alert rules from one look at the live figures: the metrics of lib/api/alert-metrics.ts, and
 * the paths into the report that rules name. Figures of the report have the time of the events that they
 * are of; what is about the look itself (hangs, silence, ingest, conditions) has the look's.
 */
import { REPORT_PREFIX } from '#lib/alert/metric-kinds.ts';
import { parseReportPath, type ReportPath, readReportPath } from '#lib/alert/report-path.ts';
import type { Sample } from '#lib/alert/sample.ts';
import type { AlertMetricName } from '#lib/api/alert-metrics.ts';
import type { AlertRule } from '#lib/api/alert-rules.ts';
import type { Condition } from '#lib/api/condition.ts';
import type { HangJson } from '#lib/api/hangs.ts';
import type { IngestHealth, Overview } from '#lib/api/live-event.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';

type BubbleCauseKey = keyof ReportJson['groups'][number]['causes'];

/** Names of the `stage` label of `cause_ratio`. */
export const CAUSE_NAMES: Readonly<Record<BubbleCauseKey, string>> = {
  a2fNetworkNs: 'a2f-network',
  fanInNs: 'fan-in',
  peerQueueNs: 'peer-queue',
  peerComputeNs: 'peer-compute',
  loadExcessNs: 'load-excess',
  deviceExcessNs: 'device-excess',
  f2aNetworkNs: 'f2a-network',
  peerHostNs: 'peer-host',
  fillDrainNs: 'fill-drain',
  unknownNs: 'unknown',
};

/** Reasons for which an event is not stored though somebody wanted it to be. */
const DROPS = [
  'not_afd',
  'no_role',
  'bad_time',
  'bad_attribute',
  'bad_packed',
  'cardinality',
  'unsupported_metric',
] as const;

/** Beside the named metrics: the `report:` paths that these rules watch. */
export function reportPathsOf(rules: readonly AlertRule[]): ReadonlyMap<string, ReportPath> {
  const paths = new Map<string, ReportPath>();
  for (const { metric } of rules) {
    if (!metric.startsWith(REPORT_PREFIX) || paths.has(metric)) continue;
    const path = parseReportPath(metric);
    if (path.ok) paths.set(metric, path.value);
  }
  return paths;
}

/**
 * `before`: the look before at the same deployment, for rates of what is counted; null: none yet.
 * `paths`: from `reportPathsOf`.
 */
export function alertSamples(
  overview: Overview,
  before: Overview | null,
  paths: ReadonlyMap<string, ReportPath>,
): Sample[] {
  const look = new SampleList(overview.deployment, overview.atUnixMs);
  addIngest(look, overview, before?.ingest ?? null);
  addHangs(look, overview.hangs ?? []);
  for (const one of overview.stragglers ?? []) addStraggler(look, one);
  const { report } = overview;
  if (report === null) return look.samples;
  const endUnixMs = Math.round(Number(BigInt(report.window.endUnixNs) / 1000n) / 1000);
  const figures = new SampleList(overview.deployment, endUnixMs, look.samples);
  for (const group of report.groups) addGroup(figures, group);
  addPipeline(figures, report);
  addSteps(figures, overview, report);
  addParts(figures, report);
  for (const [metric, path] of paths) {
    for (const { labels, value, weight } of readReportPath(path, report)) {
      figures.add(metric, labels, value, weight);
    }
  }
  return figures.samples;
}

/** Of the collector itself, which belongs to no deployment. */
export function conditionSamples(conditions: readonly Condition[], nowUnixMs: number): Sample[] {
  const list = new SampleList('', nowUnixMs);
  for (const { name, detail, remedy } of conditions) {
    const sentence = /[.!?]$/.test(detail) ? detail : `${detail}.`;
    list.add('condition', { condition: name }, 1, 1, { detail: sentence, remedy });
  }
  return list.samples;
}

class SampleList {
  readonly samples: Sample[];
  readonly #deployment: string;
  readonly #atUnixMs: number;

  constructor(deployment: string, atUnixMs: number, samples: Sample[] = []) {
    this.#deployment = deployment;
    this.#atUnixMs = atUnixMs;
    this.samples = samples;
  }

  /** Nothing is added where the value is not known, or is of nothing. */
  add(
    metric: string,
    labels: Readonly<Record<string, string>>,
    value: number | null | undefined,
    weight = 1,
    facts?: Readonly<Record<string, string>>,
  ): void {
    if (value == null || !Number.isFinite(value) || !(weight > 0)) return;
    this.samples.push({
      metric,
      labels: { deployment: this.#deployment, ...labels },
      atUnixMs: this.#atUnixMs,
      value,
      weight,
      ...(facts === undefined ? {} : { facts }),
    });
  }

  named(
    metric: AlertMetricName,
    labels: Readonly<Record<string, string>>,
    value: number | null | undefined,
    weight?: number,
    facts?: Readonly<Record<string, string>>,
  ): void {
    this.add(metric, labels, value, weight, facts);
  }
}

function addGroup(list: SampleList, group: ReportJson['groups'][number]): void {
  const labels = { group: group.group };
  const { activeNs } = group;
  list.named('bubble_ratio', labels, group.activeBubbleRatio, activeNs);
  list.named('exposed_transfer_ratio', labels, group.exposedTransferNs / activeNs, activeNs);
  const networkNs = group.causes.a2fNetworkNs + group.causes.f2aNetworkNs;
  list.named('network_wait_ratio', labels, networkNs / activeNs, activeNs);
  list.named('overlap_ratio', labels, group.overlapRatio, group.transferNs);
  list.named('busy_ratio', labels, group.busyRatio, group.windowNs);
  for (const [key, stage] of Object.entries(CAUSE_NAMES)) {
    const ns = group.causes[key as BubbleCauseKey];
    list.named('cause_ratio', { ...labels, stage }, ns / activeNs, activeNs);
  }
}

function addPipeline(list: SampleList, { balance }: ReportJson): void {
  if (balance === null) return;
  const { taEffectiveNs: ea, tfEffectiveNs: ef, measuredPeriodNs, idealPeriodNs } = balance;
  if (ea > 0 && ef > 0) {
    const facts = { bound: balance.bound, ea: microseconds(ea), ef: microseconds(ef) };
    list.named('attention_ffn_ratio', {}, ea / ef, 1, facts);
    list.named('attention_ffn_imbalance', {}, Math.max(ea, ef) / Math.min(ea, ef) - 1, 1, facts);
  }
  if (measuredPeriodNs !== null && idealPeriodNs > 0) {
    list.named('period_over_ideal', {}, measuredPeriodNs / idealPeriodNs, idealPeriodNs);
  }
}

function addSteps(list: SampleList, { tpotMs }: Overview, { steps }: ReportJson): void {
  const meanNs = steps.meanLatencyNs ?? steps.latencyNs?.mean;
  if (meanNs !== undefined) list.named('step_latency_seconds', {}, meanNs / 1e9, steps.count);
  list.named('tokens_per_second', {}, steps.tokensPerSecond);
  const cadenceNs = steps.cadenceNs?.mean;
  if (tpotMs !== null) list.named('tpot_seconds', {}, tpotMs.mean / 1e3);
  else if (cadenceNs !== undefined) list.named('tpot_seconds', {}, cadenceNs / 1e9);
}

function addParts(list: SampleList, report: ReportJson): void {
  for (const { group, stage, count, totalNs } of report.stages) {
    list.named('stage_seconds', { group, stage }, totalNs / count / 1e9, count);
  }
  for (const { layer, periodNs } of report.layers) {
    if (periodNs === null) continue;
    list.named('layer_period_seconds', { layer: String(layer) }, periodNs.mean / 1e9);
  }
  const { experts } = report;
  if (experts !== null) {
    list.named('expert_max_over_mean', {}, experts.maxOverMean);
    list.named('forced_routing', {}, experts.forcedRouting ? 1 : 0);
    for (const { layer, maxOverMean, worker } of experts.layers ?? []) {
      list.named('expert_layer_max_over_mean', { layer: String(layer) }, maxOverMean, 1, {
        worker,
      });
    }
  }
  for (const { domain, errorNs } of report.clock.domains) {
    if (errorNs !== null) list.named('clock_error_seconds', { domain }, errorNs / 1e9);
  }
  list.named('clock_conflicts', {}, report.clock.conflicts);
}

function addStraggler(list: SampleList, one: NonNullable<Overview['stragglers']>[number]): void {
  const labels = { group: one.group ?? '', worker: one.worker, stage: one.stage };
  const facts = {
    excess: percent(one.excessRatio),
    load: percent(one.loadRatio),
    class: one.class ?? 'slow',
  };
  list.named('straggler_score', labels, one.score, 1, facts);
  list.named('straggler_excess_ratio', labels, one.residualRatio, 1, facts);
}

/** Those that last. A worker that is at fault in several domains is told once, by the longest. */
function addHangs(list: SampleList, hangs: readonly HangJson[]): void {
  const longest = new Map<string, HangJson>();
  for (const hang of hangs) {
    if (hang.untilUnixNs !== null) continue;
    const key = `${hang.kind} ${hang.worker ?? ''}`;
    const known = longest.get(key);
    if (known === undefined || hang.durationNs > known.durationNs) longest.set(key, hang);
  }
  for (const hang of longest.values()) {
    const metric = hang.kind === 'hang' ? 'hang_seconds' : 'silent_seconds';
    const worker = hang.worker ?? 'unknown';
    list.named(metric, { worker }, hang.durationNs / 1e9, 1, hangFacts(hang));
  }
}

const HANG_REASONS: Readonly<Record<HangJson['reason'], string>> = {
  'no-progress': 'does not go on',
  'no-receive': 'does not receive what was sent to it',
  silent: 'is silent',
  unknown: 'may be the cause',
};

function hangFacts(hang: HangJson): Record<string, string> {
  const own = hang.workers.find(({ worker }) => worker === hang.worker);
  const place = (one: { stage: string; layer: number; microbatch: number }): string =>
    `${one.stage} of layer ${one.layer}, micro-batch ${one.microbatch}`;
  return {
    what: HANG_REASONS[hang.reason],
    step: String(hang.step),
    waiting: String(hang.waiting),
    last: own?.last == null ? 'not known' : place(own.last),
    next: own?.next == null ? 'not known' : place(own.next),
  };
}

/** Counters are totals: their growth since the look before, with as much weight as events came. */
function addIngest(
  list: SampleList,
  { ingest, state }: Overview,
  before: IngestHealth | null,
): void {
  // Without traffic the newest event grows old, and that is no lag.
  if (ingest.lagMs !== null && state === 'live') {
    list.named('ingest_lag_seconds', {}, Math.max(0, ingest.lagMs) / 1e3);
  }
  if (before === null) return;
  const grown = (reason: string): number =>
    Math.max(0, (ingest.rejected[reason] ?? 0) - (before.rejected[reason] ?? 0));
  const accepted = ingest.acceptedEvents - before.acceptedEvents;
  if (accepted < 0) return;
  const drops = DROPS.map((reason) => ({ reason, events: grown(reason) }));
  const dropped = drops.reduce((sum, { events }) => sum + events, 0);
  const most = drops.reduce((a, b) => (b.events > a.events ? b : a));
  const came = accepted + dropped;
  if (came === 0) return;
  const facts = dropped === 0 ? undefined : { reason: most.reason };
  list.named('ingest_dropped_ratio', {}, dropped / came, came, facts);
  list.named('ingest_late_ratio', {}, Math.min(1, grown('late') / came), came);
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`;
}

function microseconds(ns: number): string {
  return `${(ns / 1e3).toFixed(1)} µs`;
}
