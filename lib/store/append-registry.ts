/** What the registries learn from one append: who was seen when, and which steps. Pure. */
import { type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';

export interface SeenWorker {
  /** The newest of the worker's entries. */
  info: WorkerInfo;
  events: number;
  firstUnixNs: UnixNanos;
  lastUnixNs: UnixNanos;
}

export interface AppendRegistry {
  /** By group and rank. */
  readonly workers: readonly SeenWorker[];
  /** Distinct step numbers per data-parallel domain. */
  readonly steps: ReadonlyMap<number, ReadonlySet<number>>;
}

/** `tables` and `packed`: of one deployment. */
export function registryOf(
  tables: readonly EventTable[],
  packed: readonly PackedTable[],
): AppendRegistry {
  const registry = new RegistryBuilder();
  for (const table of tables) registry.addEvents(table);
  for (const table of packed) registry.addSteps(table);
  return registry.finish();
}

class RegistryBuilder {
  readonly #seen = new Map<string, Map<number, SeenWorker>>();
  readonly #steps = new Map<number, Set<number>>();

  addEvents(table: EventTable): void {
    const { worker, domain, step, startNs, durationNs } = table;
    const extents = new Extents(table.workers.length);
    for (let from = 0; from < table.length; ) {
      const to = endOfRun(worker, from, table.length);
      extents.addRun(worker[from]!, startNs, durationNs, from, to);
      from = to;
    }
    for (let from = 0; from < table.length; ) {
      const to = endOfStep(step, domain, from, table.length);
      this.#addStep(domain[from]!, step[from]!);
      from = to;
    }
    this.#addWorkers(table, extents);
  }

  addSteps(table: PackedTable): void {
    const extents = new Extents(table.workers.length);
    for (let i = 0; i < table.length; i++) {
      extents.add(table.worker[i]!, table.stepEvents[i]!, table.startNs[i]!, table.endNs[i]!);
      this.#addStep(table.domain[i]!, table.step[i]!);
    }
    this.#addWorkers(table, extents);
  }

  finish(): AppendRegistry {
    return {
      workers: [...this.#seen.values()].flatMap((ranks) => [...ranks.values()]),
      steps: this.#steps,
    };
  }

  #addStep(domain: number, step: number): void {
    if (step < 0) return;
    const known = this.#steps.get(domain);
    if (known === undefined) this.#steps.set(domain, new Set([step]));
    else known.add(step);
  }

  #addWorkers(
    { workers, baseUnixNs }: { workers: readonly WorkerInfo[]; baseUnixNs: UnixNanos },
    { events, first, last }: Extents,
  ): void {
    for (let w = 0; w < workers.length; w++) {
      if (events[w] === 0) continue;
      const info = workers[w]!;
      const firstUnixNs = unixNanos(baseUnixNs + BigInt(Math.floor(first[w]!)));
      const lastUnixNs = unixNanos(baseUnixNs + BigInt(Math.ceil(last[w]!)));
      let ranks = this.#seen.get(info.group);
      if (ranks === undefined) {
        ranks = new Map();
        this.#seen.set(info.group, ranks);
      }
      const known = ranks.get(info.rank);
      if (known === undefined) {
        ranks.set(info.rank, { info, events: events[w]!, firstUnixNs, lastUnixNs });
        continue;
      }
      if (lastUnixNs >= known.lastUnixNs) known.info = info;
      known.events += events[w]!;
      if (firstUnixNs < known.firstUnixNs) known.firstUnixNs = firstUnixNs;
      if (lastUnixNs > known.lastUnixNs) known.lastUnixNs = lastUnixNs;
    }
  }
}

/** The end of the rows from `from` on that have its worker. */
function endOfRun(worker: Int32Array, from: number, length: number): number {
  const own = worker[from]!;
  let to = from + 1;
  while (to < length && worker[to] === own) to++;
  return to;
}

function endOfStep(step: Float64Array, domain: Int32Array, from: number, length: number): number {
  const ownStep = step[from]!;
  const ownDomain = domain[from]!;
  let to = from + 1;
  while (to < length && step[to] === ownStep && domain[to] === ownDomain) to++;
  return to;
}

/** Events, first start and last end of each worker of a table. */
class Extents {
  readonly events: Float64Array;
  readonly first: Float64Array;
  readonly last: Float64Array;

  constructor(workers: number) {
    this.events = new Float64Array(workers);
    this.first = new Float64Array(workers).fill(Number.POSITIVE_INFINITY);
    this.last = new Float64Array(workers).fill(Number.NEGATIVE_INFINITY);
  }

  add(worker: number, events: number, startNs: number, endNs: number): void {
    this.events[worker]! += events;
    if (startNs < this.first[worker]!) this.first[worker] = startNs;
    if (endNs > this.last[worker]!) this.last[worker] = endNs;
  }

  /** Rows `from` until `to`, all of one worker. */
  addRun(
    worker: number,
    startNs: Float64Array,
    durationNs: Float64Array,
    from: number,
    to: number,
  ): void {
    let first = Number.POSITIVE_INFINITY;
    let last = Number.NEGATIVE_INFINITY;
    for (let i = from; i < to; i++) {
      const start = startNs[i]!;
      const end = start + durationNs[i]!;
      if (start < first) first = start;
      if (end > last) last = end;
    }
    this.add(worker, to - from, first, last);
  }
}
