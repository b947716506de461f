/** Period, its terms, and expert balance of each sampled step (docs/definitions.md, "Pipeline"). */
import type { Assembled } from '#lib/model/assembled.ts';
import { Kind, Stage } from '#lib/table/codes.ts';
import { sumPeriods } from './balance.ts';
import type { SampledSteps } from './compare-steps.ts';
import { type PipelineSamples, pipelineTerms } from './pipeline-terms.ts';

export interface StepFigure {
  readonly id: string;
  readonly values: Float64Array;
}

/** Those that a side without both roles has no samples of are left out. */
export function pipelineFigures(
  assembled: Assembled,
  samples: PipelineSamples,
  sampled: SampledSteps,
): StepFigure[] {
  const { keys, layers } = assembled;
  const { placeOf, rows } = sampled;
  const { complete } = samples.facts;
  const stepOfKey = keys.step.map((step, key) => (complete[key] === 1 ? placeOf[step]! : -1));
  const cellOfKey = stepOfKey.map((step, key) =>
    step < 0 || keys.layer[key]! < 0 ? -1 : step * layers + keys.layer[key]!,
  );
  const overall = pipelineTerms(samples, stepOfKey, rows.length);
  const byLayer = pipelineTerms(samples, cellOfKey, rows.length * layers);
  const microbatches = microbatchesOf(assembled);
  const measured = measuredPeriods(assembled, samples, sampled);
  const ideal = Float64Array.from(rows, (_, sample) => {
    const cells = Array.from({ length: layers }, (__, layer) => sample * layers + layer);
    const { layers: known, sumNs } = sumPeriods(byLayer, cells, microbatches);
    return known === 0 ? Number.NaN : sumNs / known;
  });
  const figures: StepFigure[] = [
    { id: 'measuredPeriodNs', values: measured },
    { id: 'idealPeriodNs', values: ideal },
    { id: 'periodOverIdeal', values: measured.map((ns, i) => ns / ideal[i]!) },
    { id: 'taEffectiveNs', values: overall.eaNs },
    { id: 'tfEffectiveNs', values: overall.efNs },
    { id: 'taNs', values: overall.taNs },
    { id: 'tfNs', values: overall.tfNs },
    { id: 'ta2fNs', values: overall.ta2fNs },
    { id: 'tf2aNs', values: overall.tf2aNs },
    { id: 'expertImbalance', values: expertImbalance(assembled, sampled) },
  ];
  return figures.filter(({ values }) => values.some((value) => !Number.isNaN(value)));
}

/** Micro-batches that the sampled steps' keys name. */
export function microbatchesOf({ microbatches }: Assembled): number {
  return Math.max(1, microbatches);
}

/** Mean over the measured pairs of layers of a step. */
function measuredPeriods(
  { keys }: Assembled,
  { periods }: PipelineSamples,
  { placeOf, rows }: SampledSteps,
): Float64Array {
  const sums = new Float64Array(rows.length);
  const counts = new Float64Array(rows.length);
  for (let i = 0; i < periods.key.length; i++) {
    const sample = placeOf[keys.step[periods.key[i]!]!]!;
    if (sample < 0) continue;
    sums[sample] = sums[sample]! + periods.periodNs[i]!;
    counts[sample] = counts[sample]! + 1;
  }
  return sums.map((sum, i) => sum / counts[i]!);
}

/** Tokens of the busiest rank over the mean rank, mean over the step's keys that all ranks worked on. */
function expertImbalance(
  { events, keyOf, keys }: Assembled,
  { placeOf, rows }: SampledSteps,
): Float64Array {
  const nothing = new Float64Array(rows.length).fill(Number.NaN);
  const { tokens } = events.measures;
  if (tokens === null) return nothing;
  const total = new Float64Array(keys.length);
  const largest = new Float64Array(keys.length);
  const ranks = new Uint32Array(keys.length);
  let most = 0;
  for (let row = 0; row < events.length; row++) {
    const key = keyOf[row]!;
    if (key < 0 || events.stage[row] !== Stage.expert || events.kind[row] !== Kind.compute)
      continue;
    if (tokens[row]! < 0) continue;
    total[key] = total[key]! + tokens[row]!;
    largest[key] = Math.max(largest[key]!, tokens[row]!);
    ranks[key] = ranks[key]! + 1;
    most = Math.max(most, ranks[key]!);
  }
  if (most < 2) return nothing;
  const sums = new Float64Array(rows.length);
  const counts = new Float64Array(rows.length);
  for (let key = 0; key < keys.length; key++) {
    const sample = placeOf[keys.step[key]!]!;
    if (sample < 0 || ranks[key] !== most || total[key] === 0) continue;
    sums[sample] = sums[sample]! + (largest[key]! * ranks[key]!) / total[key]!;
    counts[sample] = counts[sample]! + 1;
  }
  return sums.map((sum, i) => sum / counts[i]!);
}
