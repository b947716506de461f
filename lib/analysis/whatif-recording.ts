/**
 * The steps of a window as a what-if replays them: dense columns of who took how long, the way the
 * steps really went, and what they were loaded with.
 */
import type { Assembled } from '#lib/model/assembled.ts';
import type { WindowNs } from '#lib/model/select-window.ts';
import type { ReplayTransfers } from '#lib/pipeline/replay-program.ts';
import { Kind, Stage } from '#lib/table/codes.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { collectSide, keyNumber, type SideCells, type StepEdges } from './whatif-cells.ts';
import type { WhatifNames } from './whatif-changes.ts';
import { type DomainShape, type WhatifShape, whatifShape } from './whatif-shape.ts';
import { collectTransfers } from './whatif-transfers.ts';

export interface Recording {
  readonly layers: number;
  readonly crosses: Uint8Array;
  readonly attentionLinkQueues: boolean;
  readonly ffnLinkQueues: boolean;
  /** Worker ids, in the order of the columns. */
  readonly ffn: readonly string[];
  readonly domains: readonly RecordedDomain[];
}

export interface RecordedDomain {
  readonly steps: number;
  readonly microbatches: number;
  readonly attentionIds: readonly string[];
  /** By step: 1 where it directly follows the one before it. */
  readonly follows: Uint8Array;
  /** By step and attention worker, as in `ReplayDomain`. */
  readonly notBeforeNs: Float64Array;
  readonly gapNs: Float64Array;
  readonly epilogueNs: Float64Array;
  readonly attention: SideCells;
  readonly ffn: SideCells;
  readonly a2f: ReplayTransfers;
  readonly f2a: ReplayTransfers;
  /** By step: when the first attention worker began with it, and the last one was done. */
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  /** By step, micro-batch and attention worker; null where events carry none. */
  readonly tokens: Float64Array | null;
}

/**
 * The newest whole steps of `window`, at most `maxCells` cells of them (a step of 61 layers, 3
 * micro-batches and 12 workers has 2,196). A text says why there is nothing to replay.
 */
export function recordingOf(
  assembled: Assembled,
  window: WindowNs,
  maxCells: number,
): Recording | string {
  const shape = whatifShape(assembled, window, maxCells);
  if (typeof shape === 'string') return shape;
  const queues = { attention: true, ffn: true };
  const domains = shape.domains.map((domain, d): RecordedDomain => {
    const { attention, microbatches, follows, steps } = domain;
    const a = collectSide(assembled, shape, d, attention, Stage.a2f_send, Stage.f2a_recv);
    const f = collectSide(assembled, shape, d, shape.ffn, Stage.f2a_send, -1);
    const a2f = collectTransfers(assembled, shape, d, attention, shape.ffn, Stage.a2f_send);
    const f2a = collectTransfers(assembled, shape, d, shape.ffn, attention, Stage.f2a_send);
    queues.attention &&= a2f.linkQueues;
    queues.ffn &&= f2a.linkQueues;
    return {
      steps: steps.length,
      microbatches,
      attentionIds: idsOf(assembled, attention),
      follows,
      ...stepEdges(a.edges, follows, attention.length),
      attention: a.cells,
      ffn: f.cells,
      a2f: a2f.transfers,
      f2a: f2a.transfers,
      tokens: tokensOf(assembled, shape, d, domain),
    };
  });
  return {
    layers: shape.layers,
    crosses: shape.crosses,
    attentionLinkQueues: queues.attention,
    ffnLinkQueues: queues.ffn,
    ffn: idsOf(assembled, shape.ffn),
    domains,
  };
}

/** Workers and stages by the names that changes go by. */
export function namesOf({ domains, ffn }: Recording): WhatifNames {
  const stages = domains.flatMap((domain) =>
    [...domain.attention.stages, ...domain.ffn.stages].map(({ name }) => name),
  );
  return {
    workers: [...new Set([...domains.flatMap(({ attentionIds }) => attentionIds), ...ffn])],
    stages: [...new Set([...stages, 'a2f_send', 'f2a_send', 'sample', 'host'])],
  };
}

function idsOf({ events }: Assembled, workers: readonly number[]): string[] {
  return workers.map((w) => workerId(events.workers[w]!));
}

type EdgeColumns = Pick<
  RecordedDomain,
  'notBeforeNs' | 'gapNs' | 'epilogueNs' | 'startNs' | 'endNs'
>;

/**
 * A step that directly follows another begins, for each worker, when that one's ends; what lies
 * between is its gap (scheduling, launching). Any other begins when its first event was seen.
 */
function stepEdges(edges: StepEdges, follows: Uint8Array, workers: number): EdgeColumns {
  const { firstNs, layersStartNs, layersEndNs, epilogueNs } = edges;
  const notBeforeNs = new Float64Array(firstNs.length).fill(Number.NEGATIVE_INFINITY);
  const gapNs = new Float64Array(firstNs.length);
  const startNs = new Float64Array(follows.length).fill(Number.POSITIVE_INFINITY);
  const endNs = new Float64Array(follows.length).fill(Number.NEGATIVE_INFINITY);
  for (let step = 0; step < follows.length; step++) {
    for (let worker = 0; worker < workers; worker++) {
      const at = step * workers + worker;
      const before = at - workers;
      const beginNs =
        follows[step] === 1 ? layersEndNs[before]! + epilogueNs[before]! : firstNs[at]!;
      if (follows[step] === 0) notBeforeNs[at] = beginNs;
      gapNs[at] = Math.max(0, layersStartNs[at]! - beginNs);
      startNs[step] = Math.min(startNs[step]!, beginNs);
      endNs[step] = Math.max(endNs[step]!, layersEndNs[at]! + epilogueNs[at]!);
    }
  }
  return { notBeforeNs, gapNs, epilogueNs, startNs, endNs };
}

/** The largest `afd.tokens` of a worker's compute in a step and micro-batch. */
function tokensOf(
  assembled: Assembled,
  shape: WhatifShape,
  d: number,
  { attention, microbatches, steps }: DomainShape,
): Float64Array | null {
  const { events, offsets } = assembled;
  const { tokens } = events.measures;
  if (tokens === null) return null;
  const found = new Float64Array(steps.length * microbatches * attention.length).fill(-1);
  const perStep = shape.layers * microbatches;
  attention.forEach((w, worker) => {
    for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
      if (events.kind[row] !== Kind.compute || tokens[row]! < 0) continue;
      const key = keyNumber(assembled, shape, d, microbatches, row);
      if (key < 0) continue;
      const step = Math.floor(key / perStep);
      const at = (step * microbatches + (key % microbatches)) * attention.length + worker;
      found[at] = Math.max(found[at]!, tokens[row]!);
    }
  });
  let sum = 0;
  let count = 0;
  for (const value of found) {
    if (value < 0) continue;
    sum += value;
    count++;
  }
  return count === 0 ? null : found.map((value) => (value < 0 ? sum / count : value));
}
