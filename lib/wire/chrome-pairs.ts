/**
 * Begin and end events to slices. Events of one thread (B, E) or of one async id (b, e) are matched in
 * order of time, equal times in order of the file: an end closes the latest open slice of its name, or
 * the latest one where it has no name. Nothing else is closed with it, so every slice keeps the times
 * that the trace gives, nested or not.
 */

export interface Slices {
  readonly length: number;
  readonly startNs: Float64Array;
  readonly durationNs: Float64Array;
  /** As they were given with the begin event. */
  readonly track: Int32Array;
  readonly name: Int32Array;
  readonly category: Int32Array;
  readonly extra: Float64Array;
  /** Ends that closed a slice which was not the innermost one. */
  readonly misnested: number;
  readonly endsWithoutBegin: number;
  readonly beginsWithoutEnd: number;
  /** Begin and end events that came when there was no more room. */
  readonly dropped: number;
  /** Those that there was room for. */
  readonly kept: number;
}

/** They are kept until the file ends, since none need come in order: 34 bytes each. */
const MAX_EVENTS = 4_194_304;

export class ChromePairs {
  length = 0;
  readonly #maxEvents: number;
  #dropped = 0;
  #timeNs = new Float64Array(64);
  #extra = new Float64Array(64);
  #track = new Int32Array(64);
  #name = new Int32Array(64);
  #category = new Int32Array(64);
  #isEnd = new Uint8Array(64);

  constructor(maxEvents: number = MAX_EVENTS) {
    this.#maxEvents = maxEvents;
  }

  /** `name` -1: none is given. */
  add(
    isEnd: boolean,
    track: number,
    name: number,
    category: number,
    timeNs: number,
    extra: number,
  ): void {
    if (this.length >= this.#maxEvents) {
      this.#dropped++;
      return;
    }
    if (this.length === this.#timeNs.length) this.#grow();
    const i = this.length++;
    this.#timeNs[i] = timeNs;
    this.#extra[i] = extra;
    this.#track[i] = track;
    this.#name[i] = name;
    this.#category[i] = category;
    this.#isEnd[i] = isEnd ? 1 : 0;
  }

  slices(): Slices {
    const order = this.#inOrder();
    const open = new Map<number, number[]>();
    const endOf = new Int32Array(this.length).fill(-1);
    let misnested = 0;
    let endsWithoutBegin = 0;
    let closed = 0;
    for (const i of order) {
      const stack = open.get(this.#track[i]!) ?? [];
      if (this.#isEnd[i] === 0) {
        if (stack.length === 0) open.set(this.#track[i]!, stack);
        stack.push(i);
        continue;
      }
      let at = stack.length - 1;
      const name = this.#name[i]!;
      if (name >= 0) while (at >= 0 && this.#name[stack[at]!] !== name) at--;
      if (at < 0) {
        endsWithoutBegin++;
        continue;
      }
      if (at < stack.length - 1) misnested++;
      endOf[stack[at]!] = i;
      stack.splice(at, 1);
      closed++;
    }
    const slices = {
      startNs: new Float64Array(closed),
      durationNs: new Float64Array(closed),
      track: new Int32Array(closed),
      name: new Int32Array(closed),
      category: new Int32Array(closed),
      extra: new Float64Array(closed),
    };
    let at = 0;
    let beginsWithoutEnd = 0;
    for (let i = 0; i < this.length; i++) {
      const end = endOf[i]!;
      if (end < 0) {
        if (this.#isEnd[i] === 0) beginsWithoutEnd++;
        continue;
      }
      slices.startNs[at] = this.#timeNs[i]!;
      slices.durationNs[at] = this.#timeNs[end]! - this.#timeNs[i]!;
      slices.track[at] = this.#track[i]!;
      slices.name[at] = this.#name[i]!;
      slices.category[at] = this.#category[i]!;
      slices.extra[at] = this.#extra[i]!;
      at++;
    }
    const counts = { misnested, endsWithoutBegin, beginsWithoutEnd };
    return { ...slices, length: closed, ...counts, dropped: this.#dropped, kept: this.length };
  }

  #inOrder(): Uint32Array {
    const order = Uint32Array.from({ length: this.length }, (_, i) => i);
    let sorted = true;
    for (let i = 1; i < this.length && sorted; i++)
      sorted = this.#timeNs[i - 1]! <= this.#timeNs[i]!;
    return sorted ? order : order.sort((a, b) => this.#timeNs[a]! - this.#timeNs[b]! || a - b);
  }

  #grow(): void {
    const capacity = this.#timeNs.length * 2;
    this.#timeNs = grown(this.#timeNs, new Float64Array(capacity));
    this.#extra = grown(this.#extra, new Float64Array(capacity));
    this.#track = grown(this.#track, new Int32Array(capacity));
    this.#name = grown(this.#name, new Int32Array(capacity));
    this.#category = grown(this.#category, new Int32Array(capacity));
    this.#isEnd = grown(this.#isEnd, new Uint8Array(capacity));
  }
}

function grown<T extends Float64Array | Int32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
