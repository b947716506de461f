/**
 * The messages of Perfetto's trace format that exports are made of, with the numbers of their fields
 * (perfetto.dev, "Synthetic Track Events"); of some hundreds these suffice.
 */
import protobuf from 'protobufjs/light.js';

const field = (id: number, type: string, rule?: 'repeated') => ({
  id,
  type,
  ...(rule === undefined ? {} : { rule }),
});

/** proto2: zeros are written, and repeated numbers one by one, which is how Perfetto reads them. */
const message = (fields: Record<string, ReturnType<typeof field>>): protobuf.IType => ({
  edition: 'proto2',
  fields,
});

const SCHEMA: protobuf.INamespace = {
  nested: {
    TracePacket: message({
      clockSnapshot: field(6, 'ClockSnapshot'),
      timestamp: field(8, 'uint64'),
      trustedPacketSequenceId: field(10, 'uint32'),
      trackEvent: field(11, 'TrackEvent'),
      internedData: field(12, 'InternedData'),
      sequenceFlags: field(13, 'uint32'),
      tracePacketDefaults: field(59, 'TracePacketDefaults'),
      trackDescriptor: field(60, 'TrackDescriptor'),
      firstPacketOnSequence: field(87, 'bool'),
    }),
    TracePacketDefaults: message({ timestampClockId: field(58, 'uint32') }),
    Clock: message({ clockId: field(1, 'uint32'), timestamp: field(2, 'uint64') }),
    ClockSnapshot: message({
      clocks: field(1, 'Clock', 'repeated'),
      primaryTraceClock: field(2, 'int32'),
    }),
    TrackDescriptor: message({
      uuid: field(1, 'uint64'),
      name: field(2, 'string'),
      parentUuid: field(5, 'uint64'),
      childOrdering: field(11, 'int32'),
      siblingOrderRank: field(12, 'int32'),
    }),
    InternedName: message({ iid: field(1, 'uint64'), name: field(2, 'string') }),
    InternedString: message({ iid: field(1, 'uint64'), str: field(2, 'string') }),
    InternedData: message({
      eventCategories: field(1, 'InternedName', 'repeated'),
      eventNames: field(2, 'InternedName', 'repeated'),
      debugAnnotationNames: field(3, 'InternedName', 'repeated'),
      debugAnnotationStringValues: field(29, 'InternedString', 'repeated'),
    }),
    TrackEvent: message({
      categoryIids: field(3, 'uint64', 'repeated'),
      debugAnnotations: field(4, 'DebugAnnotation', 'repeated'),
      type: field(9, 'int32'),
      nameIid: field(10, 'uint64'),
      trackUuid: field(11, 'uint64'),
      flowIds: field(47, 'fixed64', 'repeated'),
    }),
    DebugAnnotation: message({
      nameIid: field(1, 'uint64'),
      intValue: field(4, 'int64'),
      doubleValue: field(5, 'double'),
      arrayValues: field(12, 'DebugAnnotation', 'repeated'),
      stringValueIid: field(17, 'uint64'),
    }),
  },
};

const root = protobuf.Root.fromJSON(SCHEMA).resolveAll();
const packetType = root.lookupType('TracePacket');

export type Message = Readonly<Record<string, unknown>>;

/** Trace packets, one behind the other: a trace is nothing else. */
export class PacketWriter {
  #writer = protobuf.Writer.create();

  get byteLength(): number {
    return this.#writer.len;
  }

  /** As field 1 of the trace. */
  add(packet: Message): void {
    packetType.encodeDelimited(packet, this.#writer.uint32(10));
  }

  take(): Uint8Array {
    const bytes = this.#writer.finish();
    this.#writer = protobuf.Writer.create();
    return bytes;
  }
}

export const SequenceFlag = { stateCleared: 1, needsState: 2 } as const;
export const EventType = { sliceBegin: 1, sliceEnd: 2 } as const;
/** Children in the order of their ranks. */
export const ORDERED_BY_RANK = 3;
export const REALTIME_CLOCK = 1;
/** The first clock id that a sequence may define for itself. */
export const OWN_CLOCK = 64;
