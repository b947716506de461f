/** A planned append as blobs: the work that needs no transaction, done before one begins. */
import type { EventTable } from '#lib/table/event-table.ts';
import type { PlannedDeployment } from '../append-plan.ts';
import { packEvents, packMetrics } from './blob.ts';

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

export interface PackedDeployment {
  readonly chunks: readonly PackedEventChunk[];
  readonly metricChunks: readonly PackedChunk[];
}

export function packPlan(plan: PlannedDeployment): PackedDeployment {
  return {
    chunks: plan.chunks.map(({ tables, rows, fromUnixNs, toUnixNs }) => ({
      fromUnixNs,
      toUnixNs,
      rows,
      ...stepRange(tables),
      blob: packEvents(tables),
    })),
    metricChunks: plan.metricChunks.map(({ table, fromUnixNs, toUnixNs }) => ({
      fromUnixNs,
      toUnixNs,
      rows: table.length,
      blob: packMetrics(table),
    })),
  };
}

export function stepRange(tables: readonly EventTable[]): { minStep: number; maxStep: number } {
  let minStep = Number.POSITIVE_INFINITY;
  let maxStep = -1;
  for (const { step: steps, length } of tables) {
    for (let i = 0; i < length; i++) {
      const step = steps[i]!;
      if (step < 0) continue;
      if (step < minStep) minStep = step;
      if (step > maxStep) maxStep = step;
    }
  }
  return { minStep: maxStep < 0 ? -1 : minStep, maxStep };
}
