/**
 * Events as an Arrow IPC stream: one record batch a part, in the order of aligned starts, with the
 * columns of the CSV in types of their own. Times are exact: timestamps and 64-bit integers of
 * nanoseconds.
 */
import {
  type Data,
  type DataType,
  Field,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
} from 'apache-arrow';
import type { UnixNanos } from '#lib/base/units.ts';
import { LIST_COLUMNS, MEASURE_COLUMNS } from '#lib/model/column-names.ts';
import { ABSENT, KINDS, PHASES } from '#lib/table/codes.ts';
import { type EventTable, LISTS, MEASURES } from '#lib/table/event-table.ts';
import { type WorkerInfo, workerId } from '#lib/table/worker-info.ts';
import {
  float64Data,
  instantData,
  int32Data,
  int64Data,
  listData,
  TextColumn,
  TYPES,
} from './arrow-columns.ts';
import { type ExportPart, type ExportRows, ownRows, type RowChoice } from './export-part.ts';

const WORKER_TEXTS = {
  worker: workerId,
  group: ({ group }: WorkerInfo) => group,
  role: ({ role }: WorkerInfo) => role as string,
  host: ({ host }: WorkerInfo) => host,
  clock_domain: ({ clockDomain }: WorkerInfo) => clockDomain,
} as const;
const TEXT_NAMES = [
  'worker',
  'group',
  'role',
  'host',
  'clock_domain',
  'stage',
  'kind',
  'phase',
] as const;
type TextName = (typeof TEXT_NAMES)[number];

/** Measures that may have fractions. */
const FRACTIONS: readonly string[] = ['expertsActive', 'expertsMaxTokens', 'expertsMeanTokens'];

/** Rows of a batch: readers hold one at a time. */
const BATCH_ROWS = 65_536;

/** `about`: what the schema says of the file, such as the deployment. */
export async function* arrow(
  parts: AsyncIterable<ExportPart>,
  baseUnixNs: UnixNanos,
  choice: RowChoice,
  about: ReadonlyMap<string, string>,
): AsyncGenerator<Uint8Array> {
  const texts = new Texts();
  const schema = new Schema(fields(), new Map(about));
  let isFirst = true;
  const write = (rows: ExportRows, tables: readonly EventTable[]): Uint8Array => {
    const children = columns(rows, tables, baseUnixNs, texts);
    const type = new Struct(schema.fields);
    const data = makeData({ type, length: rows.length, nullCount: 0, children });
    const stream = streamOf(schema, data);
    const from = isFirst ? 0 : messageBytes(stream, 0);
    isFirst = false;
    return stream.subarray(from, stream.length - END_BYTES);
  };
  for await (const part of parts) {
    const rows = ownRows(part, baseUnixNs, choice);
    for (let from = 0; from < rows.length; from += BATCH_ROWS) {
      yield write(rowsFrom(rows, from, Math.min(rows.length, from + BATCH_ROWS)), part.raw);
    }
  }
  if (isFirst) yield write(NO_ROWS, []);
  yield Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);
}

const NO_ROWS: ExportRows = {
  length: 0,
  table: new Uint16Array(0),
  row: new Uint32Array(0),
  startNs: new Float64Array(0),
  durationNs: new Float64Array(0),
};

/** The mark at the end of a stream, which comes once. */
const END_BYTES = 8;

/** A whole stream with one batch. The writer has no way to hand out its bytes while it goes on. */
function streamOf(schema: Schema, data: Data<Struct>): Uint8Array {
  return RecordBatchStreamWriter.writeAll([new RecordBatch(schema, data)]).toUint8Array(true);
}

/** Of a message without a body, as the schema's: a mark, the length of its metadata, the metadata. */
function messageBytes(stream: Uint8Array, at: number): number {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  return 8 + view.getInt32(at + 4, true);
}

function rowsFrom(rows: ExportRows, from: number, to: number): ExportRows {
  return {
    length: to - from,
    table: rows.table.subarray(from, to),
    row: rows.row.subarray(from, to),
    startNs: rows.startNs.subarray(from, to),
    durationNs: rows.durationNs.subarray(from, to),
  };
}

class Texts {
  readonly columns = Object.fromEntries(
    TEXT_NAMES.map((name, id) => [name, new TextColumn(id)]),
  ) as Readonly<Record<TextName, TextColumn>>;
}

function fields(): Field[] {
  const text = (name: TextName) => new Field(name, TYPES.text(TEXT_NAMES.indexOf(name)), false);
  const field = (name: string, type: DataType, nullable = false) => new Field(name, type, nullable);
  return [
    text('worker'),
    text('group'),
    text('role'),
    field('rank', TYPES.int32),
    text('host'),
    text('clock_domain'),
    field('start', TYPES.instant),
    field('duration_ns', TYPES.int64),
    field('raw_start', TYPES.instant),
    field('raw_duration_ns', TYPES.int64),
    text('stage'),
    text('kind'),
    text('phase'),
    field('domain', TYPES.int32),
    field('step', TYPES.int64, true),
    field('layer', TYPES.int32, true),
    field('microbatch', TYPES.int32, true),
    field('peer', TYPES.int32, true),
    ...MEASURES.map((name) =>
      field(MEASURE_COLUMNS[name], FRACTIONS.includes(name) ? TYPES.float64 : TYPES.int64, true),
    ),
    ...LISTS.map((name) => field(LIST_COLUMNS[name], TYPES.int64s)),
  ];
}

/** In the order of `fields`. */
function columns(
  rows: ExportRows,
  tables: readonly EventTable[],
  baseUnixNs: UnixNanos,
  texts: Texts,
) {
  const { length } = rows;
  const workerText = (name: keyof typeof WORKER_TEXTS) => {
    const codes = tables.map((table) =>
      Int32Array.from(table.workers, (worker) =>
        texts.columns[name].code(WORKER_TEXTS[name](worker)),
      ),
    );
    return textData(rows, texts.columns[name], (t, row) => codes[t]![tables[t]!.worker[row]!]!);
  };
  const coded = (name: 'kind' | 'phase', names: readonly string[]) => {
    const codes = names.map((text) => texts.columns[name].code(text));
    return textData(rows, texts.columns[name], (t, row) => codes[tables[t]![name][row]!]!);
  };
  const stages = tables.map((table) =>
    Int32Array.from(table.stageNames, (text) => texts.columns.stage.code(text)),
  );
  const at =
    (pick: (table: EventTable, row: number) => number) =>
    (i: number): number =>
      pick(tables[rows.table[i]!]!, rows.row[i]!);
  return [
    workerText('worker'),
    workerText('group'),
    workerText('role'),
    int32Data(
      length,
      at((table, row) => table.workers[table.worker[row]!]!.rank),
      false,
    ),
    workerText('host'),
    workerText('clock_domain'),
    instantData(
      length,
      (i) => rows.startNs[i]!,
      () => baseUnixNs,
    ),
    int64Data(length, (i) => rows.durationNs[i]!, false),
    instantData(
      length,
      at((table, row) => table.startNs[row]!),
      (i) => tables[rows.table[i]!]!.baseUnixNs,
    ),
    int64Data(
      length,
      at((table, row) => table.durationNs[row]!),
      false,
    ),
    textData(rows, texts.columns.stage, (t, row) => stages[t]![tables[t]!.stage[row]!]!),
    coded('kind', KINDS),
    coded('phase', PHASES),
    int32Data(
      length,
      at((table, row) => table.domain[row]!),
      false,
    ),
    int64Data(
      length,
      at((table, row) => table.step[row]!),
      true,
    ),
    int32Data(
      length,
      at((table, row) => table.layer[row]!),
      true,
    ),
    int32Data(
      length,
      at((table, row) => table.microbatch[row]!),
      true,
    ),
    int32Data(
      length,
      at((table, row) => table.peer[row]!),
      true,
    ),
    ...MEASURES.map((name) => {
      const valueAt = at((table, row) => table.measures[name]?.[row] ?? ABSENT);
      return FRACTIONS.includes(name)
        ? float64Data(length, valueAt)
        : int64Data(length, valueAt, true);
    }),
    ...LISTS.map((name) => {
      const listOf = (i: number) => tables[rows.table[i]!]!.lists[name];
      const from = (i: number) => listOf(i)?.offsets[rows.row[i]!] ?? 0;
      const to = (i: number) => listOf(i)?.offsets[rows.row[i]! + 1] ?? 0;
      return listData(
        length,
        (i) => to(i) - from(i),
        (i, members, place) => {
          const list = listOf(i);
          if (list !== null) members.set(list.values.subarray(from(i), to(i)), place);
        },
      );
    }),
  ];
}

function textData(
  rows: ExportRows,
  column: TextColumn,
  codeOf: (t: number, row: number) => number,
) {
  const codes = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) codes[i] = codeOf(rows.table[i]!, rows.row[i]!);
  return column.data(codes);
}
