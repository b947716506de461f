/**
 * Where every worker of a simulated pipeline stands.
 *
 *     slot = domain · microbatches + microbatch     what travels to and fro between the sides
 */
import { domainOf } from './cluster.ts';
import { type Faults, NO_FAULTS } from './faults.ts';
import type { PipelineSpec } from './spec.ts';

/** Slot of the job that samples: it belongs to no micro-batch. */
export const SAMPLE = -2;

export interface Job {
  readonly slot: number;
  readonly layer: number;
}

export interface WorkerState {
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

export class PipelineState {
  readonly spec: PipelineSpec;
  readonly attention: readonly WorkerState[];
  readonly ffn: readonly WorkerState[];
  /** By domain: its attention workers. */
  readonly domainRanks: readonly (readonly WorkerState[])[];
  /** By domain: start of each step that still runs. */
  readonly stepStartNs: readonly Map<number, number>[];
  faults: Faults = NO_FAULTS;
  /** Workers go on up to this step. */
  lastStep: number;

  constructor(spec: PipelineSpec, firstStep: number) {
    const { attentionWorkers, ffnWorkers, domains } = spec;
    this.spec = spec;
    this.lastStep = firstStep - 1;
    this.attention = Array.from({ length: attentionWorkers }, (_, rank) =>
      newWorker(spec, rank, rank, domainOf(spec, rank), ffnWorkers, firstStep),
    );
    this.ffn = Array.from({ length: ffnWorkers }, (_, rank) =>
      newWorker(spec, attentionWorkers + rank, rank, -1, attentionWorkers, firstStep),
    );
    this.domainRanks = Array.from({ length: domains }, (_, domain) =>
      this.attention.filter((worker) => worker.domain === domain),
    );
    this.stepStartNs = Array.from({ length: domains }, () => new Map());
  }

  /** Did every attention worker do all its steps? */
  get finished(): boolean {
    return this.attention.every((worker) => !Number.isNaN(worker.parkedNs));
  }

  worker(index: number): WorkerState {
    const { attention } = this;
    return index < attention.length ? attention[index]! : this.ffn[index - attention.length]!;
  }

  isAttention(worker: WorkerState): boolean {
    return worker.index < this.attention.length;
  }

  domainOfSlot(slot: number): number {
    return Math.floor(slot / this.spec.microbatches);
  }

  /** The workers of the other side that a micro-batch comes from and goes to. */
  peersOf(worker: WorkerState, slot: number): readonly WorkerState[] {
    return this.isAttention(worker) ? this.ffn : this.domainRanks[this.domainOfSlot(slot)]!;
  }

  /** The step that a domain is in, as FFN workers see it. */
  stepOf(domain: number): number {
    return this.domainRanks[domain]![0]!.step;
  }
}

/** `peers`: workers of the other side. */
function newWorker(
  spec: PipelineSpec,
  index: number,
  rank: number,
  domain: number,
  peers: number,
  firstStep: number,
): WorkerState {
  const slots = spec.domains * spec.microbatches;
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
      spec.sends === 'all'
        ? []
        : Array.from({ length: slots }, () => new Float64Array(peers).fill(-1)),
    postedNs: new Float64Array(slots),
    lastReceiveNs: new Float64Array(spec.domains),
  };
}
