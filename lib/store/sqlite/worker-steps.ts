/** Packed steps of many commits, put in order: pieces of one worker each, by start. Pure. */
import { nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import type { StepRefs } from '#lib/table/packed-tables.ts';
import { CHUNK_ROWS, CHUNK_SPAN_NS } from '../append-plan.ts';

/** Payloads of one piece, so that reading a few steps does not read megabytes. */
const PIECE_BYTES = 512 * 1024;

/** Steps, and the append that each came with. */
export interface SequencedSteps {
  readonly table: PackedTable;
  /** One for all steps, or one for each. */
  readonly sequences: number | Float64Array;
}

export interface WorkerPiece {
  readonly deployment: string;
  readonly group: string;
  readonly rank: number;
  readonly steps: StepRefs;
  /** For each step. */
  readonly sequences: Float64Array;
}

/** The steps of one worker: part `part[i]`, row `row[i]`, from first to last as they came. */
interface WorkerRows {
  readonly deployment: string;
  readonly group: string;
  readonly rank: number;
  readonly part: number[];
  readonly row: number[];
  readonly startNs: number[];
  sorted: boolean;
}

/** Pieces within the bounds of a chunk, worker by worker. */
export function workerPieces(parts: readonly SequencedSteps[]): readonly WorkerPiece[] {
  const first = parts[0];
  if (first === undefined) return [];
  const base = first.table.baseUnixNs;
  const rows = new Map<string, WorkerRows>();
  for (const [index, { table }] of parts.entries()) addRows(rows, index, table, base);
  const tables = parts.map(({ table }) => table);
  return [...rows.values()].flatMap((worker) => piecesOf(worker, parts, tables));
}

function addRows(
  workers: Map<string, WorkerRows>,
  index: number,
  table: PackedTable,
  base: UnixNanos,
): void {
  const shiftNs = nanosBetween(base, table.baseUnixNs);
  const lists = table.workers.map(({ deployment, group, rank }) => {
    const key = `${rank} ${group.length} ${group} ${deployment}`;
    const known = workers.get(key);
    if (known !== undefined) return known;
    const made = { deployment, group, rank, part: [], row: [], startNs: [], sorted: true };
    workers.set(key, made);
    return made;
  });
  for (let i = 0; i < table.length; i++) {
    const list = lists[table.worker[i]!]!;
    const startNs = table.startNs[i]! + shiftNs;
    const last = list.startNs.length - 1;
    if (last >= 0 && list.startNs[last]! > startNs) list.sorted = false;
    list.part.push(index);
    list.row.push(i);
    list.startNs.push(startNs);
  }
}

function piecesOf(
  worker: WorkerRows,
  parts: readonly SequencedSteps[],
  tables: readonly PackedTable[],
): readonly WorkerPiece[] {
  const { part, row, startNs } = worker;
  const order = Uint32Array.from(startNs.keys());
  if (!worker.sorted) order.sort((a, b) => startNs[a]! - startNs[b]! || a - b);
  const pieces: WorkerPiece[] = [];
  const spanNs = Number(CHUNK_SPAN_NS);
  let from = 0;
  let events = 0;
  let bytes = 0;
  for (let i = 0; i < order.length; i++) {
    const at = order[i]!;
    const { table } = parts[part[at]!]!;
    const stepEvents = table.stepEvents[row[at]!]!;
    const stepBytes = table.byteLength[row[at]!]!;
    const full =
      events + stepEvents > CHUNK_ROWS ||
      bytes + stepBytes > PIECE_BYTES ||
      startNs[at]! - startNs[order[from]!]! > spanNs;
    if (i > from && full) {
      pieces.push(pieceOf(worker, order.subarray(from, i), parts, tables));
      from = i;
      events = 0;
      bytes = 0;
    }
    events += stepEvents;
    bytes += stepBytes;
  }
  if (from < order.length) pieces.push(pieceOf(worker, order.subarray(from), parts, tables));
  return pieces;
}

function pieceOf(
  { deployment, group, rank, part, row }: WorkerRows,
  order: Uint32Array,
  parts: readonly SequencedSteps[],
  tables: readonly PackedTable[],
): WorkerPiece {
  const n = order.length;
  const steps = { tables, part: new Uint32Array(n), row: new Uint32Array(n) };
  const ofStep = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const at = order[i]!;
    const index = part[at]!;
    steps.part[i] = index;
    steps.row[i] = row[at]!;
    const { sequences } = parts[index]!;
    ofStep[i] = typeof sequences === 'number' ? sequences : sequences[row[at]!]!;
  }
  return { deployment, group, rank, steps, sequences: ofStep };
}
