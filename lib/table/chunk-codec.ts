/**
 * Event tables as chunks: bytes that are kept (encode-events.ts writes them). Rows are sorted by (worker, start), every column is
 * predicted from what came before, and the residuals go out as byte planes (column-codec.ts), which
 * a general compressor then shrinks. What predicts what:
 *
 *     startNs     the nearest of: the ends of the last four rows, the last start (`anchor` says
 *                 which); a serving worker starts one thing when another has ended
 *     durationNs  a running mean of the same stage
 *     stage       the row before
 *     the rest    the last row of the same stage
 *
 * Prediction runs on from worker to worker: the ranks of a group resemble each other. Columns that
 * hold anything but integers within ±2^51 are kept as plain doubles.
 */
import { unixNanos } from '#lib/base/units.ts';
import { ChunkContent, damaged, openFrame } from './chunk-frame.ts';
import { parseEventHeader } from './chunk-header.ts';
import { KINDS, PHASES } from './codes.ts';
import { ColumnReader } from './column-codec.ts';
import { type EventTable, LISTS, type ListColumn, MEASURES } from './event-table.ts';
import { nextMean } from './running-mean.ts';
import { Anchors } from './start-anchors.ts';
import type { WantedColumns } from './wanted-columns.ts';

/**
 * The table of a chunk; without the optional columns that are not `wanted`, where that is told.
 * @throws ChunkFormatError where it is not one, or not whole.
 */
export function decodeEvents(bytes: Uint8Array, wanted?: WantedColumns): EventTable {
  const { header: raw, columnsStart } = openFrame(bytes, ChunkContent.events);
  const header = parseEventHeader(raw);
  const n = header.length;
  const stageCount = header.stageNames.length;
  const input = new ColumnReader(bytes, columnsStart);

  const worker = readWorkers(input, header.workers.length, n);
  const stage = new Uint16Array(n);
  const stageSteps = integers(input, n);
  let previous = 0;
  for (let i = 0; i < n; i++) {
    if (stageSteps !== null) previous += stageSteps[i]!;
    if (previous < 0 || previous >= stageCount) throw damaged('a stage is out of range');
    stage[i] = previous;
  }
  const { startNs, durationNs } = readTimes(input, worker, stage, stageCount);
  const last = new Float64Array(stageCount);
  const kind = codes(integers(input, n), stage, last, new Uint8Array(n));
  const phase = codes(integers(input, n), stage, last, new Uint8Array(n));
  const domain = indexes(integers(input, n), stage, last, new Int32Array(n));
  const layer = indexes(integers(input, n), stage, last, new Int32Array(n));
  const microbatch = indexes(integers(input, n), stage, last, new Int32Array(n));
  const peer = indexes(integers(input, n), stage, last, new Int32Array(n));
  for (let i = 0; i < n; i++) {
    if (kind[i]! >= KINDS.length || phase[i]! >= PHASES.length) {
      throw damaged('a kind or phase is out of range');
    }
  }
  const step = readNumbers(input, stage, last, n);
  if (step === null) throw damaged('the steps are missing');
  const measures = Object.fromEntries(
    MEASURES.map((name) => {
      if (wanted === undefined || wanted.measures.includes(name)) {
        return [name, readNumbers(input, stage, last, n)];
      }
      input.skip(n);
      return [name, null];
    }),
  ) as EventTable['measures'];
  const lists = Object.fromEntries(
    LISTS.map((name) => [name, readLists(input, stage, last, n)]),
  ) as EventTable['lists'];
  const unwanted = LISTS.filter((name) => wanted !== undefined && !wanted.lists.includes(name));
  input.end();
  return {
    length: n,
    baseUnixNs: unixNanos(BigInt(header.baseUnixNs)),
    workers: header.workers,
    stageNames: header.stageNames,
    startNs,
    durationNs,
    worker,
    domain,
    step,
    layer,
    microbatch,
    stage,
    kind,
    phase,
    peer,
    measures,
    lists: unwanted.length === 0 ? lists : withoutLists(lists, unwanted),
  };
}

function withoutLists(
  lists: EventTable['lists'],
  unwanted: readonly (typeof LISTS)[number][],
): EventTable['lists'] {
  return { ...lists, ...Object.fromEntries(unwanted.map((name) => [name, null])) };
}

function readTimes(
  input: ColumnReader,
  worker: Int32Array,
  stage: Uint16Array,
  stageCount: number,
): { startNs: Float64Array; durationNs: Float64Array } {
  const n = stage.length;
  const anchorOf = readAnchors(input, n);
  const starts = input.column(n);
  const durations = input.column(n);
  if (starts === null || durations === null) throw damaged('the times are missing');
  if (anchorOf === null) {
    if (starts.coding !== 'doubles' || durations.coding !== 'doubles') {
      throw damaged('the times have no anchors');
    }
    return { startNs: starts.values, durationNs: durations.values };
  }
  if (starts.coding !== 'integers' || durations.coding !== 'integers') {
    throw damaged('the times are not integers');
  }
  // Residuals are replaced by values in place.
  const durationNs = durations.values;
  const mean = new Float64Array(stageCount);
  for (let i = 0; i < n; i++) {
    const of = stage[i]!;
    const residual = durationNs[i]!;
    durationNs[i] = mean[of]! + residual;
    mean[of] = nextMean(mean[of]!, residual);
  }
  const startNs = starts.values;
  const anchors = new Anchors();
  for (let i = 0; i < n; i++) {
    if (i > 0 && worker[i] !== worker[i - 1]) anchors.nextWorker();
    const anchor = anchorOf[i]!;
    const start = anchors.value(anchor) + startNs[i]!;
    startNs[i] = start;
    anchors.push(start, start + durationNs[i]!);
  }
  return { startNs, durationNs };
}

function readAnchors(input: ColumnReader, n: number): Uint8Array | null {
  const column = input.residuals(n);
  if (column === null) return null;
  const anchors = new Uint8Array(n);
  if (column === 'zeros') return anchors;
  for (let i = 0; i < n; i++) {
    const anchor = column.values[i]!;
    if (!Anchors.has(anchor)) throw damaged('a start has an unknown anchor');
    anchors[i] = anchor;
  }
  return anchors;
}

// Residuals of null are all 0, of which every value is 0, as `out` is made. One loop a type: one that
// meets several takes more than twice the time.

function codes(
  residuals: Float64Array | null,
  stage: Uint16Array,
  last: Float64Array,
  out: Uint8Array,
): Uint8Array {
  if (residuals === null) return out;
  last.fill(0);
  for (let i = 0; i < stage.length; i++) {
    const of = stage[i]!;
    const value = last[of]! + residuals[i]!;
    last[of] = value;
    out[i] = value;
  }
  return out;
}

function indexes(
  residuals: Float64Array | null,
  stage: Uint16Array,
  last: Float64Array,
  out: Int32Array,
): Int32Array {
  if (residuals === null) return out;
  last.fill(0);
  for (let i = 0; i < stage.length; i++) {
    const of = stage[i]!;
    const value = last[of]! + residuals[i]!;
    last[of] = value;
    out[i] = value;
  }
  return out;
}

function numbers(
  residuals: Float64Array,
  stage: Uint16Array,
  last: Float64Array,
  out: Float64Array,
): Float64Array {
  last.fill(0);
  for (let i = 0; i < stage.length; i++) {
    const of = stage[i]!;
    const value = last[of]! + residuals[i]!;
    last[of] = value;
    out[i] = value;
  }
  return out;
}

function readNumbers(
  input: ColumnReader,
  stage: Uint16Array,
  last: Float64Array,
  count: number,
): Float64Array | null {
  const column = input.residuals(count);
  if (column === null) return null;
  if (column === 'zeros') return new Float64Array(count);
  if (column.coding === 'doubles') return column.values;
  return numbers(column.values, stage, last, new Float64Array(count));
}

function readLists(
  input: ColumnReader,
  stage: Uint16Array,
  last: Float64Array,
  count: number,
): ListColumn | null {
  const column = input.column(count);
  if (column === null) return null;
  if (column.coding !== 'integers') throw damaged('list lengths are not integers');
  const lengths = numbers(column.values, stage, last, column.values);
  const offsets = new Uint32Array(count + 1);
  let end = 0;
  for (let i = 0; i < count; i++) {
    const length = lengths[i]!;
    end += length;
    if (length < 0 || end > 0xffff_ffff) throw damaged('a list has an impossible length');
    offsets[i + 1] = end;
  }
  const values = input.column(end);
  if (values === null) throw damaged('list values are missing');
  return { offsets, values: values.values };
}

function readWorkers(input: ColumnReader, workerCount: number, count: number): Int32Array {
  const worker = new Int32Array(count);
  const rowsOfWorker = integers(input, workerCount);
  let row = 0;
  for (let w = 0; w < workerCount; w++) {
    const end = row + (rowsOfWorker === null ? 0 : rowsOfWorker[w]!);
    if (end < row || end > count) throw damaged('more rows than the header says');
    worker.fill(w, row, end);
    row = end;
  }
  if (row !== count) throw damaged('fewer rows than the header says');
  return worker;
}

/** null: all of them are 0. Valid until the next column is read. */
function integers(input: ColumnReader, count: number): Float64Array | null {
  const column = input.residuals(count);
  if (column === 'zeros') return null;
  if (column === null || column.coding !== 'integers') throw damaged('a column is not integers');
  return column.values;
}
