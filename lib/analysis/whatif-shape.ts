/**
 * Which steps, workers, layers and micro-batches of a window can be replayed: whole steps of the
 * newest part of it, on workers that are there all along.
 *
 *     steps    ··[a b c]d e f g ]···    the newest ones that lie inside the window, at most so many
 */
import type { Assembled } from '#lib/model/assembled.ts';
import type { WindowNs } from '#lib/model/select-window.ts';
import { Kind, Stage } from '#lib/table/codes.ts';
import { CROSSING, Side, sideOf } from './key-times.ts';

export interface WhatifShape {
  readonly layers: number;
  /** By layer: 1 where micro-batches cross to the FFN side. */
  readonly crosses: Uint8Array;
  readonly domains: readonly DomainShape[];
  /** Rows of `events.workers`. */
  readonly ffn: readonly number[];
  /** By row of the step table: index into its domain's steps, -1: not replayed. */
  readonly stepIndex: Int32Array;
  /** By row of the step table: index into `domains`, -1: not replayed. */
  readonly domainIndex: Int32Array;
  /** By row of `events.workers`: index in its side (of its domain), -1: not replayed. */
  readonly workerIndex: Int32Array;
}

export interface DomainShape {
  /** Rows of the step table, by start. */
  readonly steps: readonly number[];
  /** By step: 1 where it directly follows the one before it. */
  readonly follows: Uint8Array;
  /** Rows of `events.workers`. */
  readonly attention: readonly number[];
  readonly microbatches: number;
}

/** A text says why nothing can be replayed. */
export function whatifShape(
  assembled: Assembled,
  window: WindowNs,
  maxCells: number,
): WhatifShape | string {
  const { events, steps, keys, workerSteps } = assembled;
  if (steps.length === 0) return 'there is no step in the window';
  const whole = wholeSteps(assembled, window);
  if (!whole.includes(1)) return 'no step lies inside the window as a whole';
  const sides = Int32Array.from(events.workers, ({ role }) => sideOf(role));
  const seen = stepsByWorker(assembled, whole);
  const counts = countsByDomain(assembled, whole);
  const ffn = rowsWhere(sides, (side, w) => side === Side.ffn && isSteady(seen[w]!, counts));
  if (ffn.length === 0) return 'no FFN worker took part in the steps';
  const crosses = crossingLayers(assembled);
  const layers = assembled.layers;
  const numbers = [...counts.keys()].sort((a, b) => a - b);
  const domains: DomainShape[] = [];
  const stepIndex = new Int32Array(steps.length).fill(-1);
  const domainIndex = new Int32Array(steps.length).fill(-1);
  const workerIndex = new Int32Array(events.workers.length).fill(-1);
  ffn.forEach((w, i) => {
    workerIndex[w] = i;
  });
  for (const domain of numbers) {
    const own = (steps: ReadonlyMap<number, number>): number => steps.get(domain) ?? 0;
    const attention = rowsWhere(
      sides,
      (side, w) => side === Side.attention && own(seen[w]!) * 2 > counts.get(domain)!,
    );
    if (attention.length === 0) continue;
    const present = new Int32Array(steps.length);
    for (const w of attention) countComputed(assembled, w, present);
    for (const w of ffn) {
      for (let i = workerSteps.offsets[w]!; i < workerSteps.offsets[w + 1]!; i++) {
        const step = workerSteps.step[i]!;
        present[step] = present[step]! + 1;
      }
    }
    const rows: number[] = [];
    for (let s = 0; s < steps.length; s++) {
      if (whole[s] === 0 || steps.domain[s] !== domain) continue;
      if (present[s] === attention.length + ffn.length) rows.push(s);
    }
    rows.sort((a, b) => steps.startNs[a]! - steps.startNs[b]!);
    const microbatches = microbatchesOf(assembled, new Set(rows));
    const cells = layers * microbatches * (attention.length + ffn.length) * numbers.length;
    const kept = rows.slice(-Math.max(1, Math.floor(maxCells / cells)));
    if (kept.length === 0) continue;
    kept.forEach((row, i) => {
      stepIndex[row] = i;
      domainIndex[row] = domains.length;
    });
    attention.forEach((w, i) => {
      workerIndex[w] = i;
    });
    const follows = Uint8Array.from(kept, (row, i) =>
      i > 0 && steps.next[kept[i - 1]!] === row ? 1 : 0,
    );
    domains.push({ steps: kept, follows, attention, microbatches });
  }
  if (domains.length === 0) return 'no step has events of all its attention and FFN workers';
  if (!crosses.includes(1)) return 'no layer crosses from attention to FFN workers';
  const used = new Set(domains.flatMap(({ steps: rows }) => rows));
  if (keys.length === 0 || used.size === 0) return 'no event names its layer';
  return { layers, crosses, domains, ffn, stepIndex, domainIndex, workerIndex };
}

/** 1: the step starts and ends inside the window. */
function wholeSteps({ steps }: Assembled, { fromNs, toNs }: WindowNs): Uint8Array {
  return Uint8Array.from({ length: steps.length }, (_, s) =>
    steps.startNs[s]! >= fromNs && steps.endNs[s]! <= toNs ? 1 : 0,
  );
}

/** By worker: whole steps of each domain that it has events of. */
function stepsByWorker(
  { events, steps, workerSteps }: Assembled,
  whole: Uint8Array,
): Map<number, number>[] {
  return events.workers.map((_, w) => {
    const found = new Map<number, number>();
    for (let i = workerSteps.offsets[w]!; i < workerSteps.offsets[w + 1]!; i++) {
      const step = workerSteps.step[i]!;
      if (whole[step] === 0) continue;
      const domain = steps.domain[step]!;
      found.set(domain, (found.get(domain) ?? 0) + 1);
    }
    return found;
  });
}

function countsByDomain({ steps }: Assembled, whole: Uint8Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (let s = 0; s < steps.length; s++) {
    if (whole[s] === 1) counts.set(steps.domain[s]!, (counts.get(steps.domain[s]!) ?? 0) + 1);
  }
  return counts;
}

/** In more than half of all steps. */
function isSteady(seen: ReadonlyMap<number, number>, counts: ReadonlyMap<number, number>): boolean {
  let own = 0;
  let all = 0;
  for (const [domain, count] of counts) {
    own += seen.get(domain) ?? 0;
    all += count;
  }
  return own * 2 > all;
}

function rowsWhere(sides: Int32Array, isWanted: (side: number, w: number) => boolean): number[] {
  const rows: number[] = [];
  sides.forEach((side, w) => {
    if (isWanted(side, w)) rows.push(w);
  });
  return rows;
}

/**
 * Adds 1 to the steps in which the worker computed in some layer: one that hangs at once, or whose
 * events were lost, has no beginning and no end there.
 */
function countComputed(
  { events, offsets, keys, keyOf }: Assembled,
  w: number,
  present: Int32Array,
): void {
  const computed = new Uint8Array(present.length);
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    const key = keyOf[row]!;
    if (key < 0 || keys.layer[key]! < 0) continue;
    if (events.kind[row] !== Kind.compute && events.stage[row] !== Stage.collective) continue;
    computed[keys.step[key]!] = 1;
  }
  for (let step = 0; step < computed.length; step++) {
    present[step] = present[step]! + computed[step]!;
  }
}

/** 1: some event of the layer is sent, received, or an expert's. */
function crossingLayers({ events, keys, keyOf, layers }: Assembled): Uint8Array {
  const crosses = new Uint8Array(layers);
  for (let row = 0; row < events.length; row++) {
    const key = keyOf[row]!;
    if (key < 0 || keys.layer[key]! < 0) continue;
    if ((CROSSING[events.stage[row]!] ?? 0) === 1) crosses[keys.layer[key]!] = 1;
  }
  return crosses;
}

function microbatchesOf({ keys }: Assembled, steps: ReadonlySet<number>): number {
  let most = 0;
  for (let key = 0; key < keys.length; key++) {
    if (keys.layer[key]! >= 0 && steps.has(keys.step[key]!)) {
      most = Math.max(most, keys.microbatch[key]!);
    }
  }
  return most + 1;
}
