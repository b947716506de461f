/**
 * Keeps the stage rollups in step with what is stored: adds up what each commit really brought, and
 * hands the sums of each second to the store once that second seems to be complete, together with
 * which appends are in them now. What a crash leaves out is read back and added up at the next start.
 *
 *     append       1   2   3   4   5          second 10 goes to the store after append 4:
 *     second 10    x   x   x                  through 1 (all of it is summed), ahead {10: 4}
 *     second 11        x   x   x   x          second 11 goes after 5: through 5, ahead {}
 */
import type { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import type { AppendOutcome, TelemetryStore } from '#lib/store/telemetry-store.ts';
import { StageAccumulator } from '#lib/table/stage-accumulator.ts';
import { releaseRollup } from '#lib/table/stage-bucket-take.ts';
import type { StageRollup } from '#lib/table/stage-rollups.ts';
import type { PendingBatch } from './group-commit.ts';
import { addStored, recoverSums } from './recover-sums.ts';

export type SumStore = Pick<TelemetryStore, 'addStageRollups' | 'unsummed'>;

export interface SumLimits {
  /** More than this is handed over at once, complete or not: some 3 s of a thousand workers. */
  readonly heldBytes: number;
  /** Appends wait for the store to take sums while these hold more. */
  readonly waitingBytes: number;
}

const LIMITS: SumLimits = { heldBytes: 96 * 2 ** 20, waitingBytes: 160 * 2 ** 20 };
/** Sums that a failing store did not take; beyond this they are read back from it later. */
const MAX_REFUSED_PARTS = 5000;

export class StageSums {
  readonly #store: () => SumStore;
  readonly #unpacker: PackedUnpacker;
  readonly #warn: (message: string) => void;
  readonly #limits: SumLimits;
  #sums = new StageAccumulator();
  /** Taken out of `#sums`, and not in the store yet. */
  #refused: readonly StageRollup[] = [];
  /** The newest append there is. */
  #newest = 0;
  /** All appends up to this one are in the store's sums. */
  #stored = 0;
  /** By second: through which append it is, with `#refused`. Later than `#stored`. */
  readonly #ahead = new Map<number, number>();
  /** Sums are made from what the store has; what is appended meanwhile is read from there, too. */
  #mustRecover = false;
  #flushing: Promise<void> = Promise.resolve();
  #flushQueued = false;
  /** What the accumulator keeps for its workers, with nothing in it. */
  #emptyBytes = 0;
  failures = 0;
  flushes = 0;

  /** The store may change from call to call; `store` throws while there is none. */
  constructor(
    store: () => SumStore,
    unpacker: PackedUnpacker,
    warn: (message: string) => void,
    limits: SumLimits = LIMITS,
  ) {
    this.#store = store;
    this.#unpacker = unpacker;
    this.#warn = warn;
    this.#limits = limits;
  }

  /** What a commit brought; `outcomes` in the order of `group`. */
  add(group: readonly PendingBatch[], outcomes: readonly AppendOutcome[]): void {
    const sums = this.#sums;
    for (const [i, { batch, packedTimes }] of group.entries()) {
      const outcome = outcomes[i];
      if (outcome === undefined) continue;
      this.#newest = Math.max(this.#newest, outcome.sequence);
      if (this.#mustRecover || outcome.duplicate) continue;
      sums.sequence = outcome.sequence;
      for (const table of batch.events) sums.addTable(table);
      for (const [t, steps] of batch.packed.entries()) {
        const times = packedTimes?.[t] ?? this.#unpacker.times(steps);
        sums.addPacked(steps, times, outcome.freshPacked[t] ?? null);
      }
    }
    if (this.#addedBytes <= this.#limits.heldBytes || this.#flushQueued) return;
    this.#flushQueued = true;
    void this.flush().then(() => {
      this.#flushQueued = false;
    });
  }

  get #addedBytes(): number {
    return this.#sums.heldBytes - this.#emptyBytes;
  }

  /** Resolves when there is room for the sums of another append, or the store takes none. */
  async room(): Promise<void> {
    while (this.#addedBytes > this.#limits.waitingBytes) {
      const { failures } = this;
      await this.flush();
      if (this.failures > failures) return;
    }
  }

  /** Resolves when everything that was added before is stored, or the store refused it. */
  flush(): Promise<void> {
    return this.#queue(() => (this.#mustRecover ? this.#recover() : this.#putAll()));
  }

  /** Stores the seconds that seem to be complete; call it about once a second. */
  flushComplete(): Promise<void> {
    return this.#queue(() => (this.#mustRecover ? this.#recover() : this.#putComplete()));
  }

  /**
   * Forgets all sums and adds up what the store has that is in no sum, after a start and when
   * another database was opened. Appends may go on meanwhile.
   */
  recover(): Promise<void> {
    this.#mustRecover = true;
    this.#newest = 0;
    return this.flush();
  }

  /** One after the other; a failure is told, and tried again with the next one. */
  #queue(work: () => Promise<void>): Promise<void> {
    this.#flushing = this.#flushing.then(work).catch((error: unknown) => {
      this.failures++;
      this.#warn(`storing sums by stage failed: ${error instanceof Error ? error.message : error}`);
    });
    return this.#flushing;
  }

  async #recover(): Promise<void> {
    this.#sums = new StageAccumulator();
    this.#emptyBytes = 0;
    this.#refused = [];
    this.#stored = 0;
    this.#ahead.clear();
    try {
      await this.#addUnsummed();
    } catch (error) {
      this.#mustRecover = true;
      throw error;
    }
  }

  #addUnsummed(): Promise<void> {
    return recoverSums({
      store: this.#store,
      maxBytes: this.#limits.heldBytes,
      newest: () => this.#newest,
      add: (sums, part, isSkipped) => addStored(sums, part, isSkipped, this.#unpacker, this.#warn),
      warn: this.#warn,
      summed: (through) => {
        this.#newest = Math.max(this.#newest, through);
        this.#stored = through;
        this.#mustRecover = false;
      },
    });
  }

  async #putAll(): Promise<void> {
    const through = this.#newest;
    if (through === this.#stored && this.#refused.length === 0) return;
    if (await this.#hadNoRoom()) return;
    const parts = this.#sums.take();
    this.#emptyBytes = this.#sums.heldBytes;
    this.#ahead.clear();
    await this.#put(parts, through);
  }

  async #putComplete(): Promise<void> {
    if (await this.#hadNoRoom()) return;
    const newest = this.#newest;
    const { parts, seconds, openFrom } = this.#sums.takeClosed();
    const through = openFrom === null ? newest : openFrom - 1;
    for (const second of seconds) this.#ahead.set(second, newest);
    for (const [second, to] of this.#ahead) if (to <= through) this.#ahead.delete(second);
    if (parts.length === 0 && this.#refused.length === 0 && through === this.#stored) return;
    await this.#put(parts, through);
  }

  /** true: the store has what was left out; all that is unsummed was added up from there. */
  async #hadNoRoom(): Promise<boolean> {
    if (this.#sums.unsummedEvents === 0) return false;
    this.#mustRecover = true;
    await this.#recover();
    return true;
  }

  async #put(taken: readonly StageRollup[], through: number): Promise<void> {
    const parts = [...this.#refused, ...taken];
    this.#refused = parts;
    try {
      await this.#store().addStageRollups(parts, through, new Map(this.#ahead));
    } catch (error) {
      if (parts.length > MAX_REFUSED_PARTS) {
        this.#refused = [];
        this.#mustRecover = true;
      }
      throw error;
    }
    for (const part of parts) releaseRollup(part);
    this.#refused = [];
    this.#stored = through;
    this.flushes++;
  }
}
