/**
 * How much each worker has to do, and so how long it takes: context tokens on the attention side,
 * routed tokens on the FFN side. Both sit in the events, so that a slow GPU can be told from a
 * loaded one.
 *
 *     attention time ~ fixed + (1 - fixed) · context tokens / mean
 *     expert time    ~ fixed + (1 - fixed) · routed tokens  / mean
 */
import type { Random } from '#lib/base/random.ts';
import type { Measure } from '#lib/table/event-table.ts';
import { type ExpertLoad, expertList, expertOutline } from './expert-load.ts';
import type { Faults } from './faults.ts';
import type { PipelineSpec } from './spec.ts';

/** How much of last step's deviation of the context a worker keeps: sequences live long. */
const CONTEXT_MEMORY = 0.98;
const A2F_BYTES_PER_VALUE = 1;
const F2A_BYTES_PER_VALUE = 2;

type Measures = Partial<Record<Measure, number>>;

export class Workload {
  readonly #spec: PipelineSpec;
  readonly #random: Random;
  readonly #expertRandom: Random;
  /** Relative deviation of the context, by attention worker and micro-batch. */
  readonly #contextDeviation: Float64Array;
  /** Share of the mean that each FFN worker gets, by slot and FFN worker. */
  readonly #routedRatio: Float64Array;
  /** step · (layers + 1) + layer for which the slot's ratios were drawn. */
  readonly #routedKey: Float64Array;

  constructor(spec: PipelineSpec, random: Random) {
    this.#spec = spec;
    this.#random = random;
    this.#expertRandom = random.fork('experts');
    const contexts = spec.attentionWorkers * spec.microbatches;
    this.#contextDeviation = new Float64Array(contexts);
    for (let i = 0; i < contexts; i++) {
      this.#contextDeviation[i] = spec.noise.context * random.gaussian();
    }
    const slots = spec.domains * spec.microbatches;
    this.#routedRatio = new Float64Array(slots * spec.ffnWorkers);
    this.#routedKey = new Float64Array(slots).fill(-1);
  }

  /** Sequences end and begin: moves the contexts of one attention worker by one step. */
  startStep(rank: number): void {
    const { microbatches, noise } = this.#spec;
    if (noise.context === 0) return;
    const fresh = Math.sqrt(1 - CONTEXT_MEMORY ** 2) * noise.context;
    for (let i = rank * microbatches; i < (rank + 1) * microbatches; i++) {
      this.#contextDeviation[i] =
        CONTEXT_MEMORY * this.#contextDeviation[i]! + fresh * this.#random.gaussian();
    }
  }

  /** Context tokens of a micro-batch over their mean. */
  contextRatio(rank: number, microbatch: number, faults: Faults): number {
    const ratio = Math.max(
      0.05,
      1 + this.#contextDeviation[rank * this.#spec.microbatches + microbatch]!,
    );
    return faults.longContext?.rank === rank ? ratio * faults.longContext.factor : ratio;
  }

  attentionNs(contextRatio: number): number {
    const { attentionNs, attentionFixedRatio: fixed } = this.#spec;
    return attentionNs * (fixed + (1 - fixed) * contextRatio);
  }

  /**
   * Routed tokens of an FFN worker over their mean. All workers of one (slot, step, layer) see the
   * same draw, whose ratios add up to their number: a token more here is a token less there.
   */
  routedRatio(slot: number, step: number, layer: number, rank: number, faults: Faults): number {
    const workers = this.#spec.ffnWorkers;
    const first = slot * workers;
    const key = step * (this.#spec.layers + 1) + layer;
    if (this.#routedKey[slot] !== key) {
      this.#routedKey[slot] = key;
      this.#drawRouting(first, hotShare(faults, layer, workers));
    }
    return this.#routedRatio[first + rank]!;
  }

  #drawRouting(first: number, hot: { rank: number; ratio: number } | null): void {
    const workers = this.#spec.ffnWorkers;
    const sigma = this.#spec.noise.routing;
    let total = 0;
    for (let rank = 0; rank < workers; rank++) {
      const ratio = sigma === 0 ? 1 : Math.max(0.01, 1 + sigma * this.#random.gaussian());
      this.#routedRatio[first + rank] = ratio;
      total += ratio;
    }
    const othersTotal = total - (hot === null ? 0 : this.#routedRatio[first + hot.rank]!);
    for (let rank = 0; rank < workers; rank++) {
      const own = this.#routedRatio[first + rank]!;
      if (hot === null) this.#routedRatio[first + rank] = (own * workers) / total;
      else if (rank === hot.rank) this.#routedRatio[first + rank] = hot.ratio;
      else this.#routedRatio[first + rank] = (own * (workers - hot.ratio)) / othersTotal;
    }
  }

  expertNs(routedRatio: number): number {
    const { expertNs, expertFixedRatio: fixed } = this.#spec;
    return expertNs * (fixed + (1 - fixed) * routedRatio);
  }

  /** Measures of an attention event: tokens, requests and the KV tokens that it reads. */
  attentionMeasures(contextRatio: number): Measures {
    const { requests, contextTokens } = this.#spec;
    return {
      tokens: requests,
      requests,
      contextTokens: Math.round(requests * contextTokens * contextRatio),
    };
  }

  /**
   * Load of an expert event. `tokens` counts routed tokens: one that goes to two experts of
   * the worker counts twice. `senders` is the number of attention workers of the domain.
   */
  expertLoad(
    rank: number,
    senders: number,
    routedRatio: number,
    layer: number,
    faults: Faults,
  ): ExpertLoad {
    const { requests, expertsPerToken, experts, ffnWorkers } = this.#spec;
    const routed = Math.round((requests * senders * expertsPerToken * routedRatio) / ffnWorkers);
    const localExperts = Math.max(
      1,
      Math.floor(((rank + 1) * experts) / ffnWorkers) - Math.floor((rank * experts) / ffnWorkers),
    );
    const hot = hotShare(faults, layer, ffnWorkers);
    const surplus = hot !== null && hot.rank === rank ? routed * Math.max(0, 1 - 1 / hot.ratio) : 0;
    return this.#spec.listExperts === true
      ? expertList(routed, localExperts, surplus, this.#expertRandom)
      : expertOutline(routed, localExperts, surplus);
  }

  /** FP8 activations of `tokens` tokens to `peers` FFN workers. */
  a2fBytes(tokens: number, peers: number): number {
    return tokens * this.#spec.hiddenSize * A2F_BYTES_PER_VALUE * peers;
  }

  /** BF16 partial outputs of `tokens` tokens. */
  f2aBytes(tokens: number): number {
    return tokens * this.#spec.hiddenSize * F2A_BYTES_PER_VALUE;
  }
}

function hotShare(
  faults: Faults,
  layer: number,
  workers: number,
): { rank: number; ratio: number } | null {
  const hot = faults.hotExpert;
  if (hot === undefined || hot.rank >= workers) return null;
  if (layer < (hot.fromLayer ?? 0) || layer > (hot.toLayer ?? Number.POSITIVE_INFINITY))
    return null;
  return { rank: hot.rank, ratio: Math.min(hot.factor, workers) };
}
