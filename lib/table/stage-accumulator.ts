/**
 * Adds events up by worker, second, stage and layer (stage-rollups.ts): what was stored comes in,
 * partial sums go out. An event counts in the second in which it starts. Fast where it matters:
 * packed steps come as pieces whose layers run on, so that an event costs a few array accesses.
 *
 *     const sums = new StageAccumulator();
 *     sums.addTable(events);
 *     sums.addPacked(steps, times, freshRows);
 *     await store.addStageRollups(sums.take(), sequence);
 */
import { NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { Phase } from './codes.ts';
import type { EventTable } from './event-table.ts';
import { OpenSeconds } from './open-seconds.ts';
import type { PackedTable } from './packed-table.ts';
import { baseSliceOf, type PackedTimes, SLICE_NS, withinSliceNs } from './packed-times.ts';
import { MAX_BUCKET_EVENTS, StageBucket } from './stage-bucket.ts';
import { RollupMemory, takeBucket } from './stage-bucket-take.ts';
import { StageLayout } from './stage-layout.ts';
import { SLICES_PER_SECOND, type StageRollup } from './stage-rollups.ts';
import { type WorkerInfo, workerId } from './worker-info.ts';

/** Seconds of one worker that are added to at once; its steps come in about the order of time. */
const OPEN_SECONDS = 4;
/** Workers that sent nothing for so many turns are forgotten. */
const IDLE_TURNS = 30;
/** A longer piece is added in parts, so that its counts and places surely have room. */
const MAX_PIECE = 8192;
const OWN_MEMORY = new RollupMemory(false);
const DEFAULT_MAX_BYTES = 512 * 2 ** 20;
const NANOS_A_SECOND = BigInt(NS_PER_S);
/** Objects and map entries of a worker, about. */
const WORKER_BYTES = 2048;

class WorkerSums {
  info: WorkerInfo;
  layout = new StageLayout();
  readonly buckets: StageBucket[] = [];
  heldBytes = 0;
  /** Takes since anything was added. */
  idleTakes = 0;

  constructor(info: WorkerInfo) {
    this.info = info;
  }
}

/** Of seconds since the epoch. */
export type SecondTest = (second: number) => boolean;

/** Sums of whole seconds, and what they leave open. */
export interface ClosedSeconds {
  readonly parts: readonly StageRollup[];
  /** Seconds since the epoch whose events, of all workers, are all in `parts` or were taken before. */
  readonly seconds: readonly number[];
  /** The first append with events that are not taken yet; null: there are none. */
  readonly openFrom: number | null;
}

export class StageAccumulator {
  /** The append that whatever is added now came with. */
  sequence = 0;
  /**
   * Events that were left out of all sums: these held too much (hostile input does that), or the
   * duration was none that decoding lets through.
   */
  unsummedEvents = 0;
  /** The seconds of those for which there was no room. */
  readonly unsummedSeconds = new Set<number>();
  readonly #maxBytes: number;
  readonly #workers = new Map<string, WorkerSums>();
  /** Senders' facts are shared objects, mostly. */
  #byInfo = new WeakMap<WorkerInfo, WorkerSums>();
  #stageNames: readonly string[] = [];
  readonly #codeOf = new Map<string, number>();
  /** The names that were translated last, and what they are here. */
  #lastNames: readonly string[] = [];
  #lastCodes = new Uint16Array(0);
  #sealed: StageRollup[] = [];
  readonly #open = new OpenSeconds();
  #isSkipped: SecondTest | null = null;
  #heldBytes = 0;

  /** `maxBytes`: beyond this, events are counted in `unsummedEvents` until the next `take`. */
  constructor(maxBytes: number = DEFAULT_MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** About how much memory is in use; `take` gives most of it back. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Adds all events but those of phases that stay out of every figure, and those that start in a
   * second (since the epoch) that `isSkipped`.
   */
  addTable(table: EventTable, isSkipped: SecondTest | null = null): void {
    this.#isSkipped = isSkipped;
    const { startNs, worker, baseUnixNs } = table;
    const high = Number(baseUnixNs >> 32n);
    const low = Number(baseUnixNs & 0xffffffffn);
    const withinNs = withinSliceNs(high, low);
    const baseSlice = baseSliceOf(high, low);
    const codes = this.#codesOf(table.stageNames);
    const words = wordsOf(table.durationNs);
    const sums = new Array<WorkerSums | undefined>(table.workers.length);
    for (let from = 0; from < table.length; ) {
      if (!isSummed(table, from)) {
        if (!isLeftOut(table.phase[from]!)) this.unsummedEvents++;
        from++;
        continue;
      }
      const w = worker[from]!;
      const slice = Math.floor((startNs[from]! + withinNs) / SLICE_NS);
      const sliceStartNs = slice * SLICE_NS - withinNs;
      const sliceEndNs = sliceStartNs + SLICE_NS;
      const most = Math.min(table.length, from + MAX_PIECE);
      let end = from + 1;
      // Neighbours of one worker in one slice go in together.
      while (
        end < most &&
        worker[end] === w &&
        startNs[end]! >= sliceStartNs &&
        startNs[end]! < sliceEndNs &&
        isSummed(table, end)
      ) {
        end++;
      }
      let of = sums[w];
      if (of === undefined) {
        of = this.#sumsOf(table.workers[w]!);
        sums[w] = of;
      }
      const second = Math.floor((baseSlice + slice) / SLICES_PER_SECOND);
      const inSecond = baseSlice + slice - second * SLICES_PER_SECOND;
      const bucket = this.#bucketOf(of, second, end - from);
      bucket?.addRows(of.layout, table, words, codes, inSecond, from, end);
      from = end;
    }
  }

  /** Adds the steps of `rows` (all where null), likewise; `times` are those of `steps`. */
  addPacked(
    steps: PackedTable,
    times: PackedTimes,
    rows: Uint32Array | null,
    isSkipped: SecondTest | null = null,
  ): void {
    this.#isSkipped = isSkipped;
    const codes = this.#codesOf(times.stageNames);
    const { stage, slice, layer, layerStep, count, durationNs } = times;
    const words = wordsOf(durationNs);
    const length = rows === null ? steps.length : rows.length;
    for (let r = 0; r < length; r++) {
      const row = rows === null ? r : rows[r]!;
      const sums = this.#sumsOf(steps.workers[steps.worker[row]!]!);
      const end = times.pieceOffsets[row + 1]!;
      let at = times.durationOffsets[row]!;
      for (let p = times.pieceOffsets[row]!; p < end; p++) {
        const step = layerStep[p]!;
        let from = layer[p]!;
        for (let left = count[p]!; left > 0; ) {
          const n = Math.min(left, MAX_PIECE);
          this.#addPiece(sums, codes[stage[p]!]!, slice[p]!, from, step, n, durationNs, words, at);
          left -= n;
          at += n;
          from += n * step;
        }
      }
    }
  }

  /**
   * The sums of everything that was added since the last call: of one worker and second possibly
   * several, each a part of it.
   */
  take(): readonly StageRollup[] {
    return this.#take(() => true, 0);
  }

  /** The same of some seconds only; the others go on. */
  takeOf(isTaken: SecondTest): readonly StageRollup[] {
    return this.#take(isTaken, 0);
  }

  /** Seconds of which there are sums. */
  openSeconds(): readonly number[] {
    return this.#open.seconds();
  }

  /**
   * Ends a turn: the sums of those seconds that seem to be complete, so that each is taken once and
   * not in parts. What comes for them later is a part of its own, as after every `take`.
   */
  takeClosed(): ClosedSeconds {
    const open = this.#open;
    for (const { buckets } of this.#workers.values()) {
      for (const { second, turn } of buckets) open.touch(second, turn);
    }
    const seconds = open.complete();
    open.turn++;
    const parts = this.#take((second) => seconds.has(second), IDLE_TURNS);
    return { parts, seconds: [...seconds], openFrom: open.firstSequence };
  }

  #take(isTaken: SecondTest, patience: number): readonly StageRollup[] {
    let heldBytes = 0;
    // All of these are given away, and so released, together.
    const memory = new RollupMemory(true);
    for (const [key, sums] of this.#workers) {
      let open = false;
      for (const bucket of sums.buckets) {
        if (Number.isNaN(bucket.second)) continue;
        if (isTaken(bucket.second)) this.#seal(sums, bucket, memory);
        else open = true;
      }
      if (!open && sums.idleTakes > patience) {
        this.#workers.delete(key);
        // Whoever still refers to it by its facts must find it gone.
        sums.heldBytes = -1;
        continue;
      }
      this.#measure(sums);
      heldBytes += sums.heldBytes;
      sums.idleTakes++;
    }
    memory.end();
    const taken: StageRollup[] = [];
    const left: StageRollup[] = [];
    for (const part of this.#sealed) {
      const second = Number(part.bucketStartUnixNs / NANOS_A_SECOND);
      if (isTaken(second)) taken.push(part);
      else {
        left.push(part);
        heldBytes += partBytes(part);
      }
    }
    this.#open.end(isTaken);
    this.#sealed = left;
    this.#heldBytes = heldBytes;
    return taken;
  }

  #addPiece(
    sums: WorkerSums,
    stage: number,
    slice: number,
    layer: number,
    layerStep: number,
    count: number,
    durationNs: Float64Array,
    words: Uint32Array,
    at: number,
  ): void {
    const second = Math.floor(slice / SLICES_PER_SECOND);
    const bucket = this.#bucketOf(sums, second, count);
    if (bucket === null) return;
    const { layout } = sums;
    const inSecond = slice - second * SLICES_PER_SECOND;
    const slot = layout.slot(stage);
    bucket.add(layout, slot, inSecond, layer, layerStep, count, durationNs, words, at);
  }

  /** The bucket of a second with room for so many events; null: they are skipped, or left out. */
  #bucketOf(sums: WorkerSums, second: number, count: number): StageBucket | null {
    if (this.#isSkipped?.(second) === true) return null;
    const first = sums.buckets[0];
    if (
      first !== undefined &&
      first.second === second &&
      first.events + count <= MAX_BUCKET_EVENTS &&
      sums.layout.hasRoom(count)
    ) {
      first.turn = this.#open.turn;
      return first;
    }
    const other = this.#otherBucket(sums, second, count);
    if (other === null) {
      this.unsummedEvents += count;
      this.unsummedSeconds.add(second);
    }
    return other;
  }

  /** The bucket of a second, at the front; null where sums hold too much already. */
  #otherBucket(sums: WorkerSums, second: number, count: number): StageBucket | null {
    const { buckets } = sums;
    sums.idleTakes = 0;
    this.#measure(sums);
    if (!sums.layout.hasRoom(count)) {
      for (const bucket of buckets) this.#seal(sums, bucket);
      buckets.length = 0;
      sums.layout = new StageLayout();
    }
    let at = buckets.findIndex((bucket) => bucket.second === second);
    if (at >= 0 && buckets[at]!.events + count > MAX_BUCKET_EVENTS) {
      this.#seal(sums, buckets[at]!);
      buckets[at]!.second = second;
    }
    if (at < 0) {
      if (this.#heldBytes > this.#maxBytes) return null;
      at = buckets.findIndex((bucket) => Number.isNaN(bucket.second));
      if (at < 0 && buckets.length < OPEN_SECONDS) at = buckets.push(new StageBucket()) - 1;
      if (at < 0) {
        at = buckets.length - 1;
        this.#seal(sums, buckets[at]!);
      }
      buckets[at]!.second = second;
    }
    const [bucket] = buckets.splice(at, 1);
    buckets.unshift(bucket!);
    bucket!.turn = this.#open.turn;
    this.#open.begin(second, this.sequence);
    return bucket!;
  }

  #seal(sums: WorkerSums, bucket: StageBucket, memory = OWN_MEMORY): void {
    if (bucket.events === 0) {
      bucket.second = Number.NaN;
      return;
    }
    const { info } = sums;
    const { second } = bucket;
    const part: StageRollup = {
      deployment: info.deployment,
      resolutionNs: NS_PER_S,
      bucketStartUnixNs: unixNanos(BigInt(second) * NANOS_A_SECOND),
      workerId: workerId(info),
      group: info.group,
      role: info.role,
      rank: info.rank,
      ...takeBucket(bucket, sums.layout, this.#stageNames, memory),
    };
    this.#heldBytes += partBytes(part);
    this.#sealed.push(part);
  }

  /** Arrays grow with what is added; they are looked at now and then. */
  #measure(sums: WorkerSums): void {
    const { layout, buckets } = sums;
    let bytes = WORKER_BYTES + layout.heldBytes;
    for (const bucket of buckets) bytes += bucket.heldBytes;
    this.#heldBytes += bytes - sums.heldBytes;
    sums.heldBytes = bytes;
  }

  #sumsOf(info: WorkerInfo): WorkerSums {
    const known = this.#byInfo.get(info);
    if (known !== undefined && known.heldBytes >= 0) {
      known.idleTakes = 0;
      return known;
    }
    const key = JSON.stringify([info.deployment, info.group, info.rank, info.role]);
    let sums = this.#workers.get(key);
    if (sums === undefined) {
      sums = new WorkerSums(info);
      this.#workers.set(key, sums);
    }
    this.#byInfo.set(info, sums);
    sums.idleTakes = 0;
    return sums;
  }

  /** Codes of `#stageNames` for those of a table. */
  #codesOf(names: readonly string[]): Uint16Array {
    if (names === this.#lastNames) return this.#lastCodes;
    for (const name of names) {
      if (this.#codeOf.has(name)) continue;
      this.#codeOf.set(name, this.#stageNames.length);
      // What was taken keeps the names that it came with.
      this.#stageNames = [...this.#stageNames, name];
    }
    this.#lastCodes = Uint16Array.from(names, (name) => this.#codeOf.get(name)!);
    this.#lastNames = names;
    return this.#lastCodes;
  }
}

function partBytes({ cells, slices }: StageRollup): number {
  return 800 + cells.length * 42 + cells.sketchBin.length * 10 + (slices?.length ?? 0) * 35;
}

function wordsOf(doubles: Float64Array): Uint32Array {
  return new Uint32Array(doubles.buffer, doubles.byteOffset, doubles.length * 2);
}

function isLeftOut(phase: number): boolean {
  return phase === Phase.warmup || phase === Phase.capture;
}

/** false: of a phase that stays out of every figure, or of a duration that no event can have. */
function isSummed({ phase, durationNs }: EventTable, row: number): boolean {
  const duration = durationNs[row]!;
  return !isLeftOut(phase[row]!) && duration >= 0 && duration <= Number.MAX_SAFE_INTEGER;
}
