/**
 * One rule on the samples as they are: for each series (or group of series) that it watches, what its
 * value is, whether it is too far, and since when without a break. Pure, and from the samples alone: what
 * came late counts as if it had come in time.
 *
 *     value   ──────╱‾‾‾‾‾‾‾‾‾╲──╱‾‾‾‾‾‾‾‾‾‾‾‾‾‾│ newest sample
 *     bound   - - - - - - - - - - - - - - - - - -
 *                                 └ true since
 */
import { type Usual, usualOf } from './baseline.ts';
import type { CompiledRule } from './compiled-rule.ts';
import { mergePoints, sparsePoints } from './merged-points.ts';
import type { SeriesLabels } from './sample.ts';
import type { SampleHistory } from './sample-history.ts';
import type { Points, Series } from './series.ts';
import { SlidingWindows } from './sliding-windows.ts';
import { windowValue } from './windows.ts';

/** Without news for so long, beside the rule's window, there is no data. */
export const NEWS_LIMIT_MS = 30_000;

export interface Judgement {
  /** What the alert is told apart by: the deployment and the labels of `by`. */
  readonly labels: SeriesLabels;
  /** Newest sample; when nothing comes any more, since when it has been missed. */
  readonly atUnixMs: number;
  readonly value: number | null;
  readonly bound: number | null;
  /** null: it is not true now. Of an alert that fires, the newest sample: since when is known by then. */
  readonly trueSinceUnixMs: number | null;
  /** Has it not yet come back over the recovery threshold? */
  readonly isHeld: boolean;
  readonly isMissing: boolean;
  /**
   * All that is known is from before anybody looked (a restart after a long time): nobody knows how it is
   * now, so nothing begins by it.
   */
  readonly isStale: boolean;
  /** Labels and facts of the series that the value is of, for annotations. */
  readonly facts: Readonly<Record<string, string>>;
}

export interface JudgeOptions {
  readonly history: SampleHistory;
  readonly nowUnixMs: number;
  /** Before this nobody looked, so that nothing can have been missed. */
  readonly watchingSinceUnixMs: number;
  /** Since when the alert of these labels has been firing; null: it is not. */
  readonly firingSince: (labels: SeriesLabels) => number | null;
}

/** One for each alert that the rule could have, judged as they are asked for. */
export function* judgeRule(compiled: CompiledRule, options: JudgeOptions): Generator<Judgement> {
  const groups = new Map<string, { labels: SeriesLabels; members: Series[] }>();
  for (const series of options.history.series(compiled.rule.metric)) {
    if (!compiled.watches(series.labels)) continue;
    const labels = alertLabels(compiled, series);
    const key = JSON.stringify(labels);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { labels, members: [series] });
    else group.members.push(series);
  }
  for (const { labels, members } of groups.values()) {
    yield judgeSeries(compiled, labels, members, options);
  }
}

/** Of series with the same labels as far as the rule tells them apart; sparse ones may have none. */
export function judgeSeries(
  compiled: CompiledRule,
  labels: SeriesLabels,
  members: readonly Series[],
  options: JudgeOptions,
): Judgement {
  const { windowMs, rule } = compiled;
  const startedUnixMs = options.firingSince(labels);
  const forMs = startedUnixMs === null ? compiled.forMs : 0;
  const spanMs = windowMs * (rule.of_windows?.of ?? 1) + forMs + NEWS_LIMIT_MS;
  const looks = compiled.isSparse ? options.history.looks(labels.deployment ?? '') : null;
  const news = looks === null ? newestNews(members) : (looks.at(-1) ?? Number.NEGATIVE_INFINITY);
  const missedFrom = Math.max(news, options.watchingSinceUnixMs) + windowMs + NEWS_LIMIT_MS;
  if (!(options.nowUnixMs < missedFrom)) return missing(labels, missedFrom);
  const points =
    looks === null
      ? mergePoints(members, compiled.isUp, spanMs)
      : sparsePoints(members, looks, compiled.isUp, spanMs);
  const atUnixMs = points.atUnixMs.at(-1);
  // Series of before a restart, whose samples are all gone: they are not missed before `missedFrom`.
  if (atUnixMs === undefined) {
    return { ...missing(labels, missedFrom), isMissing: false, isStale: true };
  }
  const test = testOf(compiled, members[0], atUnixMs, startedUnixMs);
  const value = windowValue(points, atUnixMs, windowMs, rule.aggregate);
  const worst = worstOf(members, compiled.isUp);
  return {
    labels,
    atUnixMs,
    value,
    bound: test.bound,
    trueSinceUnixMs: trueSince(compiled, points, test, forMs),
    isHeld: isHeld(compiled, points, test),
    isMissing: false,
    isStale: options.nowUnixMs >= news + windowMs + NEWS_LIMIT_MS,
    facts: { ...worst?.labels, ...worst?.facts },
  };
}

/** The deployment and those of the series' labels that the rule tells alerts apart by. */
function alertLabels({ by }: CompiledRule, series: Series): SeriesLabels {
  if (by === null) return { ...series.labels, deployment: series.deployment };
  const labels: Record<string, string> = { deployment: series.deployment };
  for (const name of by) {
    const value = series.labels[name];
    if (value !== undefined) labels[name] = value;
  }
  return labels;
}

function missing(labels: SeriesLabels, sinceUnixMs: number): Judgement {
  return {
    labels,
    atUnixMs: sinceUnixMs,
    value: null,
    bound: null,
    trueSinceUnixMs: null,
    isHeld: false,
    isMissing: true,
    isStale: false,
    facts: {},
  };
}

interface Test {
  readonly bound: number | null;
  readonly isTrue: (value: number | null) => boolean;
  /** On the wrong side of where it recovers. */
  readonly isHeld: (value: number | null) => boolean;
}

const NEVER: Test = { bound: null, isTrue: () => false, isHeld: () => false };

function testOf(
  compiled: CompiledRule,
  series: Series | undefined,
  atUnixMs: number,
  startedUnixMs: number | null,
): Test {
  const { rule, isUp, isBeyond } = compiled;
  const { threshold, recover = threshold, baseline } = rule;
  const bounds: number[] = [];
  const recoveries: number[] = [];
  if (threshold !== undefined) {
    bounds.push(threshold);
    recoveries.push(recover!);
  }
  if (baseline !== undefined) {
    const usual = usualBefore(compiled, series, atUnixMs, startedUnixMs);
    if (usual === null) return NEVER;
    const { median, distance } = usual;
    bounds.push(isUp ? median + distance : median - distance);
    recoveries.push(isUp ? median + distance / 2 : median - distance / 2);
  }
  const bound = isUp ? Math.max(...bounds) : Math.min(...bounds);
  const recovery = isUp ? Math.max(...recoveries) : Math.min(...recoveries);
  return {
    bound,
    isTrue: (value) => value !== null && isBeyond(value, bound),
    isHeld: (value) => value !== null && isBeyond(value, recovery),
  };
}

/**
 * null: too little of the past is known. What is being judged is not part of it; nor, once it fires,
 * anything since it began.
 */
function usualBefore(
  { rule, forMs, windowMs, overMs, warmUpMs }: CompiledRule,
  series: Series | undefined,
  atUnixMs: number,
  startedUnixMs: number | null,
): Usual | null {
  if (series === undefined) return null;
  const until = (startedUnixMs ?? atUnixMs - forMs) - windowMs;
  const means = series.minuteMeans(atUnixMs - overMs, until);
  if (means.length === 0 || means.length * 60_000 < warmUpMs) return null;
  return usualOf(means, rule.baseline!);
}

/** Not further back than `forMs`. */
function trueSince(
  compiled: CompiledRule,
  points: Points,
  test: Test,
  forMs: number,
): number | null {
  const { rule, windowMs } = compiled;
  const { atUnixMs } = points;
  const newest = atUnixMs.at(-1)!;
  if (rule.of_windows !== undefined) {
    const hits = hitWindows(compiled, points, test.isTrue);
    return hits.length >= rule.of_windows.hits ? hits.at(-1)! : null;
  }
  if (!test.isTrue(windowValue(points, newest, windowMs, rule.aggregate))) return null;
  const windows = new SlidingWindows(points, windowMs, rule.aggregate);
  let since = newest;
  for (let i = atUnixMs.length - 2; i >= 0 && newest - since < forMs; i--) {
    const at = atUnixMs[i]!;
    if (since - at > windowMs + NEWS_LIMIT_MS) break;
    if (!test.isTrue(windows.endingWith(i))) break;
    since = at;
  }
  return since;
}

function isHeld(compiled: CompiledRule, points: Points, test: Test): boolean {
  const { rule, windowMs } = compiled;
  if (rule.of_windows !== undefined) {
    return hitWindows(compiled, points, test.isHeld).length >= rule.of_windows.hits;
  }
  return test.isHeld(windowValue(points, points.atUnixMs.at(-1)!, windowMs, rule.aggregate));
}

/** Ends of those of the last `of` windows that pass, newest first. */
function hitWindows(
  { rule, windowMs }: CompiledRule,
  points: Points,
  passes: Test['isTrue'],
): number[] {
  const newest = points.atUnixMs.at(-1)!;
  const hits: number[] = [];
  for (let i = 0; i < rule.of_windows!.of; i++) {
    const end = newest - i * windowMs;
    if (passes(windowValue(points, end, windowMs, rule.aggregate))) hits.push(end);
  }
  return hits;
}

function newestNews(members: readonly Series[]): number {
  let newest = Number.NEGATIVE_INFINITY;
  for (const { newsAtUnixMs } of members) newest = Math.max(newest, newsAtUnixMs);
  return newest;
}

/** By the newest samples: the one to name. */
function worstOf(members: readonly Series[], isUp: boolean): Series | undefined {
  const newest = Math.max(...members.map(({ newestUnixMs }) => newestUnixMs));
  let worst: Series | undefined;
  for (const series of members) {
    if (series.newestUnixMs < newest) continue;
    const value = series.value.at(-1)!;
    const known = worst?.value.at(-1);
    if (known === undefined || (isUp ? value > known : value < known)) worst = series;
  }
  return worst;
}
