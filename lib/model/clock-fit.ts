/**
 * One stretch of time: which clocks agree, where each can be, and what is applied.
 *
 *     limits of each pair -> pairs without a line: conflicts -> shortest paths at three instants:
 *     intervals, conflicts of more than two -> corrections that satisfy every constraint
 *
 * Times and corrections are relative: the caller has moved every clock by about its offset, so that
 * all read about the same at the same instant.
 */
import { blameForCycle, blameForPairs } from './clock-blame.ts';
import { type Corrections, findCorrections } from './clock-drift.ts';
import { type FitConflict, rangesAt, sortedNodes } from './clock-instant.ts';
import { linesThatFit, type PairLimits } from './clock-lines.ts';
import type { FitPair } from './clock-pair.ts';

export interface ClockPair {
  readonly left: number;
  readonly right: number;
  readonly limits: PairLimits;
  /** First and last limit. */
  readonly fromNs: number;
  readonly toNs: number;
}

export interface FitInput {
  readonly nodes: number;
  readonly pairs: readonly ClockPair[];
  readonly reference: number;
  /** The correction that means "left as it is". */
  readonly asItIs: Float64Array;
  /** Clocks that are left as they are if they can; null: every one. */
  readonly mayStay: Uint8Array | null;
  /** What clocks that are not bound on both sides get as nearly as they may. */
  readonly wanted: Float64Array;
  /** Largest drift of one clock against another, as a ratio. */
  readonly maxDrift: number;
}

/** What a fit says about a clock. */
export const ClockState = {
  /** No transfer to or from another clock. */
  absent: 0,
  /** Bound on both sides against the reference. */
  bound: 1,
  /** Bound on one side, or against others than the reference only. */
  open: 2,
  /** Part of a causality conflict; nothing is applied. */
  conflict: 3,
} as const;

export interface FitInstant {
  readonly applied: Float64Array;
  /** Infinite where that side is open. */
  readonly low: Float64Array;
  readonly high: Float64Array;
}

export interface ClockFit {
  readonly state: Uint8Array;
  /** Corrections: `offset + drift·t`. */
  readonly offset: Float64Array;
  readonly drift: Float64Array;
  /** 1: the correction is `asItIs`. */
  readonly stays: Uint8Array;
  /** Start, middle and end of the transfers, by the reference. */
  readonly atNs: readonly [number, number, number];
  /** At each instant, by clock: the correction applied, and the least and greatest possible. */
  readonly at: readonly FitInstant[];
  readonly conflicts: readonly FitConflict[];
}

export function fitClocks(input: FitInput): ClockFit {
  const { nodes } = input;
  const state = new Uint8Array(nodes);
  for (const { left, right } of input.pairs) {
    state[left] = ClockState.open;
    state[right] = ClockState.open;
  }
  const conflicts: FitConflict[] = [];
  let pairs = pairsWithLines(input, state, conflicts);
  const atNs = instants(input.pairs);
  for (;;) {
    const ranges = allRanges(input, pairs, atNs);
    if (ranges.conflict !== null) {
      pairs = without(pairs, setAside(input, pairs, atNs, ranges.conflict), state);
      conflicts.push(ranges.conflict);
      continue;
    }
    const { low, high, readings } = ranges;
    const { corrections, stays } = correctionsFor(input, pairs, low, high);
    if (!corrections.ok) {
      const { nodes: members, depthNs } = corrections;
      const conflict = { nodes: members, depthNs };
      pairs = without(pairs, setAside(input, pairs, atNs, conflict), state);
      conflicts.push(conflict);
      continue;
    }
    for (let node = 0; node < nodes; node++) {
      const isBound = Number.isFinite(low[1]![node]! + high[1]![node]!);
      if (state[node] === ClockState.open && isBound) state[node] = ClockState.bound;
    }
    const { offset, drift } = corrections;
    const at = readings.map((ns, i) => ({
      applied: offset.map((first, node) => first + drift[node]! * ns[node]!),
      low: low[i]!,
      high: high[i]!,
    }));
    return { state, offset, drift, stays, atNs, at, conflicts };
  }
}

/** Pairs of clocks that agree; who disagrees with most others is set aside. */
function pairsWithLines(
  { nodes, pairs, maxDrift }: FitInput,
  state: Uint8Array,
  conflicts: FitConflict[],
): FitPair[] {
  const fitting: FitPair[] = [];
  const clashing: ClockPair[] = [];
  for (const pair of pairs) {
    const lines = linesThatFit(pair.limits, maxDrift);
    if (lines.fits) {
      fitting.push({ ...pair, minSlope: lines.minSlope, maxSlope: lines.maxSlope });
    } else {
      clashing.push(pair);
      conflicts.push({ nodes: sortedNodes([pair.left, pair.right]), depthNs: lines.depthNs });
    }
  }
  return without(fitting, blameForPairs(nodes, clashing), state);
}

function instants(pairs: readonly ClockPair[]): [number, number, number] {
  const from = pairs.reduce((first, { fromNs }) => Math.min(first, fromNs), Infinity);
  const to = pairs.reduce((last, { toNs }) => Math.max(last, toNs), -Infinity);
  return from <= to ? [from, (from + to) / 2, to] : [0, 0, 0];
}

type Ranges =
  | {
      readonly conflict: null;
      readonly low: Float64Array[];
      readonly high: Float64Array[];
      /** What each clock reads at the instant. */
      readonly readings: Float64Array[];
    }
  | { readonly conflict: FitConflict };

/** How far each clock can be from the reference at each instant. */
function allRanges(
  { nodes, reference }: FitInput,
  pairs: readonly FitPair[],
  atNs: readonly number[],
): Ranges {
  const low: Float64Array[] = [];
  const high: Float64Array[] = [];
  const readings: Float64Array[] = [];
  for (const t of atNs) {
    const ranges = rangesAt(nodes, pairs, reference, t);
    if (ranges.conflict !== null) return ranges;
    low.push(ranges.low);
    high.push(ranges.high);
    readings.push(ranges.readingNs);
  }
  return { conflict: null, low, high, readings };
}

/** Leaves clocks as they are where that is possible; if not all of them, then who has most room. */
function correctionsFor(
  input: FitInput,
  pairs: readonly FitPair[],
  low: readonly Float64Array[],
  high: readonly Float64Array[],
): { corrections: Corrections; stays: Uint8Array } {
  const { nodes, asItIs } = input;
  const stays = new Uint8Array(nodes);
  for (let node = 0; node < nodes; node++) {
    if (input.mayStay !== null && input.mayStay[node] === 0) continue;
    const isPossible = low.every(
      (least, i) => least[node]! <= asItIs[node]! && asItIs[node]! <= high[i]![node]!,
    );
    if (isPossible) stays[node] = 1;
  }
  stays[input.reference] = 1;
  for (;;) {
    const problem = {
      ...input,
      pairs,
      isFixed: stays,
      fixed: asItIs,
    };
    const corrections = findCorrections(problem);
    if (corrections.ok) return { corrections, stays };
    let leaver = -1;
    let leastRoom = Number.POSITIVE_INFINITY;
    for (const node of corrections.nodes) {
      if (stays[node] === 0 || node === input.reference) continue;
      const room = Math.min(
        ...low.map((least, i) =>
          Math.min(asItIs[node]! - least[node]!, high[i]![node]! - asItIs[node]!),
        ),
      );
      if (leaver < 0 || room < leastRoom) {
        leaver = node;
        leastRoom = room;
      }
    }
    if (leaver < 0) return { corrections, stays };
    stays[leaver] = 0;
  }
}

/** Who of the clocks in a conflict cannot be trusted. */
function setAside(
  { nodes, reference }: FitInput,
  pairs: readonly FitPair[],
  atNs: readonly number[],
  conflict: FitConflict,
): readonly number[] {
  return blameForCycle(conflict.nodes, reference, (suspect) => {
    const others = pairs.filter(({ left, right }) => left !== suspect && right !== suspect);
    const root = suspect === reference ? conflict.nodes.find((n) => n !== suspect)! : reference;
    return atNs.every((t) => rangesAt(nodes, others, root, t).conflict === null);
  });
}

function without(pairs: readonly FitPair[], out: readonly number[], state: Uint8Array): FitPair[] {
  for (const node of out) state[node] = ClockState.conflict;
  return pairs.filter(
    ({ left, right }) =>
      state[left] !== ClockState.conflict && state[right] !== ClockState.conflict,
  );
}
