/** Draws how long things take, and writes the events of a simulation. */
import type { Random } from '#lib/base/random.ts';
import { ABSENT, Kind } from '#lib/table/codes.ts';
import type { Measure } from '#lib/table/event-table.ts';
import type { DependencyRecorder } from './dependency-recorder.ts';
import type { PipelineState, WorkerState } from './pipeline-state.ts';
import type { Reporting } from './reporting.ts';

export type Measures = Partial<Record<Measure, number>>;

export class EventWriter {
  /** By worker: compute so far, whatever was reported of it. */
  readonly computeNs: Float64Array;
  readonly #state: PipelineState;
  readonly #reporting: Reporting;
  readonly #computeRandom: Random;
  readonly #transferRandom: Random;
  readonly #recorder: DependencyRecorder | null;

  constructor(
    state: PipelineState,
    reporting: Reporting,
    computeRandom: Random,
    transferRandom: Random,
    recorder: DependencyRecorder | null,
  ) {
    this.computeNs = new Float64Array(state.attention.length + state.ffn.length);
    this.#state = state;
    this.#reporting = reporting;
    this.#computeRandom = computeRandom;
    this.#transferRandom = transferRandom;
    this.#recorder = recorder;
  }

  /** Writes a compute event that starts at `startNs` (none for a mean of zero); returns its end. */
  compute(
    worker: WorkerState,
    stage: number,
    meanNs: number,
    startNs: number,
    slot: number,
    layer: number,
    measures: Measures,
    expertTokens?: readonly number[],
  ): number {
    if (meanNs === 0) return startNs;
    const slow = this.#state.faults.slowRank;
    const isSlow =
      slow !== undefined &&
      slow.rank === worker.rank &&
      (slow.role === 'attention') === this.#state.isAttention(worker);
    const durationNs = Math.max(1, Math.round(this.noisy(meanNs) * (isSlow ? slow.factor : 1)));
    this.computeNs[worker.index] = this.computeNs[worker.index]! + durationNs;
    this.emit(
      worker,
      stage,
      Kind.compute,
      startNs,
      durationNs,
      slot,
      layer,
      ABSENT,
      measures,
      expertTokens,
    );
    return startNs + durationNs;
  }

  noisy(meanNs: number): number {
    return meanNs * this.#computeRandom.lognormal(this.#state.spec.noise.compute);
  }

  /** How long one transfer takes. */
  transferNs(meanNs: number): number {
    const tail = this.#state.faults.commTail;
    const factor =
      tail !== undefined && this.#transferRandom.uniform() < tail.probability ? tail.factor : 1;
    const noise = this.#transferRandom.lognormal(this.#state.spec.noise.transfer);
    return Math.max(1, Math.round(meanNs * noise * factor));
  }

  emit(
    worker: WorkerState,
    stage: number,
    kind: number,
    startNs: number,
    durationNs: number,
    slot: number,
    layer: number,
    peer: number,
    measures: Measures,
    expertTokens?: readonly number[],
  ): void {
    const { spec } = this.#state;
    const domain = slot >= 0 ? this.#state.domainOfSlot(slot) : worker.domain;
    const step = this.#state.isAttention(worker) ? worker.step : this.#state.stepOf(domain);
    const event = {
      startNs,
      durationNs,
      worker: worker.index,
      stage,
      kind,
      domain,
      step,
      layer,
      microbatch: slot >= 0 ? slot % spec.microbatches : ABSENT,
      peer,
      measures,
      ...(expertTokens === undefined ? {} : { lists: { expertTokens } }),
    };
    this.#reporting.add(event);
    this.#recorder?.written(event, slot);
  }
}
