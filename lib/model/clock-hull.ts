/**
 * The lower convex hull of points (t, v), built one point at a time: all that a line `a + b·t` with
 * `|b| <= MAX_SLOPE` must stay under to stay under every point.
 *
 *     v  ·    ·   ·        ·
 *        o      · ·   ·   o        o  vertices, sorted by t
 *          \_ o____ o __/          ·  points above: no line can tell that they are missing
 *
 * A point on or above the hull is dropped. Points mostly come in order of time, or again and again
 * over the same stretch of time. The first are dropped where no line that passes under the last
 * vertex can be steep enough to reach them; the second are compared with a table of hull heights.
 * The hull only ever sinks, so an old table drops nothing that matters.
 */

/** No clock is believed to drift faster against another (500 ppm: the most that NTP slews by). */
export const MAX_SLOPE = 500e-6;

export const GRID_CELLS = 64;

/** Drops nothing. */
const NO_GRID = new Float64Array(GRID_CELLS + 3).fill(Number.NaN);

export class LowerHull {
  t = new Float64Array(8);
  v = new Float64Array(8);
  length = 0;
  /**
   * Start, cells per nanosecond, then GRID_CELLS + 1 heights at equal distances, no lower than the
   * hull: a point `x` cells after the start matters only where it lies under the chord of its cell.
   * Callers with many points look here first, then call `add`, after which it may be another one.
   */
  grid: Float64Array = NO_GRID;
  /** First and last time of a point, whether it matters or not. */
  fromNs = Number.POSITIVE_INFINITY;
  toNs = Number.NEGATIVE_INFINITY;
  /** Points since the grid was made that it could not drop. */
  #undecided = 0;

  add(t: number, v: number): void {
    if (t < this.fromNs) this.fromNs = t;
    if (t > this.toNs) this.toNs = t;
    if (++this.#undecided > UNDECIDED_BEFORE_GRID) this.#makeGrid();
    if (this.length === 0) {
      this.#append(t, v);
      return;
    }
    const afterLastNs = t - this.t[this.length - 1]!;
    if (afterLastNs <= 0) this.#insert(t, v);
    else if (v < this.v[this.length - 1]! + MAX_SLOPE * afterLastNs) this.#append(t, v);
  }

  /** Adds every vertex of another hull, moved by `shiftNs` in time. */
  addAll(t: ArrayLike<number>, v: ArrayLike<number>, length = t.length, shiftNs = 0): void {
    for (let i = 0; i < length; i++) this.add(t[i]! + shiftNs, v[i]!);
  }

  /**
   * The vertices that matter, a copy: those at which a line of a believable slope can touch the hull.
   * The same ones in whatever order the points came, of which the kept ones are more.
   */
  vertices(): { readonly t: Float64Array; readonly v: Float64Array } {
    const hull = new LowerHull();
    for (let i = 0; i < this.length; i++) {
      const afterLastNs = i === 0 ? 0 : this.t[i]! - this.t[i - 1]!;
      // Steeper than believed towards the end: neither this one nor those after it.
      if (i > 0 && this.v[i]! >= this.v[i - 1]! + MAX_SLOPE * afterLastNs) break;
      hull.#append(this.t[i]!, this.v[i]!);
    }
    let from = 0;
    while (from + 1 < hull.length && isTooSteep(hull, from)) from++;
    return { t: hull.t.slice(from, hull.length), v: hull.v.slice(from, hull.length) };
  }

  /** Gives back the memory that only adding needs. */
  compact(): void {
    this.grid = NO_GRID;
    this.#undecided = 0;
    if (this.t.length > this.length) {
      this.t = this.t.slice(0, this.length);
      this.v = this.v.slice(0, this.length);
    }
  }

  /** After all others; vertices that come to lie on or above the new edge go. */
  #append(t: number, v: number): void {
    const ts = this.t;
    const vs = this.v;
    let last = this.length - 1;
    for (; last >= 1; last--) {
      const t0 = ts[last - 1]!;
      const v0 = vs[last - 1]!;
      if ((vs[last]! - v0) * (t - t0) < (v - v0) * (ts[last]! - t0)) break;
    }
    this.#put(last + 1, this.length, t, v);
  }

  #insert(t: number, v: number): void {
    const { length } = this;
    const at = this.#firstAtOrAfter(t);
    if (at === 0 && v >= this.v[0]! + MAX_SLOPE * (this.t[0]! - t)) return;
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
    if (to === this.length) {
      if (from === this.t.length) this.#grow();
    } else if (to !== from + 1) {
      if (this.length === this.t.length) this.#grow();
      this.t.copyWithin(from + 1, to, this.length);
      this.v.copyWithin(from + 1, to, this.length);
    }
    this.t[from] = t;
    this.v[from] = v;
    this.length += from + 1 - to;
    if (this.length > MAX_VERTICES) this.#dropFlattest();
  }

  #grow(): void {
    this.t = grown(this.t);
    this.v = grown(this.v);
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

  /** Between two points of a convex curve, the curve lies below their chord. */
  #makeGrid(): void {
    this.#undecided = 0;
    const from = this.t[0]!;
    const to = this.t[this.length - 1]!;
    if (!(to > from)) return;
    if (this.grid === NO_GRID) this.grid = new Float64Array(GRID_CELLS + 3);
    this.grid[0] = from;
    this.grid[1] = GRID_CELLS / (to - from);
    let edge = 0;
    for (let i = 0; i <= GRID_CELLS; i++) {
      const t = from + ((to - from) * i) / GRID_CELLS;
      while (edge < this.length - 2 && this.t[edge + 1]! < t) edge++;
      this.grid[i + 2] = this.#chord(edge, edge + 1, t);
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
const UNDECIDED_BEFORE_GRID = 64;

/** From the vertex to the next one. */
function isTooSteep({ t, v }: LowerHull, vertex: number): boolean {
  return v[vertex]! >= v[vertex + 1]! + MAX_SLOPE * (t[vertex + 1]! - t[vertex]!);
}

function grown(values: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const copy = new Float64Array(Math.max(8, values.length * 2));
  copy.set(values);
  return copy;
}
