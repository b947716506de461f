/**
 * Ranges that say something, flattened: at which time which step, layer, micro-batch, phase and stage
 * hold on one thread. Inner ranges override outer ones where they say something themselves; ranges
 * that overlap without nesting count as they begin.
 */
import { upperBound } from '#lib/base/bisect.ts';

/** -1 where a range says nothing of it. `stage` and `phase` are indexes of the caller's. */
export interface RangeFacts {
  readonly step: number;
  readonly layer: number;
  readonly microbatch: number;
  readonly phase: number;
  readonly stage: number;
}

export const NO_FACTS: RangeFacts = { step: -1, layer: -1, microbatch: -1, phase: -1, stage: -1 };

export class RangeTimeline {
  /** Ascending; `#facts[i]` holds from `#times[i]` on. */
  readonly #times: Float64Array;
  readonly #facts: readonly RangeFacts[];

  /** `rows`: indexes of the ranges of one thread. A range of no length holds nowhere. */
  constructor(
    rows: readonly number[],
    startNs: Float64Array,
    durationNs: Float64Array,
    factsOf: (row: number) => RangeFacts,
  ) {
    const order = rows
      .filter((row) => durationNs[row]! > 0)
      .sort((a, b) => startNs[a]! - startNs[b]! || durationNs[b]! - durationNs[a]! || a - b);
    const times: number[] = [];
    const facts: RangeFacts[] = [];
    const open: { endNs: number; own: RangeFacts }[] = [];
    const say = (timeNs: number): void => {
      let held = NO_FACTS;
      for (const { own } of open) held = over(held, own);
      if (times.at(-1) === timeNs) facts[facts.length - 1] = held;
      else {
        times.push(timeNs);
        facts.push(held);
      }
    };
    const closeUntil = (timeNs: number): void => {
      for (;;) {
        let next = Number.POSITIVE_INFINITY;
        for (const { endNs } of open) next = Math.min(next, endNs);
        if (next > timeNs) return;
        for (let i = open.length - 1; i >= 0; i--) if (open[i]!.endNs === next) open.splice(i, 1);
        say(next);
      }
    };
    for (const row of order) {
      const start = startNs[row]!;
      closeUntil(start);
      open.push({ endNs: start + durationNs[row]!, own: factsOf(row) });
      say(start);
    }
    closeUntil(Number.MAX_VALUE);
    this.#times = Float64Array.from(times);
    this.#facts = facts;
  }

  at(timeNs: number): RangeFacts {
    const i = upperBound(this.#times, timeNs) - 1;
    return i < 0 ? NO_FACTS : this.#facts[i]!;
  }
}

function over(outer: RangeFacts, inner: RangeFacts): RangeFacts {
  if (outer === NO_FACTS) return inner;
  return {
    step: inner.step >= 0 ? inner.step : outer.step,
    layer: inner.layer >= 0 ? inner.layer : outer.layer,
    microbatch: inner.microbatch >= 0 ? inner.microbatch : outer.microbatch,
    phase: inner.phase >= 0 ? inner.phase : outer.phase,
    stage: inner.stage >= 0 ? inner.stage : outer.stage,
  };
}
