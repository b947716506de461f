/** What the live thread gets of a group commit: new events only, of the steps that it looks at. */
import type { CommittedMessage } from '#collector/messages.ts';
import { pickRows } from '#lib/live/partition-table.ts';
import { isLookedAt } from '#lib/live/step-sampling.ts';
import type { AppendOutcome } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { concatPacked, selectSteps } from '#lib/table/packed-tables.ts';
import type { RejectCounts, RejectReason } from '#lib/table/reject-reasons.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import type { PendingBatch } from './group-commit.ts';

/** Packed steps further apart than this cannot be in one table. */
const MAX_APART_NS = 50n * 86_400_000_000_000n;

/** `every`: by deployment, one step in so many is looked at; absent: all. */
export function committedMessage(
  group: readonly PendingBatch[],
  outcomes: readonly AppendOutcome[],
  every: ReadonlyMap<string, number>,
): CommittedMessage {
  const events: EventTable[] = [];
  const steps: PackedTable[] = [];
  const metrics: MetricTable[] = [];
  const rejected = new Map<string, RejectCounts>();
  const leftOut = new Map<string, number>();
  let logRecords = 0;
  for (const [i, { batch }] of group.entries()) {
    const outcome = outcomes[i];
    if (outcome?.duplicate === true) {
      for (const table of batch.events) {
        for (let row = 0; row < table.length; row++) {
          addCount(rejected, deploymentOf(table, row), 'duplicate', 1);
        }
      }
      for (const table of batch.packed) countSteps(rejected, table, null);
      continue;
    }
    for (const table of batch.events) {
      const part = lookedAtRows(table, every, leftOut);
      if (part.length > 0) events.push(part);
    }
    for (const [t, table] of batch.packed.entries()) {
      const fresh = outcome?.freshPacked[t] ?? null;
      if (fresh !== null) countSteps(rejected, table, fresh);
      const part = lookedAtSteps(table, fresh, every, leftOut);
      if (part.length > 0) steps.push(part);
    }
    metrics.push(...batch.metrics);
    logRecords += batch.logRecords;
    for (const [deployment, counts] of batch.rejected) {
      for (const [reason, count] of Object.entries(counts)) {
        addCount(rejected, deployment, reason as RejectReason, count);
      }
    }
  }
  const packed = joined(steps);
  return { type: 'committed', events, packed, leftOut, metrics, rejected, logRecords, missed: [] };
}

/** The table itself where all of it is looked at. */
function lookedAtRows(
  table: EventTable,
  every: ReadonlyMap<string, number>,
  leftOut: Map<string, number>,
): EventTable {
  const everyOf = everyByWorker(table.workers, every);
  if (everyOf === null) return table;
  const rows: number[] = [];
  for (let row = 0; row < table.length; row++) {
    if (isLookedAt(table.step[row]!, everyOf[table.worker[row]!]!)) rows.push(row);
    else add(leftOut, deploymentOf(table, row), 1);
  }
  return rows.length === table.length ? table : pickRows(table, rows);
}

function lookedAtSteps(
  table: PackedTable,
  fresh: Uint32Array | null,
  every: ReadonlyMap<string, number>,
  leftOut: Map<string, number>,
): PackedTable {
  const everyOf = everyByWorker(table.workers, every);
  if (everyOf === null && fresh === null) return table;
  const rows: number[] = [];
  const count = fresh?.length ?? table.length;
  for (let i = 0; i < count; i++) {
    const row = fresh?.[i] ?? i;
    if (everyOf === null || isLookedAt(table.step[row]!, everyOf[table.worker[row]!]!)) {
      rows.push(row);
    } else {
      add(leftOut, deploymentOf(table, row), table.stepEvents[row]!);
    }
  }
  return rows.length === table.length ? table : selectSteps(table, Uint32Array.from(rows));
}

/** By index of worker; null where all steps of all of them are looked at. */
function everyByWorker(
  workers: readonly WorkerInfo[],
  every: ReadonlyMap<string, number>,
): Float64Array | null {
  if (every.size === 0) return null;
  const of = Float64Array.from(workers, ({ deployment }) => every.get(deployment) ?? 1);
  return of.some((n) => n > 1) ? of : null;
}

/** A table for each deployment (and each stretch of time), with bytes of its own. */
function joined(tables: readonly PackedTable[]): PackedTable[] {
  const groups: { deployment: string; baseUnixNs: bigint; tables: PackedTable[] }[] = [];
  for (const table of tables) {
    const deployment = table.workers[0]?.deployment ?? '';
    const group = groups.find(
      (one) => one.deployment === deployment && isNear(one.baseUnixNs, table.baseUnixNs),
    );
    if (group !== undefined) group.tables.push(table);
    else groups.push({ deployment, baseUnixNs: table.baseUnixNs, tables: [table] });
  }
  return groups.map((group) => concatPacked(group.tables));
}

function isNear(a: bigint, b: bigint): boolean {
  return a - b < MAX_APART_NS && b - a < MAX_APART_NS;
}

/** Events of the steps that were stored before: of all of them where `fresh` is null. */
function countSteps(
  rejected: Map<string, RejectCounts>,
  table: PackedTable,
  fresh: Uint32Array | null,
): void {
  const isFresh = new Set(fresh ?? []);
  for (let row = 0; row < table.length; row++) {
    if (isFresh.has(row)) continue;
    addCount(rejected, deploymentOf(table, row), 'duplicate', table.stepEvents[row]!);
  }
}

function deploymentOf(
  table: { readonly workers: readonly WorkerInfo[]; readonly worker: Int32Array },
  row: number,
): string {
  return table.workers[table.worker[row]!]?.deployment ?? '';
}

function add(counts: Map<string, number>, name: string, count: number): void {
  counts.set(name, (counts.get(name) ?? 0) + count);
}

function addCount(
  rejected: Map<string, RejectCounts>,
  deployment: string,
  reason: RejectReason,
  count: number,
): void {
  const counts = rejected.get(deployment) ?? {};
  counts[reason] = (counts[reason] ?? 0) + count;
  rejected.set(deployment, counts);
}
