/**
 * What formats write: a part of the exported window at a time, each with all that belongs to it.
 *
 *     window    ├───────────────────────────────┤
 *     parts     ├──────────┤──────────┤─────────┤
 *     part 1            ·· ├──────────┤ ··         the whole steps that touch it; an event is written
 *                                                  in the part in which it starts, by aligned time
 */
import { nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { sortByStart } from '#lib/table/event-tables.ts';
import { workerId } from '#lib/table/worker-info.ts';

export interface ExportPart {
  readonly deployment: string;
  /** Aligned times; the very same tables as `raw` where no clock is corrected. */
  readonly aligned: readonly EventTable[];
  /** The same rows as senders gave them. */
  readonly raw: readonly EventTable[];
  /** Events that start here are the part's own; absent: open. */
  readonly ownFromUnixNs: UnixNanos | undefined;
  readonly ownToUnixNs: UnixNanos | undefined;
  /** What own events must overlap; null: nothing, all are wanted. */
  readonly window: { readonly fromUnixNs: UnixNanos; readonly toUnixNs: UnixNanos } | null;
}

/** Which own events are written; absent: all. */
export interface RowChoice {
  readonly workers?: ReadonlySet<string>;
  readonly stages?: ReadonlySet<string>;
}

/** The own events of a part, in the order of their aligned starts. */
export interface ExportRows {
  readonly length: number;
  /** Of entry i: the table, and the row in it. */
  readonly table: Uint16Array;
  readonly row: Uint32Array;
  /** After the base that was asked for, aligned. */
  readonly startNs: Float64Array;
  readonly durationNs: Float64Array;
}

/** `baseUnixNs`: what starts count from; within 104 days of all events. */
export function ownRows(part: ExportPart, baseUnixNs: UnixNanos, choice: RowChoice): ExportRows {
  const { deployment, aligned, ownFromUnixNs, ownToUnixNs, window } = part;
  const after = (instant: UnixNanos | undefined, open: number): number =>
    instant === undefined ? open : nanosBetween(baseUnixNs, instant);
  const ownFromNs = after(ownFromUnixNs, Number.NEGATIVE_INFINITY);
  const ownToNs = after(ownToUnixNs, Number.POSITIVE_INFINITY);
  const fromNs = after(window?.fromUnixNs, Number.NEGATIVE_INFINITY);
  const toNs = after(window?.toUnixNs, Number.POSITIVE_INFINITY);
  const most = aligned.reduce((sum, { length }) => sum + length, 0);
  const table = new Uint16Array(most);
  const row = new Uint32Array(most);
  const startNs = new Float64Array(most);
  const durationNs = new Float64Array(most);
  let length = 0;
  for (const [t, events] of aligned.entries()) {
    const shiftNs = nanosBetween(baseUnixNs, events.baseUnixNs);
    const takesWorker = Uint8Array.from(events.workers, (worker) =>
      Number(worker.deployment === deployment && (choice.workers?.has(workerId(worker)) ?? true)),
    );
    const takesStage = Uint8Array.from(events.stageNames, (name) =>
      Number(choice.stages?.has(name) ?? true),
    );
    for (let i = 0; i < events.length; i++) {
      const start = events.startNs[i]! + shiftNs;
      if (start < ownFromNs || start >= ownToNs || start >= toNs) continue;
      if (start < fromNs && start + events.durationNs[i]! <= fromNs) continue;
      if (takesWorker[events.worker[i]!] === 0 || takesStage[events.stage[i]!] === 0) continue;
      table[length] = t;
      row[length] = i;
      startNs[length] = start;
      durationNs[length++] = events.durationNs[i]!;
    }
  }
  const order = Uint32Array.from({ length }, (_, i) => i);
  sortByStart(order, startNs);
  return {
    length,
    table: Uint16Array.from(order, (i) => table[i]!),
    row: Uint32Array.from(order, (i) => row[i]!),
    startNs: Float64Array.from(order, (i) => startNs[i]!),
    durationNs: Float64Array.from(order, (i) => durationNs[i]!),
  };
}
