/**
 * Instants at which the next event of a worker is likely to start: the ends of its last four
 * events and its last start. Encoder and decoder walk the same anchors.
 */
export class Anchors {
  #end0 = 0;
  #end1 = 0;
  #end2 = 0;
  #end3 = 0;
  #start = 0;
  #workerStart = 0;
  #fresh = true;

  static has(anchor: number): boolean {
    return anchor >= 0 && anchor <= 4;
  }

  /** The anchor nearest to `startNs`; the first of equals. */
  nearest(startNs: number): number {
    let best = 0;
    let bestGap = Math.abs(startNs - this.#end0);
    if (bestGap === 0) return 0;
    let gap = Math.abs(startNs - this.#end1);
    if (gap < bestGap) {
      best = 1;
      bestGap = gap;
    }
    gap = Math.abs(startNs - this.#end2);
    if (gap < bestGap) {
      best = 2;
      bestGap = gap;
    }
    gap = Math.abs(startNs - this.#end3);
    if (gap < bestGap) {
      best = 3;
      bestGap = gap;
    }
    return Math.abs(startNs - this.#start) < bestGap ? 4 : best;
  }

  value(anchor: number): number {
    switch (anchor) {
      case 0:
        return this.#end0;
      case 1:
        return this.#end1;
      case 2:
        return this.#end2;
      case 3:
        return this.#end3;
      default:
        return this.#start;
    }
  }

  push(startNs: number, endNs: number): void {
    if (this.#fresh) {
      this.#fresh = false;
      this.#workerStart = startNs;
    }
    this.#end3 = this.#end2;
    this.#end2 = this.#end1;
    this.#end1 = this.#end0;
    this.#end0 = endNs;
    this.#start = startNs;
  }

  /** The next worker starts about when this one did. */
  nextWorker(): void {
    this.#end0 = this.#workerStart;
    this.#end1 = this.#workerStart;
    this.#end2 = this.#workerStart;
    this.#end3 = this.#workerStart;
    this.#start = this.#workerStart;
    this.#fresh = true;
  }
}
