/** A planned append as blobs: the work that needs no transaction, done before one begins. */
import type { EventTable } from '#lib/table/event-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { concatPacked, isCompact, packedSpan } from '#lib/table/packed-tables.ts';
import type { PlannedDeployment } from '../append-plan.ts';
import { packEvents, packMetrics, packSteps } from './blob.ts';

export interface PackedChunk {
  readonly fromUnixNs: bigint;
  readonly toUnixNs: bigint;
  readonly rows: number;
  readonly blob: Uint8Array;
}

export interface PackedEventChunk extends PackedChunk {
  /** -1 where no event belongs to a step. */
  readonly minStep: number;
  readonly maxStep: number;
}

/** A journal row. */
export interface JournalSteps {
  readonly fromUnixNs: bigint;
  readonly toUnixNs: bigint;
  readonly events: number;
  readonly table: PackedTable;
  readonly blob: Uint8Array;
}

export interface PackedDeployment {
  readonly chunks: readonly PackedEventChunk[];
  /** One row, or none. */
  readonly steps: readonly JournalSteps[];
  readonly metricChunks: readonly PackedChunk[];
}

export function packPlan(plan: PlannedDeployment): PackedDeployment {
  return {
    chunks: plan.chunks.map(({ table, fromUnixNs, toUnixNs }) => ({
      fromUnixNs,
      toUnixNs,
      rows: table.length,
      ...stepRange(table),
      blob: packEvents(table),
    })),
    steps: packJournal(plan.packed.filter(({ length }) => length > 0)),
    metricChunks: plan.metricChunks.map(({ table, fromUnixNs, toUnixNs }) => ({
      fromUnixNs,
      toUnixNs,
      rows: table.length,
      blob: packMetrics(table),
    })),
  };
}

function packJournal(tables: readonly PackedTable[]): readonly JournalSteps[] {
  const only = tables[0];
  if (only === undefined) return [];
  // The journal is kept in memory too, so it must own its bytes where the caller's hold more.
  const table = tables.length === 1 && isCompact(only) ? only : concatPacked(tables);
  return [{ ...packedSpan(table)!, events: table.events, table, blob: packSteps(table) }];
}

export function stepRange(table: EventTable): { minStep: number; maxStep: number } {
  let minStep = Number.POSITIVE_INFINITY;
  let maxStep = -1;
  for (const step of table.step) {
    if (step < 0) continue;
    if (step < minStep) minStep = step;
    if (step > maxStep) maxStep = step;
  }
  return { minStep: maxStep < 0 ? -1 : minStep, maxStep };
}
