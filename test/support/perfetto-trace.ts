/**
 * Reads a Perfetto trace by the wire format alone: field numbers are restated here from Perfetto's
 * documentation, nothing is shared with what writes traces.
 */

type Fields = Map<number, (bigint | Uint8Array)[]>;

function fieldsOf(bytes: Uint8Array): Fields {
  const fields: Fields = new Map();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asUintN(64, value);
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const known = fields.get(tag >> 3) ?? [];
    fields.set(tag >> 3, known);
    if ((tag & 7) === 0) {
      known.push(varint());
    } else if ((tag & 7) === 1) {
      known.push(view.getBigUint64(at, true));
      at += 8;
    } else if ((tag & 7) === 2) {
      const length = Number(varint());
      if (at + length > bytes.length) throw new Error('a field is longer than its message');
      known.push(bytes.subarray(at, at + length));
      at += length;
    } else {
      throw new Error(`wire type ${tag & 7} of field ${tag >> 3}`);
    }
  }
  return fields;
}

const number = (fields: Fields, id: number): bigint | undefined => {
  const value = fields.get(id)?.[0];
  return typeof value === 'bigint' ? value : undefined;
};
const message = (fields: Fields, id: number): Fields | undefined => {
  const value = fields.get(id)?.[0];
  return value instanceof Uint8Array ? fieldsOf(value) : undefined;
};
const messages = (fields: Fields, id: number): Fields[] =>
  (fields.get(id) ?? []).map((value) => fieldsOf(value as Uint8Array));
const text = (fields: Fields, id: number): string =>
  new TextDecoder().decode((fields.get(id)?.[0] as Uint8Array | undefined) ?? new Uint8Array(0));

export interface PerfettoSlice {
  /** Deployment, worker, stream. */
  readonly path: readonly string[];
  readonly track: bigint;
  readonly name: string;
  readonly category: string;
  readonly startUnixNs: bigint;
  readonly endUnixNs: bigint;
  readonly args: Readonly<Record<string, unknown>>;
  readonly flows: readonly bigint[];
}

export interface PerfettoTrace {
  readonly slices: readonly PerfettoSlice[];
  /** Own time minus trace time, by sequence. */
  readonly clockShifts: ReadonlyMap<bigint, bigint>;
}

interface Sequence {
  /** Interned texts by field of the interned data, then id. */
  readonly texts: Map<number, Map<bigint, string>>;
  clock: { readonly id: bigint; readonly shift: bigint } | null;
}

export function readPerfetto(bytes: Uint8Array): PerfettoTrace {
  const sequences = new Map<bigint, Sequence>();
  const tracks = new Map<bigint, { readonly name: string; readonly parent: bigint | undefined }>();
  const open = new Map<bigint, (Omit<PerfettoSlice, 'endUnixNs'> & { flows: bigint[] })[]>();
  const slices: PerfettoSlice[] = [];
  const clockShifts = new Map<bigint, bigint>();
  const pathOf = (uuid: bigint): string[] => {
    const track = tracks.get(uuid);
    if (track === undefined) throw new Error(`track ${uuid} has no descriptor`);
    return track.parent === undefined ? [track.name] : [...pathOf(track.parent), track.name];
  };
  for (const packet of messages(fieldsOf(bytes), 1)) {
    const id = number(packet, 10)!;
    const flags = number(packet, 13) ?? 0n;
    if (flags === 1n) sequences.set(id, { texts: new Map(), clock: null });
    const descriptor = message(packet, 60);
    if (descriptor !== undefined) {
      const track = { name: text(descriptor, 2), parent: number(descriptor, 5) };
      tracks.set(number(descriptor, 1)!, track);
      continue;
    }
    const sequence = sequences.get(id);
    if (sequence === undefined) throw new Error('a sequence begins without clearing its state');
    const snapshot = message(packet, 6);
    if (snapshot !== undefined) {
      const clocks = messages(snapshot, 1).map((clock) => [number(clock, 1)!, number(clock, 2)!]);
      const primary = number(snapshot, 2)!;
      const own = clocks.find(([clock]) => clock !== primary)!;
      const common = clocks.find(([clock]) => clock === primary)!;
      if (number(message(packet, 59)!, 58) !== own[0]) throw new Error('another default clock');
      sequence.clock = { id: own[0]!, shift: own[1]! - common[1]! };
      clockShifts.set(id, sequence.clock.shift);
    }
    const interned = message(packet, 12);
    for (const field of [1, 2, 3, 29]) {
      for (const entry of interned === undefined ? [] : messages(interned, field)) {
        const texts = sequence.texts.get(field) ?? new Map<bigint, string>();
        sequence.texts.set(field, texts.set(number(entry, 1)!, text(entry, 2)));
      }
    }
    const event = message(packet, 11);
    if (event === undefined) continue;
    const word = (field: number, iid: bigint | undefined): string => {
      const found = iid === undefined ? undefined : sequence.texts.get(field)?.get(iid);
      if (found === undefined) throw new Error(`text ${iid} of field ${field} is not interned`);
      return found;
    };
    const at = number(packet, 8)! - sequence.clock!.shift;
    const track = number(event, 11)!;
    const stack = open.get(track) ?? [];
    open.set(track, stack);
    const flows = (event.get(47) ?? []).map((flow) => flow as bigint);
    if (number(event, 9) === 1n) {
      const top = stack.at(-1);
      if (top !== undefined && at < top.startUnixNs) throw new Error('time runs backwards');
      stack.push({
        path: pathOf(track),
        track,
        name: word(2, number(event, 10)),
        category: word(1, number(event, 3)),
        startUnixNs: at,
        args: Object.fromEntries(
          messages(event, 4).map((arg) => [word(3, number(arg, 1)), valueOfArg(arg, word)]),
        ),
        flows,
      });
    } else {
      const begun = stack.pop();
      if (begun === undefined) throw new Error('an end without a beginning');
      if (at < begun.startUnixNs) throw new Error('a slice ends before it starts');
      slices.push({ ...begun, endUnixNs: at, flows: [...begun.flows, ...flows] });
    }
  }
  for (const stack of open.values()) if (stack.length > 0) throw new Error('a slice is left open');
  return { slices, clockShifts };
}

function valueOfArg(
  arg: Fields,
  word: (field: number, iid: bigint | undefined) => string,
): unknown {
  const whole = number(arg, 4);
  if (whole !== undefined) return Number(BigInt.asIntN(64, whole));
  const double = number(arg, 5);
  if (double !== undefined) return new Float64Array(BigUint64Array.of(double).buffer)[0];
  if (arg.has(12)) return messages(arg, 12).map((member) => valueOfArg(member, word));
  return word(29, number(arg, 17));
}
