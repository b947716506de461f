/**
 * Where the sends and receives of raw tables lie, before anything is assembled: runs of rows that
 * share a worker and a step, of which at least one is a send or a receive.
 *
 *     table 0   | attention/0, step 7 |  attention/0, step 8  | …     runs: table, [from, to)
 *     table 1   | ffn/0, step 7          | ffn/0, step 8 | …          and where they belong
 *
 * Enough to match transfers by key without sorting rows, at a few nanoseconds a row. What is matched
 * here is only used as limits of clocks: where steps cannot be told apart, they are left out.
 */
import { nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import { ABSENT, Kind } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { type WorkerInfo, workerId } from '#lib/table/worker-info.ts';
import { NO_DATA_GAP_NS } from './assembled.ts';
import { commonBase, isNear, isSetAside } from './concat-tables.ts';
import { firstListed } from './peers.ts';
import { sendStageOf } from './receives.ts';

/** One description of a worker, as far as clocks care. */
export interface TransferSource {
  /** Equal for all sources of one worker in one clock domain. */
  readonly worker: number;
  readonly rank: number;
  readonly role: string;
  /** Index into `domains`. */
  readonly domain: number;
  readonly sendStage: number;
  /** Its send spans end when the data has arrived. */
  readonly arrival: boolean;
  /** Its sends wait for their receivers. */
  readonly rendezvous: boolean;
}

export interface TransferRuns {
  readonly tables: readonly EventTable[];
  readonly baseUnixNs: UnixNanos;
  /** By table: what makes its times count from the base. */
  readonly shiftNs: Float64Array;
  /** Names of clock domains. */
  readonly domains: readonly string[];
  readonly sources: readonly TransferSource[];
  /** One more than the largest index of `TransferSource.worker`. */
  readonly workers: number;
  /** Some send or receive names its peers. */
  readonly names: boolean;
  /** One more than the largest layer and micro-batch that limits are taken from. */
  readonly layers: number;
  readonly microbatches: number;
  /** First start and last end of each step, over all rows of all workers. */
  readonly stepStartNs: readonly number[];
  readonly stepEndNs: readonly number[];
  readonly table: readonly number[];
  readonly from: readonly number[];
  readonly to: readonly number[];
  readonly source: readonly number[];
  readonly step: readonly number[];
}

/** Keys are dense numbers: wrong attributes must not make them many. */
const MAX_LAYERS = 1024;
const MAX_MICROBATCHES = 16;
/** More are not aligned: limits of their pairs would fill the memory. */
const MAX_DOMAINS = 1024;

/** null: all workers share one clock, or there are none, or clocks are too many. */
export function findTransferRuns(
  tables: readonly EventTable[],
  deployment: string,
): TransferRuns | null {
  const used = tables.filter((table) => table.workers.some((w) => w.deployment === deployment));
  const sources = new SourceBook(deployment);
  for (const table of used) for (const info of table.workers) sources.intern(info);
  if (sources.domains.length < 2 || sources.domains.length > MAX_DOMAINS) return null;
  const baseUnixNs = commonBase(used);
  const near = used.filter((table) => isNear(table, baseUnixNs));
  const shiftNs = Float64Array.from(near, (table) => nanosBetween(baseUnixNs, table.baseUnixNs));
  const runs = new RunBook();
  near.forEach((table, t) => {
    const ofWorker = Int32Array.from(table.workers, (info) => sources.intern(info));
    runs.scan(table, t, shiftNs[t]!, ofWorker, sources.list);
  });
  runs.splitRestarts(near, shiftNs);
  const { names, layers, microbatches, stepStartNs, stepEndNs, table, from, to, source, step } =
    runs;
  return {
    tables: near,
    baseUnixNs,
    shiftNs,
    domains: sources.domains,
    sources: sources.list,
    workers: sources.workers,
    names,
    layers,
    microbatches,
    stepStartNs,
    stepEndNs,
    table,
    from,
    to,
    source,
    step,
  };
}

class SourceBook {
  readonly domains: string[] = [];
  readonly list: TransferSource[] = [];
  readonly #deployment: string;
  readonly #byInfo = new Map<WorkerInfo, number>();
  readonly #byText = new Map<string, number>();
  readonly #workers = new Map<string, number>();

  constructor(deployment: string) {
    this.#deployment = deployment;
  }

  get workers(): number {
    return this.#workers.size;
  }

  /** -1 for another deployment's. */
  intern(info: WorkerInfo): number {
    if (info.deployment !== this.#deployment) return -1;
    const known = this.#byInfo.get(info);
    if (known !== undefined) return known;
    const { rank, role, clockDomain, sendEnd, sendMode } = info;
    const id = workerId(info);
    const text = JSON.stringify([id, role, clockDomain, sendEnd, sendMode]);
    let source = this.#byText.get(text);
    if (source === undefined) {
      source = this.list.length;
      this.#byText.set(text, source);
      this.list.push({
        worker: this.#worker(JSON.stringify([id, clockDomain])),
        rank,
        role,
        domain: this.#domain(clockDomain),
        sendStage: sendStageOf(role),
        arrival: sendEnd === 'arrival',
        rendezvous: sendMode === 'rendezvous',
      });
    }
    this.#byInfo.set(info, source);
    return source;
  }

  #worker(text: string): number {
    const known = this.#workers.get(text) ?? this.#workers.size;
    this.#workers.set(text, known);
    return known;
  }

  #domain(name: string): number {
    const known = this.domains.indexOf(name);
    return known >= 0 ? known : this.domains.push(name) - 1;
  }
}

class RunBook {
  names = false;
  layers = 0;
  microbatches = 0;
  readonly stepStartNs: number[] = [];
  readonly stepEndNs: number[] = [];
  table: number[] = [];
  from: number[] = [];
  to: number[] = [];
  source: number[] = [];
  step: number[] = [];
  /** First start and last end of each run. */
  #firstNs: number[] = [];
  #lastNs: number[] = [];
  readonly #stepByDomain = new Map<number, Map<number, number>>();

  scan(
    table: EventTable,
    t: number,
    shiftNs: number,
    ofWorker: Int32Array,
    sources: readonly TransferSource[],
  ): void {
    const { length, worker, phase, startNs, durationNs, layer, microbatch, kind, stage } = table;
    const { peer, lists } = table;
    const steps = table.step;
    const domains = table.domain;
    let { names } = this;
    let lastLayer = this.layers - 1;
    let lastMicrobatch = this.microbatches - 1;
    let knownStep = Number.NaN;
    let knownDomain = Number.NaN;
    let id = -1;
    for (let row = 0; row < length; ) {
      const w = worker[row]!;
      const source = ofWorker[w]!;
      const step = steps[row]!;
      if (source < 0 || step === ABSENT || isSetAside(phase[row]!)) {
        row++;
        continue;
      }
      const from = row;
      const domain = domains[row]!;
      const { sendStage } = sources[source]!;
      let first = Number.POSITIVE_INFINITY;
      let last = Number.NEGATIVE_INFINITY;
      let hasTransfer = false;
      for (; row < length && steps[row] === step && domains[row] === domain; row++) {
        if (worker[row] !== w || isSetAside(phase[row]!)) break;
        const start = startNs[row]!;
        const end = start + durationNs[row]!;
        if (start < first) first = start;
        if (end > last) last = end;
        if (kind[row] !== Kind.receive && stage[row] !== sendStage) continue;
        hasTransfer = true;
        if (!names) names = firstListed(peer[row]!, lists.peers, row) !== ABSENT;
        if (layer[row]! > lastLayer && layer[row]! < MAX_LAYERS) lastLayer = layer[row]!;
        const mb = microbatch[row]!;
        if (mb > lastMicrobatch && mb < MAX_MICROBATCHES) lastMicrobatch = mb;
      }
      if (step !== knownStep || domain !== knownDomain) {
        knownStep = step;
        knownDomain = domain;
        id = this.#stepOf(domain, step);
      }
      first += shiftNs;
      last += shiftNs;
      if (first < this.stepStartNs[id]!) this.stepStartNs[id] = first;
      if (last > this.stepEndNs[id]!) this.stepEndNs[id] = last;
      if (hasTransfer) this.#push(t, from, row, source, id, first, last);
    }
    this.names = names;
    this.layers = lastLayer + 1;
    this.microbatches = lastMicrobatch + 1;
  }

  /** A number that comes back after a pause is another step, as in assembly (step-index.ts). */
  splitRestarts(tables: readonly EventTable[], shiftNs: Float64Array): void {
    const suspects = new Map<number, number[]>();
    for (let id = 0; id < this.stepStartNs.length; id++) {
      if (this.stepEndNs[id]! - this.stepStartNs[id]! > NO_DATA_GAP_NS) suspects.set(id, []);
    }
    if (suspects.size === 0) return;
    const old = { ...this };
    const [oldFirstNs, oldLastNs] = [this.#firstNs, this.#lastNs];
    for (const name of ['table', 'from', 'to', 'source', 'step'] as const) this[name] = [];
    [this.#firstNs, this.#lastNs] = [[], []];
    for (let run = 0; run < old.table.length; run++) {
      const [t, from, to] = [old.table[run]!, old.from[run]!, old.to[run]!];
      const [source, id] = [old.source[run]!, old.step[run]!];
      const suspect = suspects.get(id);
      const first = oldFirstNs[run]!;
      const last = oldLastNs[run]!;
      // Within a run that is as long as a pause there may be one.
      const single = suspect !== undefined && last - first > NO_DATA_GAP_NS;
      for (let row = from; row < to; row = single ? row + 1 : to) {
        suspect?.push(this.table.length);
        const start = tables[t]!.startNs[row]! + shiftNs[t]!;
        const end = start + tables[t]!.durationNs[row]!;
        if (single) this.#push(t, row, row + 1, source, id, start, end);
        else this.#push(t, from, to, source, id, first, last);
      }
    }
    for (const [id, runs] of suspects) this.#split(id, runs);
  }

  #split(id: number, runs: number[]): void {
    runs.sort((a, b) => this.#firstNs[a]! - this.#firstNs[b]!);
    let current = id;
    let reachedNs = Number.POSITIVE_INFINITY;
    for (const run of runs) {
      const first = this.#firstNs[run]!;
      const last = this.#lastNs[run]!;
      if (first - reachedNs > NO_DATA_GAP_NS) {
        this.stepEndNs[current] = reachedNs;
        current = this.stepStartNs.length;
        this.stepStartNs.push(first);
        this.stepEndNs.push(last);
        reachedNs = last;
      }
      reachedNs = reachedNs === Number.POSITIVE_INFINITY ? last : Math.max(reachedNs, last);
      this.stepEndNs[current] = reachedNs;
      this.step[run] = current;
    }
  }

  #stepOf(domain: number, step: number): number {
    let byStep = this.#stepByDomain.get(domain);
    if (byStep === undefined) {
      byStep = new Map();
      this.#stepByDomain.set(domain, byStep);
    }
    const known = byStep.get(step);
    if (known !== undefined) return known;
    const id = this.stepStartNs.length;
    byStep.set(step, id);
    this.stepStartNs.push(Number.POSITIVE_INFINITY);
    this.stepEndNs.push(Number.NEGATIVE_INFINITY);
    return id;
  }

  #push(
    table: number,
    from: number,
    to: number,
    source: number,
    step: number,
    firstNs: number,
    lastNs: number,
  ): void {
    this.table.push(table);
    this.from.push(from);
    this.to.push(to);
    this.source.push(source);
    this.step.push(step);
    this.#firstNs.push(firstNs);
    this.#lastNs.push(lastNs);
  }
}
