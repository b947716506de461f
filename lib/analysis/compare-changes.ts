/**
 * What made steps longer or shorter: the critical path's items of both sides, and how they differ. All
 * of them together are the difference of the mean times per step, to the nanosecond.
 */
import { contrast, judge } from './compare-contrast.ts';
import type { StageDurations } from './compare-durations.ts';
import type { PathItem } from './compare-paths.ts';
import type { CompareSideSamples } from './compare-side.ts';
import type { Change, Compared, Contrast, Explained } from './compare-types.ts';
import { changeWords, rangesText, runsOf } from './compare-words.ts';
import { medianOf } from './quantiles.ts';

const MAX_CHANGES = 20;

/** Layers are named until they make up so much of a change. */
const NAMED_PART = 0.9;
/** Runs of layers this close are told as one: single layers are noisy. */
const LAYER_GAP = 3;
const MAX_RUNS = 3;

/** A worker is named that differs from the others by more than half of what the slowest changed by … */
const STANDS_OUT = 0.5;
/** … and by so much of their median. */
const MIN_EXCESS = 0.02;

interface Pair {
  readonly group: string;
  readonly stage: string;
  readonly kind: string;
  readonly a: PathItem | undefined;
  readonly b: PathItem | undefined;
}

export function changesBetween(
  a: CompareSideSamples,
  b: CompareSideSamples,
): { readonly changes: Change[]; readonly explained: Explained | null } {
  if (a.sampledSteps === 0 || b.sampledSteps === 0) return { changes: [], explained: null };
  const pairs = pairsOf([...a.path, pauseOf(a)], [...b.path, pauseOf(b)]);
  const aNs = mean(a.stepNs);
  const bNs = mean(b.stepNs);
  const differenceNs = bNs - aNs;
  const all = pairs.map((pair) => ({
    pair,
    a: pair.a?.values ?? new Float64Array(a.sampledSteps),
    b: pair.b?.values ?? new Float64Array(b.sampledSteps),
  }));
  const onPath = judge(all.map((one) => contrast(one.a, one.b)));
  const places = all.map((one) => placeOf(one.pair, mean(one.b) - mean(one.a), a, b));
  const durations = judge(places.map((place) => place.duration));
  const changes = all.map((one, i) => {
    const duration = durations[i]!;
    const hasDuration = duration.stepsA > 0 || duration.stepsB > 0;
    const contributionNs = mean(one.b) - mean(one.a);
    const facts = {
      stage: one.pair.stage,
      kind: one.pair.kind,
      layers: places[i]!.layers,
      worker: places[i]!.worker,
      contributionNs,
      share: differenceNs === 0 ? null : contributionNs / differenceNs,
    };
    const words = changeWords({
      ...facts,
      durationShiftNs: isDifferent(duration) ? duration.shift!.value : null,
      significant: isDifferent(onPath[i]!),
    });
    return {
      ...facts,
      group: one.pair.group === '' ? null : one.pair.group,
      aNs: mean(one.a),
      bNs: mean(one.b),
      onPath: onPath[i]!,
      duration: hasDuration ? duration : null,
      words,
    };
  });
  const tier = ({ onPath: found, contributionNs }: Change): number => {
    if (!isDifferent(found)) return 2;
    return Math.sign(contributionNs) === Math.sign(differenceNs) ? 0 : 1;
  };
  changes.sort(
    (x, y) =>
      tier(x) - tier(y) ||
      Math.abs(y.contributionNs) - Math.abs(x.contributionNs) ||
      (x.words < y.words ? -1 : 1),
  );
  const told = changes.filter(({ contributionNs }) => contributionNs !== 0).slice(0, MAX_CHANGES);
  const toldNs = told.reduce((sum, { contributionNs }) => sum + contributionNs, 0);
  return { changes: told, explained: { aNs, bNs, differenceNs, restNs: differenceNs - toldNs } };
}

export function isDifferent({ finding }: Compared): boolean {
  return finding === 'higher' || finding === 'lower';
}

function pauseOf({ stepNs, latencyNs }: CompareSideSamples): PathItem {
  const values = stepNs.map((ns, i) => ns - latencyNs[i]!);
  return { group: '', stage: 'pause', kind: 'pause', values, layers: new Map() };
}

function pairsOf(a: readonly PathItem[], b: readonly PathItem[]): Pair[] {
  const pairs = new Map<string, { a?: PathItem; b?: PathItem }>();
  const key = ({ group, stage, kind }: PathItem): string => JSON.stringify([group, stage, kind]);
  for (const item of a) pairs.set(key(item), { a: item });
  for (const item of b) pairs.set(key(item), { ...pairs.get(key(item)), b: item });
  return [...pairs.values()].map((pair) => {
    const { group, stage, kind } = (pair.a ?? pair.b)!;
    return { group, stage, kind, a: pair.a, b: pair.b };
  });
}

function durationsOf(
  { group, stage, kind }: Pair,
  side: CompareSideSamples,
): StageDurations | null {
  if (kind === 'gap' || kind === 'pause' || kind === 'link-queue') return null;
  const ofStage = side.durations.stages.filter((one) => one.group === group && one.stage === stage);
  return ofStage.find(({ part }) => part === 'transfer') ?? ofStage[0] ?? null;
}

interface ChangePlace {
  readonly layers: string;
  readonly worker: string | null;
  /** Of one event there. */
  readonly duration: Contrast;
}

/** Where most of a change lies, and how long one event takes there. */
function placeOf(
  pair: Pair,
  contributionNs: number,
  a: CompareSideSamples,
  b: CompareSideSamples,
): ChangePlace {
  const runs = layersOf(pair, contributionNs);
  const inside = (layer: number): boolean =>
    runs.length === 0 || runs.some(([from, to]) => layer >= from && layer <= to);
  const ofA = workerSeries(durationsOf(pair, a), a.sampledSteps, inside);
  const ofB = workerSeries(durationsOf(pair, b), b.sampledSteps, inside);
  const worker = contributionNs > 0 ? standsOut(ofB, ofA) : standsOut(ofA, ofB);
  const series = (workers: ReadonlyMap<string, Float64Array>): Float64Array | null => {
    const own = worker === null ? undefined : workers.get(worker);
    if (own !== undefined) return own;
    return workers.size === 0 ? null : meanSeries([...workers.values()]);
  };
  return { layers: rangesText(runs), worker, duration: contrast(series(ofA), series(ofB)) };
}

/** The runs of layers that most of the change lies in; none where it has no layer. */
function layersOf({ a, b }: Pair, contributionNs: number): [from: number, to: number][] {
  const sign = Math.sign(contributionNs);
  const byLayer = new Map<number, number>();
  for (const [layer, ns] of b?.layers ?? []) byLayer.set(layer, sign * ns);
  for (const [layer, ns] of a?.layers ?? []) {
    byLayer.set(layer, (byLayer.get(layer) ?? 0) - sign * ns);
  }
  const grown = [...byLayer].filter(([layer, ns]) => layer >= 0 && ns > 0);
  grown.sort(([x, ns], [y, other]) => other - ns || x - y);
  const all = grown.reduce((sum, [, ns]) => sum + ns, 0);
  const named: number[] = [];
  let sum = 0;
  for (const [layer, ns] of grown) {
    if (sum >= NAMED_PART * all) break;
    named.push(layer);
    sum += ns;
  }
  const runs = runsOf(named, LAYER_GAP);
  return runs.length <= MAX_RUNS ? runs : runsOf(named, Number.POSITIVE_INFINITY);
}

/** Of each worker: mean over the layers, step by step. */
function workerSeries(
  durations: StageDurations | null,
  steps: number,
  inside: (layer: number) => boolean,
): Map<string, Float64Array> {
  const series = new Map<string, Float64Array>();
  for (const [worker, layers] of durations?.workers ?? []) {
    const columns = [...layers].filter(([layer]) => inside(layer)).map(([, values]) => values);
    if (columns.length > 0) series.set(worker, meanSeries(columns, steps));
  }
  return series;
}

function meanSeries(columns: readonly Float64Array[], steps = columns[0]!.length): Float64Array {
  return Float64Array.from({ length: steps }, (_, step) => {
    let sum = 0;
    let count = 0;
    for (const column of columns) {
      if (Number.isNaN(column[step]!)) continue;
      sum += column[step]!;
      count++;
    }
    return sum / count;
  });
}

type WorkerSeries = ReadonlyMap<string, Float64Array>;

/** The one worker that is behind it on the side that takes longer; null: it is spread. */
function standsOut(slower: WorkerSeries, faster: WorkerSeries): string | null {
  const slow = levelsOf(slower);
  const fast = levelsOf(faster);
  if (slow === null || fast === null || slower.size < 2) return null;
  const changeNs = slow.largestNs - fast.largestNs;
  const excessNs = slow.largestNs - slow.othersNs;
  const moreExcessNs = excessNs - (fast.largestNs - fast.othersNs);
  if (changeNs <= 0 || moreExcessNs < STANDS_OUT * changeNs) return null;
  return excessNs < MIN_EXCESS * slow.othersNs ? null : slow.largest;
}

/** The worker with the longest median, and the median of the others'. */
function levelsOf(
  series: WorkerSeries,
): { readonly largest: string; readonly largestNs: number; readonly othersNs: number } | null {
  const levels: { worker: string; ns: number }[] = [];
  for (const [worker, values] of series) {
    const ns = medianOf(values.filter((value) => !Number.isNaN(value)));
    if (ns !== null) levels.push({ worker, ns });
  }
  levels.sort((x, y) => y.ns - x.ns);
  const [largest, ...others] = levels;
  if (largest === undefined) return null;
  const othersNs = medianOf(Float64Array.from(others, ({ ns }) => ns)) ?? largest.ns;
  return { largest: largest.worker, largestNs: largest.ns, othersNs };
}

function mean(values: Float64Array): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
