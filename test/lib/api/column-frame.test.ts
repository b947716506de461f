import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeColumnFrame, encodeColumnFrame } from '#lib/api/column-frame.ts';

const column = fc.oneof(
  fc.float64Array(),
  fc.float32Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.uint16Array(),
  fc.uint8Array(),
);

describe('column frames', () => {
  test('what goes in comes out, wherever the bytes lie', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), column, { noNullPrototype: true }),
        fc.string(),
        fc.nat(7),
        (columns, text, shift) => {
          const bytes = encodeColumnFrame({ text }, columns);
          const moved = new Uint8Array(bytes.length + shift);
          moved.set(bytes, shift);
          const frame = decodeColumnFrame(moved.subarray(shift));
          expect(frame.header).toMatchObject({ text });
          expect(frame.columns).toEqual(columns);
        },
      ),
    );
  });

  test('what is no frame, or a part of one, is told', () => {
    const whole = encodeColumnFrame({ a: 1 }, { b: new Float64Array([1, 2, 3]) });
    expect(() => decodeColumnFrame(new Uint8Array(3))).toThrow('does not begin with AFDF');
    expect(() => decodeColumnFrame(new TextEncoder().encode('{"events":[]}'))).toThrow('AFDF');
    for (let length = 8; length < whole.length; length++) {
      expect(() => decodeColumnFrame(whole.slice(0, length))).toThrow(/cut off/);
    }
    const unknown = encodeColumnFrame({}, { b: new Uint8Array(2) });
    const text = new TextDecoder('latin1').decode(unknown).replace('"u8"', '"u7"');
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    expect(() => decodeColumnFrame(bytes)).toThrow('no known kind');
  });
});
