/**
 * The packed steps that were stored lately, so that a step which a sender puts into a second request
 * is stored once. A step is known again by its worker's incarnation, domain, number, length and the
 * first bytes of its payload, which hold its checksum and base time (docs/packed-steps.md). All of
 * it is compared, nothing is left to a hash.
 *
 * Bounded: the newest CAPACITY steps of all workers together (at 320 GPUs the last minute and a half).
 */
import type { PackedTable } from '#lib/table/packed-table.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';

const CAPACITY = 2 ** 19;
/** worker, domain, step (two), byteLength, the payload's bytes 4 to 15. */
const WORDS = 8;
const MAX_WORKERS = 65_536;
const NONE = -1;
const TWO_32 = 4_294_967_296;

export class StepLedger {
  readonly #capacity: number;
  readonly #mask: number;
  readonly #entries: Int32Array;
  /** The newest entry of each bucket, and for each entry the next older one of its bucket. */
  readonly #heads: Int32Array;
  readonly #older: Int32Array;
  readonly #probe = new Int32Array(WORDS);
  #workerIds = new WeakMap<WorkerInfo, number>();
  #idByKey = new Map<string, number>();
  #nextWorkerId = 0;
  /** Entries ever added; entry `n` lies at `n % capacity`. */
  #added = 0;
  #kept = 0;

  /** `capacity`: a power of two. */
  constructor(capacity = CAPACITY) {
    this.#capacity = capacity;
    this.#mask = capacity - 1;
    this.#entries = new Int32Array(capacity * WORDS);
    this.#heads = new Int32Array(capacity).fill(NONE);
    this.#older = new Int32Array(capacity);
  }

  /** The rows that are not known, which it notes; null: all of them. */
  takeNew(table: PackedTable): Uint32Array | null {
    const workers = table.workers.map((info) => this.#workerId(info));
    const { length, worker, domain, step, byteLength, offset, bytes } = table;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const probe = this.#probe;
    let fresh: Uint32Array | null = null;
    let freshCount = 0;
    for (let i = 0; i < length; i++) {
      const at = offset[i]!;
      const whole = byteLength[i]! >= 16;
      const number = step[i]!;
      probe[0] = workers[worker[i]!]!;
      probe[1] = domain[i]!;
      probe[2] = number | 0;
      probe[3] = Math.floor(number / TWO_32);
      probe[4] = byteLength[i]!;
      probe[5] = whole ? view.getInt32(at + 4, true) : 0;
      probe[6] = whole ? view.getInt32(at + 8, true) : 0;
      probe[7] = whole ? view.getInt32(at + 12, true) : 0;
      if (this.#addProbe()) {
        if (fresh !== null) fresh[freshCount] = i;
        freshCount++;
      } else if (fresh === null) {
        fresh = new Uint32Array(length);
        for (let row = 0; row < i; row++) fresh[row] = row;
      }
    }
    return fresh === null ? null : fresh.subarray(0, freshCount);
  }

  /** What was taken since the last `keep` or `forget` is stored. */
  keep(): void {
    this.#kept = this.#added;
  }

  /** It could not be stored. */
  forget(): void {
    const least = Math.max(this.#kept, this.#added - this.#capacity);
    while (this.#added > least) this.#unlinkNewest(--this.#added & this.#mask);
    // Beyond its capacity, what was overwritten is gone; the rest was unlinked.
    this.#added = Math.max(this.#added, this.#kept);
    this.#kept = this.#added;
  }

  /** false: it is known. */
  #addProbe(): boolean {
    const bucket = this.#bucketOf(this.#probe, 0);
    for (let slot = this.#heads[bucket]!; slot !== NONE; slot = this.#older[slot]!) {
      if (this.#isProbe(slot * WORDS)) return false;
    }
    const slot = this.#added & this.#mask;
    if (this.#added >= this.#capacity) this.#unlink(slot);
    this.#entries.set(this.#probe, slot * WORDS);
    this.#older[slot] = this.#heads[bucket]!;
    this.#heads[bucket] = slot;
    this.#added++;
    return true;
  }

  #isProbe(at: number): boolean {
    const entries = this.#entries;
    const probe = this.#probe;
    for (let word = WORDS - 1; word >= 0; word--) {
      if (entries[at + word] !== probe[word]) return false;
    }
    return true;
  }

  #bucketOf(words: Int32Array, at: number): number {
    let hash = 0;
    for (let word = 0; word < WORDS; word++) {
      hash = Math.imul(hash ^ words[at + word]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash & this.#mask;
  }

  #unlink(slot: number): void {
    const bucket = this.#bucketOf(this.#entries, slot * WORDS);
    let at = this.#heads[bucket]!;
    if (at === slot) {
      this.#heads[bucket] = this.#older[slot]!;
      return;
    }
    while (at !== NONE) {
      const next = this.#older[at]!;
      if (next === slot) {
        this.#older[at] = this.#older[slot]!;
        return;
      }
      at = next;
    }
  }

  #unlinkNewest(slot: number): void {
    this.#unlink(slot);
    // Its place is free and must match nothing when it is unlinked again.
    this.#entries.fill(NONE, slot * WORDS, (slot + 1) * WORDS);
  }

  #workerId(info: WorkerInfo): number {
    const known = this.#workerIds.get(info);
    if (known !== undefined) return known;
    const key = JSON.stringify([info.deployment, info.group, info.rank, info.incarnation]);
    let id = this.#idByKey.get(key);
    if (id === undefined) {
      if (this.#idByKey.size >= MAX_WORKERS) {
        // Workers that restart for months: the ids of old incarnations are given up.
        this.#idByKey = new Map();
        this.#workerIds = new WeakMap();
      }
      id = this.#nextWorkerId++;
      this.#idByKey.set(key, id);
    }
    this.#workerIds.set(info, id);
    return id;
  }
}
