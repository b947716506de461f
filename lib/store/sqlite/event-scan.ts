/**
 * Scans of a deployment's events: chunks of columns, packed chunks and the journal, by start. One
 * short read transaction copies what the journal holds and notes the newest chunks, so that steps
 * which move from the journal into chunks meanwhile are neither missed nor met twice.
 */
import type Database from 'better-sqlite3';
import type { EventTable } from '#lib/table/event-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { boundedSteps, eventsOfWorkers, stepsInSelection } from '../step-filter.ts';
import type { EventSelection, TimeWindow } from '../telemetry-store.ts';
import { eventsInWindow } from '../window-filter.ts';
import { unpackEvents } from './blob.ts';
import { type ChunkKey, ChunkScan, compareKeys } from './chunk-scan.ts';
import { type DamageListener, readable } from './damage.ts';
import { UNKNOWN_WORKER } from './journal.ts';
import { JournalWorkerReader } from './journal-workers.ts';
import { unpackSteps } from './step-blob.ts';

interface JournalRow {
  readonly id: bigint;
  readonly fromUnixNs: bigint;
  readonly toUnixNs: bigint;
  readonly events: bigint;
}

interface Source extends ChunkKey {
  read(): Iterable<EventTable | PackedTable>;
}

export class EventScan {
  readonly #database: Database.Database;
  readonly #chunks: ChunkScan;
  readonly #packed: ChunkScan;
  readonly #reportDamage: DamageListener;
  readonly #journal;
  readonly #journalBlob;
  readonly #journalWorkers: JournalWorkerReader;

  constructor(database: Database.Database, reportDamage: DamageListener) {
    this.#database = database;
    this.#reportDamage = reportDamage;
    this.#chunks = new ChunkScan(database, 'chunks', reportDamage);
    this.#packed = new ChunkScan(database, 'packed_chunks', reportDamage);
    this.#journalWorkers = new JournalWorkerReader(database);
    this.#journal = database.prepare<[string, bigint, bigint], JournalRow>(
      `SELECT id, from_unix_ns AS fromUnixNs, to_unix_ns AS toUnixNs, events FROM journal
       WHERE deployment = ? AND to_unix_ns > ? AND from_unix_ns < ? ORDER BY id`,
    );
    this.#journalBlob = database
      .prepare<[bigint], Uint8Array>('SELECT blob FROM journal WHERE id = ?')
      .pluck();
  }

  /** @throws ScanExpiredError */
  *slices(selection: EventSelection): Generator<EventTable | PackedTable> {
    const { journal, newestChunk, newestPacked } = this.#snapshot(selection);
    const sources = [
      ...journal,
      ...this.#columnSources(selection, newestChunk),
      ...this.#packedSources(selection, newestPacked),
    ].sort(compareKeys);
    // Taken off one by one, so that what was read can be freed.
    sources.reverse();
    for (let source = sources.pop(); source !== undefined; source = sources.pop()) {
      yield* source.read();
    }
  }

  #snapshot(selection: EventSelection): {
    readonly journal: readonly Source[];
    readonly newestChunk: bigint;
    readonly newestPacked: bigint;
  } {
    return this.#database.transaction(() => ({
      journal: this.#journalSources(selection),
      newestChunk: this.#chunks.newestId(),
      newestPacked: this.#packed.newestId(),
    }))();
  }

  #journalSources(selection: EventSelection): readonly Source[] {
    const { deployment, window } = selection;
    const { fromUnixNs, toUnixNs } = window ?? ALL_TIME;
    return this.#journal.all(deployment, fromUnixNs, toUnixNs).flatMap((row): Source[] => {
      const blob = this.#journalBlob.get(row.id)!;
      // Now, since the workers that it names may be gone when it has moved.
      const tell = (message: string, rows: number): void =>
        this.#reportDamage({ table: 'journal', id: Number(row.id), deployment, rows, message });
      const decoded = readable(
        () => unpackSteps(blob, this.#journalWorkers.workerOf),
        (message) => tell(message, Number(row.events)),
      );
      if (decoded === null) return [];
      if (decoded.unknownEvents > 0) tell(UNKNOWN_WORKER, decoded.unknownEvents);
      return [{ ...row, read: () => stepSlices(decoded.table, selection) }];
    });
  }

  #columnSources(selection: EventSelection, newestId: bigint): readonly Source[] {
    const { deployment, window, workers, columns } = selection;
    const unpack = (blob: Uint8Array): EventTable => unpackEvents(blob, columns);
    const read = function* (this: EventScan, key: ChunkKey): Generator<EventTable> {
      const table = this.#chunks.read(deployment, key, unpack);
      const ofWorkers = table === null ? null : eventsOfWorkers(table, workers);
      const inside = ofWorkers === null ? null : eventsInWindow(ofWorkers, window);
      if (inside !== null) yield inside;
    }.bind(this);
    return this.#chunks
      .keys({ deployment, window }, newestId)
      .map((key) => ({ ...key, read: () => read(key) }));
  }

  #packedSources(selection: EventSelection, newestId: bigint): readonly Source[] {
    const { deployment, window, workers } = selection;
    const keys =
      workers === undefined
        ? this.#packed.keys({ deployment, window }, newestId)
        : [...new Set(workers)].flatMap((id) => {
            const worker = workerOf(id);
            return worker === null
              ? []
              : this.#packed.keys({ deployment, window, worker }, newestId);
          });
    return keys.map((key) => ({
      ...key,
      read: () => stepSlices(this.#packed.read(deployment, key, unpackTable), selection),
    }));
  }
}

const ALL_TIME: { readonly fromUnixNs: bigint; readonly toUnixNs: bigint } = {
  fromUnixNs: -(2n ** 63n),
  toUnixNs: 2n ** 63n - 1n,
} satisfies { [key in keyof TimeWindow]: bigint };

function unpackTable(blob: Uint8Array): PackedTable {
  return unpackSteps(blob).table;
}

function* stepSlices(table: PackedTable | null, selection: EventSelection): Generator<PackedTable> {
  const steps = table === null ? null : stepsInSelection(table, selection);
  if (steps !== null) yield* boundedSteps(steps);
}

/** "attention/2" as group and rank; a group may have a slash of its own. */
function workerOf(id: string): { readonly group: string; readonly rank: number } | null {
  const slash = id.lastIndexOf('/');
  const rank = Number(id.slice(slash + 1));
  return slash < 0 || !Number.isInteger(rank) ? null : { group: id.slice(0, slash), rank };
}
