/**
 * What attention workers do: host time, then layer by layer attention and its neighbours, then
 * sampling.
 */
import { ABSENT, Kind, Stage } from '#lib/table/codes.ts';
import { Action } from './actions.ts';
import type { DependencyRecorder } from './dependency-recorder.ts';
import type { EventQueue } from './event-queue.ts';
import type { EventWriter } from './event-writer.ts';
import { type Job, type PipelineState, SAMPLE, type WorkerState } from './pipeline-state.ts';
import type { Workload } from './workload.ts';

export class AttentionSide {
  readonly #state: PipelineState;
  readonly #queue: EventQueue;
  readonly #workload: Workload;
  readonly #writer: EventWriter;
  readonly #recorder: DependencyRecorder | null;

  constructor(
    state: PipelineState,
    queue: EventQueue,
    workload: Workload,
    writer: EventWriter,
    recorder: DependencyRecorder | null,
  ) {
    this.#state = state;
    this.#queue = queue;
    this.#workload = workload;
    this.#writer = writer;
    this.#recorder = recorder;
  }

  startStep(worker: WorkerState, timeNs: number): void {
    const { spec, faults } = this.#state;
    worker.parkedNs = Number.NaN;
    worker.through = 0;
    this.#workload.startStep(worker.rank);
    const starts = this.#state.stepStartNs[worker.domain]!;
    if (!starts.has(worker.step)) starts.set(worker.step, timeNs);
    this.#recorder?.stepStarts(worker.index);
    const gapNs = Math.round(this.#writer.noisy(spec.hostGapNs) + (faults.hostGapNs ?? 0));
    if (gapNs > 0) {
      this.#writer.emit(worker, Stage.host, Kind.host, timeNs, gapNs, -1, ABSENT, ABSENT, {});
    }
    const first = worker.domain * spec.microbatches;
    for (let slot = first; slot < first + spec.microbatches; slot++) {
      if (gapNs <= 0) this.#recorder?.ready(worker.index, slot);
      this.#queue.push(timeNs + gapNs, Action.ready, worker.index, slot, 0);
    }
  }

  /** Returns when the compute ends; its send starts where the gate (or the layer) ended. */
  compute(worker: WorkerState, job: Job, timeNs: number): number {
    const { spec, faults } = this.#state;
    const writer = this.#writer;
    const { slot, layer } = job;
    const tokens = { tokens: spec.requests };
    let endNs = timeNs;
    if (slot === SAMPLE) {
      const all = spec.requests * spec.microbatches;
      const measures = { tokens: all, requests: all };
      return writer.compute(worker, Stage.sample, spec.sampleNs, endNs, SAMPLE, ABSENT, measures);
    }
    if (layer > spec.denseLayers) {
      const previous = layer - 1;
      endNs = writer.compute(worker, Stage.combine, spec.combineNs, endNs, slot, previous, tokens);
    }
    if (layer === spec.layers) return endNs;
    const context = this.#workload.contextRatio(worker.rank, slot % spec.microbatches, faults);
    const attentionNs = this.#workload.attentionNs(context);
    const measures = this.#workload.attentionMeasures(context);
    endNs = writer.compute(worker, Stage.attention, attentionNs, endNs, slot, layer, measures);
    if (layer < spec.denseLayers) {
      endNs = writer.compute(worker, Stage.dense, spec.denseNs, endNs, slot, layer, tokens);
      this.#queue.push(endNs, Action.ready, worker.index, slot, layer + 1);
      this.#recorder?.ready(worker.index, slot);
      return endNs;
    }
    endNs = writer.compute(worker, Stage.gate, spec.gateNs, endNs, slot, layer, tokens);
    this.#queue.push(endNs, Action.send, worker.index, slot, layer);
    this.#recorder?.sendable(worker.index, slot);
    if (spec.sharedExpertSide === 'attention') {
      const sharedNs = spec.sharedExpertNs;
      endNs = writer.compute(worker, Stage.shared_expert, sharedNs, endNs, slot, layer, tokens);
    }
    return endNs;
  }

  /** A job is done: after the last micro-batch the worker samples, after that its step ends. */
  computed(worker: WorkerState, job: Job, timeNs: number): void {
    const { layers, microbatches } = this.#state.spec;
    if (job.layer !== layers) return;
    if (job.slot === SAMPLE) this.#endStep(worker, timeNs);
    else if (++worker.through === microbatches)
      worker.waiting.push({ slot: SAMPLE, layer: layers });
  }

  #endStep(worker: WorkerState, timeNs: number): void {
    const { domainRanks, stepStartNs, lastStep } = this.#state;
    const ended = worker.step++;
    if (domainRanks[worker.domain]!.every((rank) => rank.step > ended)) {
      stepStartNs[worker.domain]!.delete(ended);
    }
    if (worker.step <= lastStep) {
      this.#queue.push(timeNs, Action.startStep, worker.index);
    } else {
      worker.parkedNs = timeNs;
    }
  }
}
