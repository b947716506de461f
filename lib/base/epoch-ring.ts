/**
 * A fixed ring of changes, each with an epoch that grows by one. A reader that was away asks for
 * what came after the last epoch it saw and gets the changes, or `reset` where the ring has
 * forgotten them (or the epoch is of an earlier process).
 */
export class EpochRing<T> {
  readonly #slots: (T | undefined)[];
  readonly capacity: number;
  #epoch = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#slots = new Array<T | undefined>(capacity);
  }

  /** Epoch of the newest change; 0 before the first. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Adds a change and returns its epoch. */
  push(change: T): number {
    this.#epoch++;
    this.#slots[this.#epoch % this.capacity] = change;
    return this.#epoch;
  }

  changesSince(epoch: number): readonly { epoch: number; change: T }[] | 'reset' {
    if (!Number.isInteger(epoch) || epoch > this.#epoch || epoch < this.#epoch - this.capacity) {
      return 'reset';
    }
    const changes: { epoch: number; change: T }[] = [];
    for (let e = epoch + 1; e <= this.#epoch; e++) {
      changes.push({ epoch: e, change: this.#slots[e % this.capacity] as T });
    }
    return changes;
  }
}
