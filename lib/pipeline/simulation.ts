/**
 * A discrete-event simulation of an AFD pipeline: M attention and N FFN workers pass m micro-batches
 * to and fro through L layers, step after step.
 *
 * Rules, all of them checked in `test/lib/pipeline/invariants.test.ts`:
 * - A worker computes one thing at a time, ready micro-batches in the order they became ready.
 * - Each worker has one outgoing link; its sends follow each other and overlap its compute.
 * - An FFN worker starts a micro-batch when the data of every attention worker of the domain is
 *   there; an attention worker combines when the reply of every FFN worker is.
 * - An FFN worker posts its next receive when the last one ended, the first of a step when the step
 *   starts (the step's control message names its shape). An attention worker posts the receive when
 *   its send ended.
 * - A worker samples after its last micro-batch, then starts its next step.
 * Times are whole nanoseconds since the start of the simulation.
 */
import { assert } from '#lib/base/assert.ts';
import { Random } from '#lib/base/random.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { Action } from './actions.ts';
import { AttentionSide } from './attention-side.ts';
import { clusterWorkers } from './cluster.ts';
import { DependencyRecorder, type DependencySink } from './dependency-recorder.ts';
import { EventQueue, type QueuedEvent } from './event-queue.ts';
import { EventWriter } from './event-writer.ts';
import type { Faults } from './faults.ts';
import { FfnSide } from './ffn-side.ts';
import { type Job, PipelineState, type WorkerState } from './pipeline-state.ts';
import { Reporting } from './reporting.ts';
import type { PipelineSink } from './sink.ts';
import { checkSpec, type PipelineSpec } from './spec.ts';
import { Transfers } from './transfers.ts';
import { Workload } from './workload.ts';

export interface RunOutcome {
  /** false: someone hangs, and the steps asked for did not complete. */
  readonly completed: boolean;
  /** Time of the last thing that happened. */
  readonly endNs: number;
}

export class PipelineSimulation {
  readonly spec: PipelineSpec;
  readonly workers: readonly WorkerInfo[];
  /** By worker: compute so far, whatever was reported of it. */
  readonly computeNs: Float64Array;
  readonly #state: PipelineState;
  readonly #queue = new EventQueue();
  readonly #reporting: Reporting;
  readonly #attention: AttentionSide;
  readonly #ffn: FfnSide;
  readonly #transfers: Transfers;
  readonly #recorder: DependencyRecorder | null;
  #nowNs = 0;

  /**
   * `dependencies`: where what each event waited for goes; nobody keeps it where it is absent.
   * @throws PipelineSpecError
   */
  constructor(
    spec: PipelineSpec,
    seed: number,
    sink: PipelineSink,
    firstStep = 0,
    dependencies?: DependencySink,
  ) {
    checkSpec(spec);
    this.spec = spec;
    this.workers = clusterWorkers(spec);
    const random = new Random(seed);
    const workload = new Workload(spec, random.fork('workload'));
    this.#reporting = new Reporting(this.workers, sink, random.fork('reporting'));
    const state = new PipelineState(spec, firstStep);
    const recorder =
      dependencies === undefined ? null : new DependencyRecorder(state, dependencies);
    const writer = new EventWriter(
      state,
      this.#reporting,
      random.fork('compute'),
      random.fork('transfer'),
      recorder,
    );
    this.computeNs = writer.computeNs;
    this.#state = state;
    this.#recorder = recorder;
    this.#attention = new AttentionSide(state, this.#queue, workload, writer, recorder);
    this.#ffn = new FfnSide(state, this.#queue, workload, writer, recorder);
    this.#transfers = new Transfers(state, this.#queue, workload, writer, recorder);
  }

  /** Number of the next step to start; every domain has done all before it. */
  get nextStepNumber(): number {
    return this.#state.lastStep + 1;
  }

  get nowNs(): number {
    return this.#nowNs;
  }

  /** Replaces all faults; holds from the next `run` on. */
  setFaults(faults: Faults): void {
    this.#state.faults = faults;
    this.#reporting.setFaults(faults);
  }

  /** Simulates one more step of every domain; see `run`. */
  nextStep(): RunOutcome {
    return this.run(1);
  }

  /**
   * Simulates `steps` more steps of every domain, back to back, and writes their events to the
   * sink. While a worker hangs, the step stays where it is; once the fault is gone, the next call
   * first finishes that step and the ones asked for with it.
   */
  run(steps: number): RunOutcome {
    const { attention, ffn } = this.#state;
    if (this.#state.finished) {
      this.#state.lastStep += steps;
      for (const worker of attention) {
        // Domains run on their own; where several share the FFN side, none may start in its past.
        const earliestNs = this.spec.domains > 1 ? this.#nowNs : 0;
        this.#queue.push(Math.max(worker.parkedNs, earliestNs), Action.startStep, worker.index);
      }
    } else {
      for (const worker of [...attention, ...ffn]) {
        this.#queue.push(this.#nowNs, Action.wake, worker.index);
      }
    }
    for (let event = this.#queue.pop(); event !== undefined; event = this.#queue.pop()) {
      this.#nowNs = Math.max(this.#nowNs, event.timeNs);
      this.#handle(event);
    }
    return { completed: this.#state.finished, endNs: this.#nowNs };
  }

  /**
   * Lets time pass: the next step starts, or the hanging one goes on, at `timeNs` at the earliest,
   * with `skippedSteps` step numbers left out before it (steps that nobody observes).
   */
  skipTo(timeNs: number, skippedSteps: number): void {
    const state = this.#state;
    assert(skippedSteps === 0 || state.finished, 'cannot skip steps while one hangs');
    this.#nowNs = Math.max(this.#nowNs, Math.round(timeNs));
    state.lastStep += skippedSteps;
    for (const worker of state.attention) {
      if (Number.isNaN(worker.parkedNs)) continue;
      worker.parkedNs = Math.max(worker.parkedNs, this.#nowNs);
      worker.step += skippedSteps;
    }
  }

  #handle(event: QueuedEvent): void {
    const worker = this.#state.worker(event.worker);
    switch (event.action) {
      case Action.startStep:
        this.#attention.startStep(worker, event.timeNs);
        break;
      case Action.ready:
        worker.waiting.push({ slot: event.slot, layer: event.layer });
        this.#startNext(worker, event.timeNs, 'data');
        break;
      case Action.computed:
        this.#computed(worker, event.timeNs);
        break;
      case Action.send:
        this.#transfers.send(worker, event.slot, event.layer, event.timeNs);
        break;
      case Action.arrived:
        this.#transfers.arrived(worker, event);
        break;
      default:
        this.#startNext(worker, event.timeNs, 'wake');
    }
  }

  /** `by`: what lets it start now. */
  #startNext(worker: WorkerState, timeNs: number, by: 'data' | 'worker' | 'wake'): void {
    const job = worker.waiting[0];
    if (worker.running !== null || job === undefined || this.#hangs(worker, job)) return;
    worker.waiting.shift();
    worker.running = job;
    this.#recorder?.jobStarts(worker.index, job.slot, by);
    const endNs = this.#state.isAttention(worker)
      ? this.#attention.compute(worker, job, timeNs)
      : this.#ffn.compute(worker, job, timeNs);
    this.#queue.push(endNs, Action.computed, worker.index);
  }

  #hangs(worker: WorkerState, job: Job): boolean {
    const hung = this.#state.faults.hungRank;
    return (
      hung !== undefined &&
      hung.rank === worker.rank &&
      (hung.role === 'attention') === this.#state.isAttention(worker) &&
      job.layer >= (hung.layer ?? Math.floor(this.spec.layers / 2))
    );
  }

  #computed(worker: WorkerState, timeNs: number): void {
    const job = worker.running!;
    worker.running = null;
    if (this.#state.isAttention(worker)) this.#attention.computed(worker, job, timeNs);
    this.#startNext(worker, timeNs, 'worker');
  }
}
