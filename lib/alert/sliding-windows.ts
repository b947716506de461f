/**
 * Values of one window after the other, from the newest sample back, in time linear in the samples however
 * long the windows are. Nothing is ever subtracted, so a huge sample leaves no rounding error behind:
 *
 *        ├─ left: one sum ─┤├─ right: a sum for each end ─┤
 *      from               middle                         i       the window that ends with sample i
 *
 * The next window ends one sample earlier (a shorter right) and begins earlier (more left). When right is
 * used up, all of the window becomes the right part.
 */
import type { AlertRule } from '#lib/api/alert-rules.ts';
import { upperBound } from '#lib/base/bisect.ts';
import type { Points } from './series.ts';

export class SlidingWindows {
  readonly #points: Points;
  readonly #windowMs: number;
  readonly #aggregate: AlertRule['aggregate'];
  /** Sums (or extremes) and weights of [middle, i], at i - middle. */
  #right = new Float64Array(0);
  #rightWeight = new Float64Array(0);
  #leftSum = 0;
  #leftWeight = 0;
  #leftIsEmpty = true;
  #from: number;
  #middle: number;

  /** Instants of `points` must differ. */
  constructor(points: Points, windowMs: number, aggregate: AlertRule['aggregate']) {
    this.#points = points;
    this.#windowMs = windowMs;
    this.#aggregate = aggregate;
    this.#from = this.#middle = points.atUnixMs.length;
  }

  /**
   * Of the samples in (t - windowMs, t], t that of sample `i`; as `windowValue` but for the order of adding.
   * From call to call `i` must become less.
   */
  endingWith(i: number): number {
    const { atUnixMs, value } = this.#points;
    if (this.#aggregate === 'last') return value[i]!;
    const after = atUnixMs[i]! - this.#windowMs;
    if (i < this.#middle) this.#begin(upperBound(atUnixMs, after, i + 1), i);
    while (this.#from > 0 && atUnixMs[this.#from - 1]! > after) this.#takeLeft(--this.#from);
    const right = this.#right[i - this.#middle]!;
    if (this.#aggregate === 'mean') {
      const weight = this.#leftWeight + this.#rightWeight[i - this.#middle]!;
      return (this.#leftSum + right) / weight;
    }
    return this.#leftIsEmpty ? right : this.#further(this.#leftSum, right);
  }

  #begin(from: number, i: number): void {
    const { value, weight } = this.#points;
    const length = i + 1 - from;
    if (this.#right.length < length) {
      this.#right = new Float64Array(length);
      this.#rightWeight = new Float64Array(length);
    }
    let sum = this.#aggregate === 'mean' ? 0 : value[from]!;
    let weights = 0;
    for (let at = from; at <= i; at++) {
      if (this.#aggregate === 'mean') {
        sum += value[at]! * weight[at]!;
        weights += weight[at]!;
      } else sum = this.#further(sum, value[at]!);
      this.#right[at - from] = sum;
      this.#rightWeight[at - from] = weights;
    }
    this.#from = this.#middle = from;
    this.#leftSum = this.#leftWeight = 0;
    this.#leftIsEmpty = true;
  }

  #takeLeft(at: number): void {
    const { value, weight } = this.#points;
    if (this.#aggregate === 'mean') {
      this.#leftSum += value[at]! * weight[at]!;
      this.#leftWeight += weight[at]!;
    } else {
      this.#leftSum = this.#leftIsEmpty ? value[at]! : this.#further(this.#leftSum, value[at]!);
    }
    this.#leftIsEmpty = false;
  }

  #further(a: number, b: number): number {
    return this.#aggregate === 'max' ? Math.max(a, b) : Math.min(a, b);
  }
}
