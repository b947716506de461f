/**
 * How the store is: refused commits, a write-ahead log that grew too long. Publishes a state when
 * it changes, and tries by itself, so that recovery does not wait for traffic.
 */
import { errorText } from '#lib/base/error-text.ts';
import { type StoreFailureReason, StoreUnavailableError } from '#lib/store/store-errors.ts';
import type { StoreSize, TelemetryStore } from '#lib/store/telemetry-store.ts';
import type { IngestState } from './thread-messages.ts';

export interface StoreWatchHooks {
  state(state: IngestState): void;
  warn(message: string): void;
  /** Writes something small through the same way as requests; resolves when it is settled. */
  tryWrite(): Promise<void>;
  /** The files at the store's path are not those that are open, or none are. */
  isReplaced(): boolean;
  /** Opens what is there now; false: the folder is missing. Rejects where it cannot be opened. */
  reopen(): Promise<boolean>;
}

type Trouble = Pick<Extract<IngestState, { status: 'degraded' }>, 'name' | 'reason'>;

export class StoreWatch {
  readonly #store: Pick<TelemetryStore, 'size'>;
  readonly #maxWalBytes: number;
  readonly #hooks: StoreWatchHooks;
  #failure: Trouble | undefined;
  #published: Trouble | undefined;
  #size: StoreSize | null = null;
  #probing = false;
  #sinceUnixMs = 0;

  constructor(store: Pick<TelemetryStore, 'size'>, maxWalBytes: number, hooks: StoreWatchHooks) {
    this.#store = store;
    this.#maxWalBytes = maxWalBytes;
    this.#hooks = hooks;
  }

  /** null before the first look, and where the store cannot be asked. */
  get size(): StoreSize | null {
    return this.#size;
  }

  /** The last commit was refused. */
  get failing(): boolean {
    return this.#failure !== undefined;
  }

  /** Requests are not decoded while they could not be stored. */
  get refuses(): boolean {
    return this.failing || this.walIsFull;
  }

  /** Until a checkpoint has cut the log. */
  get walIsFull(): boolean {
    return this.#size !== null && this.#size.walBytes > this.#maxWalBytes;
  }

  /** After every commit: what the store threw, or undefined where it took the data. */
  settled(failure: unknown): void {
    this.#failure =
      failure === undefined ? undefined : { name: nameOf(failure), reason: errorText(failure) };
    this.#publish();
  }

  /** What another write threw: true where it is, or becomes, the state of the store. */
  noticed(failure: unknown): boolean {
    if (!(failure instanceof StoreUnavailableError)) return false;
    if (!this.failing) this.settled(failure);
    return true;
  }

  async measure(): Promise<void> {
    try {
      this.#size = await this.#store.size();
      this.#publish();
    } catch (error) {
      this.#size = null;
      // What cannot be written cannot be measured either, and is known.
      if (!this.failing) {
        this.#hooks.warn(`the store's size could not be read: ${errorText(error)}`);
      }
    }
  }

  /** A failed store shows that it works; a log is cut by the write after its checkpoint. */
  async probe(): Promise<void> {
    if (this.#probing) return;
    this.#probing = true;
    try {
      await this.#probe();
    } finally {
      this.#probing = false;
    }
  }

  async #probe(): Promise<void> {
    // Files that were away for a while may have taken a commit that nobody was told of.
    const wereAway = this.#failure?.name === 'folder-gone';
    if (wereAway || this.#hooks.isReplaced()) {
      await this.#reopen();
      return;
    }
    const full = this.walIsFull;
    if (!full && !this.failing) return;
    // Not even to try: whatever is written into it may land on the pages of something else.
    if (this.#failure?.name === 'damaged') return;
    await this.#hooks.tryWrite();
    if (full) await this.measure();
  }

  async #reopen(): Promise<void> {
    try {
      if (await this.#hooks.reopen()) {
        this.#hooks.warn('the database at the path of the store was opened anew');
        await this.#hooks.tryWrite();
        await this.measure();
      } else if (!this.failing) {
        const reason = 'the data folder, or the database in it, was deleted or moved';
        this.settled(new StoreUnavailableError('folder-gone', reason));
      }
    } catch (error) {
      this.settled(error);
    }
  }

  #publish(): void {
    const trouble = this.#failure ?? (this.walIsFull ? this.#walTrouble() : undefined);
    if (trouble?.reason === this.#published?.reason) return;
    if (trouble?.name !== this.#published?.name) this.#sinceUnixMs = Date.now();
    this.#published = trouble;
    this.#hooks.state(
      trouble === undefined
        ? { status: 'ok' }
        : { status: 'degraded', ...trouble, sinceUnixMs: this.#sinceUnixMs },
    );
  }

  #walTrouble(): Trouble {
    return {
      name: 'write-ahead-log',
      reason: `the write-ahead log is over ${this.#maxWalBytes} bytes`,
    };
  }
}

function nameOf(failure: unknown): StoreFailureReason {
  return failure instanceof StoreUnavailableError ? failure.reason : 'disk-error';
}
