/** Packed tables as the decoder keeps them, made from events. */
import { addNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { packStep, rowsByStep } from './packed-spans.ts';

/** A row for each worker and step of `table`; the payloads begin at `gapBytes`, each behind another gap. */
export function packedTableOf(table: EventTable, gapBytes = 0): PackedTable {
  const steps = rowsByStep(table);
  const payloads = steps.map((rows) => packStep(table, rows));
  const n = steps.length;
  const startNs = Float64Array.from(steps, (rows) =>
    Math.min(...rows.map((row) => table.startNs[row]!)),
  );
  const endNs = Float64Array.from(steps, (rows) =>
    Math.max(...rows.map((row) => table.startNs[row]! + table.durationNs[row]!)),
  );
  const offset = new Uint32Array(n);
  let at = gapBytes;
  for (let i = 0; i < n; i++) {
    offset[i] = at;
    at += payloads[i]!.byteLength + gapBytes;
  }
  const bytes = new Uint8Array(at).fill(0xee);
  for (let i = 0; i < n; i++) bytes.set(payloads[i]!, offset[i]!);
  const first = (column: ArrayLike<number>) => steps.map((rows) => column[rows[0]!]!);
  return {
    length: n,
    events: table.length,
    baseUnixNs: addNanos(table.baseUnixNs, 0),
    workers: table.workers,
    worker: Int32Array.from(first(table.worker)),
    domain: Int32Array.from(first(table.domain)),
    step: Float64Array.from(first(table.step)),
    startNs,
    endNs,
    stepEvents: Uint32Array.from(steps, (rows) => rows.length),
    offset,
    byteLength: Uint32Array.from(payloads, (payload) => payload.byteLength),
    bytes,
  };
}
