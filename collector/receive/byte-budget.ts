/**
 * One budget for the bytes of all requests in flight, over HTTP and gRPC: from before a body is
 * read until its sender has the answer. What does not fit is refused, to be sent again.
 */
export class ByteBudget {
  readonly totalBytes: number;
  #usedBytes = 0;
  #peakBytes = 0;

  constructor(totalBytes: number) {
    this.totalBytes = totalBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get peakBytes(): number {
    return this.#peakBytes;
  }

  lease(): ByteLease {
    return new ByteLease(this);
  }

  /** For leases only. */
  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.totalBytes) return false;
    this.#usedBytes += bytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#usedBytes);
    return true;
  }

  /** For leases only. */
  give(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}

/** The part of the budget that one request holds. */
export class ByteLease {
  readonly #budget: ByteBudget;
  #heldBytes = 0;
  #released = false;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Makes the lease at least `bytes` large; false, and unchanged, where the budget has no room. */
  growTo(bytes: number): boolean {
    const more = bytes - this.#heldBytes;
    if (more <= 0) return !this.#released;
    if (this.#released || !this.#budget.take(more)) return false;
    this.#heldBytes = bytes;
    return true;
  }

  /** Gives back what is over `bytes`. */
  shrinkTo(bytes: number): void {
    const less = this.#heldBytes - bytes;
    if (less <= 0) return;
    this.#budget.give(less);
    this.#heldBytes = bytes;
  }

  /** Gives everything back; a second call does nothing. */
  release(): void {
    this.#released = true;
    this.shrinkTo(0);
  }
}
