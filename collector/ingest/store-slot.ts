/**
 * The stores that the ingest thread writes, which can be closed and opened anew while it runs:
 * where the database could not be opened at the start, and where the files were replaced.
 */
import { existsSync } from 'node:fs';
import {
  openStateWriter,
  openTelemetryWriter,
  type StoreLocation,
  storedFileIdentity,
} from '#lib/store/open-store.ts';
import type { StateStore } from '#lib/store/state-store.ts';
import { StoreUnavailableError } from '#lib/store/store-errors.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';

interface Stores {
  readonly telemetry: TelemetryStore;
  readonly people: StateStore;
  readonly identity: string | null;
}

export class StoreSlot {
  readonly #location: StoreLocation;
  #stores: Stores | StoreUnavailableError;

  private constructor(location: StoreLocation, stores: Stores | StoreUnavailableError) {
    this.#location = location;
    this.#stores = stores;
  }

  /**
   * A lock, a full disk or damage leaves the slot empty, to be tried again by `reopen`.
   * @throws what a person must mend first: a folder in use, a newer database, no right to write
   */
  static async open(location: StoreLocation): Promise<StoreSlot> {
    try {
      return new StoreSlot(location, await openBoth(location));
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || !PASSING.has(error.reason)) throw error;
      return new StoreSlot(location, error);
    }
  }

  /** Why nothing is open; undefined while something is. */
  get failure(): StoreUnavailableError | undefined {
    return this.#stores instanceof StoreUnavailableError ? this.#stores : undefined;
  }

  /** @throws StoreUnavailableError while nothing is open */
  get telemetry(): TelemetryStore {
    return this.#opened().telemetry;
  }

  /** @throws StoreUnavailableError while nothing is open */
  get people(): StateStore {
    return this.#opened().people;
  }

  /** The files at the path are not those that are open, or nothing is open. */
  get isReplaced(): boolean {
    if (this.#stores instanceof StoreUnavailableError) return true;
    return storedFileIdentity(this.#location) !== this.#stores.identity;
  }

  /**
   * Closes what is open and opens what is at the path now, or makes a new database where there is
   * none. Does nothing, and answers false, while the folder is missing.
   * @throws StoreUnavailableError and the slot is empty
   */
  async reopen(): Promise<boolean> {
    // Making the folder would put the database under the mount point of a disk that is away.
    if (!existsSync(this.#location.data)) return false;
    await this.close();
    try {
      this.#stores = await openBoth(this.#location);
      return true;
    } catch (error) {
      this.#stores =
        error instanceof StoreUnavailableError
          ? error
          : new StoreUnavailableError('closed', error instanceof Error ? error.message : 'unknown');
      throw this.#stores;
    }
  }

  /** Never rejects: what cannot be closed is gone, and said so by whoever wrote last. */
  async close(): Promise<void> {
    if (this.#stores instanceof StoreUnavailableError) return;
    const { telemetry, people } = this.#stores;
    this.#stores = new StoreUnavailableError('closed', `${this.#location.data} is closed`);
    await Promise.allSettled([people.close(), telemetry.close()]);
  }

  #opened(): Stores {
    if (this.#stores instanceof StoreUnavailableError) throw this.#stores;
    return this.#stores;
  }
}

/** What goes away without a change of the configuration. */
const PASSING: ReadonlySet<string> = new Set(['disk-full', 'locked', 'damaged', 'disk-error']);

async function openBoth(location: StoreLocation): Promise<Stores> {
  const telemetry = await openTelemetryWriter(location);
  try {
    const people = await openStateWriter(location);
    return { telemetry, people, identity: storedFileIdentity(location) };
  } catch (error) {
    await telemetry.close();
    throw error;
  }
}
