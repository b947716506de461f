import { describe, expect, it } from 'vitest';
import { SpanShapes } from '#lib/wire/span-shapes.ts';
import { ByteWriter } from '#test/support/byte-writer.ts';
import { type OtlpAttribute, writeAttribute } from '#test/support/otlp-encode.ts';
import { SpanReadings } from '#test/support/span-readings.ts';

const START = 1_767_225_600_000_000_000n;

/** As exporters write it, with a number of every width. */
const PLAIN: readonly OtlpAttribute[] = [
  ['afd.step', 70_000],
  ['afd.layer', 7],
  ['afd.microbatch', -1],
  ['afd.stage', 'expert'],
  ['afd.kind', 'compute'],
  ['afd.tokens', 150],
  ['afd.bytes', 3_000_000],
  ['afd.flops', 5_000_000_000_000],
  ['afd.experts.mean_tokens', { double: 2.5 }],
  ['other.text', 'free'],
];

function spanOf(attributes: readonly OtlpAttribute[], start = START): Uint8Array {
  const span = new ByteWriter();
  span.bytesField(1, new Uint8Array(16).fill(1));
  span.bytesField(2, new Uint8Array(8).fill(2));
  span.stringField(5, 'expert');
  span.varintField(6, 1);
  span.fixed64Field(7, start);
  span.fixed64Field(8, start + 270_123n);
  for (const attribute of attributes) writeAttribute(span, 9, attribute);
  span.tag(16, 5);
  span.raw(Uint8Array.of(1, 1, 0, 0));
  return span.finish();
}

function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => from + i * step);
}

function bodyOf(...spans: readonly Uint8Array[]): Uint8Array {
  const body = new ByteWriter();
  body.messageField(1, (resourceSpans) => {
    resourceSpans.messageField(2, (scope) => {
      for (const span of spans) scope.bytesField(2, span);
    });
  });
  return body.finish();
}

/** Each bit, one more or less, and some of everything. */
const CHANGES = [1, 2, 4, 8, 16, 32, 64, 128, 255, 127, 3, 7, 15, ...range(20, 250, 9)];

const everyShape = () => new SpanShapes(Number.POSITIVE_INFINITY);

describe('span shapes', () => {
  it('are found again when only values differ', () => {
    const other = PLAIN.map(([key, value]): OtlpAttribute => {
      if (typeof value === 'number' && value > 0) return [key, value + 9];
      return [key, typeof value === 'object' ? { double: 7.25 } : value];
    });
    const body = bodyOf(spanOf(PLAIN), spanOf(other, START + 5n), spanOf(PLAIN, START + 77n));
    const reading = new SpanReadings().read(body, everyShape());
    expect(reading.byShape).toBe(2);
    expect(reading).toEqual({ ...new SpanReadings().read(body, null), byShape: 2 });
  });

  it('follow a cycle of several, and one that comes between', () => {
    const kinds = [PLAIN, PLAIN.slice(1), PLAIN.slice(2), PLAIN.slice(3)].map((a) => spanOf(a));
    const shapes = everyShape();
    const readings = new SpanReadings();
    readings.read(bodyOf(...kinds), shapes);
    const mixed = [0, 1, 2, 0, 1, 2, 3, 0, 1, 2].map((kind) => kinds[kind]!);
    expect(readings.read(bodyOf(...mixed), shapes).byShape).toBe(mixed.length);
  });

  it.each([
    ['a stage', PLAIN],
    ['no attribute', []],
    ['a name instead of a stage', PLAIN.filter(([key]) => key !== 'afd.stage')],
  ])('read a span with %s like the plain reader, whichever byte of it differs', (_, attributes) => {
    const span = spanOf(attributes);
    const readings = new SpanReadings();
    let byShape = 0;
    for (let at = 0; at < span.length; at++) {
      const damaged = new Uint8Array(span);
      for (const change of CHANGES) {
        damaged[at] = span[at]! ^ change;
        const body = bodyOf(span, damaged, span);
        const actual = readings.read(body, everyShape());
        const expected = readings.read(body, null);
        if (`${actual.spans}` !== `${expected.spans}` || actual.problem !== expected.problem) {
          expect(actual, `byte ${at} changed by ${change}`).toEqual({ ...expected, byShape: 1 });
        }
        byShape += actual.byShape;
      }
      readings.forgetShapes();
    }
    // The span in the middle is found by its shape only where a value was changed.
    const bodies = span.length * CHANGES.length;
    expect(byShape).toBeGreaterThan(bodies * 0.5);
    expect(byShape).toBeLessThan(bodies * 1.8);
  });

  it('learn little where no span is like another, and much again where they are', () => {
    const shapes = new SpanShapes();
    const readings = new SpanReadings();
    const odd = Array.from({ length: 3000 }, (_, i) =>
      spanOf([
        ['other.text', `${i}`.repeat(i % 60)],
        [`k${i}`, i],
      ]),
    );
    readings.read(bodyOf(...odd), shapes);
    expect(readings.read(bodyOf(...odd.slice(2000)), shapes).byShape).toBeLessThan(20);
    const same = new Array<Uint8Array>(2000).fill(spanOf(PLAIN));
    expect(readings.read(bodyOf(...same), shapes).byShape).toBeGreaterThan(1400);
    expect(readings.read(bodyOf(...same), shapes).byShape).toBe(2000);
  });

  it('leave spans alone that are written in a way of their own', () => {
    const twice = spanOf([...PLAIN, ['afd.step', 3]]);
    const list = spanOf([['afd.peers', [1, 2]]]);
    const wrong = spanOf([['afd.step', 'seven']]);
    const long = spanOf([
      ['other.text', 'x'.repeat(120)],
      ...new Array<OtlpAttribute>(20).fill(['other.text', 'y'.repeat(100)]),
    ]);
    for (const span of [twice, list, wrong, long]) {
      expect(new SpanReadings().read(bodyOf(span, span), everyShape()).byShape).toBe(0);
    }
  });
});
