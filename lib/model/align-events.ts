/**
 * Alignment on read: raw tables in, the same events in one time out.
 *
 *     raw tables ─ transfers between clock domains ─▶ ClockBounds ─▶ alignClocks
 *          └───────────────────── alignTables ◀──── corrections ────────┘
 *
 * It comes before everything else, so that windows, steps, waits and pictures are all in aligned time
 * and none of them knows of clocks. Limits come from the steps that touch the window by raw time,
 * whole, whoever reads them: files, store and threads agree on every nanosecond.
 */
import { nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { type AlignOptions, alignClocks, type ClockAlignment } from './clock-alignment.ts';
import {
  CLOCK_RESOLUTION_NS,
  ClockBounds,
  type ClockBoundsPart,
  type TransferColumns,
} from './clock-bounds.ts';
import { alignInstants, type ClockCorrection } from './clock-correction.ts';
import { forEachTransfer } from './clock-transfers.ts';
import { findTransferRuns, type TransferRuns } from './transfer-runs.ts';

/** An absent end is open. */
export interface ClockWindow {
  readonly fromUnixNs?: UnixNanos;
  readonly toUnixNs?: UnixNanos;
}

/** What a reader of events knows about their clocks. */
export interface ClockFacts {
  readonly alignment: ClockAlignment;
  /** Limits that transfers gave; and those that were received before they were sent. */
  readonly transfers: number;
  readonly violationsBefore: number;
  readonly violationsAfter: number;
}

export interface AlignedEvents {
  /** The very tables where nothing is corrected. */
  readonly tables: readonly EventTable[];
  /** null: all workers share one clock. */
  readonly clock: ClockFacts | null;
}

/** The events of `deployment` in one time, as far as transfers of the window's steps tell. */
export function alignEvents(
  tables: readonly EventTable[],
  deployment: string,
  window: ClockWindow = {},
  options: AlignOptions = {},
): AlignedEvents {
  const transfers = ClockTransfers.find(tables, deployment, window);
  if (transfers === null) return { tables, clock: null };
  const alignment = alignClocks(transfers.part(), options);
  return transfers.align(tables, alignment);
}

/** The transfers between clock domains in tables: found once, looked at raw and aligned. */
export class ClockTransfers {
  readonly #runs: TransferRuns;
  readonly #chosen: Uint8Array;
  #transfers = 0;
  #violations = 0;
  /** All transfers; null: too many. */
  #kept: readonly TransferColumns[] | null = null;

  private constructor(runs: TransferRuns, chosen: Uint8Array) {
    this.#runs = runs;
    this.#chosen = chosen;
  }

  /**
   * Of the steps that touch `window` and start in `own`, by raw time. null: all workers share one
   * clock.
   */
  static find(
    tables: readonly EventTable[],
    deployment: string,
    window: ClockWindow = {},
    own: ClockWindow = {},
  ): ClockTransfers | null {
    const runs = findTransferRuns(tables, deployment);
    return runs === null ? null : new ClockTransfers(runs, chooseSteps(runs, window, own));
  }

  /** The same of the steps that lie inside of `window`: those at its edges may not be whole yet. */
  static findInside(
    tables: readonly EventTable[],
    deployment: string,
    window: ClockWindow,
  ): ClockTransfers | null {
    const runs = findTransferRuns(tables, deployment);
    if (runs === null) return null;
    const { fromNs, toNs } = spanOf(runs, window);
    const { stepStartNs, stepEndNs } = runs;
    const chosen = Uint8Array.from(stepStartNs, (startNs, step) =>
      Number(startNs >= fromNs && stepEndNs[step]! <= toNs),
    );
    return new ClockTransfers(runs, chosen);
  }

  /** Adds what the transfers say; how many limits that are. */
  addTo(bounds: ClockBounds): number {
    const before = bounds.counts();
    const kept: TransferColumns[] = [];
    let rows = 0;
    forEachTransfer(this.#runs, this.#chosen, (columns) => {
      bounds.add(columns);
      rows += columns.length;
      if (rows <= MAX_KEPT_ROWS) kept.push(copyOf(columns));
    });
    const after = bounds.counts();
    this.#kept = rows <= MAX_KEPT_ROWS ? kept : null;
    this.#transfers = after.transfers - before.transfers;
    this.#violations = after.violations - before.violations;
    return this.#transfers;
  }

  part(): ClockBoundsPart {
    const bounds = new ClockBounds();
    this.addTo(bounds);
    return bounds.part();
  }

  /** `tables`: those that transfers were found in, and have told `addTo` or `part`. */
  align(tables: readonly EventTable[], alignment: ClockAlignment): AlignedEvents {
    return {
      tables: alignTables(tables, alignment),
      clock: {
        alignment,
        transfers: this.#transfers,
        violationsBefore: this.#violations,
        violationsAfter: this.violationsAs(alignment),
      },
    };
  }

  /** Transfers received before they were sent, as aligned. */
  violationsAs(alignment: ClockAlignment): number {
    const { domains } = this.#runs;
    const corrections = domains.map(
      (name) => alignment.domains.find(({ domain }) => domain === name)?.correction ?? null,
    );
    if (corrections.every((correction) => correction === null)) return this.#violations;
    let violations = 0;
    const count = (columns: TransferColumns): void => {
      violations += violationsAligned(columns, corrections);
    };
    if (this.#kept !== null) for (const columns of this.#kept) count(columns);
    else forEachTransfer(this.#runs, this.#chosen, count);
    return violations;
  }
}

/** Columns that are kept to be looked at again: 48 MB. More are found again. */
const MAX_KEPT_ROWS = 2_000_000;

/** Both ends of an aligned transfer are rounded once more. */
const ALIGNED_RESOLUTION_NS = CLOCK_RESOLUTION_NS + 1;

function copyOf(columns: TransferColumns): TransferColumns {
  const { length, senderDomain, receiverDomain, sendStartNs, recvEndNs } = columns;
  return {
    ...columns,
    senderDomain: senderDomain.slice(0, length),
    receiverDomain: receiverDomain.slice(0, length),
    sendStartNs: sendStartNs.slice(0, length),
    recvEndNs: recvEndNs.slice(0, length),
  };
}

function violationsAligned(
  columns: TransferColumns,
  corrections: readonly (ClockCorrection | null)[],
): number {
  const { length, baseUnixNs, senderDomain, receiverDomain } = columns;
  const sentNs = columns.sendStartNs.slice(0, length);
  const receivedNs = columns.recvEndNs.slice(0, length);
  alignByDomain(sentNs, senderDomain, corrections, baseUnixNs);
  alignByDomain(receivedNs, receiverDomain, corrections, baseUnixNs);
  let violations = 0;
  for (let row = 0; row < length; row++) {
    if (senderDomain[row] === receiverDomain[row]) continue;
    if (receivedNs[row]! - sentNs[row]! < -ALIGNED_RESOLUTION_NS) violations++;
  }
  return violations;
}

/** Neighbours mostly are of one domain. */
function alignByDomain(
  values: Float64Array,
  domain: Int32Array,
  corrections: readonly (ClockCorrection | null)[],
  baseUnixNs: UnixNanos,
): void {
  for (let from = 0; from < values.length; ) {
    let to = from + 1;
    while (to < values.length && domain[to] === domain[from]) to++;
    const correction = corrections[domain[from]!]!;
    if (correction !== null) alignInstants(correction, baseUnixNs, values, from, to);
    from = to;
  }
}

function chooseSteps(runs: TransferRuns, window: ClockWindow, own: ClockWindow): Uint8Array {
  const { stepStartNs, stepEndNs } = runs;
  const whole = spanOf(runs, window);
  const part = spanOf(runs, own);
  return Uint8Array.from(stepStartNs, (startNs, step) =>
    Number(
      startNs <= whole.toNs &&
        stepEndNs[step]! >= whole.fromNs &&
        startNs >= part.fromNs &&
        startNs < part.toNs,
    ),
  );
}

function spanOf({ baseUnixNs }: TransferRuns, { fromUnixNs, toUnixNs }: ClockWindow) {
  return {
    fromNs:
      fromUnixNs === undefined ? Number.NEGATIVE_INFINITY : nanosBetween(baseUnixNs, fromUnixNs),
    toNs: toUnixNs === undefined ? Number.POSITIVE_INFINITY : nanosBetween(baseUnixNs, toUnixNs),
  };
}

/** The same array where no clock of a table's workers is corrected; the same tables likewise. */
export function alignTables(
  tables: readonly EventTable[],
  alignment: ClockAlignment,
): readonly EventTable[] {
  const corrections = new Map<string, ClockCorrection>();
  for (const { domain, correction } of alignment.domains) {
    if (correction !== null) corrections.set(domain, correction);
  }
  if (corrections.size === 0) return tables;
  return tables.map((table) => alignTable(table, corrections));
}

function alignTable(
  table: EventTable,
  correctionOf: ReadonlyMap<string, ClockCorrection>,
): EventTable {
  const { length, workers, worker, baseUnixNs } = table;
  const corrections = workers.map(({ clockDomain }) => correctionOf.get(clockDomain) ?? null);
  if (corrections.every((correction) => correction === null)) return table;
  const startNs = table.startNs.slice(0, length);
  const durationNs = table.durationNs.slice(0, length);
  for (let from = 0; from < length; ) {
    const own = worker[from]!;
    let to = from + 1;
    while (to < length && worker[to] === own) to++;
    const correction = corrections[own]!;
    if (correction !== null) {
      // Start and end are moved, each by its own correction: what touched still touches.
      for (let row = from; row < to; row++) durationNs[row] = startNs[row]! + durationNs[row]!;
      alignInstants(correction, baseUnixNs, startNs, from, to);
      alignInstants(correction, baseUnixNs, durationNs, from, to);
      for (let row = from; row < to; row++) durationNs[row] = durationNs[row]! - startNs[row]!;
    }
    from = to;
  }
  return { ...table, startNs, durationNs };
}
