/**
 * Tokens of listed steps, from their events: over (worker, micro-batch) the largest count that a layer's
 * compute event carries, as reports count them (lib/analysis/step-report.ts). Steps are unpacked for it,
 * so that only so many are read.
 */
import { countsTokens } from '#lib/analysis/throughput.ts';
import type { TimelineStep } from '#lib/api/timeline-steps.ts';
import { addNanos, unixNanos } from '#lib/base/units.ts';
import { isSetAside } from '#lib/model/concat-tables.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { Kind } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { compareInstants, laterOf } from '#lib/table/instants.ts';
import { workerId } from '#lib/table/worker-info.ts';

/** Events that are unpacked for one answer. */
const MAX_EVENTS = 1_000_000;
/** Stretches of time that are read for one answer. */
const MAX_READS = 64;
/** Steps that lie so close are read together. */
const NEAR_NS = 20_000_000n;

/** `movedNs`: at most so far clocks were moved. The first of `steps` get theirs where not all do. */
export async function withTokens(
  reader: TelemetryReader,
  deployment: string,
  steps: readonly TimelineStep[],
  movedNs: number,
  maxEvents: number = MAX_EVENTS,
): Promise<TimelineStep[]> {
  const counts = new StepTokens(deployment);
  const moved = BigInt(Math.ceil(movedNs));
  let left = maxEvents;
  const read: TimeWindow[] = [];
  for (const step of steps) {
    left -= step.events;
    if (left < 0) break;
    const start = BigInt(step.startUnixNs);
    const window = {
      fromUnixNs: unixNanos(start > moved ? start - moved : 0n),
      toUnixNs: unixNanos(start + BigInt(Math.ceil(step.durationNs)) + moved + 1n),
    };
    read.push(window);
    counts.want(step, window);
  }
  const columns = { measures: ['tokens'], lists: [] } as const;
  for (const window of joined(read).slice(0, MAX_READS)) {
    counts.open(window);
    for await (const table of reader.scanEvents({ deployment, window, columns })) counts.add(table);
  }
  return steps.map((step) => ({ ...step, tokens: counts.of(step) }));
}

interface Wanted {
  readonly window: TimeWindow;
  isRead: boolean;
  /** By worker and micro-batch. */
  readonly largest: Map<string, number>;
}

class StepTokens {
  readonly #deployment: string;
  readonly #wanted = new Map<string, Wanted[]>();

  constructor(deployment: string) {
    this.#deployment = deployment;
  }

  want(step: TimelineStep, window: TimeWindow): void {
    const key = keyOf(step);
    const known = this.#wanted.get(key);
    const wanted = { window, isRead: false, largest: new Map<string, number>() };
    if (known === undefined) this.#wanted.set(key, [wanted]);
    else known.push(wanted);
  }

  /** All of the window's events are added next. */
  open({ fromUnixNs, toUnixNs }: TimeWindow): void {
    for (const wanted of [...this.#wanted.values()].flat()) {
      const { window } = wanted;
      if (window.fromUnixNs >= fromUnixNs && window.toUnixNs <= toUnixNs) wanted.isRead = true;
    }
  }

  add(table: EventTable): void {
    const { tokens } = table.measures;
    if (tokens === null) return;
    const ids = table.workers.map((info) =>
      info.deployment === this.#deployment && countsTokens(info.role) ? workerId(info) : null,
    );
    const { length, worker, step, domain, kind, layer, microbatch, phase, startNs } = table;
    let lastDomain = Number.NaN;
    let lastStep = Number.NaN;
    let candidates: readonly Wanted[] = [];
    for (let row = 0; row < length; row++) {
      const count = tokens[row]!;
      if (count < 0 || kind[row] !== Kind.compute || layer[row]! < 0) continue;
      const id = ids[worker[row]!] ?? null;
      if (id === null || isSetAside(phase[row]!)) continue;
      if (step[row] !== lastStep || domain[row] !== lastDomain) {
        lastStep = step[row]!;
        lastDomain = domain[row]!;
        candidates = this.#wanted.get(`${lastDomain} ${lastStep}`) ?? [];
      }
      if (candidates.length === 0) continue;
      const at = addNanos(table.baseUnixNs, startNs[row]!);
      // A number that comes back after a pause is another step.
      const own = candidates.find(({ window }) => at >= window.fromUnixNs && at < window.toUnixNs);
      if (own === undefined) continue;
      const cell = `${microbatch[row]} ${id}`;
      if (count > (own.largest.get(cell) ?? -1)) own.largest.set(cell, count);
    }
  }

  /** null: no event carries tokens, or the step was not read. */
  of(step: TimelineStep): number | null {
    const start = BigInt(step.startUnixNs);
    const wanted = this.#wanted
      .get(keyOf(step))
      ?.find(({ window }) => start >= window.fromUnixNs && start < window.toUnixNs);
    if (wanted === undefined || !wanted.isRead || wanted.largest.size === 0) return null;
    return [...wanted.largest.values()].reduce((sum, count) => sum + count, 0);
  }
}

function keyOf({ domain, step }: TimelineStep): string {
  return `${domain} ${step}`;
}

/** By start; those that overlap, or nearly so, as one. */
function joined(windows: readonly TimeWindow[]): TimeWindow[] {
  const sorted = windows.toSorted((a, b) => compareInstants(a.fromUnixNs, b.fromUnixNs));
  const found: TimeWindow[] = [];
  for (const window of sorted) {
    const last = found.at(-1);
    if (last === undefined || window.fromUnixNs > last.toUnixNs + NEAR_NS) found.push(window);
    else {
      const toUnixNs = laterOf(last.toUnixNs, window.toUnixNs);
      found[found.length - 1] = { fromUnixNs: last.fromUnixNs, toUnixNs };
    }
  }
  return found;
}
