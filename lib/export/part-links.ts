/**
 * What the events of a part have to do with each other: where receives are cut into wait and transfer,
 * and which slices a flow goes through.
 *
 *     request   a2f_send (last to come) ─▶ a2f_recv ─▶ expert ─▶ f2a_send      of the FFN worker
 *     reply     f2a_send (last to come) ─▶ f2a_recv                            of the attention worker
 */
import { nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import { assemble } from '#lib/model/assemble.ts';
import { type Assembled, Direction } from '#lib/model/assembled.ts';
import { directionOf } from '#lib/model/receives.ts';
import { ABSENT, Kind, Stage } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { workerId } from '#lib/table/worker-info.ts';
import type { ExportPart, RowChoice } from './export-part.ts';

/** One stop of a flow: the slice that starts then, or, of a receive, ends then. */
export interface FlowStop {
  readonly flow: Flow;
  readonly index: number;
  readonly atNs: number;
}

interface Stop {
  readonly worker: number;
  readonly role: number;
  readonly stage: number;
  readonly startNs: number;
  readonly endNs: number;
}

export interface Flow {
  /** The same in every part that sees the flow. */
  readonly name: string;
  readonly kind: 'request' | 'reply';
  /** How many slices it goes through. */
  readonly stops: number;
}

/** Which stop of a way a slice may be. */
const Role = { send: 0, receive: 1, compute: 2 } as const;
const ROLES = 3;

export class PartLinks {
  readonly assembled: Assembled;
  /** Of the export's base against the assembled one. */
  readonly #shiftNs: number;
  readonly #worker: ReadonlyMap<string, number>;
  readonly #stepRow = new Map<number, Map<number, number>>();
  readonly #keyAt: ReadonlyMap<number, number>;
  readonly #receiveAt = new Map<number, number>();
  readonly #stops = new Map<number, FlowStop[]>();
  /** Starts of rendezvous sends -> where their transfers begin. */
  readonly #readyAt = new Map<string, number>();

  readonly #isWritten: (stop: Stop) => boolean;

  /** Flows are told of events of `choice` only, so that none hangs in the air. */
  constructor(part: ExportPart, baseUnixNs: UnixNanos, choice: RowChoice) {
    const assembled = assemble(part.aligned, part.deployment);
    this.assembled = assembled;
    this.#isWritten = stopFilter(assembled, part, choice);
    this.#shiftNs = nanosBetween(baseUnixNs, assembled.events.baseUnixNs);
    this.#worker = new Map(assembled.events.workers.map((worker, w) => [workerId(worker), w]));
    const { steps, keys, receives } = assembled;
    for (let s = 0; s < steps.length; s++) {
      const domain = steps.domain[s]!;
      const rows = this.#stepRow.get(domain) ?? new Map<number, number>();
      // A step that was run again is the later one: its rows are few and their links are the newest.
      this.#stepRow.set(domain, rows.set(steps.step[s]!, s));
    }
    const keyAt = new Map<number, number>();
    for (let k = 0; k < keys.length; k++) {
      keyAt.set(this.#place(keys.step[k]!, keys.layer[k]!, keys.microbatch[k]!), k);
    }
    this.#keyAt = keyAt;
    for (let r = 0; r < receives.length; r++) {
      const key = receives.key[r]!;
      if (key < 0) continue;
      this.#receiveAt.set(this.#receivePlace(key, receives.worker[r]!, receives.direction[r]!), r);
    }
    this.#findFlows();
    this.#findReady();
  }

  /** The key of a row, -1 where it has none. */
  keyOf(table: EventTable, row: number): number {
    const step = table.step[row]!;
    if (step === ABSENT) return -1;
    const stepRow = this.#stepRow.get(table.domain[row]!)?.get(step);
    if (stepRow === undefined) return -1;
    return this.#keyAt.get(this.#place(stepRow, table.layer[row]!, table.microbatch[row]!)) ?? -1;
  }

  /** The logical receive that the row is of; -1: none. */
  receiveOf(table: EventTable, row: number, key: number, startNs: number): number {
    if (table.kind[row] !== Kind.receive) return -1;
    const info = table.workers[table.worker[row]!]!;
    const worker = this.#worker.get(workerId(info));
    if (worker === undefined) return -1;
    if (key < 0) return this.#receiveWithoutKey(worker, startNs);
    const direction = directionOf(table.stage[row]!, info.role);
    return this.#receiveAt.get(this.#receivePlace(key, worker, direction)) ?? -1;
  }

  /** Where a receive turns from waiting to transfer, after the export's base. */
  cutOf(receive: number): number {
    return this.assembled.receives.cutNs[receive]! + this.#shiftNs;
  }

  /** Where a send turns from waiting for its receiver to transfer; null: it does not wait. */
  readyNs(table: EventTable, row: number, key: number, startNs: number): number | null {
    if (this.#readyAt.size === 0 || table.kind[row] !== Kind.transfer) return null;
    const worker = this.#worker.get(workerId(table.workers[table.worker[row]!]!));
    return this.#readyAt.get(`${worker}/${key}/${startNs}`) ?? null;
  }

  /** The stops of flows that the row is: each is handed out once. */
  takeStops(table: EventTable, row: number, key: number, startNs: number): readonly FlowStop[] {
    if (key < 0 || this.#stops.size === 0) return NONE;
    const role = roleOf(table, row);
    if (role < 0) return NONE;
    const worker = this.#worker.get(workerId(table.workers[table.worker[row]!]!));
    if (worker === undefined) return NONE;
    const place = this.#stopPlace(key, worker, role);
    const found = this.#stops.get(place);
    if (found === undefined) return NONE;
    const atNs = role === Role.receive ? startNs + table.durationNs[row]! : startNs;
    const taken = found.filter((stop) => stop.atNs === atNs);
    if (taken.length === 0) return NONE;
    const left = found.filter((stop) => stop.atNs !== atNs);
    if (left.length === 0) this.#stops.delete(place);
    else this.#stops.set(place, left);
    return taken;
  }

  #receiveWithoutKey(worker: number, startNs: number): number {
    const { receives } = this.assembled;
    for (let r = receives.offsets[worker]!; r < receives.offsets[worker + 1]!; r++) {
      if (receives.key[r] === -1 && receives.startNs[r]! + this.#shiftNs === startNs) return r;
    }
    return -1;
  }

  #place(stepRow: number, layer: number, microbatch: number): number {
    const { layers, microbatches } = this.assembled;
    return (stepRow * (layers + 1) + layer + 1) * (microbatches + 1) + microbatch + 1;
  }

  #receivePlace(key: number, worker: number, direction: number): number {
    return (key * this.#worker.size + worker) * 3 + direction;
  }

  #stopPlace(key: number, worker: number, role: number): number {
    return (key * this.#worker.size + worker) * ROLES + role;
  }

  #findFlows(): void {
    const { receives, events, keyOf, offsets } = this.assembled;
    const expertAt = new Map<number, number>();
    const replyAt = new Map<number, number>();
    for (let w = 0; w < events.workers.length; w++) {
      if (events.workers[w]!.role !== 'ffn') continue;
      for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
        const stage = events.stage[row]!;
        const at = stage === Stage.expert ? expertAt : stage === Stage.f2a_send ? replyAt : null;
        if (at === null || keyOf[row]! < 0) continue;
        const place = keyOf[row]! * this.#worker.size + w;
        if (!at.has(place)) at.set(place, row);
      }
    }
    for (let r = 0; r < receives.length; r++) {
      const send = receives.lastSend[r]!;
      const key = receives.key[r]!;
      if (send < 0 || key < 0) continue;
      const place = key * this.#worker.size + receives.worker[r]!;
      const isRequest = receives.direction[r] === Direction.a2f;
      const stops = [this.#rowStop(send, Role.send), this.#receiveStop(r)];
      if (isRequest) {
        const expert = expertAt.get(place);
        const reply = replyAt.get(place);
        if (expert !== undefined) stops.push(this.#rowStop(expert, Role.compute));
        if (reply !== undefined) stops.push(this.#rowStop(reply, Role.send));
      }
      this.#addFlow(r, isRequest ? 'request' : 'reply', stops);
    }
  }

  #rowStop(row: number, role: number): Stop {
    const { events, endNs } = this.assembled;
    return {
      worker: events.worker[row]!,
      role,
      stage: events.stage[row]!,
      startNs: events.startNs[row]!,
      endNs: endNs[row]!,
    };
  }

  #receiveStop(receive: number): Stop {
    const { receives } = this.assembled;
    return {
      worker: receives.worker[receive]!,
      role: Role.receive,
      stage: receives.stage[receive]!,
      startNs: receives.startNs[receive]!,
      endNs: receives.endNs[receive]!,
    };
  }

  /** What comes before its send has come, as clocks that disagree have it, is no stop. */
  #addFlow(receive: number, kind: Flow['kind'], found: readonly Stop[]): void {
    const { receives, keys, steps, events } = this.assembled;
    const [send, received] = found;
    if (send === undefined || received === undefined || !this.#isWritten(send)) return;
    if (!this.#isWritten(received) || received.endNs - 1 <= send.startNs) return;
    const later = found.slice(2).filter((stop) => {
      return stop.startNs > send.startNs && this.#isWritten(stop);
    });
    const stops = [send, received, ...later];
    const key = receives.key[receive]!;
    const step = keys.step[key]!;
    const name = [
      kind,
      steps.domain[step],
      steps.step[step],
      keys.layer[key],
      keys.microbatch[key],
      workerId(events.workers[receives.worker[receive]!]!),
      // A step that was run again has the same numbers.
      send.startNs + this.#shiftNs,
    ].join(' ');
    const flow: Flow = { name, kind, stops: stops.length };
    for (const [index, { worker, role, startNs, endNs }] of stops.entries()) {
      const place = this.#stopPlace(key, worker, role);
      const known = this.#stops.get(place) ?? [];
      const atNs = role === Role.receive ? endNs : startNs;
      known.push({ flow, index, atNs: atNs + this.#shiftNs });
      this.#stops.set(place, known);
    }
  }

  #findReady(): void {
    const { transferStartNs, events, keyOf } = this.assembled;
    if (transferStartNs === null) return;
    for (let row = 0; row < events.length; row++) {
      if (transferStartNs[row]! <= events.startNs[row]!) continue;
      const start = events.startNs[row]! + this.#shiftNs;
      const place = `${events.worker[row]}/${keyOf[row]}/${start}`;
      this.#readyAt.set(place, transferStartNs[row]! + this.#shiftNs);
    }
  }
}

const NONE: readonly FlowStop[] = [];

function stopFilter(
  { events }: Assembled,
  { window }: ExportPart,
  { workers, stages }: RowChoice,
): (stop: Stop) => boolean {
  const after = (instant: UnixNanos | undefined, open: number): number =>
    instant === undefined ? open : nanosBetween(events.baseUnixNs, instant);
  const fromNs = after(window?.fromUnixNs, Number.NEGATIVE_INFINITY);
  const toNs = after(window?.toUnixNs, Number.POSITIVE_INFINITY);
  return ({ worker, role, stage, startNs, endNs }) =>
    (workers?.has(workerId(events.workers[worker]!)) ?? true) &&
    (stages?.has(events.stageNames[stage]!) ?? true) &&
    endNs > fromNs &&
    // Which event of a receive ends it is not known here: it may start behind the window.
    (role === Role.receive ? endNs <= toNs : startNs < toNs);
}

function roleOf(table: EventTable, row: number): number {
  const kind = table.kind[row];
  if (kind === Kind.receive) return Role.receive;
  // Streams of the host are stacks, in which a flow would not know its slice.
  if (kind === Kind.host) return -1;
  const stage = table.stage[row];
  if (stage === Stage.a2f_send || stage === Stage.f2a_send) return Role.send;
  return stage === Stage.expert ? Role.compute : -1;
}
