/** The samples that rules can still look at, in bounded memory (series.ts). */
import { type AlertRule, durationMs } from '#lib/api/alert-rules.ts';
import { lowerBound } from '#lib/base/bisect.ts';
import { labelsKey } from './alert-id.ts';
import { isSparse } from './metric-kinds.ts';
import type { Sample, SampleSet } from './sample.ts';
import { Series, type SeriesNeeds } from './series.ts';

/** How late a sample may come and still count: reports cover five seconds, senders may lag ten. */
export const LATENESS_MS = 60_000;

const MAX_SERIES = 20_000;
/** Looks that are over are taken out so many at a time. */
const PRUNE_AT_ONCE = 64;
/** A series without a sample for so much longer than it is looked back on is forgotten. */
const FORGET_AFTER_MS = 600_000;
const SWEEP_EVERY_LOOKS = 256;

/** By metric: what the rules look at. Other metrics are not kept. */
export type HistoryNeeds = ReadonlyMap<string, SeriesNeeds>;

export function needsOf(rules: readonly AlertRule[]): HistoryNeeds {
  const needs = new Map<string, SeriesNeeds>();
  for (const rule of rules) {
    if (!rule.enabled) continue;
    const windowsMs = durationMs(rule.window)! * (rule.of_windows?.of ?? 1);
    const rawMs = windowsMs + durationMs(rule.for)! + LATENESS_MS;
    const minutesMs = rule.baseline === undefined ? 0 : durationMs(rule.baseline.over)!;
    const known = needs.get(rule.metric);
    needs.set(rule.metric, {
      rawMs: Math.max(rawMs, known?.rawMs ?? 0),
      minutesMs: Math.max(minutesMs, known?.minutesMs ?? 0),
    });
  }
  return needs;
}

/** How much of the past must be added again after a restart, in milliseconds. */
export function longestNeedMs(needs: HistoryNeeds): number {
  let longest = 0;
  for (const { rawMs, minutesMs } of needs.values()) longest = Math.max(longest, rawMs, minutesMs);
  return longest;
}

export class SampleHistory {
  #needs: HistoryNeeds;
  #looksKeptMs = 0;
  readonly #byMetric = new Map<string, Map<string, Series>>();
  /** By deployment: instants of its looks, ascending. */
  readonly #looks = new Map<string, number[]>();
  #series = 0;
  #leftOut = 0;
  #late = 0;
  #looksSinceSweep = 0;

  constructor(needs: HistoryNeeds) {
    this.#needs = needs;
    this.setNeeds(needs);
  }

  /** Rules have changed: what no rule looks at goes; what is new begins empty. */
  setNeeds(needs: HistoryNeeds): void {
    this.#needs = needs;
    this.#looksKeptMs = longestRawMs(needs);
    for (const [metric, series] of this.#byMetric) {
      if (needs.has(metric)) continue;
      this.#series -= series.size;
      this.#byMetric.delete(metric);
    }
  }

  /** Series that are kept; samples that there was no room for, and that came too late, so far. */
  get counts(): { readonly series: number; readonly leftOut: number; readonly late: number } {
    return { series: this.#series, leftOut: this.#leftOut, late: this.#late };
  }

  /** The samples of one look, in any order of looks; the same look again changes nothing. */
  add(set: SampleSet): void {
    this.#addLook(set);
    for (const sample of set.samples) {
      const needs = this.#needs.get(sample.metric);
      if (needs !== undefined) this.#addSample(sample, set, needs);
    }
    this.#looksSinceSweep++;
    if (this.#looksSinceSweep >= SWEEP_EVERY_LOOKS) this.#sweep(set.atUnixMs);
  }

  series(metric: string): Iterable<Series> {
    return this.#byMetric.get(metric)?.values() ?? [];
  }

  /** Instants at which the deployment was looked at, ascending. */
  looks(deployment: string): readonly number[] {
    return this.#looks.get(deployment) ?? [];
  }

  #addLook({ deployment, atUnixMs }: SampleSet): void {
    const looks = this.#looks.get(deployment) ?? [];
    this.#looks.set(deployment, looks);
    const i = lowerBound(looks, atUnixMs);
    if (looks[i] === atUnixMs) return;
    looks.splice(i, 0, atUnixMs);
    const over = lowerBound(looks, looks.at(-1)! - this.#looksKeptMs);
    if (over >= PRUNE_AT_ONCE) looks.splice(0, over);
  }

  #addSample(sample: Sample, set: SampleSet, needs: SeriesNeeds): void {
    if (!Number.isFinite(sample.value) || !(sample.weight > 0)) return;
    const all = this.#byMetric.get(sample.metric) ?? new Map<string, Series>();
    this.#byMetric.set(sample.metric, all);
    const key = labelsKey(sample.labels);
    let series = all.get(key);
    if (series === undefined) {
      if (this.#series >= MAX_SERIES) {
        this.#leftOut++;
        return;
      }
      series = new Series(set.deployment, sample.labels);
      all.set(key, series);
      this.#series++;
    }
    const atUnixMs = isSparse(sample.metric) ? set.atUnixMs : sample.atUnixMs;
    if (!series.add(sample, atUnixMs, set.atUnixMs, needs)) this.#late++;
  }

  /** Workers and groups that are gone must not fill the memory. */
  #sweep(nowUnixMs: number): void {
    this.#looksSinceSweep = 0;
    for (const [metric, all] of this.#byMetric) {
      const { rawMs, minutesMs } = this.#needs.get(metric)!;
      const oldest = nowUnixMs - Math.max(rawMs, minutesMs) - FORGET_AFTER_MS;
      for (const [key, series] of all) {
        if (series.newsAtUnixMs >= oldest) continue;
        all.delete(key);
        this.#series--;
      }
    }
    const oldest = nowUnixMs - this.#looksKeptMs - FORGET_AFTER_MS;
    for (const [deployment, looks] of this.#looks) {
      if (looks.at(-1)! < oldest) this.#looks.delete(deployment);
    }
  }
}

function longestRawMs(needs: HistoryNeeds): number {
  let longest = 0;
  for (const { rawMs } of needs.values()) longest = Math.max(longest, rawMs);
  return longest;
}
