/**
 * Rows of one worker and step as a packed step. Rows that differ only in layer, times and measures
 * make a series; a series' starts count from the ends of another where that is cheaper. The order of
 * rows is not kept.
 */
import { assert } from '#lib/base/assert.ts';
import { PHASES, STAGES } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { ByteSink, type ColumnPlan, planColumn } from './packed-steps-column-encode.ts';
import {
  CHECKED_FROM,
  CRC_AT,
  type Crc32,
  FIRST_LIST_COLUMN,
  FIRST_MEASURE_COLUMN,
  HEADER_BYTES,
  LAYER_COLUMN,
  MAX_EVENTS_PER_STEP,
  MAX_SCALE,
  MIN_DURATION_BITS,
  MIN_MEMBER_BITS,
  PACKED_LISTS,
  PACKED_MAGIC,
  PACKED_MEASURES,
  PACKED_VERSION,
  SCALE_DOUBLES,
} from './packed-steps-format.ts';

interface Series {
  readonly rows: number[];
  readonly mask: number;
  readonly startNs: number[];
  readonly endNs: number[];
}

export interface PackedEncodeOptions {
  readonly crc32: Crc32;
  /** The kind that the receiver takes for a stage; with it, such kinds are not written. */
  readonly defaultKind?: (stage: number) => number;
}

/** The rows, all of one worker and one step, as the bytes of `afd.packed`. */
export function encodePackedStep(
  table: EventTable,
  rows: ArrayLike<number>,
  { crc32, defaultKind }: PackedEncodeOptions,
): Uint8Array {
  assert(rows.length <= MAX_EVENTS_PER_STEP, `a packed step has ${rows.length} events`);
  const first = rows[0] ?? -1;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const alike =
      table.worker[row] === table.worker[first] && table.step[row] === table.step[first];
    assert(alike, 'a packed step is of one worker and one step');
  }
  const baseNs = Array.from(rows).reduce(
    (least, row) => Math.min(least, table.startNs[row]!),
    table.startNs[first] ?? 0,
  );
  const series = seriesOf(table, rows, baseNs);
  const names = [...new Set(series.map(({ rows: [row] }) => table.stage[row!]!))];
  const out = new ByteSink();
  for (const byte of PACKED_MAGIC) out.byte(byte);
  out.byte(PACKED_VERSION);
  out.fixed(0n, 4);
  out.fixed(table.baseUnixNs + BigInt(baseNs), 8);
  out.varint(first < 0 ? 0 : table.step[first]! + 1);
  out.varint(rows.length);
  out.varint(names.length);
  for (const stage of names) out.text(table.stageNames[stage]!);
  out.varint(series.length);
  series.forEach((one, index) => {
    const row = one.rows[0]!;
    const stage = table.stage[row]!;
    const kind = table.kind[row]!;
    const worker = table.workers[table.worker[row]!];
    const usual = stage < STAGES.length && defaultKind?.(stage) === kind;
    out.varint(names.indexOf(stage));
    out.byte((usual ? 0 : kind + 1) + table.phase[row]! * 16);
    out.varint(table.domain[row] === worker?.domain ? 0 : table.domain[row]! + 1);
    out.varint(table.microbatch[row]! + 1);
    out.varint(table.peer[row]! + 1);
    out.varint(one.rows.length);
    out.varint(one.mask);
    writeTimes(out, table, series, index);
    writeColumns(out, table, one);
  });
  const bytes = out.finish();
  new DataView(bytes.buffer).setUint32(CRC_AT, crc32(bytes.subarray(CHECKED_FROM)), true);
  assert(bytes.length >= HEADER_BYTES, 'the header is written');
  return bytes;
}

function maskOf(table: EventTable, row: number): number {
  let mask = table.layer[row] === -1 ? 0 : 1 << LAYER_COLUMN;
  PACKED_MEASURES.forEach((name, i) => {
    const value = table.measures[name]?.[row] ?? -1;
    if (value !== -1) mask |= 1 << (FIRST_MEASURE_COLUMN + i);
  });
  PACKED_LISTS.forEach((name, i) => {
    const list = table.lists[name];
    if (list !== null && list.offsets[row + 1]! > list.offsets[row]!) {
      mask |= 1 << (FIRST_LIST_COLUMN + i);
    }
  });
  return mask;
}

/** Series by their first start, each in the order of its starts. */
function seriesOf(table: EventTable, rows: ArrayLike<number>, baseNs: number): Series[] {
  const byKey = new Map<string, number[]>();
  const masks = new Map<string, number>();
  const sorted = Array.from(rows).sort((a, b) => table.startNs[a]! - table.startNs[b]!);
  for (const row of sorted) {
    assert(table.phase[row]! < PHASES.length, 'a phase is known');
    const least = Math.min(table.domain[row]!, table.microbatch[row]!, table.peer[row]!);
    assert(least >= -1, 'a domain, micro-batch or peer is negative');
    const mask = maskOf(table, row);
    const { stage, kind, phase, domain, microbatch, peer } = table;
    const key = `${stage[row]}/${kind[row]}/${phase[row]}/${domain[row]}/${microbatch[row]}/${peer[row]}/${mask}`;
    const known = byKey.get(key);
    if (known === undefined) {
      byKey.set(key, [row]);
      masks.set(key, mask);
    } else {
      known.push(row);
    }
  }
  return [...byKey].map(([key, ofKey]) => {
    const startNs = ofKey.map((row) => table.startNs[row]! - baseNs);
    const endNs = ofKey.map((row, i) => startNs[i]! + table.durationNs[row]!);
    return { rows: ofKey, mask: masks.get(key)!, startNs, endNs };
  });
}

function writeTimes(out: ByteSink, table: EventTable, all: readonly Series[], s: number): void {
  const { rows, startNs } = all[s]!;
  planColumn(
    rows.map((row) => table.durationNs[row]!),
    MIN_DURATION_BITS,
  ).write(out);
  let best: { plan: ColumnPlan; reference: number; shift: number } = {
    plan: planColumn(startNs, 0),
    reference: -1,
    shift: 0,
  };
  for (const { reference, shift } of likelyReferences(all, s)) {
    const gaps = gapsTo(all[reference]!.endNs, startNs, shift);
    if (gaps.some((gap) => Math.abs(gap) >= 2 ** 51)) continue;
    const plan = planColumn(gaps, 0);
    if (plan.bits + 8 < best.plan.bits) best = { plan, reference, shift };
  }
  out.varint(best.reference + 1);
  if (best.reference >= 0) out.zigzag(best.shift);
  best.plan.write(out);
}

/** Where the other series has events of a few layers more or fewer. */
const SHIFTS = [0, 1, -1, 2, -2, 3, -3] as const;
/** Gaps that are looked at to tell how well a reference predicts, and references that are tried. */
const SAMPLES = 9;
const TRIED = 2;

interface Reference {
  readonly reference: number;
  readonly shift: number;
  readonly spreadNs: number;
}

/** Earlier series from whose ends the starts of series `s` keep the steadiest distance. */
function likelyReferences(all: readonly Series[], s: number): Reference[] {
  const { startNs } = all[s]!;
  const count = Math.min(SAMPLES, startNs.length);
  const gaps = new Float64Array(count);
  const likely: Reference[] = [];
  for (let reference = 0; reference < s; reference++) {
    const { endNs } = all[reference]!;
    const last = endNs.length - 1;
    for (const shift of SHIFTS) {
      for (let k = 0; k < count; k++) {
        const i = Math.floor(((k + 0.5) * startNs.length) / count);
        gaps[k] = startNs[i]! - endNs[Math.max(0, Math.min(last, i - shift))]!;
      }
      gaps.sort();
      // The extremes may be outliers.
      const spreadNs = gaps[count - 1 - (count >> 2)]! - gaps[count >> 2]!;
      if (likely.length === TRIED && spreadNs >= likely[TRIED - 1]!.spreadNs) continue;
      likely.push({ reference, shift, spreadNs });
      likely.sort((a, b) => a.spreadNs - b.spreadNs);
      likely.length = Math.min(likely.length, TRIED);
    }
  }
  return likely;
}

function gapsTo(endNs: readonly number[], startNs: readonly number[], shift: number): number[] {
  const last = endNs.length - 1;
  return startNs.map((start, i) => start - endNs[Math.max(0, Math.min(last, i - shift))]!);
}

function writeColumns(out: ByteSink, table: EventTable, { rows, mask }: Series): void {
  const has = (column: number) => (mask & (1 << column)) !== 0;
  if (has(LAYER_COLUMN)) {
    planColumn(
      rows.map((row) => table.layer[row]!),
      0,
    ).write(out);
  }
  PACKED_MEASURES.forEach((name, i) => {
    const column = table.measures[name];
    if (column === null || !has(FIRST_MEASURE_COLUMN + i)) return;
    const values = rows.map((row) => column[row]!);
    const scale = scaleOf(values);
    out.byte(scale);
    if (scale === SCALE_DOUBLES) for (const value of values) out.double(value);
    else
      planColumn(
        values.map((value) => value * 2 ** scale),
        0,
      ).write(out);
  });
  PACKED_LISTS.forEach((name, i) => {
    const list = table.lists[name];
    if (list === null || !has(FIRST_LIST_COLUMN + i)) return;
    const lists = rows.map((row) => [
      ...list.values.subarray(list.offsets[row]!, list.offsets[row + 1]!),
    ]);
    planColumn(
      lists.map(({ length }) => length),
      0,
    ).write(out);
    planColumn(lists.flat(), MIN_MEMBER_BITS).write(out);
  });
}

/** The smallest power of two that makes all values integers, or SCALE_DOUBLES. */
function scaleOf(values: readonly number[]): number {
  for (const scale of [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16]) {
    assert(scale <= MAX_SCALE, 'a scale is known');
    if (values.every((value) => Number.isSafeInteger(value * 2 ** scale))) return scale;
  }
  return SCALE_DOUBLES;
}
