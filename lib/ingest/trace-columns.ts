/**
 * Spans as rows: decides about each span what docs/schema.md says, and writes the columns. The wire
 * layer reads bytes into a SpanRecord; nothing here makes an object per span.
 */
import { AFD_PREFIX, describeAttribute, SPAN_ATTRIBUTES, SpanSlot } from '#lib/model/attributes.ts';
import { ABSENT, KINDS, PHASES } from '#lib/table/codes.ts';
import { type EventTable, LISTS, MEASURES } from '#lib/table/event-table.ts';
import type { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import type { RejectReason } from '#lib/table/reject-reasons.ts';
import { ByteStringTable } from '#lib/wire/byte-string-table.ts';
import type { Attributes, TraceSink } from '#lib/wire/sinks.ts';
import type { SpanBinding, SpanRecord } from '#lib/wire/span-record.ts';
import type { DecodeLimits } from './decode-limits.ts';
import { secondOf } from './event-second.ts';
import { MAX_SPREAD_NS, OpenTables } from './open-tables.ts';
import type { PackedColumns } from './packed-columns.ts';
import { RejectTally } from './reject-tally.ts';
import { enterTable, type Resources, type Source } from './resources.ts';
import { codesOf, kindOf, phaseOf, type ShapeCodes, stageOf } from './shape-codes.ts';
import { cutNameBytes, MAX_NAME_BYTES, type StageNames } from './stage-names.ts';

export const SPAN_BINDING: SpanBinding = {
  attributes: SPAN_ATTRIBUTES,
  markerPrefix: AFD_PREFIX,
  insteadOfName: 'afd.stage',
};

const STEP = 1 << SpanSlot.step;
const LAYER = 1 << SpanSlot.layer;
const MICROBATCH = 1 << SpanSlot.microbatch;
const DOMAIN = 1 << SpanSlot.domain;
const STAGE = 1 << SpanSlot.stage;
const KIND = 1 << SpanSlot.kind;
const PHASE = 1 << SpanSlot.phase;
const PEER = 1 << SpanSlot.peer;
const PACKED = 1 << SpanSlot.packed;
const ANY_MEASURE = ((1 << MEASURES.length) - 1) << SpanSlot.firstMeasure;
const ANY_LIST = ((1 << LISTS.length) - 1) << SpanSlot.firstList;
const TWO_32 = 4294967296;
/** 2^63 ns is the year 2262, and the most that the store's integers hold. */
const MAX_HIGH = 2 ** 31;

const kindNames = namesTable(KINDS);
const phaseNames = namesTable(PHASES);

export class TraceColumns implements TraceSink {
  readonly tally = new RejectTally();
  received = 0;
  readonly #resources: Resources;
  readonly #stages: StageNames;
  readonly #tables: OpenTables;
  readonly #packed: PackedColumns;
  /** Of the span at hand, between the steps of reading it. */
  #kind = -1;
  #phase = 0;
  #nameCut = false;
  readonly #shapeCodes: ShapeCodes;
  readonly #minHigh: number;
  readonly #minLow: number;

  /** `capacity`: about how many spans to make room for. */
  constructor(
    resources: Resources,
    stages: StageNames,
    shapeCodes: ShapeCodes,
    packed: PackedColumns,
    limits: DecodeLimits,
    capacity: number,
  ) {
    this.#resources = resources;
    this.#stages = stages;
    this.#shapeCodes = shapeCodes;
    this.#packed = packed;
    packed.startRequest();
    this.#tables = new OpenTables(capacity);
    this.#minHigh = Number(limits.minUnixNs >> 32n);
    this.#minLow = Number(limits.minUnixNs & 0xffffffffn);
  }

  knownResource(bytes: Uint8Array, view: DataView, start: number, byteCount: number): boolean {
    return this.#resources.knownResource(bytes, view, start, byteCount);
  }

  resource(attributes: Attributes): void {
    this.#resources.resource(attributes);
  }

  span(record: SpanRecord): void {
    this.received++;
    const source = this.#resources.current;
    const { seen } = record;
    if (source.worker === null || record.bad !== 0 || (seen & PACKED) !== 0) {
      if (source.worker !== null && (seen & PACKED) !== 0) this.#packedStep(source, record);
      else this.#refuse(source, record);
      return;
    }
    let codes = record.shape < 0 ? -1 : this.#shapeCodes.find(record.shape, source.role);
    if (codes < 0 && !this.#readKindAndPhase(source, record)) return;
    const { startHigh, startLow } = record;
    let durationNs = (record.endHigh - startHigh) * TWO_32 + (record.endLow - startLow);
    if (
      startHigh >= MAX_HIGH ||
      startHigh < this.#minHigh ||
      (startHigh === this.#minHigh && startLow < this.#minLow) ||
      (startHigh === 0 && startLow === 0) ||
      durationNs > MAX_SPREAD_NS
    ) {
      // Its time is what is wrong with it, so it counts when it was received.
      this.tally.count(source.countedUnder, 'bad_time');
      return;
    }
    let clamped = source.facts.cut;
    if (durationNs < 0) {
      durationNs = 0;
      clamped = true;
    }
    if (codes < 0) {
      codes = this.#readStage(source, record);
      if (codes < 0) {
        this.tally.count(source.countedUnder, 'cardinality', 1, secondOf(startHigh, startLow));
        return;
      }
      clamped = clamped || this.#nameCut;
    }
    const table = this.#tables.tableFor(startHigh, startLow);
    if (table === null) {
      this.tally.count(source.countedUnder, 'bad_time');
      return;
    }
    if (source.tableId !== table.id) enterTable(source, table);
    if (clamped) this.tally.count(source.countedUnder, 'clamped', 1, secondOf(startHigh, startLow));

    const { values } = record;
    const { builder } = table;
    if (builder.length === builder.capacity) builder.reserve(1);
    const row = builder.length;
    builder.startNs[row] = this.#tables.offsetNs;
    builder.durationNs[row] = durationNs;
    builder.worker[row] = source.workerIndex;
    builder.domain[row] = (seen & DOMAIN) !== 0 ? values[SpanSlot.domain]! : source.worker.domain;
    builder.step[row] = (seen & STEP) !== 0 ? values[SpanSlot.step]! : ABSENT;
    builder.layer[row] = (seen & LAYER) !== 0 ? values[SpanSlot.layer]! : ABSENT;
    builder.microbatch[row] = (seen & MICROBATCH) !== 0 ? values[SpanSlot.microbatch]! : ABSENT;
    builder.stage[row] = stageOf(codes);
    builder.kind[row] = kindOf(codes);
    builder.phase[row] = phaseOf(codes);
    builder.peer[row] = (seen & PEER) !== 0 ? values[SpanSlot.peer]! : ABSENT;
    if ((seen & ANY_MEASURE) !== 0) writeMeasures(builder, row, seen, values);
    if ((seen & ANY_LIST) !== 0) writeLists(builder, row, record);
    builder.length = row + 1;
  }

  finish(): EventTable[] {
    return this.#tables.finish(this.#stages.names);
  }

  /** Sets `#kind` (-1: the stage's) and `#phase`; counts the span and says false if it cannot. */
  #readKindAndPhase(source: Source, record: SpanRecord): boolean {
    const { seen, view, starts, lengths } = record;
    this.#kind = -1;
    this.#phase = 0;
    if ((seen & KIND) !== 0) {
      this.#kind = kindNames.find(view, starts[SpanSlot.kind]!, lengths[SpanSlot.kind]!);
      if (this.#kind < 0) {
        this.#badAttribute(source, record, SpanSlot.kind);
        return false;
      }
    }
    if ((seen & PHASE) !== 0) {
      this.#phase = phaseNames.find(view, starts[SpanSlot.phase]!, lengths[SpanSlot.phase]!);
      if (this.#phase < 0) {
        this.#badAttribute(source, record, SpanSlot.phase);
        return false;
      }
    }
    return true;
  }

  /** The codes of stage, kind and phase, -1 where the stage is one too many; sets `#nameCut`. */
  #readStage(source: Source, record: SpanRecord): number {
    const { bytes, view, starts, lengths, shape } = record;
    const named = (record.seen & STAGE) !== 0;
    const nameStart = named ? starts[SpanSlot.stage]! : record.nameStart;
    let nameBytes = named ? lengths[SpanSlot.stage]! : record.nameBytes;
    this.#nameCut = nameBytes > MAX_NAME_BYTES;
    if (this.#nameCut) nameBytes = cutNameBytes(bytes, nameStart);
    const stage = this.#stages.code(bytes, view, nameStart, nameBytes, source.role);
    if (stage < 0) return -1;
    const kind = this.#kind < 0 ? this.#stages.kinds[stage]! : this.#kind;
    // A cut name must be counted each time.
    const codes = codesOf(stage, kind, this.#phase);
    if (!this.#nameCut && shape >= 0) this.#shapeCodes.keep(shape, source.role, codes);
    return codes;
  }

  /** A packed step counts as the events that it holds. */
  #packedStep(source: Source, record: SpanRecord): void {
    this.received += this.#packed.add(source, record, this.#tables, this.tally) - 1;
  }

  #refuse(source: Source, record: SpanRecord): void {
    const reason = this.#refusal(source, record);
    this.tally.count(source.countedUnder, reason, 1, secondOf(record.startHigh, record.startLow));
    if (reason === 'bad_packed') this.tally.firstBadPacked ||= 'afd.packed must be bytes';
    if (reason !== 'bad_attribute' || this.tally.firstBadAttribute !== '') return;
    if (source.facts.invalidKey !== '') {
      this.tally.firstBadAttribute = `the resource attribute ${source.facts.invalidKey} must be an integer from 0 to 2^31-1`;
    } else {
      this.#nameBadAttribute(31 - Math.clz32(record.bad));
    }
  }

  #refusal(source: Source, record: SpanRecord): RejectReason {
    if (source.refusal !== null) return source.refusal;
    if (source.worker === null) {
      return source.facts.marked || record.marked ? 'no_role' : 'not_afd';
    }
    return (record.bad & PACKED) !== 0 ? 'bad_packed' : 'bad_attribute';
  }

  #badAttribute(source: Source, record: SpanRecord, slot: number): void {
    this.tally.count(
      source.countedUnder,
      'bad_attribute',
      1,
      secondOf(record.startHigh, record.startLow),
    );
    this.#nameBadAttribute(slot);
  }

  #nameBadAttribute(slot: number): void {
    if (this.tally.firstBadAttribute !== '') return;
    const attribute = SPAN_ATTRIBUTES[slot]!;
    this.tally.firstBadAttribute = `${attribute.key} must be ${describeAttribute(attribute)}`;
  }
}

function writeMeasures(
  builder: EventTableBuilder,
  row: number,
  seen: number,
  values: Float64Array,
): void {
  for (let left = (seen & ANY_MEASURE) >> SpanSlot.firstMeasure; left !== 0; left &= left - 1) {
    const i = 31 - Math.clz32(left & -left);
    builder.measureAt(i)[row] = values[SpanSlot.firstMeasure + i]!;
  }
}

function writeLists(builder: EventTableBuilder, row: number, record: SpanRecord): void {
  for (let i = 0; i < LISTS.length; i++) {
    const slot = SpanSlot.firstList + i;
    if ((record.seen & (1 << slot)) === 0) continue;
    const list = record.lists[slot]!;
    if (list.length > 0) builder.setList(LISTS[i]!, row, list);
  }
}

function namesTable(names: readonly string[]): ByteStringTable {
  const table = new ByteStringTable(names.length);
  for (const name of names) table.internText(name);
  return table;
}
