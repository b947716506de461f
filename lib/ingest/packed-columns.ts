/**
 * Packed steps as rows (docs/packed-steps.md): the rules of plain spans, event by event. What of a
 * step cannot be read is counted and harms nothing else of the request.
 */
import { crc32 } from 'node:zlib';
import { describeAttribute, SpanSlot } from '#lib/model/attributes.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import type { PackedTimes } from '#lib/table/packed-times.ts';
import type { RejectReason } from '#lib/table/reject-reasons.ts';
import { decodeBase64 } from '#lib/wire/base64.ts';
import { BAD_FIELD, PackedStepReader } from '#lib/wire/packed-steps.ts';
import { PackedRowWriter } from '#lib/wire/packed-steps-rows.ts';
import type { SpanRecord } from '#lib/wire/span-record.ts';
import type { DecodeLimits } from './decode-limits.ts';
import { secondOf } from './event-second.ts';
import { KeptSteps } from './kept-steps.ts';
import { MAX_SPREAD_NS, type OpenTable, type OpenTables } from './open-tables.ts';
import { attributeOf, PACKED_RANGES } from './packed-fields.ts';
import type { RejectTally } from './reject-tally.ts';
import { enterTable, type Source } from './resources.ts';
import { cutNameBytes, MAX_NAME_BYTES, type StageNames } from './stage-names.ts';

/** Rows that are made room for at once, from what the first step of a request looks like. */
const MAX_ROOM = 1 << 20;
/** Steps differ; growing once more would copy everything. */
const ROOM_MARGIN = 1.1;
const TWO_32 = 4294967296;
/** 2^63 ns is the year 2262. */
const MAX_HIGH = 2 ** 31;

/** What a refused row's mark means. */
const BAD_TIME = 2;
const TOO_MANY_STAGES = 3;
const REASONS: Readonly<Record<number, RejectReason>> = {
  [BAD_FIELD]: 'bad_attribute',
  [BAD_TIME]: 'bad_time',
  [TOO_MANY_STAGES]: 'cardinality',
};

export class PackedColumns {
  /** Did the request have a packed step? */
  any = false;
  readonly #stageNames: StageNames;
  readonly #limits: DecodeLimits;
  readonly #minHigh: number;
  readonly #minLow: number;
  readonly #reader = new PackedStepReader(PACKED_RANGES, crc32);
  readonly #writer = new PackedRowWriter();
  readonly #kept: KeptSteps | null;
  #stages = new Uint16Array(64);
  #kinds = new Uint8Array(64);
  #events = 0;
  #members = 0;
  #clamped = 0;

  /** `keepPacked`: steps that are plain enough are kept as received. */
  constructor(stageNames: StageNames, limits: DecodeLimits, keepPacked: boolean) {
    this.#stageNames = stageNames;
    this.#limits = limits;
    this.#kept = keepPacked ? new KeptSteps() : null;
    // Instant 0 is no time.
    const minUnixNs = limits.minUnixNs > 1n ? limits.minUnixNs : 1n;
    this.#minHigh = Number(minUnixNs >> 32n);
    this.#minLow = Number(minUnixNs & 0xffffffffn);
  }

  startRequest(): void {
    this.any = false;
    this.#events = 0;
    this.#members = 0;
    this.#kept?.startRequest();
  }

  /** The steps of the request that were kept, and when their events took place. */
  finish(): {
    readonly packed: readonly PackedTable[];
    readonly packedTimes: readonly PackedTimes[];
  } {
    return this.#kept?.finish(this.#stageNames.names) ?? { packed: [], packedTimes: [] };
  }

  /** Uses the memory of times that are done with. */
  recycle(packedTimes: readonly PackedTimes[]): void {
    this.#kept?.recycle(packedTimes);
  }

  /** Adds or counts the events of a step, and says how many they are. */
  add(source: Source, record: SpanRecord, tables: OpenTables, tally: RejectTally): number {
    const reader = this.#reader;
    const start = record.starts[SpanSlot.packed]!;
    const byteCount = record.lengths[SpanSlot.packed]!;
    this.any = true;
    const encoded = (record.base64 & (1 << SpanSlot.packed)) !== 0;
    const payload = encoded
      ? decodeBase64(record.bytes, start, byteCount)
      : record.bytes.subarray(start, start + byteCount);
    if (payload === null)
      return badStep(source, record, tally, 1, 'afd.packed is a string but no base64');
    const opened = reader.open(payload);
    const { events } = reader;
    if (!opened) {
      reader.close();
      return badStep(source, record, tally, Math.max(1, events), reader.damage);
    }
    this.#events += events;
    this.#members += reader.members;
    const tooMany =
      this.#events > this.#limits.maxPackedEvents || this.#members > this.#limits.maxPackedMembers;
    if (tooMany) {
      badStep(
        source,
        record,
        tally,
        events,
        'more in one request than fits; send fewer spans at a time',
      );
    } else {
      this.#check(source);
      if (!this.#keep(source, record.bytes.length - start)) {
        const table = this.#table(source, tables);
        if (table !== null) {
          if (table.builder.capacity - table.builder.length < events) {
            const likely = (events * (record.bytes.length - start) * ROOM_MARGIN) / byteCount;
            table.builder.reserve(Math.max(events, Math.min(Math.ceil(likely), MAX_ROOM)));
          }
          this.#writer.write(reader, table.builder, {
            worker: source.workerIndex,
            domain: source.worker?.domain ?? 0,
            offsetNs: tables.offsetNs,
            stages: this.#stages,
            kinds: this.#kinds,
          });
        }
      }
      this.#countRefused(source, tally);
    }
    reader.close();
    return events;
  }

  /** Says which rows are refused and what the stages are. */
  #check(source: Source): void {
    this.#clamped = 0;
    this.#checkTimes();
    this.#resolveStages(source);
  }

  /** true: the step was kept as received. */
  #keep(source: Source, restBytes: number): boolean {
    if (this.#kept === null || source.worker === null) return false;
    if (this.#reader.refusedRows > 0 || this.#clamped > 0) return false;
    return this.#kept.add(source.worker, this.#reader, this.#stages, restBytes);
  }

  /** The table for what is left of the step; null where no row is. */
  #table(source: Source, tables: OpenTables): OpenTable | null {
    const reader = this.#reader;
    if (reader.refusedRows === reader.events) return null;
    const spanNs = Math.min(reader.maxStartNs, MAX_SPREAD_NS);
    const table = tables.tableForSpan(reader.baseHigh, reader.baseLow, spanNs);
    if (table === null) {
      this.#clamped = 0;
      for (let row = 0; row < reader.events; row++) reader.refuse(row, BAD_TIME);
    } else if (source.tableId !== table.id) {
      enterTable(source, table);
    }
    return table;
  }

  #checkTimes(): void {
    const reader = this.#reader;
    const { baseHigh, baseLow } = reader;
    const min = (this.#minHigh - baseHigh) * TWO_32 + (this.#minLow - baseLow);
    const max = (MAX_HIGH - baseHigh) * TWO_32 - baseLow - 1;
    const minStartNs = Math.max(0, min);
    const maxStartNs = Math.min(MAX_SPREAD_NS, max);
    const { startNs, durationNs, events } = reader;
    const right =
      reader.minStartNs >= minStartNs &&
      reader.maxStartNs <= maxStartNs &&
      reader.maxDurationNs <= MAX_SPREAD_NS;
    if (right) return;
    for (let row = 0; row < events; row++) {
      const start = startNs[row]!;
      if (start >= minStartNs && start <= maxStartNs && durationNs[row]! <= MAX_SPREAD_NS) continue;
      reader.refuse(row, BAD_TIME);
    }
  }

  #resolveStages(source: Source): void {
    const { series, cursor, refusedRows, nameStarts, nameLengths } = this.#reader;
    if (series.length > this.#stages.length) {
      this.#stages = new Uint16Array(series.length * 2);
      this.#kinds = new Uint8Array(series.length * 2);
    }
    for (let s = 0; s < series.length; s++) {
      if (refusedRows > 0 && this.#keptRows(s) === 0) continue;
      const name = series.name[s]!;
      const start = nameStarts[name]!;
      let byteCount = nameLengths[name]!;
      let cut = source.facts.cut;
      if (byteCount > MAX_NAME_BYTES) {
        byteCount = cutNameBytes(cursor.bytes, start);
        cut = true;
      }
      const { bytes, view } = cursor;
      const stage = this.#stageNames.code(bytes, view, start, byteCount, source.role);
      if (stage < 0) {
        this.#refuseSeries(s);
        continue;
      }
      this.#stages[s] = stage;
      this.#kinds[s] = series.kind[s]! < 0 ? this.#stageNames.kinds[stage]! : series.kind[s]!;
      this.#clamp(s, cut);
    }
  }

  /** Rows of a series that are not refused. */
  #keptRows(s: number): number {
    const { series, refused } = this.#reader;
    let kept = 0;
    const first = series.firstRow[s]!;
    for (let row = first; row < first + series.rows[s]!; row++) if (refused[row] === 0) kept++;
    return kept;
  }

  #refuseSeries(s: number): void {
    const { series } = this.#reader;
    const first = series.firstRow[s]!;
    for (let row = first; row < first + series.rows[s]!; row++) {
      this.#reader.refuse(row, TOO_MANY_STAGES);
    }
  }

  #clamp(s: number, cut: boolean): void {
    const { series, refused, durationNs, minDurationNs } = this.#reader;
    if (!cut && minDurationNs >= 0) return;
    const first = series.firstRow[s]!;
    for (let row = first; row < first + series.rows[s]!; row++) {
      if (refused[row] !== 0) continue;
      const negative = durationNs[row]! < 0;
      if (negative) durationNs[row] = 0;
      if (negative || cut) this.#clamped++;
    }
  }

  #countRefused(source: Source, tally: RejectTally): void {
    const { refused, refusedRows, events, badField, baseHigh, baseLow, startNs } = this.#reader;
    if (this.#clamped > 0) {
      // Negative durations are rare: all of a step's count where it begins.
      const unixS = secondOf(baseHigh, baseLow, this.#reader.minStartNs);
      tally.count(source.countedUnder, 'clamped', this.#clamped, unixS);
    }
    if (refusedRows === 0) return;
    for (let row = 0; row < events; row++) {
      const reason = REASONS[refused[row]!];
      if (reason === undefined) continue;
      const unixS = reason === 'bad_time' ? null : secondOf(baseHigh, baseLow, startNs[row]!);
      tally.count(source.countedUnder, reason, 1, unixS);
    }
    if (badField >= 0 && tally.firstBadAttribute === '') {
      const attribute = attributeOf(badField);
      tally.firstBadAttribute = `${attribute.key} must be ${describeAttribute(attribute)}`;
    }
  }
}

/** The span around the step has a time, whatever is in the step. */
function badStep(
  { countedUnder }: Source,
  { startHigh, startLow }: SpanRecord,
  tally: RejectTally,
  events: number,
  what: string,
): number {
  if (events > 0) tally.count(countedUnder, 'bad_packed', events, secondOf(startHigh, startLow));
  tally.firstBadPacked ||= what;
  return events;
}
