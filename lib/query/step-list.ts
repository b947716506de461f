/**
 * The steps that start in a window, without unpacking or assembling anything where they came packed:
 * a packed step's directory says when each worker's part begins and ends.
 *
 *     worker 0   ├────┤                 part
 *     worker 1     ├──────┤             part
 *     step       ├────────┤             first start to last end over the domain's workers
 */
import { addNanos, nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import { NO_DATA_GAP_NS } from '#lib/model/assembled.ts';
import type { ClockAlignment } from '#lib/model/clock-alignment.ts';
import { alignInstants, type ClockCorrection } from '#lib/model/clock-correction.ts';
import { isSetAside } from '#lib/model/concat-tables.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { ABSENT } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { isPackedTable } from '#lib/table/packed-tables.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';

export interface ListedStep {
  readonly domain: number;
  readonly step: number;
  readonly startUnixNs: UnixNanos;
  readonly durationNs: number;
  readonly events: number;
}

interface Part {
  /** After the list's base. */
  readonly startNs: number;
  readonly endNs: number;
  readonly events: number;
}

/** A packed event costs so much less to look at than one of columns. */
const PACKED_COST = 1 / 32;

/** Collects parts of steps; what was added twice would count twice. */
export class StepList {
  readonly #baseUnixNs: UnixNanos;
  readonly #correctionOf: ReadonlyMap<string, ClockCorrection>;
  readonly #parts = new Map<number, Map<number, Part[]>>();
  /** Of what was added, in events of columns. */
  cost = 0;

  constructor(baseUnixNs: UnixNanos, clocks: ClockAlignment | null) {
    this.#baseUnixNs = baseUnixNs;
    const corrections = (clocks?.domains ?? []).flatMap(({ domain, correction }) =>
      correction === null ? [] : [[domain, correction] as const],
    );
    this.#correctionOf = new Map(corrections);
  }

  /** Parts that start in `own`, by raw time. */
  add(slice: EventTable | PackedTable, deployment: string, own: TimeWindow): void {
    const fromNs = nanosBetween(slice.baseUnixNs, own.fromUnixNs);
    const toNs = nanosBetween(slice.baseUnixNs, own.toUnixNs);
    if (isPackedTable(slice)) this.#addPacked(slice, deployment, fromNs, toNs);
    else this.#addEvents(slice, deployment, fromNs, toNs);
  }

  /** By domain, then start. */
  steps(): ListedStep[] {
    const steps: ListedStep[] = [];
    for (const domain of [...this.#parts.keys()].sort((a, b) => a - b)) {
      const own: ListedStep[] = [];
      for (const [step, parts] of this.#parts.get(domain)!) {
        for (const { startNs, endNs, events } of merged(parts)) {
          own.push({
            domain,
            step,
            startUnixNs: addNanos(this.#baseUnixNs, startNs),
            durationNs: endNs - startNs,
            events,
          });
        }
      }
      own.sort((a, b) => Number(a.startUnixNs - b.startUnixNs) || a.step - b.step);
      for (const step of own) steps.push(step);
    }
    return steps;
  }

  #addPacked(table: PackedTable, deployment: string, fromNs: number, toNs: number): void {
    const { length, workers, worker, step, domain, stepEvents } = table;
    this.cost += table.events * PACKED_COST;
    for (let i = 0; i < length; i++) {
      const start = table.startNs[i]!;
      const info = workers[worker[i]!]!;
      if (start < fromNs || start >= toNs || step[i] === ABSENT) continue;
      if (info.deployment !== deployment) continue;
      const end = table.endNs[i]!;
      this.#addPart(info, table.baseUnixNs, domain[i]!, step[i]!, start, end, stepEvents[i]!);
    }
  }

  /** Runs of rows of one worker and step. */
  #addEvents(table: EventTable, deployment: string, fromNs: number, toNs: number): void {
    const { length, workers, worker, step, domain, startNs, durationNs, phase } = table;
    this.cost += length;
    let from = 0;
    while (from < length) {
      const w = worker[from]!;
      const number = step[from]!;
      const own = domain[from]!;
      let start = Infinity;
      let end = -Infinity;
      let events = 0;
      let row = from;
      for (; row < length; row++) {
        if (worker[row] !== w || step[row] !== number || domain[row] !== own) break;
        const at = startNs[row]!;
        if (at < fromNs || at >= toNs || isSetAside(phase[row]!)) continue;
        events++;
        if (at < start) start = at;
        if (at + durationNs[row]! > end) end = at + durationNs[row]!;
      }
      from = row;
      const info = workers[w]!;
      if (events === 0 || number === ABSENT || info.deployment !== deployment) continue;
      this.#addPart(info, table.baseUnixNs, own, number, start, end, events);
    }
  }

  #addPart(
    worker: WorkerInfo,
    baseUnixNs: UnixNanos,
    domain: number,
    step: number,
    startNs: number,
    endNs: number,
    events: number,
  ): void {
    const shiftNs = nanosBetween(this.#baseUnixNs, baseUnixNs);
    const correction = this.#correctionOf.get(worker.clockDomain);
    let start = startNs;
    let end = endNs;
    if (correction !== undefined) {
      const ends = Float64Array.of(startNs, endNs);
      alignInstants(correction, baseUnixNs, ends);
      start = ends[0]!;
      end = ends[1]!;
    }
    const bySteps = this.#parts.get(domain) ?? new Map<number, Part[]>();
    this.#parts.set(domain, bySteps);
    const parts = bySteps.get(step) ?? [];
    bySteps.set(step, parts);
    parts.push({ startNs: start + shiftNs, endNs: end + shiftNs, events });
  }
}

/** A number that comes back after a pause is another step. */
function merged(parts: readonly Part[]): Part[] {
  const sorted = [...parts].sort((a, b) => a.startNs - b.startNs);
  const found: Part[] = [];
  for (const part of sorted) {
    const last = found.at(-1);
    if (last === undefined || part.startNs - last.endNs > NO_DATA_GAP_NS) {
      found.push(part);
      continue;
    }
    found[found.length - 1] = {
      startNs: last.startNs,
      endNs: Math.max(last.endNs, part.endNs),
      events: last.events + part.events,
    };
  }
  return found;
}

export interface ListedSteps {
  /** By domain, then start; also some that start beside the window, for what lies before a step. */
  readonly steps: readonly ListedStep[];
  /** What of the window was looked at: its newest part, where it holds too much. */
  readonly window: TimeWindow;
}

/**
 * `marginNs`: longer than any step, and than clocks are apart. `maxCost`: in events of columns; packed
 * ones cost a small part of that.
 */
export async function listSteps(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
  clocks: ClockAlignment | null,
  marginNs: number,
  maxCost: number,
): Promise<ListedSteps> {
  const list = new StepList(window.toUnixNs, clocks);
  const margin = BigInt(Math.ceil(marginNs));
  const first = window.fromUnixNs - margin;
  const columns = { measures: [], lists: [] } as const;
  let end = window.toUnixNs + margin;
  let spanNs = 4 * Math.ceil(marginNs);
  let looked = window.toUnixNs;
  while (end > first) {
    const start = end - BigInt(spanNs) < first ? first : end - BigInt(spanNs);
    const own = {
      fromUnixNs: (start < 0n ? 0n : start) as UnixNanos,
      toUnixNs: end as UnixNanos,
    };
    const before = list.cost;
    for await (const slice of reader.scanSteps({ deployment, window: own, columns })) {
      list.add(slice, deployment, own);
    }
    // Parts before the margin may be of steps that began before it.
    looked = (own.fromUnixNs + margin) as UnixNanos;
    if (start <= first || start <= 0n) break;
    const cost = list.cost - before;
    const grown = Math.min(4 * spanNs, 2 ** 52);
    const expected = (cost / spanNs) * grown;
    if (list.cost + cost >= maxCost) break;
    spanNs = list.cost + expected <= maxCost ? grown : spanNs;
    end = start;
  }
  const fromUnixNs = looked > window.fromUnixNs ? looked : window.fromUnixNs;
  return {
    steps: list.steps(),
    window: {
      fromUnixNs: fromUnixNs < window.toUnixNs ? fromUnixNs : window.fromUnixNs,
      toUnixNs: window.toUnixNs,
    },
  };
}
