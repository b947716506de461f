/**
 * Between what happens and what is reported: clocks that are off and spans that get lost. Neither
 * changes the simulation itself.
 */
import type { Random } from '#lib/base/random.ts';
import type { EventRow } from '#lib/table/event-table-builder.ts';
import { type WorkerInfo, workerId } from '#lib/table/worker-info.ts';
import type { Faults } from './faults.ts';
import type { PipelineSink } from './sink.ts';

export class Reporting {
  readonly #workers: readonly WorkerInfo[];
  readonly #sink: PipelineSink;
  readonly #random: Random;
  readonly #offsetNs: Float64Array;
  readonly #drift: Float64Array;
  #lostRatio = 0;

  constructor(workers: readonly WorkerInfo[], sink: PipelineSink, random: Random) {
    this.#workers = workers;
    this.#sink = sink;
    this.#random = random;
    this.#offsetNs = new Float64Array(workers.length);
    this.#drift = new Float64Array(workers.length);
  }

  setFaults(faults: Faults): void {
    this.#lostRatio = faults.lostSpansRatio ?? 0;
    this.#offsetNs.fill(0);
    this.#drift.fill(0);
    for (const { target, offsetNs, driftPpm = 0 } of faults.clockOffset ?? []) {
      this.#workers.forEach((worker, i) => {
        if (worker.host === target || workerId(worker) === target) {
          this.#offsetNs[i] = this.#offsetNs[i]! + Math.round(offsetNs);
          this.#drift[i] = this.#drift[i]! + driftPpm * 1e-6;
        }
      });
    }
  }

  add(event: EventRow): void {
    if (this.#lostRatio > 0 && this.#random.uniform() < this.#lostRatio) return;
    const offsetNs = this.#offsetNs[event.worker]!;
    const drift = this.#drift[event.worker]!;
    if (offsetNs === 0 && drift === 0) {
      this.#sink.add(event);
      return;
    }
    const endNs = event.startNs + event.durationNs;
    const startNs = event.startNs + offsetNs + Math.round(event.startNs * drift);
    const reportedEndNs = endNs + offsetNs + Math.round(endNs * drift);
    this.#sink.add({ ...event, startNs, durationNs: reportedEndNs - startNs });
  }
}
