/**
 * The lower convex hull of points (t, v), built one point at a time: all that a line `a + b·t` must
 * stay under to stay under every point.
 *
 *     v  ·    ·   ·        ·
 *        o      · ·   ·   o        o  vertices, sorted by t
 *          \_ o____ o __/          ·  points above: no line can tell that they are missing
 *
 * A point on or above the hull is dropped. Points mostly come in order of time, or again and again
 * over the same stretch of time: the first are appended, the second are compared with a table of
 * hull heights. The hull only ever sinks, so an old table drops nothing that matters.
 */
export class LowerHull {
  t = new Float64Array(8);
  v = new Float64Array(8);
  length = 0;
  #heights: Float64Array | null = null;
  #gridFrom = 0;
  #gridTo = -1;
  #cellsPerNs = 0;
  /** Points since the table was made that it could not drop. */
  #undecided = 0;

  add(t: number, v: number): void {
    const { length } = this;
    if (length > 0 && t <= this.t[length - 1]!) {
      if (t >= this.#gridFrom && t < this.#gridTo) {
        const heights = this.#heights!;
        const x = (t - this.#gridFrom) * this.#cellsPerNs;
        const cell = x | 0;
        const left = heights[cell]!;
        if (v >= left + (heights[cell + 1]! - left) * (x - cell)) return;
      }
      this.#insert(t, v);
      return;
    }
    let last = length - 1;
    while (last >= 1 && this.#isAbove(last, last - 1, t, v)) last--;
    this.#put(last + 1, length, t, v);
  }

  /** Adds every vertex of another hull, moved by `shiftNs` in time. */
  addAll(t: ArrayLike<number>, v: ArrayLike<number>, length = t.length, shiftNs = 0): void {
    for (let i = 0; i < length; i++) this.add(t[i]! + shiftNs, v[i]!);
  }

  /** Gives back the memory that only adding needs. */
  compact(): void {
    this.#heights = null;
    this.#gridTo = -1;
    this.#gridFrom = 0;
    this.#undecided = 0;
    if (this.t.length > this.length) {
      this.t = this.t.slice(0, this.length);
      this.v = this.v.slice(0, this.length);
    }
  }

  #insert(t: number, v: number): void {
    const { length } = this;
    if (++this.#undecided > UNDECIDED_BEFORE_GRID) this.#makeGrid();
    const at = this.#firstAtOrAfter(t);
    const same = this.t[at] === t;
    if (same ? v >= this.v[at]! : at > 0 && v >= this.#chord(at - 1, at, t)) return;
    let left = at - 1;
    while (left >= 1 && this.#isAbove(left, left - 1, t, v)) left--;
    let right = same ? at + 1 : at;
    while (right <= length - 2 && this.#isAbove(right, right + 1, t, v)) right++;
    this.#put(left + 1, right, t, v);
  }

  /** Replaces the vertices `[from, to)` by one. */
  #put(from: number, to: number, t: number, v: number): void {
    if (this.length === this.t.length) {
      this.t = grown(this.t);
      this.v = grown(this.v);
    }
    if (to < this.length && to !== from + 1) {
      this.t.copyWithin(from + 1, to, this.length);
      this.v.copyWithin(from + 1, to, this.length);
    }
    this.t[from] = t;
    this.v[from] = v;
    this.length += from + 1 - to;
    if (this.length > MAX_VERTICES) this.#dropFlattest();
  }

  /** Is the vertex on or above the chord from its neighbour to the new point? */
  #isAbove(vertex: number, neighbour: number, t: number, v: number): boolean {
    const t0 = this.t[neighbour]!;
    const v0 = this.v[neighbour]!;
    const along = (this.t[vertex]! - t0) / (t - t0);
    return this.v[vertex]! >= v0 + (v - v0) * along;
  }

  #chord(left: number, right: number, t: number): number {
    const t0 = this.t[left]!;
    const v0 = this.v[left]!;
    return v0 + ((this.v[right]! - v0) * (t - t0)) / (this.t[right]! - t0);
  }

  #firstAtOrAfter(t: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.t[middle]! < t) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Heights at equal distances; between two of them a convex curve lies below their chord. */
  #makeGrid(): void {
    this.#undecided = 0;
    const from = this.t[0]!;
    const to = this.t[this.length - 1]!;
    if (!(to > from)) return;
    this.#heights ??= new Float64Array(GRID_CELLS + 1);
    this.#gridFrom = from;
    this.#gridTo = to;
    this.#cellsPerNs = GRID_CELLS / (to - from);
    let edge = 0;
    for (let i = 0; i <= GRID_CELLS; i++) {
      const t = from + ((to - from) * i) / GRID_CELLS;
      while (edge < this.length - 2 && this.t[edge + 1]! < t) edge++;
      this.#heights[i] = this.#chord(edge, edge + 1, t);
    }
  }

  /** Drops the inner vertex that bends the hull least: fewer limits, never a wrong one. */
  #dropFlattest(): void {
    let flattest = 1;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 1; i < this.length - 1; i++) {
      const t0 = this.t[i - 1]!;
      const v0 = this.v[i - 1]!;
      const along = (this.t[i]! - t0) / (this.t[i + 1]! - t0);
      const depth = v0 + (this.v[i + 1]! - v0) * along - this.v[i]!;
      if (depth < least) {
        least = depth;
        flattest = i;
      }
    }
    this.t.copyWithin(flattest, flattest + 1, this.length);
    this.v.copyWithin(flattest, flattest + 1, this.length);
    this.length--;
  }
}

/** Hulls of random points have 10 to 30 vertices; a clock that wanders makes more. */
const MAX_VERTICES = 128;
const GRID_CELLS = 64;
const UNDECIDED_BEFORE_GRID = 64;

function grown(values: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const copy = new Float64Array(Math.max(8, values.length * 2));
  copy.set(values);
  return copy;
}
