/**
 * Slow workers of the last half minute, second by second: the live report looks at a few seconds only,
 * and whoever is slow for a moment is not worth a word.
 */
import { keyTimes } from '#lib/analysis/key-times.ts';
import { fitLoadSums } from '#lib/analysis/load-model.ts';
import { type LoadSums, loadSums } from '#lib/analysis/load-sums.ts';
import { type StageLoads, stageLoads } from '#lib/analysis/stage-loads.ts';
import type { Straggler } from '#lib/analysis/straggler-types.ts';
import { findStragglers } from '#lib/analysis/stragglers.ts';
import { addNanos, NS_PER_S, type UnixNanos } from '#lib/base/units.ts';
import type { Assembled } from '#lib/model/assembled.ts';

const KEPT_NS = 30n * BigInt(NS_PER_S);

interface Look {
  readonly fromUnixNs: UnixNanos;
  readonly loads: StageLoads;
  readonly sums: LoadSums;
}

export class StragglerWatch {
  #looks: Look[] = [];
  #stragglers: readonly Straggler[] = [];
  /** By worker and stage: since when it has been in the list without a break. */
  #since = new Map<string, string>();

  get stragglers(): readonly Straggler[] {
    return this.#stragglers;
  }

  /** Whole seconds `[from, to)` after the table's base, once each. */
  add(assembled: Assembled, fromNs: number, toNs: number): void {
    const { baseUnixNs } = assembled.events;
    const fromUnixNs = addNanos(baseUnixNs, fromNs);
    const window = { fromNs, toNs };
    const range = { whole: window, ownFromNs: fromNs, ownToNs: toNs };
    this.#looks.push({
      fromUnixNs,
      loads: stageLoads(assembled, window),
      sums: loadSums(assembled, keyTimes(assembled), range),
    });
    const oldest = addNanos(baseUnixNs, toNs) - KEPT_NS;
    this.#looks = this.#looks.filter((look) => look.fromUnixNs >= oldest);
    const model = fitLoadSums(this.#looks.map(({ sums }) => sums));
    const loads = this.#looks.map((look) => look.loads);
    this.#remember(findStragglers(loads, model, this.#looks[0]!.fromUnixNs).stragglers);
  }

  #remember(found: readonly Straggler[]): void {
    const since = new Map<string, string>();
    this.#stragglers = found.map((one) => {
      const key = `${one.worker} ${one.stage}`;
      const before = this.#since.get(key);
      const isEarlier = before !== undefined && BigInt(before) < BigInt(one.sinceUnixNs);
      const sinceUnixNs = isEarlier ? before : one.sinceUnixNs;
      since.set(key, sinceUnixNs);
      return { ...one, sinceUnixNs };
    });
    this.#since = since;
  }
}
