/** A growing protobuf writer for tests and benchmarks. */
export class ByteWriter {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  #room(byteCount: number): void {
    if (this.length + byteCount <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.length + byteCount, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.length++] = value;
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** A varint of a signed or unsigned 64-bit integer; a number must be a safe integer. */
  varint(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0) {
      let rest = value;
      while (rest >= 128) {
        this.byte((rest % 128) + 128);
        rest = Math.floor(rest / 128);
      }
      this.byte(rest);
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest >= 128n) {
      this.byte(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    this.byte(Number(rest));
  }

  tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType);
  }

  varintField(field: number, value: number | bigint): void {
    this.tag(field, 0);
    this.varint(value);
  }

  fixed64Field(field: number, value: bigint): void {
    this.tag(field, 1);
    this.#room(8);
    this.#view.setBigUint64(this.length, BigInt.asUintN(64, value), true);
    this.length += 8;
  }

  doubleField(field: number, value: number): void {
    this.tag(field, 1);
    this.#room(8);
    this.#view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  bytesField(field: number, bytes: Uint8Array): void {
    this.tag(field, 2);
    this.varint(bytes.length);
    this.raw(bytes);
  }

  stringField(field: number, text: string): void {
    this.bytesField(field, encoder.encode(text));
  }

  /** A nested message: what `write` writes, with its length before it. */
  messageField(field: number, write: (nested: ByteWriter) => void): void {
    this.tag(field, 2);
    // One byte is kept for the length; a longer length moves the content.
    this.byte(0);
    const start = this.length;
    write(this);
    const byteCount = this.length - start;
    let lengthBytes = 1;
    while (byteCount >= 128 ** lengthBytes) lengthBytes++;
    this.#room(lengthBytes);
    this.#bytes.copyWithin(start - 1 + lengthBytes, start, this.length);
    this.length = start - 1;
    this.varint(byteCount);
    this.length += byteCount;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }
}

const encoder = new TextEncoder();
