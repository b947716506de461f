/** The series of one packed step, as columns; grows, and is used again for the next step. */
export class SeriesTable {
  length = 0;
  /** Index of the stage's name. */
  name = new Int32Array(64);
  /** `Kind` code, -1: the stage's default. */
  kind = new Int8Array(64);
  /** `Phase` code. */
  phase = new Uint8Array(64);
  /** -1: the worker's own. */
  domain = new Int32Array(64);
  microbatch = new Int32Array(64);
  peer = new Int32Array(64);
  firstRow = new Int32Array(64);
  rows = new Int32Array(64);
  /** 1: no row starts before the one before it. */
  ascending = new Uint8Array(64);
  /** Which columns follow its times, and where in the payload they start. */
  mask = new Int32Array(64);
  columnsAt = new Int32Array(64);

  /** Makes room for one more and gives its index. */
  add(): number {
    const index = this.length++;
    if (index < this.name.length) return index;
    const capacity = index * 2;
    this.name = grown(this.name, new Int32Array(capacity));
    this.kind = grown(this.kind, new Int8Array(capacity));
    this.phase = grown(this.phase, new Uint8Array(capacity));
    this.domain = grown(this.domain, new Int32Array(capacity));
    this.microbatch = grown(this.microbatch, new Int32Array(capacity));
    this.peer = grown(this.peer, new Int32Array(capacity));
    this.firstRow = grown(this.firstRow, new Int32Array(capacity));
    this.rows = grown(this.rows, new Int32Array(capacity));
    this.ascending = grown(this.ascending, new Uint8Array(capacity));
    this.mask = grown(this.mask, new Int32Array(capacity));
    this.columnsAt = grown(this.columnsAt, new Int32Array(capacity));
    return index;
  }
}

function grown<T extends Int32Array | Int8Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
