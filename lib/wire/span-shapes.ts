/**
 * The shapes of the spans that came lately. Spans of a worker come in a cycle (receive, compute,
 * send, …), so the shape that followed last time is tried first, then all others.
 */
import { learnSpanShape } from './learn-span-shape.ts';
import type { SpanRecord } from './span-record.ts';
import { SpanShape } from './span-shape.ts';

/** The oldest makes room for a new one. */
const MAX_SHAPES = 64;
/** After so many spans in a row without a shape only every so many-th is tried. */
const PATIENCE = 32;
const IMPATIENT_TRIES = 8;
/** After so many spans in a row whose numbers are wider or narrower than when it was learnt. */
const OUTGROWN = 1024;
/**
 * Searching and learning are paid for with hits, so that senders whose spans never look alike cost
 * next to nothing: a hit by guess gives 1, the others are below. Learning costs as much time as
 * some 30 hits save.
 */
const DEFAULT_MAX_CREDIT = 2048;
const SEARCH_GAIN = 16;
const SEARCH_LOSS = 6;
const LEARNING_COST = 32;
/** Without credit every so many-th span is searched for and learnt all the same. */
const RARELY = 512;

let shapesLearnt = 0;

export class SpanShapes {
  readonly #shapes: SpanShape[] = [];
  /** The shape that came after each, as its place. */
  readonly #next = new Uint8Array(MAX_SHAPES);
  #oldest = 0;
  #last = 0;
  readonly #maxCredit: number;
  #credit: number;
  /** Spans that were read plainly; `#failures` since the last that was not. */
  #misses = 0;
  #failures = 0;

  /** `maxCredit`: infinite where every span is to be learnt, whatever it costs. */
  constructor(maxCredit = DEFAULT_MAX_CREDIT) {
    this.#maxCredit = maxCredit;
    this.#credit = maxCredit;
  }

  /**
   * Reads the span in `[start, end)`, which must lie in the view, into the record. false: no shape
   * is known for it, and what the record holds is worth nothing.
   */
  read(view: DataView, start: number, end: number, record: SpanRecord): boolean {
    if (this.#shapes.length === 0) return false;
    if (this.#failures > PATIENCE && this.#failures % IMPATIENT_TRIES !== 0) {
      this.#failures++;
      return false;
    }
    const place = this.#next[this.#last]!;
    const shape = this.#shapes[place]!;
    if (shape.read(view, start, end, record)) {
      this.#last = place;
      this.#failures = 0;
      if (this.#credit < this.#maxCredit) this.#credit++;
      if (shape.looseReads < OUTGROWN) return true;
      // Some number has grown for good: the span is learnt once more.
      shape.looseReads = 0;
      return false;
    }
    const mayTry = this.#credit >= SEARCH_LOSS || this.#misses % RARELY === 0;
    if (mayTry && this.#search(view, start, end, record)) {
      this.#failures = 0;
      return true;
    }
    this.#failures++;
    return false;
  }

  /** Takes note of a span that `read` knew no shape for and that is now in the record. */
  learn(record: SpanRecord, start: number, end: number): void {
    if (this.#misses++ % RARELY !== 0 && this.#credit < LEARNING_COST) return;
    const parts = learnSpanShape(record, start, end);
    this.#credit = Math.max(this.#credit - (parts === null ? SEARCH_LOSS : LEARNING_COST), 0);
    if (parts === null) return;
    const place = this.#oldest;
    this.#oldest = (place + 1) % MAX_SHAPES;
    this.#shapes[place] = new SpanShape(shapesLearnt++, parts);
    this.#follow(place);
    this.#next[place] = place;
  }

  #search(view: DataView, start: number, end: number, record: SpanRecord): boolean {
    for (let place = 0; place < this.#shapes.length; place++) {
      if (this.#shapes[place]!.read(view, start, end, record)) {
        this.#follow(place);
        this.#credit = Math.min(this.#credit + SEARCH_GAIN, this.#maxCredit);
        return true;
      }
    }
    this.#credit = Math.max(this.#credit - SEARCH_LOSS, 0);
    return false;
  }

  #follow(place: number): void {
    this.#next[this.#last] = place;
    this.#last = place;
  }
}
