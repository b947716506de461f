/**
 * What a look over an export's events tells before anything is written: how they are spread over time,
 * so that they can be written in parts of bounded size, and from when to when each step lasts, so that
 * every part can have its steps whole.
 */
import { GrowableFloat64 } from '#lib/base/growable.ts';
import { nanosBetween, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { ABSENT } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { MARGIN_NS } from './load-events.ts';
import { earlier } from './window.ts';

/** Times are nanoseconds after `baseUnixNs`. */
export interface ExportSurvey {
  readonly baseUnixNs: UnixNanos;
  readonly events: number;
  /** Events by the bin of the window that they start in; those before it are in the first one. */
  readonly binNs: number;
  readonly counts: Float64Array;
  readonly steps: StepSpans;
  /** Do the workers have more than one clock? */
  readonly manyClocks: boolean;
}

const BINS = 1 << 16;

/** From when to when steps last, as far as their events were seen. */
export class StepSpans {
  readonly domain = new GrowableFloat64();
  readonly step = new GrowableFloat64();
  readonly startNs = new GrowableFloat64();
  readonly endNs = new GrowableFloat64();
  readonly #byDomain = new Map<number, Map<number, number>>();

  get length(): number {
    return this.step.length;
  }

  /** -1: none. */
  find(domain: number, step: number): number {
    return this.#byDomain.get(domain)?.get(step) ?? -1;
  }

  add(table: EventTable, shiftNs: number, isOurs: Uint8Array): void {
    const { length, domain, step, startNs, durationNs, worker } = table;
    let at = -1;
    for (let row = 0; row < length; row++) {
      const number = step[row]!;
      if (number === ABSENT || isOurs[worker[row]!] === 0) continue;
      if (at < 0 || this.step.values[at] !== number || this.domain.values[at] !== domain[row]) {
        at = this.#indexOf(domain[row]!, number);
      }
      const start = startNs[row]! + shiftNs;
      const end = start + durationNs[row]!;
      if (start < this.startNs.values[at]!) this.startNs.values[at] = start;
      if (end > this.endNs.values[at]!) this.endNs.values[at] = end;
    }
  }

  #indexOf(domain: number, step: number): number {
    const known = this.find(domain, step);
    if (known >= 0) return known;
    const at = this.step.length;
    const ofDomain = this.#byDomain.get(domain) ?? new Map<number, number>();
    this.#byDomain.set(domain, ofDomain.set(step, at));
    this.domain.push(domain);
    this.step.push(step);
    this.startNs.push(Number.POSITIVE_INFINITY);
    this.endNs.push(Number.NEGATIVE_INFINITY);
    return at;
  }
}

/** Reads the window and what may belong to its steps around it. */
export async function surveyExport(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
): Promise<ExportSurvey> {
  const read = {
    fromUnixNs: earlier(window.fromUnixNs, MARGIN_NS),
    toUnixNs: unixNanos(window.toUnixNs + BigInt(MARGIN_NS)),
  };
  const baseUnixNs = read.fromUnixNs;
  const fromNs = nanosBetween(baseUnixNs, window.fromUnixNs);
  const lengthNs = nanosBetween(window.fromUnixNs, window.toUnixNs);
  const binNs = Math.max(1, Math.ceil(lengthNs / BINS));
  const counts = new Float64Array(Math.ceil(lengthNs / binNs) + 1);
  const steps = new StepSpans();
  const clocks = new Set<string>();
  let events = 0;
  const columns = { measures: [], lists: [] };
  for await (const table of reader.scanEvents({ deployment, window: read, columns })) {
    const isOurs = Uint8Array.from(table.workers, (w) => Number(w.deployment === deployment));
    for (const worker of table.workers) clocks.add(worker.clockDomain);
    const shiftNs = nanosBetween(baseUnixNs, table.baseUnixNs);
    steps.add(table, shiftNs, isOurs);
    for (let row = 0; row < table.length; row++) {
      const startNs = table.startNs[row]! + shiftNs - fromNs;
      if (isOurs[table.worker[row]!] === 0 || startNs >= lengthNs) continue;
      const bin = Math.max(0, Math.floor(startNs / binNs));
      counts[bin] = counts[bin]! + 1;
      events++;
    }
  }
  return { baseUnixNs, events, binNs, counts, steps, manyClocks: clocks.size > 1 };
}
