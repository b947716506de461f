/**
 * What workers computed, as dense columns by stage: one entry a cell (step, layer, micro-batch,
 * worker), as `lib/pipeline/replay-program.ts` numbers them. What was lost on the way is filled with
 * the mean of the same worker in the same layer, so that a gap in the record is not a faster worker.
 *
 *     position of a stage   pre    [send]  mid ·········[reply]  post
 *                           attention      shared_expert          combine
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { Kind, Stage } from '#lib/table/codes.ts';
import type { Measure } from '#lib/table/event-table.ts';
import type { DomainShape, WhatifShape } from './whatif-shape.ts';

export type Position = 'pre' | 'mid' | 'post';

/** One stage of one side of a domain. */
export interface StageCells {
  /** As in the table's `stageNames`. */
  readonly name: string;
  readonly position: Position;
  /** Time that the worker computed this and nothing else, by cell; 0 where it does not occur. */
  readonly ns: Float64Array;
  /** Context tokens (attention) or routed tokens (expert) by cell; null where events carry none. */
  readonly load: Float64Array | null;
}

export interface SideCells {
  readonly workers: number;
  readonly stages: readonly StageCells[];
  /** Start of the first stage before the send, by cell; NaN where none was seen. */
  readonly startNs: Float64Array;
}

/** What a worker did in a step outside of its layers, by `step · workers + worker`. */
export interface StepEdges {
  /** First start of anything. */
  readonly firstNs: Float64Array;
  /** First start and last end of compute with a layer. */
  readonly layersStartNs: Float64Array;
  readonly layersEndNs: Float64Array;
  /** Compute without a layer after that. */
  readonly epilogueNs: Float64Array;
}

interface StageColumn {
  readonly stage: number;
  readonly ns: Float64Array;
  readonly load: Float64Array | null;
  readonly votes: Float64Array;
}

const POSITIONS: readonly Position[] = ['pre', 'mid', 'post'];

/** The measure that a stage's time grows with. */
export function loadOf(stage: number): Measure | null {
  if (stage === Stage.attention) return 'contextTokens';
  return stage === Stage.expert ? 'tokens' : null;
}

/** Number of the key of a row in its domain, -1 where it is not replayed. */
export function keyNumber(
  { keys, keyOf }: Assembled,
  { stepIndex, domainIndex, layers }: WhatifShape,
  d: number,
  microbatches: number,
  row: number,
): number {
  const key = keyOf[row]!;
  if (key < 0) return -1;
  const step = keys.step[key]!;
  const layer = keys.layer[key]!;
  if (domainIndex[step] !== d || layer < 0) return -1;
  return (stepIndex[step]! * layers + layer) * microbatches + Math.max(0, keys.microbatch[key]!);
}

export interface CollectedSide {
  readonly cells: SideCells;
  readonly edges: StepEdges;
}

/** `workers`: rows of `events.workers`. `sendStage`, `replyStage`: what the positions are told by. */
export function collectSide(
  assembled: Assembled,
  shape: WhatifShape,
  d: number,
  workers: readonly number[],
  sendStage: number,
  replyStage: number,
): CollectedSide {
  const domain = shape.domains[d]!;
  const count = workers.length;
  const keys = domain.steps.length * shape.layers * domain.microbatches;
  const columns = new Map<number, StageColumn>();
  const startNs = new Float64Array(keys * count).fill(Number.NaN);
  const edges = emptyEdges(domain.steps.length * count);
  const sentNs = new Float64Array(keys);
  const repliedNs = new Float64Array(keys);
  for (let i = 0; i < count; i++) {
    const w = workers[i]!;
    findTurns(assembled, shape, d, domain, w, sendStage, replyStage, sentNs, repliedNs);
    collectWorker(assembled, shape, d, domain, w, i, count, columns, startNs, edges, {
      sentNs,
      repliedNs,
    });
  }
  const stages = [...columns.values()].map((column) =>
    finishStage(column, assembled.events.stageNames, shape, domain, count),
  );
  fillEdges(edges, count);
  return { cells: { workers: count, stages, startNs }, edges };
}

function emptyEdges(length: number): StepEdges {
  return {
    firstNs: new Float64Array(length).fill(Number.POSITIVE_INFINITY),
    layersStartNs: new Float64Array(length).fill(Number.POSITIVE_INFINITY),
    layersEndNs: new Float64Array(length).fill(Number.NEGATIVE_INFINITY),
    epilogueNs: new Float64Array(length),
  };
}

/** By key: when the worker's first send starts, and when its last reply is there; NaN unknown. */
function findTurns(
  assembled: Assembled,
  shape: WhatifShape,
  d: number,
  { microbatches }: DomainShape,
  w: number,
  sendStage: number,
  replyStage: number,
  sentNs: Float64Array,
  repliedNs: Float64Array,
): void {
  const { events, endNs, offsets } = assembled;
  sentNs.fill(Number.NaN);
  repliedNs.fill(Number.NaN);
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    const stage = events.stage[row]!;
    if (stage !== sendStage && stage !== replyStage) continue;
    const key = keyNumber(assembled, shape, d, microbatches, row);
    if (key < 0) continue;
    if (stage === replyStage) {
      if (!(repliedNs[key]! >= endNs[row]!)) repliedNs[key] = endNs[row]!;
    } else if (!(sentNs[key]! <= events.startNs[row]!)) sentNs[key] = events.startNs[row]!;
  }
}

function collectWorker(
  assembled: Assembled,
  shape: WhatifShape,
  d: number,
  domain: DomainShape,
  w: number,
  index: number,
  count: number,
  columns: Map<number, StageColumn>,
  starts: Float64Array,
  edges: StepEdges,
  turns: { readonly sentNs: Float64Array; readonly repliedNs: Float64Array },
): void {
  const { events, endNs, offsets, stepOf } = assembled;
  const { stepIndex, domainIndex } = shape;
  const { microbatches } = domain;
  const length = starts.length;
  let reachedNs = Number.NEGATIVE_INFINITY;
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    const step = stepOf[row]!;
    if (step < 0 || domainIndex[step] !== d) continue;
    const start = events.startNs[row]!;
    const at = stepIndex[step]! * count + index;
    if (start < edges.firstNs[at]!) edges.firstNs[at] = start;
    const stage = events.stage[row]!;
    if (events.kind[row] !== Kind.compute && stage !== Stage.collective) continue;
    // A GPU does one thing at a time here: of overlapping events the later one counts from where
    // the earlier one ended.
    const end = endNs[row]!;
    const ownNs = Math.max(0, end - Math.max(start, reachedNs));
    reachedNs = Math.max(reachedNs, end);
    const key = keyNumber(assembled, shape, d, microbatches, row);
    if (key < 0) {
      if (start >= edges.layersEndNs[at]!) edges.epilogueNs[at] = edges.epilogueNs[at]! + ownNs;
      continue;
    }
    if (start < edges.layersStartNs[at]!) edges.layersStartNs[at] = start;
    if (end > edges.layersEndNs[at]!) {
      edges.layersEndNs[at] = end;
      // What was taken for the end of the step came before a later layer.
      edges.epilogueNs[at] = 0;
    }
    const column = columns.get(stage) ?? addColumn(columns, assembled, stage, length);
    const cell = key * count + index;
    const known = column.ns[cell]!;
    column.ns[cell] = Number.isNaN(known) ? ownNs : known + ownNs;
    const measure = column.load === null ? null : loadOf(stage);
    if (measure !== null) column.load![cell] = events.measures[measure]![row]!;
    const sent = turns.sentNs[key]!;
    if (Number.isNaN(sent)) {
      // Dense layers send nothing, and a lost send tells nothing.
    } else if (start < sent) column.votes[0] = column.votes[0]! + 1;
    else if (start >= turns.repliedNs[key]!) column.votes[2] = column.votes[2]! + 1;
    else column.votes[1] = column.votes[1]! + 1;
    if (!(start >= sent) && !(starts[cell]! <= start)) starts[cell] = start;
  }
}

function addColumn(
  columns: Map<number, StageColumn>,
  { events }: Assembled,
  stage: number,
  length: number,
): StageColumn {
  const measure = loadOf(stage);
  const column: StageColumn = {
    stage,
    ns: new Float64Array(length).fill(Number.NaN),
    load:
      measure === null || events.measures[measure] === null
        ? null
        : new Float64Array(length).fill(-1),
    votes: new Float64Array(3),
  };
  columns.set(stage, column);
  return column;
}

function finishStage(
  { stage, ns, load, votes }: StageColumn,
  names: readonly string[],
  { layers }: WhatifShape,
  { microbatches, steps }: DomainShape,
  workers: number,
): StageCells {
  const most = votes.indexOf(Math.max(votes[0]!, votes[1]!, votes[2]!));
  fillByLayer(ns, Number.NaN, steps.length, layers, microbatches, workers, true);
  if (load !== null) fillByLayer(load, -1, steps.length, layers, microbatches, workers, false);
  return { name: names[stage]!, position: POSITIONS[most]!, ns, load };
}

/**
 * Missing entries become the mean of the worker in the layer, or of the layer. `rare`: where a layer
 * has fewer than half of its entries, what is missing is really not there, and counts 0.
 */
function fillByLayer(
  column: Float64Array,
  missing: number,
  steps: number,
  layers: number,
  microbatches: number,
  workers: number,
  rare: boolean,
): void {
  const isMissing = (value: number): boolean => Object.is(value, missing) || value < 0;
  const width = microbatches * workers;
  const sums = new Float64Array(workers);
  const counts = new Float64Array(workers);
  for (let layer = 0; layer < layers; layer++) {
    sums.fill(0);
    counts.fill(0);
    let sum = 0;
    let count = 0;
    for (let step = 0; step < steps; step++) {
      const first = (step * layers + layer) * width;
      for (let i = 0; i < width; i++) {
        const value = column[first + i]!;
        if (isMissing(value)) continue;
        const worker = i % workers;
        sums[worker] = sums[worker]! + value;
        counts[worker] = counts[worker]! + 1;
        sum += value;
        count++;
      }
    }
    if (count === steps * width) continue;
    const isRare = rare && count * 2 < steps * width;
    for (let step = 0; step < steps; step++) {
      const first = (step * layers + layer) * width;
      for (let i = 0; i < width; i++) {
        if (!isMissing(column[first + i]!)) continue;
        const worker = i % workers;
        const mean = counts[worker]! > 0 ? sums[worker]! / counts[worker]! : sum / count;
        column[first + i] = isRare || count === 0 ? 0 : mean;
      }
    }
  }
}

/** A worker whose sampling was lost sampled for as long as it does on average. */
function fillEdges({ epilogueNs }: StepEdges, workers: number): void {
  for (let worker = 0; worker < workers; worker++) {
    let sum = 0;
    let count = 0;
    for (let at = worker; at < epilogueNs.length; at += workers) {
      if (epilogueNs[at]! <= 0) continue;
      sum += epilogueNs[at]!;
      count++;
    }
    if (count * 2 * workers < epilogueNs.length) continue;
    for (let at = worker; at < epilogueNs.length; at += workers) {
      if (epilogueNs[at]! <= 0) epilogueNs[at] = sum / count;
    }
  }
}
