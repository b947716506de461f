/**
 * What every simulated event had to wait for, as the simulation itself decided it: the ground truth
 * for whoever reconstructs it from events.
 *
 *     compute   after what made its micro-batch ready, and the worker's compute before it
 *     send      after the compute whose result it carries, and the link's send before it
 *     receive   starts after the worker's own send or receive, ends after the sends that it awaits
 *     host      after the worker's last compute, of the step before
 *
 * Without a recorder the simulation keeps none of this.
 */
import { ABSENT, Kind } from '#lib/table/codes.ts';
import type { EventRow } from '#lib/table/event-table-builder.ts';
import type { PipelineState } from './pipeline-state.ts';

/** Events are numbered from 0 in the order of the sink's calls. */
export interface EventDependencies {
  /** As it happened, also where what is reported of it is skewed or lost. */
  readonly event: EventRow;
  readonly startsAfter: readonly number[];
  /** The sends whose data a receive awaited. */
  readonly endsAfter: readonly number[];
  /** The one of both that ended as the event started (of a receive: ended); -1: none. */
  readonly binding: number;
}

export interface DependencySink {
  add(dependencies: EventDependencies): void;
}

interface Causes {
  readonly startsAfter: readonly number[];
  readonly binding: number;
}

const NOTHING: Causes = { startsAfter: [], binding: -1 };

export class DependencyRecorder {
  readonly #state: PipelineState;
  readonly #sink: DependencySink;
  #count = 0;
  /** By worker: its last compute, as a rule, and the send of its link that ends last. */
  readonly #lastCompute: Int32Array;
  readonly #link: { event: number; endNs: number }[];
  /** By worker and slot: what made the micro-batch ready, what is to be sent, what was sent. */
  readonly #readyBy: Int32Array;
  readonly #resultOf: Int32Array;
  readonly #sent: { event: number; peer: number; endNs: number }[][];
  /** By receiver and slot: sends that arrived, in this order. */
  readonly #arrived: { event: number; rank: number }[][];
  /** By worker and domain: the receive that ended last. */
  readonly #lastReceive: Int32Array;
  /** Of the event to come. */
  #next: Causes = NOTHING;
  #endsAfter: readonly { event: number; rank: number }[] = [];

  constructor(state: PipelineState, sink: DependencySink) {
    const workers = state.attention.length + state.ffn.length;
    const { domains, microbatches } = state.spec;
    const places = workers * domains * microbatches;
    this.#state = state;
    this.#sink = sink;
    this.#lastCompute = new Int32Array(workers).fill(-1);
    this.#link = Array.from({ length: workers }, () => ({ event: -1, endNs: 0 }));
    this.#readyBy = new Int32Array(places).fill(-1);
    this.#resultOf = new Int32Array(places).fill(-1);
    this.#sent = Array.from({ length: places }, () => []);
    this.#arrived = Array.from({ length: places }, () => []);
    this.#lastReceive = new Int32Array(workers * domains).fill(-1);
  }

  /** A step starts; its host event comes next, if it has one. */
  stepStarts(worker: number): void {
    this.#next = after(this.#lastCompute[worker]!);
  }

  /** The micro-batch can be computed after this event: where none is given, the last compute. */
  ready(worker: number, slot: number, event: number = this.#lastCompute[worker]!): void {
    this.#readyBy[this.#place(worker, slot)] = event;
  }

  /** A job starts: as soon as its data is there, or the worker is free, or no longer hangs. */
  jobStarts(worker: number, slot: number, by: 'data' | 'worker' | 'wake'): void {
    const last = this.#lastCompute[worker]!;
    const data = slot < 0 ? last : this.#readyBy[this.#place(worker, slot)]!;
    const binding = { data, worker: last, wake: -1 }[by];
    this.#next = { startsAfter: known([data, last]), binding };
    // A job whose stages all take no time writes nothing, and what comes after waited for this.
    if (binding >= 0) this.#lastCompute[worker] = binding;
  }

  /** What the worker has just computed is to be sent. */
  sendable(worker: number, slot: number): void {
    this.#resultOf[this.#place(worker, slot)] = this.#lastCompute[worker]!;
  }

  /** The sends of a micro-batch come next. */
  sendStarts(worker: number, slot: number, byLink: boolean): void {
    const result = this.#resultOf[this.#place(worker, slot)]!;
    const link = this.#link[worker]!.event;
    this.#sent[this.#place(worker, slot)] = [];
    this.#next = { startsAfter: known([result, link]), binding: byLink ? link : result };
  }

  /** `peer`: index of the receiver; -1: all. */
  arrived(sender: number, receiver: number, slot: number, peer: number): void {
    const rank = this.#state.worker(receiver).rank;
    const sends = this.#sent[this.#place(sender, slot)]!;
    const send = sends.find((one) => peer < 0 || one.peer === rank)!;
    const own = this.#arrived[this.#place(receiver, slot)]!;
    own.push({ event: send.event, rank: this.#state.worker(sender).rank });
  }

  /** The receives of a micro-batch come next: one from all, or one from each peer. */
  receives(worker: number, slot: number): void {
    const place = this.#place(worker, slot);
    this.#endsAfter = this.#arrived[place]!;
    this.#arrived[place] = [];
    const posted = this.#state.isAttention(this.#state.worker(worker))
      ? latest(this.#sent[place]!)
      : this.#lastReceive[this.#domainPlace(worker, slot)]!;
    this.#next = after(posted);
  }

  /** All receives of the micro-batch are written: the one from the last peer made it ready. */
  received(worker: number, slot: number): void {
    this.#lastReceive[this.#domainPlace(worker, slot)] = this.#readyBy[this.#place(worker, slot)]!;
    this.#endsAfter = [];
  }

  /** An event is written; `slot` as in `PipelineState`, below 0 where it has none. */
  written(event: EventRow, slot: number): void {
    const number = this.#count++;
    const { startsAfter, binding } = this.#next;
    switch (event.kind) {
      case Kind.compute:
        this.#sink.add({ event, startsAfter, endsAfter: [], binding });
        this.#lastCompute[event.worker] = number;
        this.#next = after(number);
        break;
      case Kind.transfer:
        this.#sink.add({ event, startsAfter, endsAfter: [], binding });
        this.#writtenSend(event, slot, number);
        break;
      case Kind.receive:
        this.#writtenReceive(event, slot, number);
        break;
      default:
        this.#sink.add({ event, startsAfter, endsAfter: [], binding });
        this.#hostOf(event, number);
    }
  }

  #writtenSend(event: EventRow, slot: number, number: number): void {
    const endNs = event.startNs + event.durationNs;
    const peer = event.peer ?? ABSENT;
    this.#sent[this.#place(event.worker, slot)]!.push({ event: number, peer, endNs });
    const link = this.#link[event.worker]!;
    if (endNs <= link.endNs) return;
    link.event = number;
    link.endNs = endNs;
  }

  #writtenReceive(event: EventRow, slot: number, number: number): void {
    const fromAll = (event.peer ?? ABSENT) === ABSENT;
    const sends = fromAll
      ? this.#endsAfter
      : this.#endsAfter.filter((send) => send.rank === event.peer);
    const last = this.#endsAfter[this.#endsAfter.length - 1]!;
    this.#sink.add({
      event,
      startsAfter: this.#next.startsAfter,
      endsAfter: sends.map((send) => send.event),
      binding: sends[sends.length - 1]!.event,
    });
    if (fromAll || event.peer === last.rank) {
      this.#readyBy[this.#place(event.worker, slot)] = number;
    }
  }

  /** Host time before a step holds up all micro-batches of the worker. */
  #hostOf(event: EventRow, number: number): void {
    const { domain } = this.#state.worker(event.worker);
    const { microbatches } = this.#state.spec;
    for (let slot = domain * microbatches; slot < (domain + 1) * microbatches; slot++) {
      this.ready(event.worker, slot, number);
    }
  }

  #place(worker: number, slot: number): number {
    const { domains, microbatches } = this.#state.spec;
    return worker * domains * microbatches + slot;
  }

  #domainPlace(worker: number, slot: number): number {
    return worker * this.#state.spec.domains + this.#state.domainOfSlot(slot);
  }
}

function after(event: number): Causes {
  return event < 0 ? NOTHING : { startsAfter: [event], binding: event };
}

/** Without -1 and without repeats. */
function known(events: readonly number[]): number[] {
  return [...new Set(events)].filter((event) => event >= 0);
}

function latest(sends: readonly { readonly event: number; readonly endNs: number }[]): number {
  let last = -1;
  let lastNs = Number.NEGATIVE_INFINITY;
  for (const { event, endNs } of sends) {
    if (endNs <= lastNs) continue;
    last = event;
    lastNs = endNs;
  }
  return last;
}
