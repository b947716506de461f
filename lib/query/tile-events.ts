/**
 * The events of a timeline's tile as columns: receives cut where their last send starts, and the sends
 * of a rendezvous where their receiver is there.
 *
 *     receive        ├────────────────┤        two rows: wait, transfer
 *     its last send         ├──────────┤
 */
import type { TimelineEventColumns } from '#lib/api/timeline-tile.ts';
import { GrowableFloat64 } from '#lib/base/growable.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { directionOf } from '#lib/model/receives.ts';
import type { WindowNs } from '#lib/model/select-window.ts';
import { ABSENT, Kind } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { compareStages } from '#lib/table/stage-rollup-merge.ts';
import { STREAMS, streamOfKind } from './timeline-bins.ts';

export type EventColumns = Omit<
  TimelineEventColumns,
  'bubbleRow' | 'bubbleStartNs' | 'bubbleDurationNs' | 'bubbleCause' | 'bubbleCulprit'
>;

/** Parts of events: rows of the assembled table with a kind and a time of their own. */
interface Parts {
  readonly row: GrowableFloat64;
  readonly kind: GrowableFloat64;
  readonly startNs: GrowableFloat64;
  readonly endNs: GrowableFloat64;
}

/**
 * Parts that overlap the window, of the workers in `rowOf` (worker -> row of the tile, ascending) and
 * of the rows that are wanted. `cut`: false leaves receives whole.
 */
export class TileEvents {
  readonly #assembled: Assembled;
  readonly #window: WindowNs;
  readonly #parts: Parts = {
    row: new GrowableFloat64(4096),
    kind: new GrowableFloat64(4096),
    startNs: new GrowableFloat64(4096),
    endNs: new GrowableFloat64(4096),
  };

  constructor(
    assembled: Assembled,
    window: WindowNs,
    workers: readonly number[],
    isWanted: (row: number) => boolean,
    cut: boolean,
  ) {
    this.#assembled = assembled;
    this.#window = window;
    for (const worker of workers) this.#addWorker(worker, isWanted, cut);
  }

  get length(): number {
    return this.#parts.row.length;
  }

  /** In no particular order. Times are those of the assembled table. */
  forEach(visit: (row: number, kind: number, startNs: number, endNs: number) => void): void {
    const { row, kind, startNs, endNs } = this.#parts;
    for (let i = 0; i < this.length; i++) {
      visit(row.values[i]!, kind.values[i]!, startNs.values[i]!, endNs.values[i]!);
    }
  }

  /** `rowOf`: by worker. */
  columns(rowOf: ReadonlyMap<number, number>): {
    readonly columns: EventColumns;
    readonly stages: readonly string[];
  } {
    const { events } = this.#assembled;
    const { row: rows, kind: kinds, startNs, endNs } = this.#parts;
    const { length } = this;
    const order = this.#order();
    const used = new Set<number>();
    for (let i = 0; i < length; i++) used.add(events.stage[rows.values[i]!]!);
    const stages = [...used].sort((a, b) =>
      compareStages(events.stageNames[a]!, events.stageNames[b]!),
    );
    const stageAt = new Uint16Array(events.stageNames.length);
    stages.forEach((stage, at) => {
      stageAt[stage] = at;
    });
    const { tokens, bytes } = events.measures;
    const columns: EventColumns = {
      row: new Uint16Array(length),
      stream: new Uint8Array(length),
      startNs: new Float64Array(length),
      durationNs: new Float64Array(length),
      stage: new Uint16Array(length),
      kind: new Uint8Array(length),
      layer: new Int32Array(length),
      microbatch: new Int32Array(length),
      step: new Float64Array(length),
      domain: new Int32Array(length),
      peer: new Int32Array(length),
      tokens: new Float64Array(length),
      bytes: new Float64Array(length),
    };
    for (let at = 0; at < length; at++) {
      const i = order[at]!;
      const row = rows.values[i]!;
      const start = startNs.values[i]!;
      columns.row[at] = rowOf.get(events.worker[row]!)!;
      columns.stream[at] = streamOfKind(kinds.values[i]!);
      columns.startNs[at] = start - this.#window.fromNs;
      columns.durationNs[at] = endNs.values[i]! - start;
      columns.stage[at] = stageAt[events.stage[row]!]!;
      columns.kind[at] = kinds.values[i]!;
      columns.layer[at] = events.layer[row]!;
      columns.microbatch[at] = events.microbatch[row]!;
      columns.step[at] = events.step[row]!;
      columns.domain[at] = events.domain[row]!;
      columns.peer[at] = onlyPeer(events, row);
      columns.tokens[at] = tokens === null ? ABSENT : tokens[row]!;
      columns.bytes[at] = bytes === null ? ABSENT : bytes[row]!;
    }
    return { columns, stages: stages.map((stage) => events.stageNames[stage]!) };
  }

  #addWorker(worker: number, isWanted: (row: number) => boolean, cut: boolean): void {
    const { events, endNs, offsets, transferStartNs } = this.#assembled;
    const { startNs, kind } = events;
    const { fromNs, toNs } = this.#window;
    const cuts = cut ? new ReceiveCuts(this.#assembled, worker) : null;
    for (let row = offsets[worker]!; row < offsets[worker + 1]!; row++) {
      const start = startNs[row]!;
      if (start >= toNs) break;
      const isReceive = kind[row] === Kind.receive;
      // Also of those that are not wanted: the cuts go by all receives of the worker.
      const cutOfReceive = isReceive && cuts !== null ? cuts.of(row) : start;
      const end = endNs[row]!;
      if ((end <= fromNs && start < fromNs) || !isWanted(row)) continue;
      if (isReceive && cuts === null) {
        this.#add(row, Kind.receive, start, end);
        continue;
      }
      const cutNs = isReceive ? cutOfReceive : (transferStartNs?.[row] ?? start);
      const rest = isReceive ? Kind.transfer : kind[row]!;
      if (cutNs > start) this.#add(row, Kind.wait, start, Math.min(cutNs, end));
      if (cutNs < end || cutNs <= start) this.#add(row, rest, Math.max(cutNs, start), end);
    }
  }

  #add(row: number, kind: number, startNs: number, endNs: number): void {
    const { fromNs, toNs } = this.#window;
    if (startNs >= toNs || (endNs <= fromNs && startNs < fromNs)) return;
    const parts = this.#parts;
    parts.row.push(row);
    parts.kind.push(kind);
    parts.startNs.push(startNs);
    parts.endNs.push(endNs);
  }

  /** By worker, stream, start; the rest makes the answer the same wherever events are stored. */
  #order(): Uint32Array {
    const { row, startNs, endNs } = this.#parts;
    const { events } = this.#assembled;
    const rows = row.values;
    const compare = (a: number, b: number): number =>
      startNs.values[a]! - startNs.values[b]! ||
      endNs.values[a]! - endNs.values[b]! ||
      compareRows(events, rows[a]!, rows[b]!);
    const { order, starts } = this.#byStream();
    for (let stream = 0; stream + 1 < starts.length; stream++) {
      sortAlmostSorted(order, starts[stream]!, starts[stream + 1]!, compare);
    }
    return order;
  }

  /** Parts by worker and stream, otherwise as they were added: almost by their start. */
  #byStream(): { readonly order: Uint32Array; readonly starts: Uint32Array } {
    const { row, kind } = this.#parts;
    const { worker, workers } = this.#assembled.events;
    const { length } = this;
    const streamOf = (i: number) =>
      worker[row.values[i]!]! * STREAMS + streamOfKind(kind.values[i]!);
    const starts = new Uint32Array(workers.length * STREAMS + 1);
    for (let i = 0; i < length; i++) {
      const after = streamOf(i) + 1;
      starts[after] = starts[after]! + 1;
    }
    for (let i = 1; i < starts.length; i++) starts[i] = starts[i]! + starts[i - 1]!;
    const next = starts.slice();
    const order = new Uint32Array(length);
    for (let i = 0; i < length; i++) {
      const stream = streamOf(i);
      order[next[stream]!] = i;
      next[stream] = next[stream]! + 1;
    }
    return { order, starts };
  }
}

/** Moves what is out of place within a few places; sorts the rest of the stretch where that is far. */
function sortAlmostSorted(
  order: Uint32Array,
  from: number,
  to: number,
  compare: (a: number, b: number) => number,
): void {
  let movesLeft = 8 * (to - from);
  for (let at = from + 1; at < to; at++) {
    const one = order[at]!;
    let place = at;
    while (place > from && compare(order[place - 1]!, one) > 0) {
      order[place] = order[place - 1]!;
      place--;
      movesLeft--;
    }
    order[place] = one;
    if (movesLeft < 0) {
      order.subarray(from, to).sort(compare);
      return;
    }
  }
}

function compareRows(events: EventTable, a: number, b: number): number {
  for (const name of ['step', 'layer', 'microbatch', 'kind', 'domain', 'peer'] as const) {
    const difference = events[name][a]! - events[name][b]!;
    if (difference !== 0) return difference;
  }
  return compareStages(events.stageNames[events.stage[a]!]!, events.stageNames[events.stage[b]!]!);
}

/** The one peer that an event names, in the scalar or as the only one of its list. */
export function onlyPeer({ peer, lists }: EventTable, row: number): number {
  const named = peer[row]!;
  if (named !== ABSENT || lists.peers === null) return named;
  const from = lists.peers.offsets[row]!;
  return lists.peers.offsets[row + 1]! - from === 1 ? lists.peers.values[from]! : ABSENT;
}

/**
 * Where each receive event of a worker is cut: its logical receive says. They come in the order in
 * which the first events of each come (lib/model/receives.ts).
 */
class ReceiveCuts {
  readonly #assembled: Assembled;
  readonly #role: string;
  readonly #receiveOf = new Map<number, number>();
  #next: number;

  constructor(assembled: Assembled, worker: number) {
    this.#assembled = assembled;
    this.#role = assembled.events.workers[worker]!.role;
    this.#next = assembled.receives.offsets[worker]!;
  }

  /** Ask about every receive event of the worker, in their order. */
  of(row: number): number {
    const { events, keyOf, receives } = this.#assembled;
    const key = keyOf[row]!;
    if (key < 0) return receives.cutNs[this.#next++]!;
    const slot = key * 3 + directionOf(events.stage[row]!, this.#role);
    let receive = this.#receiveOf.get(slot);
    if (receive === undefined) {
      receive = this.#next++;
      this.#receiveOf.set(slot, receive);
    }
    return receives.cutNs[receive]!;
  }
}
