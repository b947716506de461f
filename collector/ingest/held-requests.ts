/**
 * Requests that came while the store refused, and whose senders still wait: they are tried again
 * when it works, so that a short lock or a disk that was full for a moment is not seen outside.
 * They stay on the byte budget, so their memory is bounded by it.
 */
import { type IngestRequest, monotonicMs } from '#collector/messages.ts';
import type { PendingBatch } from './group-commit.ts';

/** As it came, or decoded already. */
export type HeldRequest = IngestRequest | PendingBatch;

interface Entry {
  readonly item: HeldRequest;
  readonly answerByMs: number;
}

/** Looked at only so often, so those that are this near to their end are not held at all. */
const SHORTEST_MS = 100;

export class HeldRequests {
  #entries: Entry[] = [];

  get length(): number {
    return this.#entries.length;
  }

  /** false: its sender does not wait long enough. */
  add(item: HeldRequest, answerByMs: number | undefined): boolean {
    if (answerByMs === undefined || answerByMs < monotonicMs() + SHORTEST_MS) return false;
    this.#entries.push({ item, answerByMs });
    return true;
  }

  takeAll(): readonly HeldRequest[] {
    const entries = this.#entries;
    this.#entries = [];
    return entries.map(({ item }) => item);
  }

  /** Those that must be answered before `withinMs` from now are over. */
  takeExpired(withinMs = 0): readonly HeldRequest[] {
    const beforeMs = monotonicMs() + withinMs;
    const expired = this.#entries.filter(({ answerByMs }) => answerByMs <= beforeMs);
    if (expired.length === 0) return [];
    this.#entries = this.#entries.filter(({ answerByMs }) => answerByMs > beforeMs);
    return expired.map(({ item }) => item);
  }
}
