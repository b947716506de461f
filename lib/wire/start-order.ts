/**
 * Puts the rows of one step in the order of their starts: starts spread over a step rather evenly,
 * so that sorting into as many buckets as there are rows leaves next to nothing to do.
 */
export class StartOrder {
  /** Row numbers by start; the first `length` count. */
  sequence = new Int32Array(0);
  /** The starts in that order. */
  startNs = new Float64Array(0);
  /** Where a row went, -1 where it was left out. */
  place = new Int32Array(0);
  length = 0;
  #bucketOf = new Int32Array(0);
  #bucketEnds = new Int32Array(0);

  /** Orders the first `count` rows, leaving out those that `refused` marks. */
  sort(startNs: Float64Array, refused: Uint8Array, count: number): void {
    this.#reserve(count);
    const { sequence, place } = this;
    const bucketOf = this.#bucketOf;
    const ends = this.#bucketEnds;
    let min = Number.POSITIVE_INFINITY;
    let max = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      if (refused[i] !== 0) continue;
      const start = startNs[i]!;
      if (start < min) min = start;
      if (start > max) max = start;
    }
    ends.fill(0, 0, count + 1);
    const scale = max > min ? (count - 1) / (max - min) : 0;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      if (refused[i] !== 0) continue;
      const bucket = ((startNs[i]! - min) * scale) | 0;
      bucketOf[i] = bucket;
      ends[bucket + 1] = ends[bucket + 1]! + 1;
      kept++;
    }
    for (let b = 0; b < count; b++) ends[b + 1] = ends[b + 1]! + ends[b]!;
    const sorted = this.startNs;
    for (let i = 0; i < count; i++) {
      if (refused[i] !== 0) continue;
      const bucket = bucketOf[i]!;
      const to = ends[bucket]!;
      ends[bucket] = to + 1;
      sequence[to] = i;
      sorted[to] = startNs[i]!;
    }
    this.length = kept;
    if (!this.#insertionSort()) this.#engineSort(startNs);
    place.fill(-1, 0, count);
    for (let p = 0; p < kept; p++) place[sequence[p]!] = p;
  }

  /** false: too far out of order for this. */
  #insertionSort(): boolean {
    const { sequence, startNs: sorted, length } = this;
    let movesLeft = length * 8;
    for (let p = 1; p < length; p++) {
      const start = sorted[p]!;
      if (sorted[p - 1]! <= start) continue;
      const row = sequence[p]!;
      let q = p - 1;
      for (; q >= 0 && sorted[q]! > start; q--) {
        sorted[q + 1] = sorted[q]!;
        sequence[q + 1] = sequence[q]!;
        movesLeft--;
      }
      sorted[q + 1] = start;
      sequence[q + 1] = row;
      if (movesLeft < 0) return false;
    }
    return true;
  }

  #engineSort(startNs: Float64Array): void {
    const { sequence, startNs: sorted, length } = this;
    sequence.subarray(0, length).sort((a, b) => startNs[a]! - startNs[b]! || a - b);
    for (let p = 0; p < length; p++) sorted[p] = startNs[sequence[p]!]!;
  }

  #reserve(count: number): void {
    if (count <= this.place.length) return;
    const capacity = Math.max(1024, count, this.place.length * 2);
    this.sequence = new Int32Array(capacity);
    this.startNs = new Float64Array(capacity);
    this.place = new Int32Array(capacity);
    this.#bucketOf = new Int32Array(capacity);
    this.#bucketEnds = new Int32Array(capacity + 1);
  }
}
