/** Reads trace bodies with and without shapes, and keeps all that a sink can see, to compare. */
import { SPAN_ATTRIBUTES } from '#lib/model/attributes.ts';
import { MalformedInput } from '#lib/wire/malformed-input.ts';
import { readTracesProtobuf } from '#lib/wire/otlp-traces-protobuf.ts';
import { type SpanBinding, SpanRecord } from '#lib/wire/span-record.ts';
import type { SpanShapes } from '#lib/wire/span-shapes.ts';

/** The product's attributes, some with ranges that small numbers can miss. */
const BINDING: SpanBinding = {
  attributes: SPAN_ATTRIBUTES.map((attribute) => {
    if (attribute.key === 'afd.layer') return { ...attribute, min: 3, max: 40 };
    if (attribute.key === 'afd.tokens') return { ...attribute, max: 200 };
    return attribute;
  }),
  markerPrefix: 'afd.',
  insteadOfName: 'afd.stage',
};

export interface Reading {
  /** All that a sink can see of each span, as text. */
  readonly spans: readonly string[];
  readonly problem: string;
  /** Spans that were read by a shape. */
  readonly byShape: number;
}

export class SpanReadings {
  readonly #shaped = new SpanRecord(BINDING);
  readonly #plain = new SpanRecord(BINDING);
  /** Equal shapes must have equal strings. */
  readonly #stringsOfShape = new Map<number, string>();

  /** Plainly where `shapes` is null. */
  read(body: Uint8Array, shapes: SpanShapes | null): Reading {
    const spans: string[] = [];
    let byShape = 0;
    let problem = '';
    try {
      readTracesProtobuf(body, shapes === null ? this.#plain : this.#shaped, shapes, {
        knownResource: () => true,
        resource: () => undefined,
        span: (record) => {
          spans.push(seen(record));
          if (record.shape < 0) return;
          byShape++;
          this.#compareStrings(record);
        },
      });
    } catch (error) {
      if (!(error instanceof MalformedInput)) throw error;
      problem = `${error.message} ${error.byteOffset}`;
    }
    return { spans, problem, byShape };
  }

  forgetShapes(): void {
    this.#stringsOfShape.clear();
  }

  #compareStrings(record: SpanRecord): void {
    const strings = stringsOf(record);
    const before = this.#stringsOfShape.get(record.shape);
    if (before === undefined) this.#stringsOfShape.set(record.shape, strings);
    else if (before !== strings) throw new Error(`one shape: ${strings}; ${before}`);
  }
}

function seen(record: SpanRecord): string {
  const { binding, startHigh, startLow, endHigh, endLow, nameBytes, marked, bad } = record;
  const values = binding.attributes.map(({ key, type }, slot) => {
    if ((record.seen & (1 << slot)) === 0) return '';
    if (type === 'ints') return `${key}=[${record.lists[slot]}]`;
    if (type === 'int' || type === 'number') {
      const value = record.values[slot]!;
      return `${key}=${Object.is(value, -0) ? '-0' : value}`;
    }
    return `${key}=${record.starts[slot]}+${record.lengths[slot]}`;
  });
  const name = nameBytes === 0 ? '' : `${record.nameStart}+${nameBytes}`;
  return [startHigh, startLow, endHigh, endLow, name, record.seen, bad, marked, values].join(' ');
}

function stringsOf(record: SpanRecord): string {
  const text = (start: number, length: number) =>
    Buffer.from(record.bytes.subarray(start, start + length)).toString('latin1');
  const strings = record.binding.attributes.flatMap(({ key, type }, slot) =>
    type === 'string' && (record.seen & (1 << slot)) !== 0
      ? [`${key}=${text(record.starts[slot]!, record.lengths[slot]!)}`]
      : [],
  );
  const named = (record.seen & record.insteadOfName) === 0;
  if (named) strings.push(`name=${text(record.nameStart, record.nameBytes)}`);
  return strings.join(' ');
}
