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
  #lostRatio = 0;

  constructor(workers: readonly WorkerInfo[], sink: PipelineSink, random: Random) {
    this.#workers = workers;
    this.#sink = sink;
    this.#random = random;
    this.#offsetNs = new Float64Array(workers.length);
  }

  setFaults(faults: Faults): void {
    this.#lostRatio = faults.lostSpansRatio ?? 0;
    this.#offsetNs.fill(0);
    for (const { target, offsetNs } of faults.clockOffset ?? []) {
      this.#workers.forEach((worker, i) => {
        if (worker.host === target || workerId(worker) === target) {
          this.#offsetNs[i] = this.#offsetNs[i]! + Math.round(offsetNs);
        }
      });
    }
  }

  add(event: EventRow): void {
    if (this.#lostRatio > 0 && this.#random.uniform() < this.#lostRatio) return;
    const offsetNs = this.#offsetNs[event.worker]!;
    this.#sink.add(offsetNs === 0 ? event : { ...event, startNs: event.startNs + offsetNs });
  }
}
