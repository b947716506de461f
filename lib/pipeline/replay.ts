/**
 * Replays a program by the rules of `simulation.ts`, to the nanosecond: what was recorded of a
 * simulation starts at the same times again (`test/lib/pipeline/replay.test.ts`).
 *
 * Nothing is drawn here. A micro-batch's data is ready for a receiver when the last sender's share
 * has arrived, which is known as soon as the last sender starts; so there is no entry of the queue
 * for an arrival.
 */
import type { ReplayDomain, ReplayProgram, ReplayTransfers } from './replay-program.ts';
import { ReplayQueue } from './replay-queue.ts';

/** By domain, then step. */
export interface ReplayOutcome {
  /** First start and last end over the domain's attention workers. */
  readonly stepStartNs: readonly Float64Array[];
  readonly stepEndNs: readonly Float64Array[];
  /** Start to start of consecutive layers that cross, over all workers and micro-batches. */
  readonly periodSumNs: readonly Float64Array[];
  readonly periodCount: readonly Float64Array[];
  /** Compute of all workers of a side. */
  readonly attentionBusyNs: readonly Float64Array[];
  readonly ffnBusyNs: readonly Float64Array[];
}

/** Where each cell's `pre` started, by domain; filled for who wants to see. */
export interface ReplayTrace {
  readonly attentionStartNs: readonly Float64Array[];
  readonly ffnStartNs: readonly Float64Array[];
}

const Action = { startStep: 0, ready: 1, done: 2, send: 3 } as const;

export function replay(program: ReplayProgram, trace: ReplayTrace | null = null): ReplayOutcome {
  const run = new ReplayRun(program, trace);
  run.run();
  return run.outcome;
}

class ReplayRun {
  readonly outcome: ReplayOutcome;
  readonly #program: ReplayProgram;
  readonly #trace: ReplayTrace | null;
  readonly #queue = new ReplayQueue();
  /** A slot is a micro-batch of a domain; jobs are `layer · slots + slot`. */
  readonly #slots: number;
  readonly #slotDomain: Int32Array;
  readonly #firstSlot: Int32Array;
  /** Attention workers of all domains, then FFN workers. */
  readonly #attentionWorkers: number;
  readonly #workerDomain: Int32Array;
  readonly #firstWorker: Int32Array;
  readonly #sampleJob: number;

  /** By worker: jobs that wait, as a ring of `#ring` entries. */
  readonly #ring: number;
  readonly #waiting: Int32Array;
  readonly #head: Int32Array;
  readonly #count: Int32Array;
  /** -1: idle. */
  readonly #running: Int32Array;
  readonly #linkFreeNs: Float64Array;
  /** Of attention workers. */
  readonly #step: Int32Array;
  readonly #through: Int32Array;
  /** By slot: the step that the FFN side is at, shares sent, and when the last one is there. */
  readonly #slotStep: Int32Array;
  readonly #sentToFfn: Int32Array;
  readonly #sentBack: Int32Array;
  readonly #ffnReadyNs: Float64Array;
  readonly #attentionReadyNs: Float64Array;
  /** By slot and worker: start in the layer before. */
  readonly #lastStartNs: Float64Array;

  constructor(program: ReplayProgram, trace: ReplayTrace | null) {
    this.#program = program;
    this.#trace = trace;
    const { domains, ffnWorkers } = program;
    const sums = (count: (domain: ReplayDomain) => number): Int32Array => {
      const first = new Int32Array(domains.length + 1);
      domains.forEach((domain, d) => {
        first[d + 1] = first[d]! + count(domain);
      });
      return first;
    };
    this.#firstSlot = sums((domain) => domain.microbatches);
    this.#firstWorker = sums((domain) => domain.attentionWorkers);
    this.#slots = this.#firstSlot[domains.length]!;
    this.#attentionWorkers = this.#firstWorker[domains.length]!;
    this.#slotDomain = new Int32Array(this.#slots);
    this.#workerDomain = new Int32Array(this.#attentionWorkers);
    domains.forEach((_, d) => {
      this.#slotDomain.fill(d, this.#firstSlot[d]!, this.#firstSlot[d + 1]!);
      this.#workerDomain.fill(d, this.#firstWorker[d]!, this.#firstWorker[d + 1]!);
    });
    const workers = this.#attentionWorkers + ffnWorkers;
    this.#sampleJob = (program.layers + 1) * this.#slots;
    this.#ring = this.#slots + 2;
    this.#waiting = new Int32Array(workers * this.#ring);
    this.#head = new Int32Array(workers);
    this.#count = new Int32Array(workers);
    this.#running = new Int32Array(workers).fill(-1);
    this.#linkFreeNs = new Float64Array(workers);
    this.#step = new Int32Array(this.#attentionWorkers);
    this.#through = new Int32Array(this.#attentionWorkers);
    this.#slotStep = new Int32Array(this.#slots);
    this.#sentToFfn = new Int32Array(this.#slots);
    this.#sentBack = new Int32Array(this.#slots);
    this.#ffnReadyNs = new Float64Array(this.#slots * ffnWorkers);
    const widest = Math.max(0, ...domains.map((domain) => domain.attentionWorkers));
    this.#attentionReadyNs = new Float64Array(this.#slots * widest);
    this.#lastStartNs = new Float64Array(this.#slots * workers).fill(Number.NaN);
    const bySteps = (fill: number): Float64Array[] =>
      domains.map(({ steps }) => new Float64Array(steps).fill(fill));
    this.outcome = {
      stepStartNs: bySteps(Number.POSITIVE_INFINITY),
      stepEndNs: bySteps(Number.NEGATIVE_INFINITY),
      periodSumNs: bySteps(0),
      periodCount: bySteps(0),
      attentionBusyNs: bySteps(0),
      ffnBusyNs: bySteps(0),
    };
  }

  run(): void {
    const queue = this.#queue;
    this.#program.domains.forEach((domain, d) => {
      if (domain.steps === 0) return;
      for (let a = 0; a < domain.attentionWorkers; a++) {
        this.#queueStep(this.#firstWorker[d]! + a, Number.NEGATIVE_INFINITY);
      }
    });
    while (queue.pop()) {
      const { timeNs, job } = queue;
      const worker = queue.what >>> 2;
      switch (queue.what & 3) {
        case Action.startStep:
          this.#startStep(worker, timeNs);
          break;
        case Action.ready:
          this.#wait(worker, job);
          this.#startNext(worker, timeNs);
          break;
        case Action.done:
          this.#done(worker, timeNs);
          break;
        default:
          if (worker < this.#attentionWorkers) this.#sendToFfn(worker, job, timeNs);
          else this.#sendBack(worker, job, timeNs);
      }
    }
  }

  #push(timeNs: number, action: number, worker: number, job: number): void {
    this.#queue.push(timeNs, (worker << 2) | action, job);
  }

  /** `endNs`: of the worker's last step. */
  #queueStep(worker: number, endNs: number): void {
    const d = this.#workerDomain[worker]!;
    const domain = this.#program.domains[d]!;
    const at = this.#step[worker]! * domain.attentionWorkers + worker - this.#firstWorker[d]!;
    const startNs = Math.max(endNs, domain.notBeforeNs[at]!);
    this.#push(startNs === Number.NEGATIVE_INFINITY ? 0 : startNs, Action.startStep, worker, 0);
  }

  #startStep(worker: number, timeNs: number): void {
    const d = this.#workerDomain[worker]!;
    const domain = this.#program.domains[d]!;
    const step = this.#step[worker]!;
    this.#through[worker] = 0;
    const starts = this.outcome.stepStartNs[d]!;
    if (timeNs < starts[step]!) starts[step] = timeNs;
    const at = step * domain.attentionWorkers + worker - this.#firstWorker[d]!;
    const readyNs = timeNs + domain.gapNs[at]!;
    for (let slot = this.#firstSlot[d]!; slot < this.#firstSlot[d + 1]!; slot++) {
      this.#push(readyNs, Action.ready, worker, slot);
    }
  }

  #wait(worker: number, job: number): void {
    const count = this.#count[worker]!;
    const at = (this.#head[worker]! + count) % this.#ring;
    this.#waiting[worker * this.#ring + at] = job;
    this.#count[worker] = count + 1;
  }

  #startNext(worker: number, timeNs: number): void {
    if (this.#running[worker]! >= 0 || this.#count[worker] === 0) return;
    const head = this.#head[worker]!;
    const job = this.#waiting[worker * this.#ring + head]!;
    this.#head[worker] = (head + 1) % this.#ring;
    this.#count[worker] = this.#count[worker]! - 1;
    this.#running[worker] = job;
    const endNs =
      worker < this.#attentionWorkers
        ? this.#attend(worker, job, timeNs)
        : this.#runExperts(worker, job, timeNs);
    this.#push(endNs, Action.done, worker, job);
  }

  /** Returns when the worker is free again. */
  #attend(worker: number, job: number, timeNs: number): number {
    const { layers, crosses, domains } = this.#program;
    const d = this.#workerDomain[worker]!;
    const domain = domains[d]!;
    const step = this.#step[worker]!;
    const a = worker - this.#firstWorker[d]!;
    const busy = this.outcome.attentionBusyNs[d]!;
    if (job === this.#sampleJob) {
      const epilogueNs = domain.epilogueNs[step * domain.attentionWorkers + a]!;
      busy[step] = busy[step]! + epilogueNs;
      return timeNs + epilogueNs;
    }
    const slot = job % this.#slots;
    const layer = (job - slot) / this.#slots;
    const microbatch = slot - this.#firstSlot[d]!;
    const { preNs, midNs, postNs } = domain.attention;
    const width = domain.microbatches * domain.attentionWorkers;
    const cell = (step * layers + layer) * width + microbatch * domain.attentionWorkers + a;
    let endNs = timeNs;
    if (layer > 0 && postNs !== null) endNs += postNs[cell - width]!;
    if (layer < layers) {
      this.#noteStart(worker, slot, layer, step, d, endNs);
      if (this.#trace !== null) this.#trace.attentionStartNs[d]![cell] = endNs;
      endNs += preNs[cell]!;
      if (crosses[layer] === 1) {
        this.#push(endNs, Action.send, worker, job);
        endNs += midNs[cell]!;
      } else {
        endNs += midNs[cell]!;
        this.#push(endNs, Action.ready, worker, job + this.#slots);
      }
    }
    busy[step] = busy[step]! + endNs - timeNs;
    return endNs;
  }

  #runExperts(worker: number, job: number, timeNs: number): number {
    const { layers, domains, ffnWorkers } = this.#program;
    const slot = job % this.#slots;
    const layer = (job - slot) / this.#slots;
    const d = this.#slotDomain[slot]!;
    const domain = domains[d]!;
    const step = this.#slotStep[slot]!;
    const key = (step * layers + layer) * domain.microbatches + slot - this.#firstSlot[d]!;
    const cell = key * ffnWorkers + worker - this.#attentionWorkers;
    this.#noteStart(worker, slot, layer, step, d, timeNs);
    if (this.#trace !== null) this.#trace.ffnStartNs[d]![cell] = timeNs;
    const sendNs = timeNs + domain.ffn.preNs[cell]!;
    this.#push(sendNs, Action.send, worker, job);
    const endNs = sendNs + domain.ffn.midNs[cell]!;
    const busy = this.outcome.ffnBusyNs[d]!;
    busy[step] = busy[step]! + endNs - timeNs;
    return endNs;
  }

  /** Periods: from the same worker's start of the micro-batch in the layer before. */
  #noteStart(
    worker: number,
    slot: number,
    layer: number,
    step: number,
    d: number,
    startNs: number,
  ): void {
    const { crosses } = this.#program;
    const at = worker * this.#slots + slot;
    if (crosses[layer] !== 1) {
      this.#lastStartNs[at] = Number.NaN;
      return;
    }
    if (layer > 0 && crosses[layer - 1] === 1) {
      const { periodSumNs, periodCount } = this.outcome;
      periodSumNs[d]![step] = periodSumNs[d]![step]! + startNs - this.#lastStartNs[at]!;
      periodCount[d]![step] = periodCount[d]![step]! + 1;
    }
    this.#lastStartNs[at] = startNs;
  }

  #done(worker: number, timeNs: number): void {
    const job = this.#running[worker]!;
    this.#running[worker] = -1;
    if (worker < this.#attentionWorkers) {
      if (job === this.#sampleJob) this.#endStep(worker, timeNs);
      else if (job >= this.#program.layers * this.#slots) {
        const d = this.#workerDomain[worker]!;
        this.#through[worker] = this.#through[worker]! + 1;
        if (this.#through[worker] === this.#program.domains[d]!.microbatches) {
          this.#wait(worker, this.#sampleJob);
        }
      }
    }
    this.#startNext(worker, timeNs);
  }

  #endStep(worker: number, timeNs: number): void {
    const d = this.#workerDomain[worker]!;
    const step = this.#step[worker]!;
    const ends = this.outcome.stepEndNs[d]!;
    if (timeNs > ends[step]!) ends[step] = timeNs;
    this.#step[worker] = step + 1;
    if (step + 1 < this.#program.domains[d]!.steps) this.#queueStep(worker, timeNs);
  }

  #sendToFfn(worker: number, job: number, timeNs: number): void {
    const { layers, domains, ffnWorkers, attentionLinkQueues } = this.#program;
    const slot = job % this.#slots;
    const layer = (job - slot) / this.#slots;
    const d = this.#workerDomain[worker]!;
    const domain = domains[d]!;
    const step = this.#step[worker]!;
    const key = (step * layers + layer) * domain.microbatches + slot - this.#firstSlot[d]!;
    const sender = worker - this.#firstWorker[d]!;
    const senders = domain.attentionWorkers;
    const startNs = attentionLinkQueues ? Math.max(timeNs, this.#linkFreeNs[worker]!) : timeNs;
    const { a2f } = domain;
    const ready = this.#ffnReadyNs;
    const first = slot * ffnWorkers;
    const isFirst = this.#sentToFfn[slot] === 0;
    const arrivedNs = arrive(a2f, key, sender, senders, ffnWorkers, startNs, ready, first, isFirst);
    this.#linkFreeNs[worker] = linkEnd(a2f, key * senders + sender, startNs, arrivedNs);
    const sent = this.#sentToFfn[slot]! + 1;
    this.#sentToFfn[slot] = sent === senders ? 0 : sent;
    if (sent < senders) return;
    this.#slotStep[slot] = step;
    for (let f = 0; f < ffnWorkers; f++) {
      this.#push(ready[first + f]!, Action.ready, this.#attentionWorkers + f, job);
    }
  }

  #sendBack(worker: number, job: number, timeNs: number): void {
    const { layers, domains, ffnWorkers, ffnLinkQueues } = this.#program;
    const slot = job % this.#slots;
    const layer = (job - slot) / this.#slots;
    const d = this.#slotDomain[slot]!;
    const domain = domains[d]!;
    const key =
      (this.#slotStep[slot]! * layers + layer) * domain.microbatches + slot - this.#firstSlot[d]!;
    const sender = worker - this.#attentionWorkers;
    const receivers = domain.attentionWorkers;
    const startNs = ffnLinkQueues ? Math.max(timeNs, this.#linkFreeNs[worker]!) : timeNs;
    const { f2a } = domain;
    const ready = this.#attentionReadyNs;
    const first = slot * (ready.length / this.#slots);
    const isFirst = this.#sentBack[slot] === 0;
    const arrivedNs = arrive(
      f2a,
      key,
      sender,
      ffnWorkers,
      receivers,
      startNs,
      ready,
      first,
      isFirst,
    );
    this.#linkFreeNs[worker] = linkEnd(f2a, key * ffnWorkers + sender, startNs, arrivedNs);
    const sent = this.#sentBack[slot]! + 1;
    this.#sentBack[slot] = sent === ffnWorkers ? 0 : sent;
    if (sent < ffnWorkers) return;
    for (let a = 0; a < receivers; a++) {
      const receiver = this.#firstWorker[d]! + a;
      this.#push(ready[first + a]!, Action.ready, receiver, job + this.#slots);
    }
  }
}

/** Moves `readyNs` of the receivers on to one more sender's arrival; returns its last arrival. */
function arrive(
  transfers: ReplayTransfers,
  key: number,
  sender: number,
  senders: number,
  receivers: number,
  startNs: number,
  readyNs: Float64Array,
  first: number,
  isFirst: boolean,
): number {
  const { by, ns } = transfers;
  let lastNs = startNs;
  const pairs = (key * senders + sender) * receivers;
  const common = by === 'sender' ? startNs + ns[key * senders + sender]! : 0;
  for (let r = 0; r < receivers; r++) {
    let arrivedNs = common;
    if (by === 'receiver') arrivedNs = startNs + ns[key * receivers + r]!;
    else if (by === 'pair') arrivedNs = startNs + ns[pairs + r]!;
    if (arrivedNs > lastNs) lastNs = arrivedNs;
    if (isFirst || arrivedNs > readyNs[first + r]!) readyNs[first + r] = arrivedNs;
  }
  return lastNs;
}

function linkEnd(
  { linkNs }: ReplayTransfers,
  at: number,
  startNs: number,
  arrivedNs: number,
): number {
  return linkNs === null ? arrivedNs : startNs + linkNs[at]!;
}
