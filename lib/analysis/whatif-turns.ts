/**
 * When a worker's micro-batches leave it and come back, by key: what the position of a stage is told
 * by.
 */
import type { Assembled } from '#lib/model/assembled.ts';

/** Indexes of `Position`: before the send, while the key is away, after the reply; -1: no telling. */
const BEFORE = 0;
const AWAY = 1;
const AFTER = 2;

export class WorkerTurns {
  /** First start of the key's sends, and end of its last reply; NaN where none was seen. */
  readonly sentNs: Float64Array;
  readonly repliedNs: Float64Array;
  /** 1: the send started when an earlier one ended, so that it may have waited for the link. */
  readonly #queued: Uint8Array;
  readonly #sendStage: number;
  readonly #replyStage: number;

  constructor(keys: number, sendStage: number, replyStage: number) {
    this.sentNs = new Float64Array(keys);
    this.repliedNs = new Float64Array(keys);
    this.#queued = new Uint8Array(keys);
    this.#sendStage = sendStage;
    this.#replyStage = replyStage;
  }

  /** `keyOf(row)`: -1 leaves a row out. Forgets the worker before. */
  read(assembled: Assembled, w: number, keyOf: (row: number) => number): void {
    const { events, endNs, offsets } = assembled;
    this.sentNs.fill(Number.NaN);
    this.repliedNs.fill(Number.NaN);
    this.#queued.fill(0);
    let linkFreeNs = Number.NEGATIVE_INFINITY;
    for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
      const stage = events.stage[row]!;
      if (stage !== this.#sendStage && stage !== this.#replyStage) continue;
      const key = keyOf(row);
      if (key < 0) continue;
      const end = endNs[row]!;
      if (stage === this.#replyStage) {
        if (!(this.repliedNs[key]! >= end)) this.repliedNs[key] = end;
        continue;
      }
      const start = events.startNs[row]!;
      if (!(this.sentNs[key]! <= start)) {
        this.sentNs[key] = start;
        this.#queued[key] = start <= linkFreeNs ? 1 : 0;
      }
      linkFreeNs = Math.max(linkFreeNs, end);
    }
  }

  /** Of work on the key that starts at `startNs`. */
  positionOf(key: number, startNs: number): number {
    const sent = this.sentNs[key]!;
    // Dense layers send nothing, and a lost send tells nothing.
    if (Number.isNaN(sent)) return -1;
    if (startNs >= this.repliedNs[key]!) return AFTER;
    if (this.#queued[key] === 1) return -1;
    return startNs < sent ? BEFORE : AWAY;
  }
}
