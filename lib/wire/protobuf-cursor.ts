/**
 * A bounds-checked cursor over a protobuf message. Every length is checked against what is left
 * before it is used, nothing is allocated from a declared length, and 64-bit integers are read as
 * two 32-bit halves. Groups (wire types 3 and 4) are malformed: OTLP has none.
 */
import { MalformedInput } from './malformed-input.ts';

export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const TWO_32 = 4294967296;

export class ProtobufCursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  pos = 0;
  /** The field that `next` found. */
  field = 0;
  wireType = 0;
  /** The halves of the varint or fixed64 read last. */
  low = 0;
  high = 0;
  /** The range of the length-delimited field read last. */
  start = 0;
  end = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  fail(what: string, at: number = this.pos): never {
    throw new MalformedInput(`malformed protobuf: ${what}`, at);
  }

  /** Reads the next tag; false at the end of the message. */
  next(end: number): boolean {
    if (this.pos >= end) return false;
    const at = this.pos;
    this.varint(end);
    if (this.high !== 0) this.fail('a field number beyond 2^29', at);
    this.field = this.low >>> 3;
    this.wireType = this.low & 7;
    if (this.field === 0) this.fail('field number 0', at);
    return true;
  }

  /** Reads a varint of up to 64 bits into `low` and `high`. */
  varint(end: number): void {
    const { bytes } = this;
    const at = this.pos;
    let low = 0;
    let high = 0;
    for (let i = 0; i < 10; i++) {
      if (this.pos >= end) this.fail('a varint runs past the end of its message', at);
      const byte = bytes[this.pos++]!;
      if (i < 4) low |= (byte & 127) << (7 * i);
      else if (i === 4) {
        low |= (byte & 15) << 28;
        high = (byte & 127) >>> 4;
      } else high |= (byte & 127) << (7 * i - 32);
      if (byte < 128) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    this.fail('a varint longer than 10 bytes', at);
  }

  /** The varint read last as a signed integer; exact within ±2^53. */
  signed(): number {
    return (this.high | 0) * TWO_32 + this.low;
  }

  /** The varint or fixed64 read last as an unsigned integer; exact below 2^53. */
  unsigned(): number {
    return this.high * TWO_32 + this.low;
  }

  fixed64(end: number): void {
    if (end - this.pos < 8) this.fail('a 64-bit field runs past the end of its message');
    this.low = this.view.getUint32(this.pos, true);
    this.high = this.view.getUint32(this.pos + 4, true);
    this.pos += 8;
  }

  double(end: number): number {
    if (end - this.pos < 8) this.fail('a double runs past the end of its message');
    const value = this.view.getFloat64(this.pos, true);
    this.pos += 8;
    return value;
  }

  /** Reads a length and sets `start` and `end` to its range; `pos` goes behind it. */
  range(end: number): void {
    const at = this.pos;
    this.varint(end);
    if (this.high !== 0 || this.low > end - this.pos) {
      this.fail('a length runs past the end of its message', at);
    }
    this.start = this.pos;
    this.end = this.pos + this.low;
    this.pos = this.end;
  }

  /** Like `range`, where the field must be length-delimited. */
  expectRange(end: number, what: string): void {
    if (this.wireType !== WireType.bytes) this.fail(`${what} is not length-delimited`);
    this.range(end);
  }

  /** Skips the value of the field that `next` found. */
  skip(end: number): void {
    switch (this.wireType) {
      case WireType.varint:
        this.varint(end);
        break;
      case WireType.fixed64:
        this.fixed64(end);
        break;
      case WireType.bytes:
        this.range(end);
        break;
      case WireType.fixed32:
        if (end - this.pos < 4) this.fail('a 32-bit field runs past the end of its message');
        this.pos += 4;
        break;
      default:
        this.fail(`wire type ${this.wireType}, which OTLP does not use`);
    }
  }
}
