/** The network between the sides: sends, their arrivals, and the receives that wait for them. */
import { ABSENT, Kind, Stage } from '#lib/table/codes.ts';
import { Action } from './actions.ts';
import type { DependencyRecorder } from './dependency-recorder.ts';
import type { EventQueue, QueuedEvent } from './event-queue.ts';
import type { EventWriter } from './event-writer.ts';
import type { PipelineState, WorkerState } from './pipeline-state.ts';
import type { Workload } from './workload.ts';

export class Transfers {
  readonly #state: PipelineState;
  readonly #queue: EventQueue;
  readonly #workload: Workload;
  readonly #writer: EventWriter;
  readonly #recorder: DependencyRecorder | null;

  constructor(
    state: PipelineState,
    queue: EventQueue,
    workload: Workload,
    writer: EventWriter,
    recorder: DependencyRecorder | null,
  ) {
    this.#state = state;
    this.#queue = queue;
    this.#workload = workload;
    this.#writer = writer;
    this.#recorder = recorder;
  }

  /** The result of a micro-batch is there: it is sent as soon as the worker's link is free. */
  send(worker: WorkerState, slot: number, layer: number, timeNs: number): void {
    const { spec } = this.#state;
    const toFfn = this.#state.isAttention(worker);
    const peers = this.#state.peersOf(worker, slot);
    const startNs = Math.max(timeNs, worker.linkFreeNs);
    const stage = toFfn ? Stage.a2f_send : Stage.f2a_send;
    const meanNs = toFfn ? spec.a2fNs : spec.f2aNs;
    const perPeer = spec.sends === 'per-peer';
    let lastEndNs = startNs;
    this.#recorder?.sendStarts(worker.index, slot, worker.linkFreeNs > timeNs);
    for (const peer of perPeer ? peers : [null]) {
      const durationNs = this.#writer.transferNs(meanNs);
      const tokens = spec.requests * (perPeer || toFfn ? 1 : peers.length);
      const bytes = toFfn
        ? this.#workload.a2fBytes(tokens, perPeer ? 1 : peers.length)
        : this.#workload.f2aBytes(tokens);
      const rank = peer === null ? ABSENT : peer.rank;
      const measures = { tokens, bytes };
      this.#writer.emit(
        worker,
        stage,
        Kind.transfer,
        startNs,
        durationNs,
        slot,
        layer,
        rank,
        measures,
      );
      const endNs = startNs + durationNs;
      const target = peer === null ? -1 : peer.index;
      this.#queue.push(endNs, Action.arrived, worker.index, slot, layer, target);
      lastEndNs = Math.max(lastEndNs, endNs);
    }
    worker.linkFreeNs = lastEndNs;
    if (toFfn) worker.postedNs[slot] = lastEndNs;
  }

  /** A transfer of `sender` ended. */
  arrived(sender: WorkerState, event: QueuedEvent): void {
    const { slot } = event;
    for (const receiver of this.#state.peersOf(sender, slot)) {
      if (event.peer >= 0 && event.peer !== receiver.index) continue;
      this.#recorder?.arrived(sender.index, receiver.index, slot, event.peer);
      const count = receiver.arrivedCount[slot]! + 1;
      if (event.peer >= 0) receiver.arrivedNs[slot]![sender.rank] = event.timeNs;
      const awaited = this.#state.peersOf(receiver, slot).length;
      receiver.arrivedCount[slot] = count === awaited ? 0 : count;
      if (count === awaited) this.#received(receiver, slot, event.layer, event.timeNs);
    }
  }

  /** The last peer's data is there: the receive ends, and the micro-batch is ready. */
  #received(worker: WorkerState, slot: number, layer: number, timeNs: number): void {
    const { spec } = this.#state;
    const onAttention = this.#state.isAttention(worker);
    const domain = this.#state.domainOfSlot(slot);
    const senders = this.#state.peersOf(worker, slot);
    const stage = onAttention ? Stage.f2a_recv : Stage.a2f_recv;
    let startNs = worker.postedNs[slot]!;
    if (!onAttention) {
      const stepStartNs = this.#state.stepStartNs[domain]!.get(this.#state.stepOf(domain))!;
      startNs = Math.max(worker.lastReceiveNs[domain]!, stepStartNs);
      worker.lastReceiveNs[domain] = timeNs;
    }
    const receive = (rank: number, endNs: number, count: number): void => {
      const tokens = spec.requests * count;
      const bytes = onAttention
        ? this.#workload.f2aBytes(tokens)
        : this.#workload.a2fBytes(tokens, 1);
      const measures = { tokens, bytes };
      const lengthNs = Math.max(0, endNs - startNs);
      this.#writer.emit(
        worker,
        stage,
        Kind.receive,
        startNs,
        lengthNs,
        slot,
        layer,
        rank,
        measures,
      );
    };
    this.#recorder?.receives(worker.index, slot);
    if (spec.sends === 'all') receive(ABSENT, timeNs, senders.length);
    else for (const peer of senders) receive(peer.rank, worker.arrivedNs[slot]![peer.rank]!, 1);
    this.#recorder?.received(worker.index, slot);
    const next = onAttention ? layer + 1 : layer;
    this.#queue.push(timeNs, Action.ready, worker.index, slot, next);
  }
}
