/**
 * A trace in Perfetto's own format. Tracks are the deployment, its workers, their streams. Every clock
 * domain is a packet sequence with a clock of its own and one snapshot that tells how far it is from
 * the time of the trace: other traces of that host can be merged by it. Where a clock drifts, its
 * sequence counts at the common rate.
 */
import type protobuf from 'protobufjs/light.js';
import type { UnixNanos } from '#lib/base/units.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { type BubbleSegment, CAUSE_NAMES } from './bubble-causes.ts';
import type { TraceOptions } from './chrome.ts';
import type { ExportPart } from './export-part.ts';
import {
  EventType,
  type Message,
  ORDERED_BY_RANK,
  OWN_CLOCK,
  PacketWriter,
  REALTIME_CLOCK,
  SequenceFlag,
} from './perfetto-schema.ts';
import { forEachArg } from './slice-args.ts';
import { type Slice, type SliceSink, TraceSlices } from './trace-slices.ts';
import { type LayoutSink, type Process, type Track, TrackLayout } from './track-layout.ts';

const PIECE_BYTES = 1 << 17;

export async function* perfettoTrace(
  parts: AsyncIterable<ExportPart>,
  deployment: string,
  { baseUnixNs, choice, withBubbles }: TraceOptions,
): AsyncGenerator<Uint8Array> {
  const packets = new PacketWriter();
  const writer = new TrackEvents(packets, baseUnixNs, deployment);
  const layout = new TrackLayout(writer);
  const slices = new TraceSlices(baseUnixNs, choice, layout, withBubbles, writer);
  for await (const part of parts) {
    const writing = slices.add(part);
    while (writing.next().done !== true) {
      if (packets.byteLength >= PIECE_BYTES) yield packets.take();
    }
    yield packets.take();
  }
  layout.finish();
  yield packets.take();
}

const DEPLOYMENT_UUID = 1;
const PROCESS_UUIDS = 1_000_000;
const TRACK_UUIDS = 2_000_000;

/** Names that a sequence refers to by number; new ones go along with the next packet. */
class Interned {
  readonly #ids = new Map<string, number>();
  #fresh: Message[] = [];
  readonly #text: 'name' | 'str';

  constructor(text: 'name' | 'str' = 'name') {
    this.#text = text;
  }

  id(text: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    const iid = this.#ids.size + 1;
    this.#ids.set(text, iid);
    this.#fresh.push({ iid, [this.#text]: text });
    return iid;
  }

  take(): Message[] {
    const fresh = this.#fresh;
    if (fresh.length > 0) this.#fresh = [];
    return fresh;
  }
}

/** All packets of one clock domain. */
class Sequence {
  readonly id: number;
  /** Added to times of the trace to get its own. */
  readonly shiftNs: number;
  readonly categories = new Interned();
  readonly names = new Interned();
  readonly argNames = new Interned();
  readonly texts = new Interned('str');

  constructor(id: number, shiftNs: number) {
    this.id = id;
    this.shiftNs = shiftNs;
  }

  interned(): Message | null {
    const data = {
      eventCategories: this.categories.take(),
      eventNames: this.names.take(),
      debugAnnotationNames: this.argNames.take(),
      debugAnnotationStringValues: this.texts.take(),
    };
    return Object.values(data).some((fresh) => fresh.length > 0) ? data : null;
  }
}

class TrackEvents implements LayoutSink, SliceSink {
  readonly #packets: PacketWriter;
  readonly #baseUnixNs: UnixNanos;
  readonly #sequences = new Map<string, Sequence>();
  /** Of slices that are open, innermost last: their sequences, and the flows that come with the end. */
  readonly #open = new Map<Track, { sequence: Sequence; flowIds: number[] }[]>();

  constructor(packets: PacketWriter, baseUnixNs: UnixNanos, deployment: string) {
    this.#packets = packets;
    this.#baseUnixNs = baseUnixNs;
    this.#descriptor({
      uuid: DEPLOYMENT_UUID,
      name: deployment,
      childOrdering: ORDERED_BY_RANK,
    });
  }

  process({ pid, name, order }: Process): void {
    this.#descriptor({
      uuid: PROCESS_UUIDS + pid,
      parentUuid: DEPLOYMENT_UUID,
      name,
      childOrdering: ORDERED_BY_RANK,
      siblingOrderRank: order,
    });
  }

  track({ tid, process, stream, order }: Track): void {
    // Tracks of one stream have one name: the viewer shows them as one.
    this.#descriptor({
      uuid: TRACK_UUIDS + tid,
      parentUuid: PROCESS_UUIDS + process.pid,
      name: stream,
      siblingOrderRank: order,
    });
  }

  source(): void {}

  slice(slice: Slice): void {
    const { track, name, startNs, table, row, stops } = slice;
    const info = table.workers[table.worker[row]!]!;
    const sequence = this.#sequenceOf(info, slice.movedNs);
    const annotations: Message[] = [];
    forEachArg(slice, (argName, value) => {
      const nameIid = sequence.argNames.id(argName);
      if (typeof value === 'string') {
        annotations.push({ nameIid, stringValueIid: sequence.texts.id(value) });
      } else if (typeof value === 'number') {
        annotations.push({ nameIid, ...numberValue(value) });
      } else {
        annotations.push({ nameIid, arrayValues: Array.from(value, numberValue) });
      }
    });
    // Flows go by time: a receive takes its part when it ends, behind the send that it is from.
    const atStart = stops.filter(({ atNs }) => atNs === startNs).map(({ id }) => id);
    const atEnd = stops.filter(({ atNs }) => atNs !== startNs).map(({ id }) => id);
    this.#begin(sequence, track, startNs, atEnd, {
      categoryIids: [sequence.categories.id(track.stream)],
      nameIid: sequence.names.id(name),
      debugAnnotations: annotations,
      ...(atStart.length === 0 ? {} : { flowIds: atStart }),
    });
  }

  bubble(track: Track, startNs: number, _endNs: number, { cause, culprit }: BubbleSegment): void {
    const sequence = this.#sequenceOf(track.process.info, 0);
    const because =
      culprit === null
        ? []
        : [
            {
              nameIid: sequence.argNames.id('because_of'),
              stringValueIid: sequence.texts.id(culprit),
            },
          ];
    this.#begin(sequence, track, startNs, [], {
      categoryIids: [sequence.categories.id('bubble')],
      nameIid: sequence.names.id(CAUSE_NAMES[cause]!),
      debugAnnotations: because,
    });
  }

  close(track: Track, endNs: number): void {
    const open = this.#open.get(track)?.pop();
    if (open === undefined) return;
    const { sequence, flowIds } = open;
    this.#event(sequence, endNs, {
      type: EventType.sliceEnd,
      trackUuid: TRACK_UUIDS + track.tid,
      ...(flowIds.length === 0 ? {} : { flowIds }),
    });
  }

  #begin(
    sequence: Sequence,
    track: Track,
    startNs: number,
    endFlowIds: number[],
    event: Message,
  ): void {
    const open = this.#open.get(track) ?? [];
    if (open.length === 0) this.#open.set(track, open);
    open.push({ sequence, flowIds: endFlowIds });
    this.#event(sequence, startNs, {
      ...event,
      type: EventType.sliceBegin,
      trackUuid: TRACK_UUIDS + track.tid,
    });
  }

  #event(sequence: Sequence, atNs: number, trackEvent: Message): void {
    const internedData = sequence.interned();
    this.#packets.add({
      timestamp: instant(this.#baseUnixNs, atNs + sequence.shiftNs),
      trustedPacketSequenceId: sequence.id,
      sequenceFlags: SequenceFlag.needsState,
      trackEvent,
      ...(internedData === null ? {} : { internedData }),
    });
  }

  /** `movedNs`: how far the first event of the domain is from its own clock. */
  #sequenceOf({ clockDomain }: WorkerInfo, movedNs: number): Sequence {
    const known = this.#sequences.get(clockDomain);
    if (known !== undefined) return known;
    // 1 is that of the descriptors.
    const sequence = new Sequence(this.#sequences.size + 2, -movedNs);
    this.#sequences.set(clockDomain, sequence);
    this.#packets.add({
      trustedPacketSequenceId: sequence.id,
      sequenceFlags: SequenceFlag.stateCleared,
      firstPacketOnSequence: true,
      tracePacketDefaults: { timestampClockId: OWN_CLOCK },
      clockSnapshot: {
        primaryTraceClock: REALTIME_CLOCK,
        clocks: [
          { clockId: REALTIME_CLOCK, timestamp: instant(this.#baseUnixNs, 0) },
          { clockId: OWN_CLOCK, timestamp: instant(this.#baseUnixNs, sequence.shiftNs) },
        ],
      },
    });
    return sequence;
  }

  #descriptor(trackDescriptor: Message): void {
    this.#packets.add({ trustedPacketSequenceId: 1, trackDescriptor });
  }
}

function numberValue(value: number): Message {
  return Number.isSafeInteger(value) ? { intValue: value } : { doubleValue: value };
}

const TWO_32 = 2 ** 32;

/** A 64-bit integer as protobufjs takes it. */
function instant(baseUnixNs: UnixNanos, offsetNs: number): protobuf.Long {
  const sum = Number(baseUnixNs & 0xffffffffn) + offsetNs;
  const carry = Math.floor(sum / TWO_32);
  const low = sum - carry * TWO_32;
  return { low: low | 0, high: (Number(baseUnixNs >> 32n) + carry) | 0, unsigned: true };
}
