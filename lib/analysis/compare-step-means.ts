/** Means by (place, step), of places that are not known before: cells of a heat map, stages, workers. */

export class StepMeans {
  readonly #samples: number;
  readonly #placeOf = new Map<number, number>();
  readonly #sums: Float64Array[] = [];
  readonly #counts: Uint32Array[] = [];

  constructor(samples: number) {
    this.#samples = samples;
  }

  add(code: number, sample: number, value: number): void {
    let place = this.#placeOf.get(code);
    if (place === undefined) {
      place = this.#sums.length;
      this.#placeOf.set(code, place);
      this.#sums.push(new Float64Array(this.#samples));
      this.#counts.push(new Uint32Array(this.#samples));
    }
    const sums = this.#sums[place]!;
    const counts = this.#counts[place]!;
    sums[sample] = sums[sample]! + value;
    counts[sample] = counts[sample]! + 1;
  }

  /** By code: the mean of each step, NaN where it has none. */
  means(): Map<number, Float64Array> {
    return this.#columns((sum, count) => (count === 0 ? Number.NaN : sum / count));
  }

  /** By code: the sum of each step, 0 where it has none. */
  sums(): Map<number, Float64Array> {
    return this.#columns((sum) => sum);
  }

  #columns(value: (sum: number, count: number) => number): Map<number, Float64Array> {
    const columns = new Map<number, Float64Array>();
    for (const [code, place] of this.#placeOf) {
      const counts = this.#counts[place]!;
      columns.set(
        code,
        this.#sums[place]!.map((sum, i) => value(sum, counts[i]!)),
      );
    }
    return columns;
  }
}
