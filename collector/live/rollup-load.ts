/**
 * How many events a second the live thread can make rollups of: what an event cost so far, against
 * the part of a processor that it may take. Where more comes, some steps are left out.
 */
import { chooseSampling } from '#lib/live/step-sampling.ts';

/** Before anything was measured. */
const FIRST_COST_NS = 500;
/** Weighs like so many events; also what keeps a first odd measurement from counting for much. */
const FIRST_EVENTS = 200_000;
/** With so many events, older ones count half. */
const HALF_LIFE_EVENTS = 4_000_000;

export class RollupLoad {
  readonly #share: number;
  readonly #mostPerSecond: number;
  #costNs = FIRST_COST_NS * FIRST_EVENTS;
  #events = FIRST_EVENTS;
  #every: ReadonlyMap<string, number> = new Map();

  /** `mostPerSecond`: events that there is memory for, until their buckets close. */
  constructor(share: number, mostPerSecond: number) {
    this.#share = share;
    this.#mostPerSecond = mostPerSecond;
  }

  /** One step in so many is looked at, by deployment; absent: all. */
  get every(): ReadonlyMap<string, number> {
    return this.#every;
  }

  /** So much processor time was spent, for so many events that came in. */
  spent(cpuMs: number, events: number): void {
    this.#costNs += cpuMs * 1e6;
    this.#events += events;
    if (this.#events < 2 * HALF_LIFE_EVENTS) return;
    this.#costNs /= 2;
    this.#events /= 2;
  }

  /**
   * Events a second that there is time and memory for. Events that leave the memory before their
   * bucket closes cost no time, so time alone would ask for ever more of them.
   */
  get budget(): number {
    return Math.min((this.#share * 1e9 * this.#events) / this.#costNs, this.#mostPerSecond);
  }

  /** The new choice; null where it is the old one. */
  choose(rates: ReadonlyMap<string, number>): ReadonlyMap<string, number> | null {
    const chosen = chooseSampling(rates, this.budget, this.#every);
    const same =
      chosen.size === this.#every.size &&
      [...chosen].every(([deployment, every]) => this.#every.get(deployment) === every);
    if (same) return null;
    this.#every = chosen;
    return chosen;
  }
}
