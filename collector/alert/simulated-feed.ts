/**
 * The simulated cluster as a feed: as in the demo two steps in a row are simulated, others pass unseen,
 * and what has ended is there a second later, as exporters send it.
 */

import type { CommittedMessage } from '#collector/messages.ts';
import { SPANS_PER_SECOND } from '#collector/simulate/options.ts';
import { addNanos, NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { type Faults, NO_FAULTS } from '#lib/pipeline/faults.ts';
import { PipelineSimulation } from '#lib/pipeline/simulation.ts';
import type { PipelineSpec } from '#lib/pipeline/spec.ts';
import { type EventRow, EventTableBuilder } from '#lib/table/event-table-builder.ts';
import type { TelemetryFeed } from './alert-replay.ts';
import { committedTable } from './recorded-feed.ts';

const STEPS_TOGETHER = 2;

export interface TimedFault {
  readonly faults: Faults;
  /** After the start; both ends in nanoseconds. */
  readonly fromNs: number;
  readonly toNs: number;
}

export interface SimulatedFeedOptions {
  readonly spec: PipelineSpec;
  readonly seed: number;
  readonly fromUnixNs: UnixNanos;
  readonly durationNs: number;
  /** They do not overlap. */
  readonly faults?: readonly TimedFault[];
  /** Events a second that are simulated at most; default: what the demo reports. */
  readonly eventsPerSecond?: number;
}

export class SimulatedFeed implements TelemetryFeed {
  readonly fromUnixNs: UnixNanos;
  readonly toUnixNs: UnixNanos;
  readonly #options: SimulatedFeedOptions;
  readonly #simulation: PipelineSimulation;
  #waiting: EventRow[] = [];
  #newEvents = 0;

  constructor(options: SimulatedFeedOptions) {
    this.#options = options;
    this.fromUnixNs = options.fromUnixNs;
    this.toUnixNs = addNanos(options.fromUnixNs, options.durationNs);
    const sink = {
      add: (event: EventRow) => {
        this.#newEvents++;
        this.#waiting.push(event);
      },
    };
    this.#simulation = new PipelineSimulation(options.spec, options.seed, sink);
  }

  until(nowUnixNs: bigint): CommittedMessage[] {
    const nowNs = Number(nowUnixNs - this.fromUnixNs);
    this.#simulateUntil(nowNs);
    const builder = new EventTableBuilder(this.fromUnixNs, [...this.#simulation.workers]);
    const later: EventRow[] = [];
    const sentNs = nowNs - NS_PER_S;
    for (const event of this.#waiting) {
      if (event.startNs + event.durationNs <= sentNs) builder.add(event);
      else later.push(event);
    }
    this.#waiting = later;
    const table = builder.finish();
    return table.length === 0 ? [] : [committedTable(table)];
  }

  #simulateUntil(nowNs: number): void {
    const simulation = this.#simulation;
    while (simulation.nowNs < nowNs) {
      const startNs = simulation.nowNs;
      this.#newEvents = 0;
      simulation.setFaults(this.#faultsAt(startNs));
      const { completed, endNs } = simulation.run(STEPS_TOGETHER);
      if (!completed) {
        // It stands still until its fault is over, which is looked for at the next second.
        simulation.skipTo(Math.max(nowNs, simulation.nowNs), 0);
        return;
      }
      const stepNs = Math.max(1, (endNs - startNs) / STEPS_TOGETHER);
      const perSecond = (this.#newEvents / STEPS_TOGETHER) * (NS_PER_S / stepNs);
      const limit = this.#options.eventsPerSecond ?? SPANS_PER_SECOND;
      const skipped = STEPS_TOGETHER * (Math.max(1, Math.ceil(perSecond / limit)) - 1);
      if (skipped > 0) simulation.skipTo(endNs + skipped * stepNs, skipped);
    }
  }

  #faultsAt(ns: number): Faults {
    const fault = this.#options.faults?.find(({ fromNs, toNs }) => ns >= fromNs && ns < toNs);
    return fault?.faults ?? NO_FAULTS;
  }
}

/** 2026-01-01T00:00:00Z: simulated time has no date, but must have some. */
export const SIMULATED_START = unixNanos(1_767_225_600_000_000_000n);
