/**
 * The samples of one series: single ones for as long as rules look back, one-minute sums before that.
 *
 *     minutes (for baselines)          single samples
 *     ├──┼──┼──┼──┼──┼──┼──┼──┼──┼──┼──·····················┤ newest
 *     minutesMs                      rawMs
 *
 * Samples leave for the minutes in the order of their times, so sums do not depend on how they came.
 */
import { lowerBound } from '#lib/base/bisect.ts';
import type { Sample, SeriesLabels } from './sample.ts';

const MINUTE_MS = 60_000;

/** Samples that are over are taken out so many at a time. */
const PRUNE_AT_ONCE = 64;

/** How far back a series must remember. */
export interface SeriesNeeds {
  /** Single samples are kept for so long behind the newest one. */
  readonly rawMs: number;
  /** One-minute means for so long; 0: none. */
  readonly minutesMs: number;
}

/** Samples in the order of their times. */
export interface Points {
  readonly atUnixMs: readonly number[];
  readonly value: readonly number[];
  readonly weight: readonly number[];
}

interface MinuteSum {
  sum: number;
  weight: number;
}

export class Series implements Points {
  readonly labels: SeriesLabels;
  readonly deployment: string;
  readonly atUnixMs: number[] = [];
  readonly value: number[] = [];
  readonly weight: number[] = [];
  /** When the look was that gave a sample: of two for one instant the later look's counts. */
  readonly #lookedUnixMs: number[] = [];
  /** And when the first look was that gave one of that instant. */
  readonly #firstLookedUnixMs: number[] = [];
  /** By the minute's number, ascending. */
  readonly #minutes = new Map<number, MinuteSum>();
  #facts: Readonly<Record<string, string>> = {};

  constructor(deployment: string, labels: SeriesLabels) {
    this.deployment = deployment;
    this.labels = labels;
  }

  get newestUnixMs(): number {
    return this.atUnixMs.at(-1) ?? Number.NEGATIVE_INFINITY;
  }

  /** When the newest instant was first heard of, by the collector's clock. */
  get newsAtUnixMs(): number {
    return this.#firstLookedUnixMs.at(-1) ?? Number.NEGATIVE_INFINITY;
  }

  /** Of the newest sample. */
  get facts(): Readonly<Record<string, string>> {
    return this.#facts;
  }

  /** false: it is too old to count. */
  add(sample: Sample, atUnixMs: number, lookedUnixMs: number, needs: SeriesNeeds): boolean {
    if (atUnixMs < this.newestUnixMs - needs.rawMs) return false;
    const i = lowerBound(this.atUnixMs, atUnixMs);
    if (this.atUnixMs[i] === atUnixMs) {
      this.#firstLookedUnixMs[i] = Math.min(this.#firstLookedUnixMs[i]!, lookedUnixMs);
      if (lookedUnixMs >= this.#lookedUnixMs[i]!) {
        this.value[i] = sample.value;
        this.weight[i] = sample.weight;
        this.#lookedUnixMs[i] = lookedUnixMs;
        if (i === this.atUnixMs.length - 1) this.#facts = sample.facts ?? {};
      }
      return true;
    }
    if (i === this.atUnixMs.length) this.#facts = sample.facts ?? {};
    this.atUnixMs.splice(i, 0, atUnixMs);
    this.value.splice(i, 0, sample.value);
    this.weight.splice(i, 0, sample.weight);
    this.#lookedUnixMs.splice(i, 0, lookedUnixMs);
    this.#firstLookedUnixMs.splice(i, 0, lookedUnixMs);
    this.#prune(needs);
    return true;
  }

  /**
   * One-minute means of the minutes wholly in [fromUnixMs, toUnixMs) that have samples, oldest first.
   */
  minuteMeans(fromUnixMs: number, toUnixMs: number): number[] {
    const first = Math.ceil(fromUnixMs / MINUTE_MS);
    const end = Math.floor(toUnixMs / MINUTE_MS);
    const sums = new Map<number, MinuteSum>();
    for (const [minute, { sum, weight }] of this.#minutes) {
      if (minute >= first && minute < end) sums.set(minute, { sum, weight });
    }
    for (let i = 0; i < this.atUnixMs.length; i++) {
      const minute = Math.floor(this.atUnixMs[i]! / MINUTE_MS);
      if (minute >= end) break;
      if (minute >= first) addTo(sums, minute, this.value[i]!, this.weight[i]!);
    }
    return [...sums.values()].flatMap(({ sum, weight }) => (weight > 0 ? [sum / weight] : []));
  }

  #columns(): number[][] {
    return [this.atUnixMs, this.value, this.weight, this.#lookedUnixMs, this.#firstLookedUnixMs];
  }

  #prune({ rawMs, minutesMs }: SeriesNeeds): void {
    const over = lowerBound(this.atUnixMs, this.newestUnixMs - rawMs);
    if (over < PRUNE_AT_ONCE) return;
    if (minutesMs > 0) {
      for (let i = 0; i < over; i++) {
        const minute = Math.floor(this.atUnixMs[i]! / MINUTE_MS);
        addTo(this.#minutes, minute, this.value[i]!, this.weight[i]!);
      }
    }
    for (const column of this.#columns()) column.splice(0, over);
    const oldest = Math.floor((this.newestUnixMs - minutesMs) / MINUTE_MS);
    for (const minute of this.#minutes.keys()) {
      if (minute >= oldest) break;
      this.#minutes.delete(minute);
    }
  }
}

function addTo(sums: Map<number, MinuteSum>, minute: number, value: number, weight: number): void {
  const known = sums.get(minute);
  if (known === undefined) sums.set(minute, { sum: value * weight, weight });
  else {
    known.sum += value * weight;
    known.weight += weight;
  }
}
