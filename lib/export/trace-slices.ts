/**
 * The events of a part as slices on tracks, for formats of trace viewers. Receives are cut where the
 * last send that they await starts, sends of rendezvous senders where their receiver is there: before
 * it is `wait`, after it `transfer`. Every event becomes one slice or two, none is left out.
 */
import { addNanos, nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import { KINDS, Kind } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { sortByStart } from '#lib/table/event-tables.ts';
import { type BubbleSegment, bubbleCauses } from './bubble-causes.ts';
import { type ExportPart, ownRows, type RowChoice } from './export-part.ts';
import { type Flow, type FlowStop, PartLinks } from './part-links.ts';
import {
  type Process,
  STREAMS,
  type Stream,
  type Track,
  type TrackLayout,
} from './track-layout.ts';

/** Of an event that became two slices: which one. */
export const Piece = { whole: 0, first: 1, second: 2 } as const;

export interface Slice {
  readonly track: Track;
  readonly name: string;
  /** After the export's base, aligned. */
  readonly startNs: number;
  readonly endNs: number;
  readonly piece: number;
  /** The event as its sender gave it. */
  readonly table: EventTable;
  readonly row: number;
  /** Number of the sender's description. */
  readonly source: number;
  /** How much later the event starts by aligned time, and how much longer it lasts. */
  readonly movedNs: number;
  readonly stretchedNs: number;
  /** Of the whole event, aligned. */
  readonly durationNs: number;
  /** Index into `CAUSES`: what most of a wait is owed to; -1: not known, or no wait. */
  readonly cause: number;
  readonly stops: readonly Stop[];
}

/** Where a flow goes through a slice. */
export interface Stop {
  readonly id: number;
  readonly kind: Flow['kind'];
  readonly phase: 's' | 't' | 'f';
  readonly atNs: number;
}

export interface SliceSink {
  slice(slice: Slice): void;
  bubble(track: Track, startNs: number, endNs: number, segment: BubbleSegment): void;
}

export interface SliceCounts {
  events: number;
  slices: number;
  flows: number;
}

const PAUSE_SLICES = 256;
const NO_FLOWS: readonly FlowStop[] = [];
const NO_STOPS: readonly Stop[] = [];

interface Entries {
  readonly process: Process;
  readonly stream: Stream;
  readonly startNs: number[];
  readonly endNs: number[];
  readonly entry: number[];
  readonly piece: number[];
}

export class TraceSlices {
  readonly counts: SliceCounts = { events: 0, slices: 0, flows: 0 };
  readonly #baseUnixNs: UnixNanos;
  readonly #choice: RowChoice;
  readonly #layout: TrackLayout;
  readonly #withBubbles: boolean;
  readonly #sink: SliceSink;
  readonly #flows = new FlowIds();

  constructor(
    baseUnixNs: UnixNanos,
    choice: RowChoice,
    layout: TrackLayout,
    withBubbles: boolean,
    sink: SliceSink,
  ) {
    this.#baseUnixNs = baseUnixNs;
    this.#choice = choice;
    this.#layout = layout;
    this.#withBubbles = withBubbles;
    this.#sink = sink;
  }

  /** Stops now and then, so that what was written can be handed on. */
  *add(part: ExportPart): Generator<void> {
    const rows = ownRows(part, this.#baseUnixNs, this.#choice);
    if (rows.length === 0) return;
    const links = new PartLinks(part, this.#baseUnixNs, this.#choice);
    const causes = this.#withBubbles ? bubbleCauses(links.assembled, part) : null;
    const streams = new Map<number, Entries>();
    const keyOf = new Int32Array(rows.length);
    const receiveOf = new Int32Array(rows.length);
    const enter = (
      i: number,
      process: Process,
      stream: Stream,
      piece: number,
      from: number,
      to: number,
    ) => {
      const place = process.pid * STREAMS.length + STREAMS.indexOf(stream);
      let entries = streams.get(place);
      if (entries === undefined) {
        entries = { process, stream, startNs: [], endNs: [], entry: [], piece: [] };
        streams.set(place, entries);
      }
      entries.startNs.push(from);
      entries.endNs.push(to);
      entries.entry.push(i);
      entries.piece.push(piece);
    };
    const processes = part.raw.map((table) => new Array<Process | undefined>(table.workers.length));
    for (let i = 0; i < rows.length; i++) {
      const t = rows.table[i]!;
      const row = rows.row[i]!;
      const table = part.aligned[t]!;
      const worker = table.worker[row]!;
      processes[t]![worker] ??= this.#layout.process(table.workers[worker]!);
      const process = processes[t]![worker]!;
      const startNs = rows.startNs[i]!;
      const endNs = startNs + rows.durationNs[i]!;
      const key = links.keyOf(table, row);
      const receive = links.receiveOf(table, row, key, startNs);
      keyOf[i] = key;
      receiveOf[i] = receive;
      const cutNs = receive >= 0 ? links.cutOf(receive) : links.readyNs(table, row, key, startNs);
      if (cutNs === null && table.kind[row] !== Kind.receive) {
        enter(i, process, KINDS[table.kind[row]!] as Stream, Piece.whole, startNs, endNs);
      } else if (cutNs === null || cutNs >= endNs) {
        enter(i, process, 'wait', Piece.whole, startNs, endNs);
      } else if (cutNs <= startNs) {
        enter(i, process, 'transfer', Piece.whole, startNs, endNs);
      } else {
        enter(i, process, 'wait', Piece.first, startNs, cutNs);
        enter(i, process, 'transfer', Piece.second, cutNs, endNs);
      }
    }
    this.counts.events += rows.length;
    const sources = part.raw.map((table) => new Array<number | undefined>(table.workers.length));
    for (const entries of streams.values()) {
      const { process, stream } = entries;
      for (const e of inOrder(entries)) {
        const i = entries.entry[e]!;
        const piece = entries.piece[e]!;
        const t = rows.table[i]!;
        const row = rows.row[i]!;
        const aligned = part.aligned[t]!;
        const table = part.raw[t]!;
        const startNs = entries.startNs[e]!;
        const endNs = entries.endNs[e]!;
        const isLast = piece !== Piece.first;
        const found = isLast
          ? links.takeStops(aligned, row, keyOf[i]!, rows.startNs[i]!)
          : NO_FLOWS;
        const stage = table.stageNames[table.stage[row]!]!;
        const worker = table.worker[row]!;
        sources[t]![worker] ??= this.#layout.source(table.workers[worker]!);
        if (++this.counts.slices % PAUSE_SLICES === 0) yield;
        this.#sink.slice({
          track: this.#layout.place(process, stream, startNs, endNs),
          name: stream === 'wait' ? `${stage} (wait)` : stage,
          startNs,
          endNs,
          piece,
          table,
          row,
          source: sources[t]![worker]!,
          movedNs: aligned.startNs[row]! - table.startNs[row]!,
          stretchedNs: aligned.durationNs[row]! - table.durationNs[row]!,
          durationNs: rows.durationNs[i]!,
          cause: stream === 'wait' ? (causes?.mainCause.get(receiveOf[i]!) ?? -1) : -1,
          stops:
            found.length === 0
              ? NO_STOPS
              : found.map((stop) => this.#stop(stop, startNs, endNs, receiveOf[i]! >= 0)),
        });
      }
    }
    if (causes !== null) yield* this.#addBubbles(links, causes.segments);
  }

  /** Receives take a flow in just before they end, so that it comes after the send it is from. */
  #stop(stop: FlowStop, startNs: number, endNs: number, isReceive: boolean): Stop {
    const { flow, index } = stop;
    const { id, isNew } = this.#flows.idOf(flow);
    if (isNew) this.counts.flows++;
    return {
      id,
      kind: flow.kind,
      phase: index === 0 ? 's' : index === flow.stops - 1 ? 'f' : 't',
      atNs: isReceive ? Math.max(startNs, endNs - 1) : startNs,
    };
  }

  *#addBubbles(links: PartLinks, segments: readonly (readonly BubbleSegment[])[]): Generator<void> {
    const { events } = links.assembled;
    const shiftNs = nanosBetween(this.#baseUnixNs, addNanos(events.baseUnixNs, 0));
    for (const [w, own] of segments.entries()) {
      const info = events.workers[w]!;
      if (own.length === 0 || !this.#isChosen(info)) continue;
      const process = this.#layout.process(info);
      for (const [i, segment] of own.entries()) {
        if (i % PAUSE_SLICES === 0) yield;
        const startNs = segment.fromNs + shiftNs;
        const endNs = segment.toNs + shiftNs;
        this.#sink.bubble(
          this.#layout.place(process, 'bubble', startNs, endNs),
          startNs,
          endNs,
          segment,
        );
      }
    }
  }

  #isChosen({ group, rank }: { readonly group: string; readonly rank: number }): boolean {
    return this.#choice.workers?.has(`${group}/${rank}`) ?? true;
  }
}

/** By start; of equal starts the longest first, so that the others nest in it. */
function inOrder({ startNs, endNs }: Entries): Uint32Array {
  const order = Uint32Array.from(startNs, (_, i) => i);
  const starts = Float64Array.from(startNs);
  sortByStart(order, starts);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && starts[order[to]!] === starts[order[from]!]) to++;
    if (to - from > 1) order.subarray(from, to).sort((a, b) => endNs[b]! - endNs[a]! || a - b);
    from = to;
  }
  return order;
}

/** Numbers of flows, kept until all their stops were written, whichever parts those are in. */
class FlowIds {
  readonly #open = new Map<string, { id: number; left: number }>();
  #last = 0;

  idOf({ name, stops }: Flow): { readonly id: number; readonly isNew: boolean } {
    const known = this.#open.get(name);
    const open = known ?? { id: ++this.#last, left: stops };
    if (known === undefined) this.#open.set(name, open);
    open.left--;
    if (open.left === 0) this.#open.delete(name);
    return { id: open.id, isNew: known === undefined };
  }
}
