/**
 * Stages and layers of a report, from sums by stage and layer and their sketches (README,
 * Definitions, "From rollups"). Counts, means, minima and maxima are exact, quantiles are off by at
 * most SKETCH_RELATIVE_ERROR.
 */
import type { Bound, LayerReport, Quantiles, StageReport } from '#lib/analysis/report-types.ts';
import { defaultKind, stageCode } from '#lib/model/stages.ts';
import { Kind, type Role, type STAGES } from '#lib/table/codes.ts';
import { StageCellSums } from '#lib/table/stage-rollup-merge.ts';
import type { StageCells, StageRollup } from '#lib/table/stage-rollups.ts';
import { sketchQuantileNs } from '#lib/table/stage-sketch.ts';

/** The sums of a group over the window. */
export interface GroupCells {
  readonly group: string;
  readonly role: Role;
  /** One cell a stage and layer. */
  readonly cells: StageCells;
}

/** Adds up rows of groups, row by row. */
export class GroupCellSums {
  readonly #groups = new Map<string, { readonly role: Role; readonly sums: StageCellSums }>();

  add({ group, role, cells }: StageRollup): void {
    const known = this.#groups.get(group) ?? { role, sums: new StageCellSums() };
    this.#groups.set(group, known);
    known.sums.add(cells);
  }

  finish(): GroupCells[] {
    return [...this.#groups].map(([group, { role, sums }]) => ({
      group,
      role,
      cells: sums.finish(),
    }));
  }
}

/** By group as given, then stage. */
export function stageReports(groups: readonly GroupCells[]): StageReport[] {
  return groups.flatMap(({ group, cells }) => {
    const sums = new StageCellSums();
    sums.add({ ...cells, layer: new Int32Array(cells.length) });
    const byStage = sums.finish();
    return Array.from({ length: byStage.length }, (_, i) => ({
      group,
      stage: byStage.stageNames[byStage.stage[i]!]!,
      count: byStage.count[i]!,
      totalNs: byStage.sumNs[i]!,
      durationNs: quantilesOfCell(byStage, i),
    }));
  });
}

export function quantilesOfCell(cells: StageCells, i: number): Quantiles {
  const { sketchBin, sketchCount, sketchOffsets, minNs, maxNs } = cells;
  const quantile = (share: number): number => {
    const from = sketchOffsets[i]!;
    const ns = sketchQuantileNs(sketchBin, sketchCount, share, from, sketchOffsets[i + 1]!);
    return Math.min(maxNs[i]!, Math.max(minNs[i]!, ns));
  };
  return {
    min: minNs[i]!,
    p50: quantile(0.5),
    p90: quantile(0.9),
    p99: quantile(0.99),
    max: maxNs[i]!,
    mean: cells.sumNs[i]! / cells.count[i]!,
  };
}

/** What is known of the whole deployment in the window; null: not known. */
export interface PipelineHints {
  /** Steps that were looked at, times attention workers that worked on them. */
  readonly attentionWorkerSteps: number;
  /** Share of the time that was looked at: at high rates, not every step is. */
  readonly seenShare: number;
  readonly idealPeriodNs: number | null;
}

/** Layers of deployments with both sides, ascending; those of others have no roles to tell apart. */
export function layerReports(groups: readonly GroupCells[], hints: PipelineHints): LayerReport[] {
  const attention = groups.filter(({ role }) => role === 'attention');
  const ffn = groups.filter(({ role }) => role === 'ffn');
  if (attention.length === 0 || ffn.length === 0) return [];
  const sides = { attention: sideCells(attention), ffn: sideCells(ffn) };
  const layers = new Set([...sides.attention.keys(), ...sides.ffn.keys()]);
  const numbers = [...layers].filter((layer) => layer >= 0).sort((a, b) => a - b);
  const facts = numbers.map((layer) => layerFacts(layer, sides.attention, sides.ffn));
  const microbatches = microbatchesOf(facts, hints);
  return facts.map((fact) => ({
    layer: fact.layer,
    attentionNs: fact.attention,
    a2fNs: fact.a2f,
    ffnNs: fact.ffn,
    f2aNs: fact.f2a,
    periodNs: null,
    idealPeriodNs: null,
    bound: microbatches === null ? null : boundOf(fact, microbatches),
  }));
}

/** One cell of a layer: its stage's default kind decides what it is. */
interface LayerCell {
  readonly stage: string;
  readonly kind: number;
  readonly count: number;
  readonly sumNs: number;
  readonly quantiles: Quantiles;
}

function sideCells(groups: readonly GroupCells[]): Map<number, LayerCell[]> {
  const sums = new StageCellSums();
  for (const { cells } of groups) sums.add(cells);
  const cells = sums.finish();
  const role = groups[0]!.role;
  const byLayer = new Map<number, LayerCell[]>();
  for (let i = 0; i < cells.length; i++) {
    const stage = cells.stageNames[cells.stage[i]!]!;
    const list = byLayer.get(cells.layer[i]!) ?? [];
    byLayer.set(cells.layer[i]!, list);
    list.push({
      stage,
      kind: defaultKind(stageCode(stage, role)),
      count: cells.count[i]!,
      sumNs: cells.sumNs[i]!,
      quantiles: quantilesOfCell(cells, i),
    });
  }
  return byLayer;
}

interface LayerFacts {
  readonly layer: number;
  readonly attention: Quantiles | null;
  readonly ffn: Quantiles | null;
  readonly a2f: Quantiles | null;
  readonly f2a: Quantiles | null;
  /** Mean time that a key occupies a worker of the side. */
  readonly attentionNs: number;
  readonly ffnNs: number;
  /** Keys of the layer times attention workers. */
  readonly attentionKeys: number;
}

function layerFacts(
  layer: number,
  attention: ReadonlyMap<number, readonly LayerCell[]>,
  ffn: ReadonlyMap<number, readonly LayerCell[]>,
): LayerFacts {
  const own = attention.get(layer) ?? [];
  const peer = ffn.get(layer) ?? [];
  const computes = (cells: readonly LayerCell[]): LayerCell[] =>
    cells.filter(({ kind }) => kind === Kind.compute);
  const stage = (cells: readonly LayerCell[], name: (typeof STAGES)[number]): Quantiles | null =>
    cells.find((cell) => cell.stage === name)?.quantiles ?? null;
  return {
    layer,
    attention: together(computes(own)),
    ffn: together(computes(peer)),
    a2f: stage(own, 'a2f_send'),
    f2a: stage(peer, 'f2a_send'),
    attentionNs: occupancyNs(own),
    ffnNs: occupancyNs(peer),
    attentionKeys: mostOften(computes(own)),
  };
}

/**
 * The compute of a key, of which every stage is a part: means add up; minima, maxima and quantiles
 * are those of the one stage, or added up as if slow went with slow.
 */
function together(cells: readonly LayerCell[]): Quantiles | null {
  const [only] = cells;
  if (only === undefined) return null;
  if (cells.length === 1) return only.quantiles;
  const keys = mostOften(cells);
  const sum = { min: 0, p50: 0, p90: 0, p99: 0, max: 0, mean: 0 };
  for (const { count, quantiles } of cells) {
    // A stage that only some keys have adds its share.
    const share = count / keys;
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) {
      sum[name] += quantiles[name] * share;
    }
  }
  return sum;
}

function occupancyNs(cells: readonly LayerCell[]): number {
  const keys = mostOften(cells.filter(({ kind }) => kind === Kind.compute));
  if (keys === 0) return 0;
  const busy = cells.filter(({ kind, stage }) => kind === Kind.compute || stage === 'collective');
  return busy.reduce((sum, { sumNs }) => sum + sumNs, 0) / keys;
}

/** Every key has each of its stages once: the stage that is there most often counts the keys. */
function mostOften(cells: readonly LayerCell[]): number {
  return cells.reduce((most, { count }) => Math.max(most, count), 0);
}

/**
 * Micro-batches, where the compute of the slower side explains the ideal period that was computed
 * from whole keys. null: it doesn't, so something else bounds, or the counts tell another story.
 */
function microbatchesOf(facts: readonly LayerFacts[], hints: PipelineHints): number | null {
  const { attentionWorkerSteps, seenShare, idealPeriodNs } = hints;
  const sparse = facts.filter(({ a2f, f2a }) => a2f !== null && f2a !== null);
  if (idealPeriodNs === null || attentionWorkerSteps === 0 || sparse.length === 0) return null;
  const keys = sparse.reduce((sum, fact) => sum + fact.attentionKeys, 0) / sparse.length;
  const computeNs =
    sparse.reduce((sum, fact) => sum + Math.max(fact.attentionNs, fact.ffnNs), 0) / sparse.length;
  // Time without a look may have been without a step, too.
  for (const steps of [attentionWorkerSteps, attentionWorkerSteps / seenShare]) {
    const microbatches = Math.round(keys / steps);
    const explained = (microbatches * computeNs) / idealPeriodNs;
    if (microbatches < 1) continue;
    if (explained >= LEAST_EXPLAINED && explained <= MOST_EXPLAINED) return microbatches;
  }
  return null;
}

/** The ideal period takes the slowest worker of a group, the means here do not. */
const LEAST_EXPLAINED = 0.85;
const MOST_EXPLAINED = 1.02;

/** A compute bound, where it holds whatever part of the sends was waiting; else null. */
function boundOf(fact: LayerFacts, microbatches: number): Bound | null {
  const { attentionNs, ffnNs, a2f, f2a } = fact;
  if (a2f === null || f2a === null || attentionNs === 0 || ffnNs === 0) return null;
  const compute = microbatches * Math.max(attentionNs, ffnNs);
  const network = microbatches * Math.max(a2f.mean, f2a.mean);
  const latency = attentionNs + ffnNs + a2f.mean + f2a.mean;
  if (compute < network || compute < latency) return null;
  return attentionNs >= ffnNs ? 'attention-bound' : 'ffn-bound';
}

/** One more than the largest index. */
export function layerCount(groups: readonly GroupCells[]): number {
  let layers = 0;
  for (const { cells } of groups) {
    for (const layer of cells.layer) if (layer >= layers) layers = layer + 1;
  }
  return layers;
}
