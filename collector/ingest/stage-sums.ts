/**
 * Keeps the stage rollups in step with what is stored: adds up what each commit really brought, and
 * hands the partial sums to the store every few seconds, together with the number of the newest
 * append in them. What a crash leaves out is read back and added up at the next start.
 */
import type { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import type { AppendOutcome, TelemetryStore } from '#lib/store/telemetry-store.ts';
import { ChunkFormatError } from '#lib/table/chunk-frame.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { selectSteps } from '#lib/table/packed-tables.ts';
import { StageAccumulator } from '#lib/table/stage-accumulator.ts';
import type { StageRollup } from '#lib/table/stage-rollups.ts';
import type { PendingBatch } from './group-commit.ts';

type SumStore = Pick<TelemetryStore, 'addStageRollups' | 'unsummed'>;

/** More than this is handed over at once: some 5 s of a thousand workers. */
const MAX_HELD_BYTES = 160 * 2 ** 20;
/** Appends wait for the store to take sums while these hold more. */
const MAX_WAITING_BYTES = 256 * 2 ** 20;
/** Sums that a failing store did not take; beyond this they are read back from it later. */
const MAX_REFUSED_PARTS = 50_000;

export class StageSums {
  readonly #store: () => SumStore;
  readonly #unpacker: PackedUnpacker;
  readonly #warn: (message: string) => void;
  #sums = new StageAccumulator();
  /** Taken out of `#sums`, and not in the store yet. */
  #refused: readonly StageRollup[] = [];
  /** The newest append there is. */
  #newest = 0;
  /** The newest that is in `#sums`. */
  #through = 0;
  /** ... and in the store's sums. */
  #stored = 0;
  /** Sums are made from what the store has; what is appended meanwhile is read from there, too. */
  #mustRecover = false;
  #flushing: Promise<void> = Promise.resolve();
  #flushQueued = false;
  /** What the accumulator keeps for its workers, with nothing in it. */
  #emptyBytes = 0;
  failures = 0;
  flushes = 0;

  /** The store may change from call to call; `store` throws while there is none. */
  constructor(store: () => SumStore, unpacker: PackedUnpacker, warn: (message: string) => void) {
    this.#store = store;
    this.#unpacker = unpacker;
    this.#warn = warn;
  }

  /** What a commit brought; `outcomes` in the order of `group`. */
  add(group: readonly PendingBatch[], outcomes: readonly AppendOutcome[]): void {
    for (const [i, { batch, packedTimes }] of group.entries()) {
      const outcome = outcomes[i];
      if (outcome === undefined) continue;
      this.#newest = Math.max(this.#newest, outcome.sequence);
      if (this.#mustRecover) continue;
      this.#through = Math.max(this.#through, outcome.sequence);
      if (outcome.duplicate) continue;
      for (const table of batch.events) this.#sums.addTable(table);
      for (const [t, steps] of batch.packed.entries()) {
        const times = packedTimes?.[t] ?? this.#unpacker.times(steps);
        this.#sums.addPacked(steps, times, outcome.freshPacked[t] ?? null);
      }
    }
    if (this.#addedBytes <= MAX_HELD_BYTES || this.#flushQueued) return;
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
    while (this.#addedBytes > MAX_WAITING_BYTES) {
      const { failures } = this;
      await this.flush();
      if (this.failures > failures) return;
    }
  }

  /** Resolves when everything that was added before is stored, or the store refused it. */
  flush(): Promise<void> {
    return this.#queue(() => (this.#mustRecover ? this.#recover() : this.#put(this.#through)));
  }

  /**
   * Forgets all sums and adds up what the store has that is in no sum, after a start and when
   * another database was opened. Appends may go on meanwhile.
   */
  recover(): Promise<void> {
    this.#mustRecover = true;
    this.#newest = 0;
    this.#through = 0;
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
    this.#through = 0;
    let newest: number;
    do {
      newest = this.#newest;
      for await (const { sequence, events, packed } of this.#store().unsummed()) {
        // Whatever came before this part is summed whole.
        if (this.#addedBytes > MAX_HELD_BYTES && sequence > this.#through) {
          await this.#put(this.#through);
        }
        this.#through = sequence;
        if (events !== null) this.#sums.addTable(events);
        if (packed !== null) this.#addStored(packed);
      }
      this.#through = Math.max(this.#through, newest);
      await this.#put(this.#through);
      // What was appended meanwhile may have been missed by the reading, or not.
    } while (newest !== this.#newest);
    this.#mustRecover = false;
  }

  /** Steps whose payload is damaged are left out, as scans leave them out, and told. */
  #addStored(steps: PackedTable): void {
    const leftOut = this.#addReadable(steps);
    if (leftOut > 0) this.#warn(`${leftOut} events of damaged steps are in no sums by stage`);
  }

  /** The events of steps that cannot be read. */
  #addReadable(steps: PackedTable): number {
    try {
      this.#sums.addPacked(steps, this.#unpacker.times(steps), null);
      return 0;
    } catch (cause) {
      if (!(cause instanceof ChunkFormatError)) throw cause;
      if (steps.length === 1) return steps.events;
    }
    let leftOut = 0;
    for (let row = 0; row < steps.length; row++) {
      leftOut += this.#addReadable(selectSteps(steps, Uint32Array.of(row)));
    }
    return leftOut;
  }

  async #put(through: number): Promise<void> {
    if (through === this.#stored) return;
    const { unsummedEvents } = this.#sums;
    if (unsummedEvents > 0 && !this.#mustRecover) {
      // The store has these events: once more from there, in portions that fit.
      this.#mustRecover = true;
      await this.#recover();
      return;
    }
    if (unsummedEvents > 0) {
      this.#sums.unsummedEvents = 0;
      this.#warn(`${unsummedEvents} events of one append are too many for sums by stage`);
    }
    const parts = [...this.#refused, ...this.#sums.take()];
    this.#emptyBytes = this.#sums.heldBytes;
    this.#refused = parts;
    try {
      await this.#store().addStageRollups(parts, through);
    } catch (error) {
      if (parts.length > MAX_REFUSED_PARTS) {
        this.#refused = [];
        this.#mustRecover = true;
      }
      throw error;
    }
    this.#refused = [];
    this.#stored = through;
    this.flushes++;
  }
}
