/** Packed steps that were kept as received, back to events. */
import { crc32 } from 'node:zlib';
import { damaged } from '#lib/table/chunk-frame.ts';
import { ROLES } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import type { PackedTable, StepUnpacker } from '#lib/table/packed-table.ts';
import { type PackedTimes, PackedTimesBuilder } from '#lib/table/packed-times.ts';
import type { WantedColumns } from '#lib/table/wanted-columns.ts';
import { PackedStepReader } from '#lib/wire/packed-steps.ts';
import { addStepTimes } from '#lib/wire/packed-steps-pieces.ts';
import { ALL_COLUMNS, columnBits, PackedRowWriter } from '#lib/wire/packed-steps-rows.ts';
import { PACKED_RANGES } from './packed-fields.ts';
import { StageNames } from './stage-names.ts';

/** What came in was bounded by whoever received it; codes are 16 bits wide. */
const MAX_STAGES = 60_000;

/** Reads what `Decoder` kept. One serves a whole process; it is used by one call at a time. */
export class PackedUnpacker implements StepUnpacker {
  readonly #stageNames = new StageNames(MAX_STAGES);
  readonly #reader = new PackedStepReader(PACKED_RANGES, crc32);
  readonly #writer = new PackedRowWriter();
  #stages = new Uint16Array(64);
  #kinds = new Uint8Array(64);

  /**
   * The events of `rows` (all rows where absent), step by step, each in the order of its starts;
   * without the optional columns that are not `wanted`, where that is told.
   * @throws ChunkFormatError where a payload is not what was checked when it came in
   */
  unpack(steps: PackedTable, rows?: Uint32Array, wanted?: WantedColumns): EventTable {
    const count = rows === undefined ? steps.length : rows.length;
    let events = 0;
    for (let i = 0; i < count; i++) events += steps.stepEvents[rows?.[i] ?? i]!;
    const columns = wanted === undefined ? ALL_COLUMNS : columnBits(wanted);
    const builder = new EventTableBuilder(steps.baseUnixNs, [...steps.workers], [], events);
    for (let i = 0; i < count; i++) {
      const row = rows?.[i] ?? i;
      const reader = this.#open(steps, row);
      this.#writer.write(reader, builder, {
        worker: steps.worker[row]!,
        domain: steps.domain[row]!,
        offsetNs: steps.startNs[row]! - reader.minStartNs,
        stages: this.#stages,
        kinds: this.#kinds,
        columns,
      });
      reader.close();
    }
    return { ...builder.finish(), stageNames: this.#stageNames.names };
  }

  /**
   * When the events of all steps took place, for sums by stage and layer: no columns are made.
   * @throws ChunkFormatError as `unpack`
   */
  times(steps: PackedTable): PackedTimes {
    const times = new PackedTimesBuilder();
    for (let row = 0; row < steps.length; row++) {
      addStepTimes(this.#open(steps, row), this.#stages, times);
      this.#reader.close();
    }
    times.stageNames = this.#stageNames.names;
    return times;
  }

  #open(steps: PackedTable, row: number): PackedStepReader {
    const reader = this.#reader;
    const offset = steps.offset[row]!;
    const end = offset + steps.byteLength[row]!;
    if (end > steps.bytes.length) throw damaged('a packed step is missing');
    if (!reader.open(steps.bytes.subarray(offset, end))) {
      throw damaged(`a kept step cannot be read (${reader.damage})`);
    }
    if (reader.refusedRows > 0 || reader.events !== steps.stepEvents[row]) {
      throw damaged('a kept step is not the one that was checked');
    }
    this.#resolveStages(ROLES.indexOf(steps.workers[steps.worker[row]!]!.role));
    return reader;
  }

  #resolveStages(role: number): void {
    const { series, cursor, nameStarts, nameLengths } = this.#reader;
    if (series.length > this.#stages.length) {
      this.#stages = new Uint16Array(series.length * 2);
      this.#kinds = new Uint8Array(series.length * 2);
    }
    const { bytes, view } = cursor;
    for (let s = 0; s < series.length; s++) {
      const name = series.name[s]!;
      const start = nameStarts[name]!;
      const stage = this.#stageNames.code(bytes, view, start, nameLengths[name]!, role);
      if (stage < 0) throw damaged('kept steps have too many stage names');
      this.#stages[s] = stage;
      this.#kinds[s] = series.kind[s]! < 0 ? this.#stageNames.kinds[stage]! : series.kind[s]!;
    }
  }
}
