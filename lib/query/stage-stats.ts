/** Durations by group, stage and kind, as numbers that a panel shows. */
import { CAUSES } from '#lib/analysis/causes.ts';
import { quantilesOf } from '#lib/analysis/quantiles.ts';
import type { TimelineStats } from '#lib/api/timeline-stats.ts';
import { GrowableFloat64 } from '#lib/base/growable.ts';
import { KINDS } from '#lib/table/codes.ts';
import { compareStages } from '#lib/table/stage-rollup-merge.ts';

export type StageStat = TimelineStats['stages'][number];
export type DurationHistogram = TimelineStats['histogram'];

interface Series {
  readonly group: string;
  readonly stage: string;
  readonly kind: number;
  readonly durationsNs: GrowableFloat64;
  sumNs: number;
}

export class StageStats {
  readonly #series = new Map<string, Series>();
  readonly #histogram = new HistogramSums();

  /** What `add` takes: look it up once for many events. */
  seriesOf(group: string, stage: string, kind: number): Series {
    const key = JSON.stringify([group, stage, kind]);
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const made = { group, stage, kind, durationsNs: new GrowableFloat64(), sumNs: 0 };
    this.#series.set(key, made);
    return made;
  }

  add(series: Series, durationNs: number, insideNs: number): void {
    series.durationsNs.push(durationNs);
    series.sumNs += insideNs;
    this.#histogram.add(durationNs, 1);
  }

  /** `groups`: in the order of the answer, with the time of all their workers. */
  finish(groups: ReadonlyMap<string, number>): {
    readonly events: number;
    readonly stages: StageStat[];
    readonly histogram: DurationHistogram;
  } {
    const order = [...groups.keys()];
    const stages = [...this.#series.values()]
      .sort(
        (a, b) =>
          order.indexOf(a.group) - order.indexOf(b.group) ||
          compareStages(a.stage, b.stage) ||
          a.kind - b.kind,
      )
      .map(({ group, stage, kind, durationsNs, sumNs }) => ({
        group,
        stage,
        kind: KINDS[kind]!,
        count: durationsNs.length,
        sumNs,
        share: shareOf(sumNs, groups.get(group)),
        durationNs: quantilesOf(durationsNs.finish())!,
      }));
    const events = stages.reduce((sum, { count }) => sum + count, 0);
    return { events, stages, histogram: this.#histogram.finish() };
  }
}

export function shareOf(ns: number, wholeNs: number | undefined): number {
  return wholeNs === undefined || wholeNs === 0 ? 0 : ns / wholeNs;
}

/** Edges lie at powers of 2^(1/4): each bin is 19 % longer than the one before. */
const BINS_PER_OCTAVE = 4;

/** Durations in bins that grow by a constant factor; what is shorter than 1 ns counts in the first. */
export class HistogramSums {
  readonly #counts = new Map<number, number>();

  add(durationNs: number, count: number): void {
    const bin = binOf(durationNs);
    this.#counts.set(bin, (this.#counts.get(bin) ?? 0) + count);
  }

  finish(): DurationHistogram {
    const bins = [...this.#counts.keys()];
    if (bins.length === 0) return { edgesNs: [0], count: [] };
    const first = Math.min(...bins);
    const length = Math.max(...bins) - first + 1;
    return {
      edgesNs: Array.from({ length: length + 1 }, (_, i) => edgeNs(first + i)),
      count: Array.from({ length }, (_, i) => this.#counts.get(first + i) ?? 0),
    };
  }
}

function edgeNs(bin: number): number {
  return 2 ** (bin / BINS_PER_OCTAVE);
}

/** The bin with `edge <= duration < next edge`, exactly so. */
function binOf(durationNs: number): number {
  if (durationNs < 1) return 0;
  let bin = Math.floor(Math.log2(durationNs) * BINS_PER_OCTAVE);
  if (edgeNs(bin) > durationNs) bin--;
  else if (edgeNs(bin + 1) <= durationNs) bin++;
  return bin;
}

/** Causes with time, the largest first. `sums`: in the order of `CAUSES`. */
export function namedCauses(sums: ArrayLike<number>, wholeNs: number): TimelineStats['causes'] {
  return CAUSES.map((cause, c) => ({ cause, ns: sums[c]!, share: shareOf(sums[c]!, wholeNs) }))
    .filter(({ ns }) => ns > 0)
    .sort((a, b) => b.ns - a.ns);
}
