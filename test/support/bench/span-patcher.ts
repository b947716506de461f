/** Rewrites ids, steps and times of a trace request in place, so that no decoding sees a replay. */
import { ProtobufCursor } from '#lib/wire/protobuf-cursor.ts';

const STEP_NS = 50_000_000n;

export class SpanPatcher {
  spans = 0;
  readonly #cursor: ProtobufCursor;
  /** Positions of fixed64 times, of ids, and of the last byte of each step. */
  readonly #times: number[] = [];
  readonly #ids: number[] = [];
  readonly #steps: number[] = [];
  #round = 0;

  constructor(body: Uint8Array) {
    this.#cursor = new ProtobufCursor(body);
    this.#each(0, body.length, 1, (resourceStart, resourceEnd) =>
      this.#each(resourceStart, resourceEnd, 2, (scopeStart, scopeEnd) =>
        this.#each(scopeStart, scopeEnd, 2, (start, end) => this.#span(start, end)),
      ),
    );
  }

  /** Makes other spans of the same ones: a step later, with other ids. */
  next(): void {
    const { view } = this.#cursor;
    this.#round++;
    for (const at of this.#times) {
      view.setBigUint64(at, view.getBigUint64(at, true) + STEP_NS, true);
    }
    for (const at of this.#ids) view.setUint32(at, view.getUint32(at) ^ (this.#round * 0x9e3779b1));
    // The low bits of the last byte, so that the width stays.
    for (const at of this.#steps) view.setUint8(at, 1 + ((view.getUint8(at) + 1) % 126));
  }

  #each(start: number, end: number, field: number, found: (from: number, to: number) => void) {
    const cursor = this.#cursor;
    cursor.pos = start;
    while (cursor.next(end)) {
      if (cursor.field !== field) {
        cursor.skip(end);
        continue;
      }
      cursor.range(end);
      const behind = cursor.pos;
      found(cursor.start, cursor.end);
      cursor.pos = behind;
    }
  }

  #span(start: number, end: number): void {
    const cursor = this.#cursor;
    this.spans++;
    cursor.pos = start;
    while (cursor.next(end)) {
      const { field, pos } = cursor;
      cursor.skip(end);
      if (field === 7 || field === 8) this.#times.push(pos);
      else if (field === 1 || field === 2) this.#ids.push(cursor.end - 4);
      else if (field === 9) this.#attribute(cursor.start, cursor.end);
    }
  }

  #attribute(start: number, end: number): void {
    const { bytes } = this.#cursor;
    const key = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
    if (key.includes('afd.step')) this.#steps.push(end - 1);
  }
}
