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
import type { ExportPart } from './export-part.ts';

/** One stop of a flow: a slice of a worker with this stage and key that starts, or ends, then. */
export interface FlowStop {
  readonly flow: Flow;
  readonly index: number;
  readonly atNs: number;
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
  readonly #assembled: Assembled;
  /** Of the export's base against the assembled one. */
  readonly #shiftNs: number;
  readonly #worker: ReadonlyMap<string, number>;
  readonly #stepRow = new Map<number, Map<number, number>>();
  readonly #keyAt: ReadonlyMap<number, number>;
  readonly #receiveAt = new Map<number, number>();
  readonly #stops = new Map<number, FlowStop[]>();
  /** Starts of rendezvous sends -> where their transfers begin. */
  readonly #readyAt = new Map<string, number>();

  constructor(part: ExportPart, baseUnixNs: UnixNanos) {
    const assembled = assemble(part.aligned, part.deployment);
    this.#assembled = assembled;
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

  /**
   * Where the row's time turns from waiting to transfer, after the export's base: receives, and sends
   * of rendezvous senders. null: it does not.
   */
  cutNs(table: EventTable, row: number, key: number, startNs: number): number | null {
    const info = table.workers[table.worker[row]!]!;
    const worker = this.#worker.get(workerId(info))!;
    if (table.kind[row] === Kind.transfer) {
      if (this.#readyAt.size === 0) return null;
      return this.#readyAt.get(`${worker}/${key}/${startNs}`) ?? null;
    }
    if (table.kind[row] !== Kind.receive) return null;
    const direction = directionOf(table.stage[row]!, info.role);
    const receive =
      key < 0
        ? this.#receiveWithoutKey(worker, startNs)
        : (this.#receiveAt.get(this.#receivePlace(key, worker, direction)) ?? -1);
    return receive < 0 ? null : this.#assembled.receives.cutNs[receive]! + this.#shiftNs;
  }

  /** The stops of flows that the row is: each is handed out once. */
  takeStops(table: EventTable, row: number, key: number, startNs: number): readonly FlowStop[] {
    if (key < 0 || this.#stops.size === 0) return NONE;
    const role = roleOf(table, row);
    if (role < 0) return NONE;
    const worker = this.#worker.get(workerId(table.workers[table.worker[row]!]!))!;
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
    const { receives } = this.#assembled;
    for (let r = receives.offsets[worker]!; r < receives.offsets[worker + 1]!; r++) {
      if (receives.key[r] === -1 && receives.startNs[r]! + this.#shiftNs === startNs) return r;
    }
    return -1;
  }

  #place(stepRow: number, layer: number, microbatch: number): number {
    const { layers, microbatches } = this.#assembled;
    return (stepRow * (layers + 1) + layer + 1) * (microbatches + 1) + microbatch + 1;
  }

  #receivePlace(key: number, worker: number, direction: number): number {
    return (key * this.#worker.size + worker) * 3 + direction;
  }

  #stopPlace(key: number, worker: number, role: number): number {
    return (key * this.#worker.size + worker) * ROLES + role;
  }

  #findFlows(): void {
    const { receives, events, keyOf, offsets } = this.#assembled;
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
      const worker = receives.worker[r]!;
      const place = key * this.#worker.size + worker;
      const isRequest = receives.direction[r] === Direction.a2f;
      const stops: [worker: number, role: number, atNs: number][] = [
        [events.worker[send]!, Role.send, events.startNs[send]!],
        [worker, Role.receive, receives.endNs[r]!],
      ];
      if (isRequest) {
        const expert = expertAt.get(place);
        const reply = replyAt.get(place);
        if (expert !== undefined) stops.push([worker, Role.compute, events.startNs[expert]!]);
        if (reply !== undefined) stops.push([worker, Role.send, events.startNs[reply]!]);
      }
      this.#addFlow(r, isRequest ? 'request' : 'reply', stops);
    }
  }

  #addFlow(
    receive: number,
    kind: Flow['kind'],
    stops: readonly (readonly [worker: number, role: number, atNs: number])[],
  ): void {
    const { receives, keys, steps, events } = this.#assembled;
    const key = receives.key[receive]!;
    const step = keys.step[key]!;
    const name = [
      kind,
      steps.domain[step],
      steps.step[step],
      keys.layer[key],
      keys.microbatch[key],
      workerId(events.workers[receives.worker[receive]!]!),
    ].join(' ');
    const flow: Flow = { name, kind, stops: stops.length };
    for (const [index, [worker, role, atNs]] of stops.entries()) {
      const place = this.#stopPlace(key, worker, role);
      const known = this.#stops.get(place) ?? [];
      known.push({ flow, index, atNs: atNs + this.#shiftNs });
      this.#stops.set(place, known);
    }
  }

  #findReady(): void {
    const { transferStartNs, events, keyOf } = this.#assembled;
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

function roleOf(table: EventTable, row: number): number {
  const kind = table.kind[row];
  if (kind === Kind.receive) return Role.receive;
  const stage = table.stage[row];
  if (stage === Stage.a2f_send || stage === Stage.f2a_send) return Role.send;
  return stage === Stage.expert ? Role.compute : -1;
}
