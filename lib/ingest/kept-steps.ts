/**
 * The packed steps of one request that are kept as they were received, a table for each deployment
 * (and for each 100 days: offsets must stay exact), and when their events took place.
 */
import { unixNanos } from '#lib/base/units.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { type PackedTimes, PackedTimesBuilder } from '#lib/table/packed-times.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import type { PackedStepReader } from '#lib/wire/packed-steps.ts';
import { addStepTimes } from '#lib/wire/packed-steps-pieces.ts';
import { MAX_SPREAD_NS } from './open-tables.ts';

/** Longer steps are kept as columns, so that a window meets few steps that it needs little of. */
const MAX_STEP_NS = 60e9;
/** More deployments, or clusters of time, than this in one request go the way of columns. */
const MAX_TABLES = 64;
const MAX_BYTES = 2 ** 31;
const TWO_32 = 4294967296;
/** Builders of times that wait to be used again, and how large they may be. */
const MAX_IDLE = 64;
const MAX_IDLE_BYTES = 4 * 2 ** 20;

class OpenSteps {
  readonly deployment: string;
  readonly baseHigh: number;
  readonly baseLow: number;
  readonly times: PackedTimesBuilder;
  readonly #workers: WorkerInfo[] = [];
  readonly #workerIndex = new Map<WorkerInfo, number>();
  readonly #worker: number[] = [];
  readonly #domain: number[] = [];
  readonly #step: number[] = [];
  readonly #startNs: number[] = [];
  readonly #endNs: number[] = [];
  readonly #stepEvents: number[] = [];
  readonly #offset: number[] = [];
  readonly #byteLength: number[] = [];
  #bytes: Uint8Array<ArrayBuffer>;
  #byteCount = 0;
  #events = 0;
  #minNs = 0;
  #maxNs = 0;

  constructor(
    deployment: string,
    { baseHigh, baseLow }: PackedStepReader,
    times: PackedTimesBuilder,
    likelyBytes: number,
  ) {
    this.deployment = deployment;
    this.baseHigh = baseHigh;
    this.baseLow = baseLow;
    this.times = times;
    this.#bytes = new Uint8Array(likelyBytes);
  }

  /** From the table's base to the step's; NaN where the step does not fit. */
  offsetNs({ baseHigh, baseLow, maxEndNs, cursor }: PackedStepReader): number {
    const offset = (baseHigh - this.baseHigh) * TWO_32 + (baseLow - this.baseLow);
    const min = Math.min(offset, this.#minNs);
    const max = Math.max(offset + maxEndNs, this.#maxNs);
    const fits = max - min <= MAX_SPREAD_NS && this.#byteCount + cursor.end <= MAX_BYTES;
    return fits ? offset : Number.NaN;
  }

  add(worker: WorkerInfo, domain: number, offsetNs: number, reader: PackedStepReader): void {
    const startNs = offsetNs + reader.minStartNs;
    // An event of no length lies at its start.
    const endNs = offsetNs + Math.max(reader.maxEndNs, reader.maxStartNs + 1);
    this.#minNs = Math.min(offsetNs, this.#minNs);
    this.#maxNs = Math.max(endNs, this.#maxNs);
    this.#worker.push(this.#indexOf(worker));
    this.#domain.push(domain);
    this.#step.push(reader.step);
    this.#startNs.push(startNs);
    this.#endNs.push(endNs);
    this.#stepEvents.push(reader.events);
    this.#events += reader.events;
    const { bytes } = reader.cursor;
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#byteCount);
    this.#offset.push(this.#byteCount);
    this.#byteLength.push(bytes.length);
    this.#byteCount += bytes.length;
  }

  finish(): PackedTable {
    const first = this.#startNs.reduce((least, startNs) => Math.min(least, startNs));
    const base = (BigInt(this.baseHigh) << 32n) + BigInt(this.baseLow) + BigInt(first);
    return {
      length: this.#worker.length,
      events: this.#events,
      baseUnixNs: unixNanos(base),
      workers: this.#workers,
      worker: new Int32Array(this.#worker),
      domain: new Int32Array(this.#domain),
      step: new Float64Array(this.#step),
      startNs: new Float64Array(this.#startNs).map((startNs) => startNs - first),
      endNs: new Float64Array(this.#endNs).map((endNs) => endNs - first),
      stepEvents: new Uint32Array(this.#stepEvents),
      offset: new Uint32Array(this.#offset),
      byteLength: new Uint32Array(this.#byteLength),
      bytes: new Uint8Array(this.#bytes.buffer.transferToFixedLength(this.#byteCount)),
    };
  }

  #indexOf(worker: WorkerInfo): number {
    const known = this.#workerIndex.get(worker);
    if (known !== undefined) return known;
    const index = this.#workers.push(worker) - 1;
    this.#workerIndex.set(worker, index);
    return index;
  }

  #reserve(byteCount: number): void {
    const needed = this.#byteCount + byteCount;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#byteCount));
    this.#bytes = grown;
  }
}

export class KeptSteps {
  #open: OpenSteps[] = [];
  readonly #idle: PackedTimesBuilder[] = [];

  /** What an unfinished request left is forgotten. */
  startRequest(): void {
    for (const { times } of this.#open) this.recycle([times]);
    this.#open = [];
  }

  /**
   * Takes the opened step of a worker, of which nothing is refused or clamped; `stages` are the
   * stage codes of its series, `restBytes` what of the request is left to read. false: it has
   * several domains or is too long, and must be kept as columns.
   */
  add(
    worker: WorkerInfo,
    reader: PackedStepReader,
    stages: Uint16Array,
    restBytes: number,
  ): boolean {
    if (reader.events === 0) return true;
    const domain = onlyDomain(worker, reader);
    if (domain < 0 || reader.maxEndNs - reader.minStartNs > MAX_STEP_NS) return false;
    let offsetNs = Number.NaN;
    let open = this.#open.find((one) => {
      if (one.deployment !== worker.deployment) return false;
      offsetNs = one.offsetNs(reader);
      return !Number.isNaN(offsetNs);
    });
    if (open === undefined) {
      if (this.#open.length >= MAX_TABLES) return false;
      // Mostly the request is of one deployment, and its payloads are nearly all of it.
      const likelyBytes = this.#open.length === 0 ? restBytes : reader.cursor.end * 4;
      const times = this.#idle.pop() ?? new PackedTimesBuilder();
      open = new OpenSteps(worker.deployment, reader, times, likelyBytes);
      this.#open.push(open);
      offsetNs = 0;
    }
    open.add(worker, domain, offsetNs, reader);
    addStepTimes(reader, stages, open.times);
    return true;
  }

  finish(stageNames: readonly string[]): {
    readonly packed: readonly PackedTable[];
    readonly packedTimes: readonly PackedTimes[];
  } {
    const open = this.#open;
    this.#open = [];
    for (const { times } of open) times.stageNames = stageNames;
    return {
      packed: open.map((steps) => steps.finish()),
      packedTimes: open.map(({ times }) => times),
    };
  }

  /** Uses the memory of finished times for later requests. */
  recycle(packedTimes: readonly PackedTimes[]): void {
    for (const times of packedTimes) {
      if (!(times instanceof PackedTimesBuilder)) continue;
      if (this.#idle.length >= MAX_IDLE || times.heldBytes > MAX_IDLE_BYTES) continue;
      times.clear();
      this.#idle.push(times);
    }
  }
}

/** The data-parallel domain of all events; -1 where they have several. */
function onlyDomain(worker: WorkerInfo, { series }: PackedStepReader): number {
  const domainOf = (s: number) => (series.domain[s]! < 0 ? worker.domain : series.domain[s]!);
  const domain = domainOf(0);
  for (let s = 1; s < series.length; s++) if (domainOf(s) !== domain) return -1;
  return domain;
}
