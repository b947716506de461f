/** The interval sets of one worker that every activity figure is made of. */
import type { Intervals } from '#lib/base/intervals.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { Kind } from '#lib/table/codes.ts';
import { IntervalCollector, mergeSets } from './interval-collector.ts';
import type { WorkerPresence } from './observed.ts';

/** Bits of the masks; the sets below come in this order. */
export const Bit = {
  compute: 1,
  transfer: 2,
  wait: 4,
  copy: 8,
  host: 16,
  /** Whole communication events: transfers, and receives as they were sent, unsplit. */
  communication: 32,
  /** Logical receives, unsplit. */
  receive: 64,
  observed: 128,
  active: 256,
} as const;

/** Unions per kind with receives split, unclipped. */
export class WorkerSets {
  readonly #assembled: Assembled;
  readonly #byKind = Array.from({ length: 6 }, () => new IntervalCollector());
  readonly #communication = new IntervalCollector();
  readonly #waits = new IntervalCollector();
  readonly #transfers = new IntervalCollector();

  constructor(assembled: Assembled) {
    this.#assembled = assembled;
  }

  of(worker: number, presence: WorkerPresence): Intervals[] {
    this.#addEvents(worker);
    this.#addReceives(worker);
    const [compute, transfer, wait, receive, copy, host] = this.#byKind;
    return [
      compute!.take(),
      mergeSets(transfer!.take(), this.#transfers.take()),
      mergeSets(wait!.take(), this.#waits.take()),
      copy!.take(),
      host!.take(),
      this.#communication.take(),
      receive!.take(),
      presence.observed,
      presence.active,
    ];
  }

  #addEvents(worker: number): void {
    const { events, endNs, offsets, transferStartNs } = this.#assembled;
    const { startNs, kind } = events;
    for (let row = offsets[worker]!; row < offsets[worker + 1]!; row++) {
      const code = kind[row]!;
      const start = startNs[row]!;
      const end = endNs[row]!;
      if (code === Kind.receive) {
        this.#communication.add(start, end);
      } else if (code === Kind.transfer) {
        const transferStart = transferStartNs === null ? start : transferStartNs[row]!;
        this.#byKind[Kind.wait]!.add(start, transferStart);
        this.#byKind[Kind.transfer]!.add(transferStart, end);
        this.#communication.add(start, end);
      } else {
        this.#byKind[code]!.add(start, end);
      }
    }
  }

  #addReceives(worker: number): void {
    const { receives } = this.#assembled;
    for (let r = receives.offsets[worker]!; r < receives.offsets[worker + 1]!; r++) {
      this.#waits.add(receives.startNs[r]!, receives.cutNs[r]!);
      this.#transfers.add(receives.cutNs[r]!, receives.endNs[r]!);
      this.#byKind[Kind.receive]!.add(receives.startNs[r]!, receives.endNs[r]!);
    }
  }
}
