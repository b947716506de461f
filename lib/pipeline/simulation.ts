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
import { ABSENT, Kind, Stage } from '#lib/table/codes.ts';
import type { Measure } from '#lib/table/event-table.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { clusterWorkers, domainOf } from './cluster.ts';
import { EventQueue, type QueuedEvent } from './event-queue.ts';
import { type Faults, NO_FAULTS } from './faults.ts';
import { Reporting } from './reporting.ts';
import type { PipelineSink } from './sink.ts';
import { checkSpec, type PipelineSpec } from './spec.ts';
import { Workload } from './workload.ts';

const Action = { startStep: 0, ready: 1, computed: 2, send: 3, arrived: 4, wake: 5 } as const;

/** Slot of the job that samples: it belongs to no micro-batch. */
const SAMPLE = -2;

interface Job {
  readonly slot: number;
  readonly layer: number;
}

interface WorkerState {
  readonly index: number;
  readonly rank: number;
  /** Of attention workers. */
  readonly domain: number;
  readonly waiting: Job[];
  running: Job | null;
  linkFreeNs: number;
  step: number;
  /** Micro-batches of the step that are through all layers. */
  through: number;
  /** When the next step may start; NaN while a step runs. */
  parkedNs: number;
  /** By slot: transfers of the current layer that arrived, and when (per peer). */
  readonly arrivedCount: Int32Array;
  readonly arrivedNs: Float64Array[];
  /** By slot: when the receive was posted (attention). */
  readonly postedNs: Float64Array;
  /** By domain: end of the last receive (FFN). */
  readonly lastReceiveNs: Float64Array;
}

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
  readonly #attention: WorkerState[];
  readonly #ffn: WorkerState[];
  readonly #domainRanks: WorkerState[][];
  readonly #queue = new EventQueue();
  readonly #workload: Workload;
  readonly #reporting: Reporting;
  readonly #computeRandom: Random;
  readonly #transferRandom: Random;
  /** By domain: start of each step that still runs. */
  readonly #stepStartNs: Map<number, number>[];
  #faults: Faults = NO_FAULTS;
  #lastStep: number;
  #nowNs = 0;

  /** @throws PipelineSpecError */
  constructor(spec: PipelineSpec, seed: number, sink: PipelineSink, firstStep = 0) {
    checkSpec(spec);
    this.spec = spec;
    this.workers = clusterWorkers(spec);
    this.computeNs = new Float64Array(this.workers.length);
    const random = new Random(seed);
    this.#workload = new Workload(spec, random.fork('workload'));
    this.#reporting = new Reporting(this.workers, sink, random.fork('reporting'));
    this.#computeRandom = random.fork('compute');
    this.#transferRandom = random.fork('transfer');
    this.#lastStep = firstStep - 1;
    const { attentionWorkers, ffnWorkers, domains } = spec;
    this.#attention = Array.from({ length: attentionWorkers }, (_, rank) =>
      this.#worker(rank, rank, domainOf(spec, rank), ffnWorkers, firstStep),
    );
    this.#ffn = Array.from({ length: ffnWorkers }, (_, rank) =>
      this.#worker(attentionWorkers + rank, rank, -1, attentionWorkers, firstStep),
    );
    this.#domainRanks = Array.from({ length: domains }, (_, domain) =>
      this.#attention.filter((worker) => worker.domain === domain),
    );
    this.#stepStartNs = Array.from({ length: domains }, () => new Map());
  }

  /** Number of the next step to start; every domain has done all before it. */
  get nextStepNumber(): number {
    return this.#lastStep + 1;
  }

  get nowNs(): number {
    return this.#nowNs;
  }

  /** Replaces all faults; holds from the next `run` on. */
  setFaults(faults: Faults): void {
    this.#faults = faults;
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
    if (this.#finished()) {
      this.#lastStep += steps;
      for (const worker of this.#attention) {
        // Domains run on their own; where several share the FFN side, none may start in its past.
        const earliestNs = this.spec.domains > 1 ? this.#nowNs : 0;
        this.#queue.push(Math.max(worker.parkedNs, earliestNs), Action.startStep, worker.index);
      }
    } else {
      for (const worker of [...this.#attention, ...this.#ffn]) {
        this.#queue.push(this.#nowNs, Action.wake, worker.index);
      }
    }
    for (let event = this.#queue.pop(); event !== undefined; event = this.#queue.pop()) {
      this.#nowNs = Math.max(this.#nowNs, event.timeNs);
      this.#handle(event);
    }
    return { completed: this.#finished(), endNs: this.#nowNs };
  }

  /**
   * Lets time pass: the next step starts, or the hanging one goes on, at `timeNs` at the earliest,
   * with `skippedSteps` step numbers left out before it (steps that nobody observes).
   */
  skipTo(timeNs: number, skippedSteps: number): void {
    assert(skippedSteps === 0 || this.#finished(), 'cannot skip steps while one hangs');
    this.#nowNs = Math.max(this.#nowNs, Math.round(timeNs));
    this.#lastStep += skippedSteps;
    for (const worker of this.#attention) {
      if (Number.isNaN(worker.parkedNs)) continue;
      worker.parkedNs = Math.max(worker.parkedNs, this.#nowNs);
      worker.step += skippedSteps;
    }
  }

  #worker(
    index: number,
    rank: number,
    domain: number,
    peers: number,
    firstStep: number,
  ): WorkerState {
    const slots = this.spec.domains * this.spec.microbatches;
    return {
      index,
      rank,
      domain,
      waiting: [],
      running: null,
      linkFreeNs: 0,
      step: firstStep,
      through: 0,
      parkedNs: 0,
      arrivedCount: new Int32Array(slots),
      arrivedNs:
        this.spec.sends === 'all'
          ? []
          : Array.from({ length: slots }, () => new Float64Array(peers).fill(-1)),
      postedNs: new Float64Array(slots),
      lastReceiveNs: new Float64Array(this.spec.domains),
    };
  }

  #finished(): boolean {
    return this.#attention.every((worker) => !Number.isNaN(worker.parkedNs));
  }

  #handle(event: QueuedEvent): void {
    const worker =
      event.worker < this.#attention.length
        ? this.#attention[event.worker]!
        : this.#ffn[event.worker - this.#attention.length]!;
    switch (event.action) {
      case Action.startStep:
        this.#startStep(worker, event.timeNs);
        break;
      case Action.ready:
        worker.waiting.push({ slot: event.slot, layer: event.layer });
        this.#startNext(worker, event.timeNs);
        break;
      case Action.computed:
        this.#computed(worker, event.timeNs);
        break;
      case Action.send:
        this.#send(worker, event.slot, event.layer, event.timeNs);
        break;
      case Action.arrived:
        this.#arrived(worker, event);
        break;
      default:
        this.#startNext(worker, event.timeNs);
    }
  }

  #startStep(worker: WorkerState, timeNs: number): void {
    worker.parkedNs = Number.NaN;
    worker.through = 0;
    this.#workload.startStep(worker.rank);
    const starts = this.#stepStartNs[worker.domain]!;
    if (!starts.has(worker.step)) starts.set(worker.step, timeNs);
    const gapNs = Math.round(this.#noisy(this.spec.hostGapNs) + (this.#faults.hostGapNs ?? 0));
    if (gapNs > 0) {
      this.#emit(worker, Stage.host, Kind.host, timeNs, gapNs, -1, ABSENT, ABSENT, {});
    }
    const first = worker.domain * this.spec.microbatches;
    for (let slot = first; slot < first + this.spec.microbatches; slot++) {
      this.#queue.push(timeNs + gapNs, Action.ready, worker.index, slot, 0);
    }
  }

  #startNext(worker: WorkerState, timeNs: number): void {
    const job = worker.waiting[0];
    if (worker.running !== null || job === undefined || this.#hangs(worker, job)) return;
    worker.waiting.shift();
    worker.running = job;
    const endNs = this.#isAttention(worker)
      ? this.#attend(worker, job, timeNs)
      : this.#runExperts(worker, job, timeNs);
    this.#queue.push(endNs, Action.computed, worker.index);
  }

  #hangs(worker: WorkerState, job: Job): boolean {
    const hung = this.#faults.hungRank;
    return (
      hung !== undefined &&
      hung.rank === worker.rank &&
      (hung.role === 'attention') === this.#isAttention(worker) &&
      job.layer >= (hung.layer ?? Math.floor(this.spec.layers / 2))
    );
  }

  /** Returns when the compute ends; its send starts where the gate (or the layer) ended. */
  #attend(worker: WorkerState, job: Job, timeNs: number): number {
    const { spec } = this;
    const { slot, layer } = job;
    const tokens = { tokens: spec.requests };
    let endNs = timeNs;
    if (slot === SAMPLE) {
      const all = spec.requests * spec.microbatches;
      const measures = { tokens: all, requests: all };
      return this.#compute(worker, Stage.sample, spec.sampleNs, endNs, SAMPLE, ABSENT, measures);
    }
    if (layer > spec.denseLayers) {
      const previous = layer - 1;
      endNs = this.#compute(worker, Stage.combine, spec.combineNs, endNs, slot, previous, tokens);
    }
    if (layer === spec.layers) return endNs;
    const context = this.#workload.contextRatio(
      worker.rank,
      slot % spec.microbatches,
      this.#faults,
    );
    const attentionNs = this.#workload.attentionNs(context);
    const measures = this.#workload.attentionMeasures(context);
    endNs = this.#compute(worker, Stage.attention, attentionNs, endNs, slot, layer, measures);
    if (layer < spec.denseLayers) {
      endNs = this.#compute(worker, Stage.dense, spec.denseNs, endNs, slot, layer, tokens);
      this.#queue.push(endNs, Action.ready, worker.index, slot, layer + 1);
      return endNs;
    }
    endNs = this.#compute(worker, Stage.gate, spec.gateNs, endNs, slot, layer, tokens);
    this.#queue.push(endNs, Action.send, worker.index, slot, layer);
    if (spec.sharedExpertSide === 'attention') {
      const sharedNs = spec.sharedExpertNs;
      endNs = this.#compute(worker, Stage.shared_expert, sharedNs, endNs, slot, layer, tokens);
    }
    return endNs;
  }

  #runExperts(worker: WorkerState, job: Job, timeNs: number): number {
    const { spec } = this;
    const { slot, layer } = job;
    const domain = Math.floor(slot / spec.microbatches);
    const senders = this.#domainRanks[domain]!;
    const step = senders[0]!.step;
    const ratio = this.#workload.routedRatio(slot, step, layer, worker.rank, this.#faults);
    let endNs = timeNs;
    if (spec.sharedExpertSide === 'ffn') {
      const sharedNs = spec.sharedExpertNs;
      const shared = { tokens: Math.round((spec.requests * senders.length) / spec.ffnWorkers) };
      endNs = this.#compute(worker, Stage.shared_expert, sharedNs, endNs, slot, layer, shared);
    }
    const expertNs = this.#workload.expertNs(ratio);
    const measures = this.#workload.expertMeasures(
      worker.rank,
      senders.length,
      ratio,
      layer,
      this.#faults,
    );
    endNs = this.#compute(worker, Stage.expert, expertNs, endNs, slot, layer, measures);
    this.#queue.push(endNs, Action.send, worker.index, slot, layer);
    return endNs;
  }

  #computed(worker: WorkerState, timeNs: number): void {
    const job = worker.running!;
    worker.running = null;
    if (this.#isAttention(worker) && job.layer === this.spec.layers) {
      if (job.slot === SAMPLE) {
        this.#endStep(worker, timeNs);
      } else if (++worker.through === this.spec.microbatches) {
        worker.waiting.push({ slot: SAMPLE, layer: this.spec.layers });
      }
    }
    this.#startNext(worker, timeNs);
  }

  #endStep(worker: WorkerState, timeNs: number): void {
    const ended = worker.step++;
    if (this.#domainRanks[worker.domain]!.every((rank) => rank.step > ended)) {
      this.#stepStartNs[worker.domain]!.delete(ended);
    }
    if (worker.step <= this.#lastStep) {
      this.#queue.push(timeNs, Action.startStep, worker.index);
    } else {
      worker.parkedNs = timeNs;
    }
  }

  #send(worker: WorkerState, slot: number, layer: number, timeNs: number): void {
    const { spec } = this;
    const toFfn = this.#isAttention(worker);
    const domain = Math.floor(slot / spec.microbatches);
    const peers = toFfn ? this.#ffn : this.#domainRanks[domain]!;
    const startNs = Math.max(timeNs, worker.linkFreeNs);
    const stage = toFfn ? Stage.a2f_send : Stage.f2a_send;
    const meanNs = toFfn ? spec.a2fNs : spec.f2aNs;
    const perPeer = spec.sends === 'per-peer';
    let lastEndNs = startNs;
    for (const peer of perPeer ? peers : [null]) {
      const durationNs = this.#transferNs(meanNs);
      const tokens = spec.requests * (perPeer || toFfn ? 1 : peers.length);
      const bytes = toFfn
        ? this.#workload.a2fBytes(tokens, perPeer ? 1 : peers.length)
        : this.#workload.f2aBytes(tokens);
      const rank = peer === null ? ABSENT : peer.rank;
      const measures = { tokens, bytes };
      this.#emit(worker, stage, Kind.transfer, startNs, durationNs, slot, layer, rank, measures);
      const endNs = startNs + durationNs;
      const target = peer === null ? -1 : peer.index;
      this.#queue.push(endNs, Action.arrived, worker.index, slot, layer, target);
      lastEndNs = Math.max(lastEndNs, endNs);
    }
    worker.linkFreeNs = lastEndNs;
    if (toFfn) worker.postedNs[slot] = lastEndNs;
  }

  #arrived(sender: WorkerState, event: QueuedEvent): void {
    const domain = Math.floor(event.slot / this.spec.microbatches);
    const receivers = this.#isAttention(sender) ? this.#ffn : this.#domainRanks[domain]!;
    for (const receiver of receivers) {
      if (event.peer >= 0 && event.peer !== receiver.index) continue;
      const { slot } = event;
      const count = receiver.arrivedCount[slot]! + 1;
      if (event.peer >= 0) receiver.arrivedNs[slot]![sender.rank] = event.timeNs;
      const awaited = this.#isAttention(receiver)
        ? this.#ffn.length
        : this.#domainRanks[domain]!.length;
      receiver.arrivedCount[slot] = count === awaited ? 0 : count;
      if (count === awaited) this.#received(receiver, slot, event.layer, event.timeNs);
    }
  }

  /** The last peer's data is there: the receive ends, and the micro-batch is ready. */
  #received(worker: WorkerState, slot: number, layer: number, timeNs: number): void {
    const { spec } = this;
    const onAttention = this.#isAttention(worker);
    const domain = Math.floor(slot / spec.microbatches);
    const senders = onAttention ? this.#ffn : this.#domainRanks[domain]!;
    const stage = onAttention ? Stage.f2a_recv : Stage.a2f_recv;
    let startNs = worker.postedNs[slot]!;
    if (!onAttention) {
      const stepStartNs = this.#stepStartNs[domain]!.get(senders[0]!.step)!;
      startNs = Math.max(worker.lastReceiveNs[domain]!, stepStartNs);
      worker.lastReceiveNs[domain] = timeNs;
    }
    const receive = (rank: number, endNs: number, count: number): void => {
      const tokens = spec.requests * count;
      const bytes = onAttention
        ? this.#workload.f2aBytes(tokens)
        : this.#workload.a2fBytes(tokens, 1);
      const measures = { tokens, bytes };
      const lengthNs = Math.max(0, endNs - startNs);
      this.#emit(worker, stage, Kind.receive, startNs, lengthNs, slot, layer, rank, measures);
    };
    if (spec.sends === 'all') receive(ABSENT, timeNs, senders.length);
    else for (const peer of senders) receive(peer.rank, worker.arrivedNs[slot]![peer.rank]!, 1);
    const next = onAttention ? layer + 1 : layer;
    this.#queue.push(timeNs, Action.ready, worker.index, slot, next);
  }

  #isAttention(worker: WorkerState): boolean {
    return worker.index < this.#attention.length;
  }

  /** Writes a compute event that starts at `startNs` (none for a mean of zero); returns its end. */
  #compute(
    worker: WorkerState,
    stage: number,
    meanNs: number,
    startNs: number,
    slot: number,
    layer: number,
    measures: Partial<Record<Measure, number>>,
  ): number {
    if (meanNs === 0) return startNs;
    const slow = this.#faults.slowRank;
    const isSlow =
      slow !== undefined &&
      slow.rank === worker.rank &&
      (slow.role === 'attention') === this.#isAttention(worker);
    const durationNs = Math.max(1, Math.round(this.#noisy(meanNs) * (isSlow ? slow.factor : 1)));
    this.computeNs[worker.index] = this.computeNs[worker.index]! + durationNs;
    this.#emit(worker, stage, Kind.compute, startNs, durationNs, slot, layer, ABSENT, measures);
    return startNs + durationNs;
  }

  #noisy(meanNs: number): number {
    return meanNs * this.#computeRandom.lognormal(this.spec.noise.compute);
  }

  #transferNs(meanNs: number): number {
    const tail = this.#faults.commTail;
    const factor =
      tail !== undefined && this.#transferRandom.uniform() < tail.probability ? tail.factor : 1;
    const noise = this.#transferRandom.lognormal(this.spec.noise.transfer);
    return Math.max(1, Math.round(meanNs * noise * factor));
  }

  #emit(
    worker: WorkerState,
    stage: number,
    kind: number,
    startNs: number,
    durationNs: number,
    slot: number,
    layer: number,
    peer: number,
    measures: Partial<Record<Measure, number>>,
  ): void {
    const domain = slot >= 0 ? Math.floor(slot / this.spec.microbatches) : worker.domain;
    const step = this.#isAttention(worker) ? worker.step : this.#domainRanks[domain]![0]!.step;
    this.#reporting.add({
      startNs,
      durationNs,
      worker: worker.index,
      stage,
      kind,
      domain,
      step,
      layer,
      microbatch: slot >= 0 ? slot % this.spec.microbatches : ABSENT,
      peer,
      measures,
    });
  }
}
