/** Events, packed steps and metric points as they came, the pins that keep some of them, and what is deleted when. */
import type { UnixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { concatTables } from '#lib/table/event-tables.ts';
import { compareInstants, earliest } from '#lib/table/instants.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { concatPacked, isPackedTable, packedSpan, payloadBytes } from '#lib/table/packed-tables.ts';
import type { PlannedDeployment, PlannedMetricChunk } from './append-plan.ts';
import { rawExtentOf } from './raw-extent.ts';
import type { Pin, RawExtent, RetentionPolicy, TimeWindow } from './telemetry-store.ts';

interface Kept {
  readonly table: EventTable | PackedTable;
  readonly deployment: string;
  readonly fromUnixNs: UnixNanos;
  readonly toUnixNs: UnixNanos;
  /** Number of the append that it came with. */
  readonly sequence: number;
}

interface KeptEvents extends Kept {
  readonly table: EventTable;
}

interface KeptSteps extends Kept {
  readonly table: PackedTable;
}

/** What an event takes here; only retention by size uses it. */
const BYTES_PER_EVENT = 64;

export class MemoryChunks {
  readonly #pins = new Map<string, { deployment: string; window: TimeWindow }>();
  #chunks: KeptEvents[] = [];
  #packed: KeptSteps[] = [];
  #metricChunks: (PlannedMetricChunk & { deployment: string })[] = [];

  add(plan: PlannedDeployment, sequence: number): void {
    const { deployment } = plan;
    for (const { tables, fromUnixNs, toUnixNs } of plan.chunks) {
      const table = concatTables(tables);
      this.#chunks.push({ table, fromUnixNs, toUnixNs, deployment, sequence });
    }
    for (const steps of plan.packed) {
      // A copy: the caller may use its bytes again.
      const table = concatPacked([steps]);
      this.#packed.push({ table, ...packedSpan(table)!, deployment, sequence });
    }
    for (const chunk of plan.metricChunks) this.#metricChunks.push({ ...chunk, deployment });
  }

  /** Of events and packed steps; the earliest start first. */
  raw(deployment: string): readonly (EventTable | PackedTable)[] {
    return of(this.#raw(), deployment).map(({ table }) => table);
  }

  /** The earliest start first. */
  metrics(deployment: string): readonly MetricTable[] {
    return of(this.#metricChunks, deployment).map(({ table }) => table);
  }

  /** What came with appends after this one, in their order. */
  rawAfter(sequence: number): readonly Pick<Kept, 'table' | 'sequence'>[] {
    return this.#raw()
      .filter((kept) => kept.sequence > sequence)
      .sort((a, b) => a.sequence - b.sequence);
  }

  get rawBytes(): number {
    return this.#raw().reduce((sum, { table }) => sum + bytesOf(table), 0);
  }

  /** Start of the oldest that no pin keeps; null: there is none. */
  get oldestRawUnixNs(): UnixNanos | null {
    const starts = this.#raw()
      .filter((kept) => !this.#isPinned(kept))
      .map(({ fromUnixNs }) => fromUnixNs);
    return starts.length === 0 ? null : earliest(starts, starts[0]!);
  }

  rawExtent(deployment: string, { fromUnixNs, toUnixNs }: TimeWindow): RawExtent {
    const inside = of(this.#raw(), deployment).filter(
      (kept) => kept.toUnixNs > fromUnixNs && kept.fromUnixNs < toUnixNs,
    );
    return rawExtentOf(inside.map((kept) => ({ ...kept, bytes: bytesOf(kept.table) })));
  }

  /** How many chunks it deleted. */
  retain(policy: RetentionPolicy, nowUnixNs: UnixNanos): number {
    const rawBefore = nowUnixNs - BigInt(Math.round(policy.rawNs));
    const rollupsBefore = nowUnixNs - BigInt(Math.round(policy.rollupsNs));
    const before = this.#count;
    let bytes = this.rawBytes;
    const doomed = new Set<Kept>();
    for (const kept of this.#raw().sort((a, b) => compareInstants(a.toUnixNs, b.toUnixNs))) {
      if (kept.toUnixNs > rawBefore && bytes <= policy.rawBytes) break;
      if (this.#isPinned(kept)) continue;
      doomed.add(kept);
      bytes -= bytesOf(kept.table);
    }
    this.#chunks = this.#chunks.filter((chunk) => !doomed.has(chunk));
    this.#packed = this.#packed.filter((steps) => !doomed.has(steps));
    this.#metricChunks = this.#metricChunks.filter(
      (chunk) => chunk.toUnixNs > rollupsBefore || this.#isPinned(chunk),
    );
    return before - this.#count;
  }

  pins(deployment?: string): readonly Pin[] {
    return [...this.#pins]
      .filter(([, pin]) => deployment === undefined || pin.deployment === deployment)
      .map(([pinId, pin]) => ({ pinId, deployment: pin.deployment, ...pin.window }))
      .sort((a, b) => compareInstants(a.fromUnixNs, b.fromUnixNs) || (a.pinId < b.pinId ? -1 : 1));
  }

  pin(pinId: string, deployment: string, window: TimeWindow): void {
    this.#pins.set(pinId, { deployment, window });
  }

  unpin(pinId: string): void {
    this.#pins.delete(pinId);
  }

  #raw(): Kept[] {
    return [...this.#chunks, ...this.#packed];
  }

  get #count(): number {
    return this.#chunks.length + this.#packed.length + this.#metricChunks.length;
  }

  #isPinned(chunk: Pick<Kept, 'deployment' | 'fromUnixNs' | 'toUnixNs'>): boolean {
    return [...this.#pins.values()].some(
      ({ deployment, window }) =>
        deployment === chunk.deployment &&
        window.fromUnixNs < chunk.toUnixNs &&
        window.toUnixNs > chunk.fromUnixNs,
    );
  }
}

function of<T extends { deployment: string; fromUnixNs: UnixNanos }>(
  chunks: readonly T[],
  deployment: string,
): readonly T[] {
  return chunks
    .filter((chunk) => chunk.deployment === deployment)
    .sort((a, b) => compareInstants(a.fromUnixNs, b.fromUnixNs));
}

function bytesOf(table: EventTable | PackedTable): number {
  return isPackedTable(table) ? payloadBytes(table) : table.length * BYTES_PER_EVENT;
}
