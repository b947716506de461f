/**
 * How far each worker got in a step by a given instant, and what it should do next. What comes after
 * what is learned from a step that went through, since it differs by engine, role and layer:
 *
 *     reference   ffn/3, micro-batch 0   … recv 29 │ expert 29 │ send 29 │ recv 30 │ expert 30 │ send 30 …
 *     this step   ffn/3, micro-batch 0   … recv 29 │ expert 29 │ send 29 │ recv 30 │
 *                                                                                  └ next: expert 30
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { ABSENT } from '#lib/table/codes.ts';

/** Events of one worker, micro-batch, layer and stage. */
export interface ChainItem {
  readonly layer: number;
  readonly stage: number;
  readonly kind: number;
}

/** The events of one worker and micro-batch (-1: of the step), in their order. */
export interface Chain {
  readonly microbatch: number;
  /** null: all of it is done. */
  readonly next: ChainItem | null;
  /** End of what was done last; the step's start where nothing was. */
  readonly readyNs: number;
  /** The last layer that it reached, and that there is; -1: none. */
  readonly layer: number;
  readonly lastLayer: number;
  /** Was anything of it done? */
  readonly begun: boolean;
}

export interface WorkerProgress {
  readonly worker: number;
  /** Row of what it completed last in the step; -1: nothing. */
  readonly lastRow: number;
  readonly chains: readonly Chain[];
}

interface Counted extends ChainItem {
  count: number;
  endNs: number;
}

type Chains = Map<number, Counted[]>;

/**
 * `step`: the step looked at, with what ended by `stopNs`; `reference`: one that went through; -1: what
 * comes next is learned from the step's own earlier layers.
 */
export function progressIn(
  assembled: Assembled,
  step: number,
  reference: number,
  stopNs: number,
): WorkerProgress[] {
  const { events, endNs, steps } = assembled;
  const found: WorkerProgress[] = [];
  for (let worker = 0; worker < events.workers.length; worker++) {
    const expected = reference >= 0 ? rowsOf(assembled, worker, reference) : [];
    const done = rowsOf(assembled, worker, step).filter((row) => endNs[row]! <= stopNs);
    const lastRow = done.reduce(
      (last, row) => (endNs[row]! >= endNs[last]! ? row : last),
      done[0] ?? -1,
    );
    if (done.length === 0 && expected.length === 0) continue;
    const doneChains = chainsOf(assembled, done);
    const expectedChains = reference >= 0 ? chainsOf(assembled, expected) : doneChains;
    const microbatches = new Set([...expectedChains.keys(), ...doneChains.keys()]);
    const chains = [...microbatches]
      .sort((a, b) => a - b)
      .map((microbatch) => {
        const items = doneChains.get(microbatch) ?? [];
        return reference >= 0
          ? chainAgainst(
              items,
              expectedChains.get(microbatch) ?? [],
              microbatch,
              steps.startNs[step]!,
            )
          : chainAlone(items, microbatch, assembled.layers);
      });
    found.push({ worker, lastRow, chains });
  }
  return found;
}

function rowsOf({ offsets, stepOf }: Assembled, worker: number, step: number): number[] {
  const rows: number[] = [];
  for (let row = offsets[worker]!; row < offsets[worker + 1]!; row++) {
    if (stepOf[row] === step) rows.push(row);
  }
  return rows;
}

/** Items come in the order of their ends: a receive may be posted long before it is its turn. */
function chainsOf({ events, endNs }: Assembled, rows: readonly number[]): Chains {
  const chains: Chains = new Map();
  const known = new Map<string, Counted>();
  for (const row of rows) {
    const layer = events.layer[row]!;
    const stage = events.stage[row]!;
    const microbatch = events.microbatch[row]!;
    const key = `${microbatch}/${layer}/${stage}`;
    const item = known.get(key);
    if (item !== undefined) {
      item.count++;
      item.endNs = Math.max(item.endNs, endNs[row]!);
      continue;
    }
    const first = {
      layer,
      stage,
      kind: events.kind[row]!,
      count: 1,
      endNs: endNs[row]!,
    };
    known.set(key, first);
    const chain = chains.get(microbatch) ?? [];
    chains.set(microbatch, chain);
    chain.push(first);
  }
  for (const chain of chains.values()) chain.sort((a, b) => a.endNs - b.endNs);
  return chains;
}

function chainAgainst(
  done: readonly Counted[],
  expected: readonly Counted[],
  microbatch: number,
  startNs: number,
): Chain {
  const doneOf = new Map(done.map((item) => [`${item.layer}/${item.stage}`, item]));
  // A span may be lost on the way: what counts is how far it got.
  let reached = -1;
  let readyNs = startNs;
  expected.forEach((item, i) => {
    const own = doneOf.get(`${item.layer}/${item.stage}`);
    if (own === undefined) return;
    reached = i;
    readyNs = Math.max(readyNs, own.endNs);
  });
  const last = expected[reached];
  const isPartial =
    last !== undefined && doneOf.get(`${last.layer}/${last.stage}`)!.count < last.count;
  return {
    microbatch,
    next: expected[isPartial ? reached : reached + 1] ?? null,
    readyNs,
    layer: largestLayer(done),
    lastLayer: largestLayer(expected),
    begun: done.length > 0,
  };
}

/** What followed the same stage in an earlier layer follows again. */
function chainAlone(done: readonly Counted[], microbatch: number, layers: number): Chain {
  const last = done.at(-1);
  const base = {
    microbatch,
    readyNs: done.reduce((latest, item) => Math.max(latest, item.endNs), Number.NEGATIVE_INFINITY),
    layer: largestLayer(done),
    lastLayer: microbatch === ABSENT ? ABSENT : layers - 1,
    begun: true,
  };
  if (last === undefined || last.layer === ABSENT) return { ...base, next: null };
  for (let i = done.length - 2; i >= 0; i--) {
    const before = done[i]!;
    if (before.stage !== last.stage) continue;
    const after = done[i + 1]!;
    const layer = last.layer + after.layer - before.layer;
    return { ...base, next: layer >= layers ? null : { ...after, layer } };
  }
  return { ...base, next: null };
}

function largestLayer(items: readonly ChainItem[]): number {
  return items.reduce((largest, item) => Math.max(largest, item.layer), ABSENT);
}

/**
 * Is the step still in flight? Spans get lost, so that not every last event is seen. Who needs answers
 * (attention workers; without any, all) tells: it is through where one of them is through with
 * everything, all reached the last layer with every micro-batch, and none lacks the end of all of them.
 * Whoever gave those answers was done before.
 */
export function isInFlight(assembled: Assembled, progress: readonly WorkerProgress[]): boolean {
  const { workers } = assembled.events;
  const attention = progress.filter(({ worker }) => workers[worker]!.role === 'attention');
  const needing = attention.length > 0 ? attention : progress;
  const isThrough = needing.some(({ chains }) => chains.every(({ next }) => next === null));
  if (!isThrough) return true;
  return needing.some(
    ({ chains }) =>
      chains.some(({ layer, lastLayer }) => layer < lastLayer) ||
      (chains.length >= MIN_LACKING && chains.every(({ next }) => next !== null)),
  );
}

/** The last spans of so many micro-batches are not lost by chance. */
const MIN_LACKING = 3;
