/** Columns that grow with the trace: what is kept of it until its end. */
import { releaseMemory } from '#lib/base/release-memory.ts';

type Column = Float64Array | Int32Array | Uint8Array;

/** Kernels, copies and memsets; or launches; or annotations. */
export class TraceRows {
  length = 0;
  startNs = new Float64Array(256);
  durationNs = new Float64Array(256);
  /** -1 where unknown. */
  correlation = new Float64Array(256);
  name = new Int32Array(256);
  /** Thread or stream, as `KinetoPlaces` numbers them. */
  place = new Int32Array(256);
  /** GPU of a kernel. */
  device = new Int32Array(256);
  /** `RowKind`. */
  kind = new Uint8Array(256);

  add(
    startNs: number,
    durationNs: number,
    correlation: number,
    name: number,
    place: number,
    device: number,
    kind: number,
  ): void {
    if (this.length === this.startNs.length) this.#grow();
    const i = this.length++;
    this.startNs[i] = startNs;
    this.durationNs[i] = durationNs;
    this.correlation[i] = correlation;
    this.name[i] = name;
    this.place[i] = place;
    this.device[i] = device;
    this.kind[i] = kind;
  }

  /** Gives the memory back at once; no row may be read any more. */
  release(): void {
    for (const column of [
      this.startNs,
      this.durationNs,
      this.correlation,
      this.name,
      this.place,
      this.device,
      this.kind,
    ]) {
      releaseMemory(column);
    }
    this.length = 0;
  }

  #grow(): void {
    const capacity = this.startNs.length * 2;
    this.startNs = grown(this.startNs, new Float64Array(capacity));
    this.durationNs = grown(this.durationNs, new Float64Array(capacity));
    this.correlation = grown(this.correlation, new Float64Array(capacity));
    this.name = grown(this.name, new Int32Array(capacity));
    this.place = grown(this.place, new Int32Array(capacity));
    this.device = grown(this.device, new Int32Array(capacity));
    this.kind = grown(this.kind, new Uint8Array(capacity));
  }
}

function grown<T extends Column>(from: T, to: T): T {
  to.set(from);
  releaseMemory(from);
  return to;
}

export const RowKind = { kernel: 0, memcpy: 1, memset: 2 } as const;
