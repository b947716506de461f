/**
 * Whose recorded times a changed shape takes. What stays keeps its own, step by step; what is new
 * takes those of a recorded worker or micro-batch, from other steps, so that it does not copy its
 * noise at the same instant.
 *
 *     recorded   0 1 2 3 4 5 6 7          8A -> 12A
 *     replayed   0 1 2 3 4 5 6 7 5 0 3 6  the new ones are like recorded ones that are not slow
 */
import type { Random } from '#lib/base/random.ts';

export interface Donors {
  /** By worker of the new shape. */
  readonly worker: Int32Array;
  /** By worker of the new shape: 1 where it takes another step's times. */
  readonly isNew: Uint8Array;
}

/** A worker this far over its group's median is a straggler: nobody would add another one. */
const SLOW_RATIO = 1.05;

/**
 * `slowness`: by recorded worker, its time over the group's median. Where workers go, those nearest
 * to the median do: a slow one does not vanish because the group gets smaller.
 */
export function chooseWorkers(slowness: readonly number[], wanted: number, random: Random): Donors {
  const recorded = slowness.length;
  const worker = new Int32Array(wanted);
  const isNew = new Uint8Array(wanted);
  if (wanted < recorded) {
    const kept = Array.from(slowness.keys())
      .sort((a, b) => Math.abs(slowness[b]! - 1) - Math.abs(slowness[a]! - 1) || a - b)
      .slice(0, wanted)
      .sort((a, b) => a - b);
    worker.set(kept);
    return { worker, isNew };
  }
  const typical = Array.from(slowness.keys()).filter((w) => slowness[w]! <= SLOW_RATIO);
  // Half of the workers at least are not over the median, so that there is always one.
  for (let w = 0; w < wanted; w++) {
    worker[w] = w < recorded ? w : typical[random.below(typical.length)]!;
    isNew[w] = w < recorded ? 0 : 1;
  }
  return { worker, isNew };
}

/** Where the times of one step, micro-batch and worker come from. */
export interface CellDonor {
  readonly microbatch: Int32Array;
  /** By micro-batch, then worker: steps to go on by, modulo the steps there are. */
  readonly stepShift: Int32Array;
}

/**
 * `isNew` as in `Donors`. A new micro-batch shifts all workers alike: what one expert gets less of,
 * another one gets more of.
 */
export function chooseCells(
  recordedMicrobatches: number,
  microbatches: number,
  isNew: Uint8Array,
  steps: number,
  random: Random,
): CellDonor {
  const workers = isNew.length;
  const microbatch = Int32Array.from(
    { length: microbatches },
    (_, mb) => mb % recordedMicrobatches,
  );
  const stepShift = new Int32Array(microbatches * workers);
  for (let mb = 0; mb < microbatches; mb++) {
    const common = mb < recordedMicrobatches || steps < 2 ? 0 : 1 + random.below(steps - 1);
    for (let w = 0; w < workers; w++) {
      const own = isNew[w] === 1 && steps > 1 ? 1 + random.below(steps - 1) : 0;
      stepShift[mb * workers + w] = (common + own) % steps;
    }
  }
  return { microbatch, stepShift };
}
