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
import { fillByLayer, fillEpilogues } from './whatif-fill.ts';
import type { DomainShape, WhatifShape } from './whatif-shape.ts';
import { WorkerTurns } from './whatif-turns.ts';

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
  /** First start of compute with a layer, and last end of that or of a reply. */
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

/** Where no key tells. */
function usualPosition(stage: number): Position {
  if (stage === Stage.combine) return 'post';
  return stage === Stage.shared_expert ? 'mid' : 'pre';
}

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
  const turns = new WorkerTurns(keys, sendStage, replyStage);
  for (let i = 0; i < count; i++) {
    const w = workers[i]!;
    turns.read(assembled, w, (row) => keyNumber(assembled, shape, d, domain.microbatches, row));
    collectWorker(
      assembled,
      shape,
      d,
      domain,
      w,
      i,
      count,
      columns,
      startNs,
      edges,
      replyStage,
      turns,
    );
  }
  const stages = [...columns.values()].map((column) =>
    finishStage(column, assembled.events.stageNames, shape, domain, count),
  );
  fillEpilogues(edges.epilogueNs, count);
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
  replyStage: number,
  turns: WorkerTurns,
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
    if (stage === replyStage && endNs[row]! > edges.layersEndNs[at]!) {
      // Where nothing combines the last reply, its arrival ends the layers.
      edges.layersEndNs[at] = endNs[row]!;
      edges.epilogueNs[at] = 0;
    }
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
    const position = turns.positionOf(key, start);
    if (position >= 0) column.votes[position] = column.votes[position]! + 1;
    const sent = turns.sentNs[key]!;
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
  const most = Math.max(votes[0]!, votes[1]!, votes[2]!);
  const position = most === 0 ? usualPosition(stage) : POSITIONS[votes.indexOf(most)]!;
  fillByLayer(ns, Number.NaN, steps.length, layers, microbatches, workers, true);
  if (load !== null) fillByLayer(load, -1, steps.length, layers, microbatches, workers, false);
  return { name: names[stage]!, position, ns, load };
}
