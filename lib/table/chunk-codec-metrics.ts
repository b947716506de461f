/** Metric tables as chunks: frame, JSON header with the series, one column after the other. */
import { unixNanos } from '#lib/base/units.ts';
import { ChunkContent, damaged, FRAME_BYTES, openFrame, sealFrame } from './chunk-frame.ts';
import { type MetricHeader, parseMetricHeader } from './chunk-header.ts';
import { areSmallIntegers, ColumnReader, ColumnWriter } from './column-codec.ts';
import type { ListColumn } from './event-table.ts';
import type { MetricTable } from './metric-table.ts';

/** The chunk of `table`; decoding gives the same rows in the same order. */
export function encodeMetrics(table: MetricTable): Uint8Array {
  const n = table.length;
  const header: MetricHeader = {
    length: n,
    baseUnixNs: String(table.baseUnixNs),
    series: table.series,
  };
  const headerBytes = new TextEncoder().encode(JSON.stringify(header));
  const out = new ColumnWriter(FRAME_BYTES + headerBytes.byteLength, 64 + n * 32);
  out.integers(table.seriesIndex, n);
  writeDeltas(out, table.timeNs, n);
  writeDeltas(out, table.value, n);
  writeDeltas(out, table.count, n);
  if (table.buckets === null) {
    out.nothing();
  } else {
    const { offsets, values } = table.buckets;
    const lengths = new Float64Array(n);
    for (let i = 0; i < n; i++) lengths[i] = offsets[i + 1]! - offsets[i]!;
    out.integers(lengths, n);
    const used = values.subarray(offsets[0]!, offsets[n]!);
    writeDeltas(out, used, used.length);
  }
  const bytes = out.finish();
  bytes.set(headerBytes, FRAME_BYTES);
  sealFrame(bytes, ChunkContent.metrics, headerBytes.byteLength);
  return bytes;
}

/** The table of a chunk. @throws ChunkFormatError where it is not one, or not whole. */
export function decodeMetrics(bytes: Uint8Array): MetricTable {
  const { header: raw, columnsStart } = openFrame(bytes, ChunkContent.metrics);
  const header = parseMetricHeader(raw);
  const n = header.length;
  const input = new ColumnReader(bytes, columnsStart);
  const series = input.column(n);
  if (series === null || series.coding !== 'integers') throw damaged('the series are missing');
  const seriesIndex = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const index = series.values[i]!;
    if (index < 0 || index >= header.series.length) throw damaged('a series is out of range');
    seriesIndex[i] = index;
  }
  const timeNs = readDeltas(input, n);
  const value = readDeltas(input, n);
  const count = readDeltas(input, n);
  const buckets = readBuckets(input, n);
  input.end();
  return {
    length: n,
    baseUnixNs: unixNanos(BigInt(header.baseUnixNs)),
    series: header.series,
    seriesIndex,
    timeNs,
    value,
    count,
    buckets,
  };
}

function writeDeltas(out: ColumnWriter, column: Float64Array, count: number): void {
  if (!areSmallIntegers(column)) {
    out.doubles(column, count);
    return;
  }
  const deltas = new Float64Array(count);
  for (let i = 0; i < count; i++) deltas[i] = column[i]! - (i > 0 ? column[i - 1]! : 0);
  out.integers(deltas, count);
}

function readDeltas(input: ColumnReader, count: number): Float64Array {
  const column = input.column(count);
  if (column === null) throw damaged('a column is missing');
  if (column.coding === 'integers') {
    for (let i = 1; i < count; i++) column.values[i]! += column.values[i - 1]!;
  }
  return column.values;
}

function readBuckets(input: ColumnReader, count: number): ListColumn | null {
  const lengths = input.column(count);
  if (lengths === null) return null;
  if (lengths.coding !== 'integers') throw damaged('bucket counts are not integers');
  const offsets = new Uint32Array(count + 1);
  let end = 0;
  for (let i = 0; i < count; i++) {
    const length = lengths.values[i]!;
    end += length;
    if (length < 0 || end > 0xffff_ffff) throw damaged('a bucket list has an impossible length');
    offsets[i + 1] = end;
  }
  return { offsets, values: readDeltas(input, end) };
}
