/**
 * The shapes of the spans that came lately. Spans of a worker come in a cycle (receive, compute,
 * send, …), so the shape that followed last time is tried first, then those of the same length.
 */
import { learnSpanShape } from './learn-span-shape.ts';
import type { SpanRecord } from './span-record.ts';
import { SpanShape } from './span-shape.ts';

/** Sets are chosen by the span's length, within a set the oldest shape makes room. */
const SETS = 64;
const WAYS = 8;
export const MAX_SHAPES = SETS * WAYS;
/**
 * Searching and learning are paid for with hits, so that senders whose spans never look alike cost
 * next to nothing: a hit by guess gives 1, the others are below. Learning costs as much time as
 * some 30 hits save. A search that fails takes little, but more than nothing.
 */
const DEFAULT_MAX_CREDIT = 2048;
const SEARCH_GAIN = 16;
const SEARCH_LOSS = 2;
const LEARNING_COST = 32;
/** Without credit every so many-th span is searched for and learnt all the same. */
const RARELY = 512;

let shapesLearnt = 0;

export class SpanShapes {
  readonly #shapes: (SpanShape | null)[] = new Array<SpanShape | null>(MAX_SHAPES).fill(null);
  /** The shape that came after each, as its place. */
  readonly #next = new Int16Array(MAX_SHAPES);
  readonly #oldest = new Uint8Array(SETS);
  #last = 0;
  readonly #maxCredit: number;
  #credit: number;
  #misses = 0;

  /** `maxCredit`: infinite where every span is to be learnt, whatever it costs. */
  constructor(maxCredit = DEFAULT_MAX_CREDIT) {
    this.#maxCredit = maxCredit;
    this.#credit = maxCredit;
  }

  /** The shape of the span in `[at, at + byteCount)`, which must lie in the view; or null. */
  find(view: DataView, at: number, byteCount: number): SpanShape | null {
    const place = this.#next[this.#last]!;
    const guess = this.#shapes[place]!;
    if (guess !== null && guess.byteCount === byteCount && guess.matches(view, at)) {
      this.#last = place;
      if (this.#credit < this.#maxCredit) this.#credit++;
      return guess;
    }
    return this.#credit >= SEARCH_LOSS || this.#misses % RARELY === 0
      ? this.#search(view, at, byteCount)
      : null;
  }

  /** Takes note of a span that `find` knew no shape for and that is now in the record. */
  learn(record: SpanRecord, start: number, end: number): void {
    if (this.#misses++ % RARELY !== 0 && this.#credit < LEARNING_COST) return;
    const parts = learnSpanShape(record, start, end);
    this.#credit = Math.max(this.#credit - (parts === null ? SEARCH_LOSS : LEARNING_COST), 0);
    if (parts === null) return;
    const set = parts.byteCount % SETS;
    const way = this.#oldest[set]!;
    this.#oldest[set] = (way + 1) % WAYS;
    const place = set * WAYS + way;
    this.#shapes[place] = new SpanShape(shapesLearnt++, parts);
    this.#follow(place);
    this.#next[place] = place;
  }

  #search(view: DataView, at: number, byteCount: number): SpanShape | null {
    const first = (byteCount % SETS) * WAYS;
    for (let place = first; place < first + WAYS; place++) {
      const shape = this.#shapes[place]!;
      if (shape === null) break;
      if (shape.byteCount === byteCount && shape.matches(view, at)) {
        this.#follow(place);
        this.#credit = Math.min(this.#credit + SEARCH_GAIN, this.#maxCredit);
        return shape;
      }
    }
    this.#credit = Math.max(this.#credit - SEARCH_LOSS, 0);
    return null;
  }

  #follow(place: number): void {
    this.#next[this.#last] = place;
    this.#last = place;
  }
}
