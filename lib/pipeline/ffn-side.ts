/** What FFN workers do with a micro-batch that has arrived: the experts of its layer. */
import { Stage } from '#lib/table/codes.ts';
import { Action } from './actions.ts';
import type { DependencyRecorder } from './dependency-recorder.ts';
import type { EventQueue } from './event-queue.ts';
import type { EventWriter } from './event-writer.ts';
import type { Job, PipelineState, WorkerState } from './pipeline-state.ts';
import type { Workload } from './workload.ts';

export class FfnSide {
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

  /** Returns when the compute, after which the reply is sent, ends. */
  compute(worker: WorkerState, job: Job, timeNs: number): number {
    const { spec, faults } = this.#state;
    const { slot, layer } = job;
    const domain = this.#state.domainOfSlot(slot);
    const senders = this.#state.domainRanks[domain]!.length;
    const step = this.#state.stepOf(domain);
    const ratio = this.#workload.routedRatio(slot, step, layer, worker.rank, faults);
    let endNs = timeNs;
    if (spec.sharedExpertSide === 'ffn') {
      const sharedNs = spec.sharedExpertNs;
      const shared = { tokens: Math.round((spec.requests * senders) / spec.ffnWorkers) };
      endNs = this.#writer.compute(
        worker,
        Stage.shared_expert,
        sharedNs,
        endNs,
        slot,
        layer,
        shared,
      );
    }
    const expertNs = this.#workload.expertNs(ratio);
    const load = this.#workload.expertLoad(worker.rank, senders, ratio, layer, faults);
    const { measures, tokens } = load;
    endNs = this.#writer.compute(
      worker,
      Stage.expert,
      expertNs,
      endNs,
      slot,
      layer,
      measures,
      tokens,
    );
    this.#queue.push(endNs, Action.send, worker.index, slot, layer);
    this.#recorder?.sendable(worker.index, slot);
    return endNs;
  }
}
