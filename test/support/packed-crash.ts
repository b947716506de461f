/** What the child that is killed and its checker agree on: the batches, and how they are summed. */
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { JOURNAL_LIMITS } from '#lib/store/sqlite/journal.ts';
import { openWriterDatabase } from '#lib/store/sqlite/open-database.ts';
import { SqliteStore } from '#lib/store/sqlite/sqlite-store.ts';
import { acquireWriterLock } from '#lib/store/sqlite/writer-lock.ts';
import type { AppendOutcome, TelemetryBatch, TelemetryStore } from '#lib/store/telemetry-store.ts';
import { StageAccumulator } from '#lib/table/stage-accumulator.ts';
import { afdTable } from './afd-table.ts';
import { packedTableOf } from './packed-table.ts';
import { BASE, batchOf } from './telemetry-batch.ts';

export const CRASH_DEPLOYMENT = 'crash-packed';
export const CRASH_WORKERS = 3;

/** Step `i` of three workers, two layers each: packed, or (every fifth) as plain spans. */
function stepOf(i: number) {
  return afdTable({
    role: 'ffn',
    workers: CRASH_WORKERS,
    steps: 1,
    layers: 2,
    firstStep: i,
    seed: i,
    deployment: CRASH_DEPLOYMENT,
    baseUnixNs: BASE + BigInt(i) * 40_000_000n,
  });
}

export const EVENTS_PER_STEP = stepOf(0).length;

/** Batch `i` brings step `i`; every third sends the packed step before it again. */
export function crashBatch(i: number): TelemetryBatch {
  if (i % 5 === 4) return batchOf(`packed-${i}`, { events: [stepOf(i)] });
  const again = i % 3 === 2 && (i - 1) % 5 !== 4 ? [packedTableOf(stepOf(i - 1))] : [];
  return batchOf(`packed-${i}`, { packed: [packedTableOf(stepOf(i)), ...again] });
}

/** A store whose journal moves after a few steps. */
export function openCrashStore(data: string): TelemetryStore {
  const lock = acquireWriterLock(data, 'telemetry');
  return new SqliteStore(openWriterDatabase(data), lock, {
    unpacker: new PackedUnpacker(),
    journal: { ...JOURNAL_LIMITS, moveBytes: 1024 },
  });
}

/** Sums what was stored, as the ingest thread does: what a crash left out comes first. */
export class CrashSums {
  readonly #store: TelemetryStore;
  readonly #sums = new StageAccumulator();
  readonly #unpacker = new PackedUnpacker();
  #through = 0;

  constructor(store: TelemetryStore) {
    this.#store = store;
  }

  static async recover(store: TelemetryStore): Promise<CrashSums> {
    const sums = new CrashSums(store);
    for await (const { sequence, events, packed } of store.unsummed()) {
      if (events !== null) sums.#sums.addTable(events);
      if (packed !== null) sums.#sums.addPacked(packed, sums.#unpacker.times(packed), null);
      sums.#through = Math.max(sums.#through, sequence);
    }
    await sums.flush();
    return sums;
  }

  add(batch: TelemetryBatch, outcome: AppendOutcome): void {
    if (!outcome.duplicate) {
      for (const table of batch.events) this.#sums.addTable(table);
      for (const [i, table] of batch.packed.entries()) {
        this.#sums.addPacked(table, this.#unpacker.times(table), outcome.freshPacked[i]!);
      }
    }
    this.#through = outcome.sequence;
  }

  async flush(): Promise<void> {
    await this.#store.addStageRollups(this.#sums.take(), this.#through);
  }
}
