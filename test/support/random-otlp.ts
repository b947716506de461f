/**
 * Random trace requests as fast-check arbitraries: right and wrong values, any order, repeats,
 * unknown fields. Both encodings come from one model, so that they can be held together.
 */
import fc from 'fast-check';
import { ByteWriter } from './byte-writer.ts';

export type ModelValue =
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'double'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'array'; readonly value: readonly ModelValue[] }
  | { readonly type: 'bytes'; readonly value: Uint8Array }
  | { readonly type: 'kvlist'; readonly value: readonly ModelAttribute[] }
  | { readonly type: 'empty' };
export interface ModelAttribute {
  readonly key: string;
  readonly value: ModelValue;
}
export interface ModelSpan {
  readonly name: string;
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: readonly ModelAttribute[];
}
export interface ModelResource {
  readonly attributes: readonly ModelAttribute[];
  readonly scopes: readonly (readonly ModelSpan[])[];
}
export interface ModelRequest {
  readonly resources: readonly ModelResource[];
  /** Decides orders and where unknown fields go. */
  readonly seed: number;
}

const string = (value: string): ModelValue => ({ type: 'string', value });
const int = (value: number | bigint): ModelValue => ({ type: 'int', value: BigInt(value) });

const anyInt = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: -3, max: 70_000 }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(2n ** 31n - 1n, 2n ** 31n, 2n ** 53n - 1n, 2n ** 53n, -(2n ** 63n)),
);
const oddDouble = fc.oneof(
  fc.integer({ min: -2, max: 500 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(3.5, 0.1),
);
/** Text with what needs escapes, and characters beyond ASCII and beyond the BMP. */
const oddText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('', 'a"b', 'back\\slash', 'line\nfeed', 'schön', '層', '🙂', '\u0000'),
);
const wild: fc.Arbitrary<ModelValue> = fc.oneof(
  anyInt.map(int),
  oddDouble.map((value): ModelValue => ({ type: 'double', value })),
  oddText.map(string),
  fc.boolean().map((value): ModelValue => ({ type: 'bool', value })),
  fc.uint8Array({ maxLength: 4 }).map((value): ModelValue => ({ type: 'bytes', value })),
  fc
    .array(anyInt.map(int), { maxLength: 4 })
    .map((value): ModelValue => ({ type: 'array', value })),
  fc.constant<ModelValue>({ type: 'array', value: [string('x')] }),
  fc.constant<ModelValue>({ type: 'kvlist', value: [{ key: 'k', value: string('v') }] }),
  fc.constant<ModelValue>({ type: 'empty' }),
);
const small = fc.integer({ min: 0, max: 300 }).map(int);
const count = fc.integer({ min: 0, max: 1_000_000 }).map(int);
const stage = fc
  .constantFrom('attention', 'expert', 'a2f_send', 'dispatch', 'combine', 'moe', 'my_stage', '層')
  .map(string);
const ranks = fc
  .array(small, { maxLength: 5 })
  .map((value): ModelValue => ({ type: 'array', value }));

const SPAN_VALUES: Readonly<Record<string, fc.Arbitrary<ModelValue>>> = {
  'afd.step': count,
  'afd.layer': small,
  'afd.microbatch': small,
  'afd.domain': small,
  'afd.stage': stage,
  'afd.kind': fc.constantFrom('compute', 'transfer', 'receive', 'gpu').map(string),
  'afd.phase': fc.constantFrom('decode', 'prefill', 'warmup').map(string),
  'afd.peer': fc.integer({ min: -1, max: 40 }).map(int),
  'afd.tokens': count,
  'afd.bytes': count,
  'afd.context_tokens': count,
  'afd.experts.active': small,
  'afd.experts.mean_tokens': oddDouble.map((value): ModelValue => ({ type: 'double', value })),
  'afd.peers': ranks,
  'afd.expert_tokens': ranks,
  'afd.unknown': small,
  'other.key': small,
};
/** Mostly right values, at times anything at all; keys may repeat. */
const spanAttribute = fc
  .constantFrom(...Object.keys(SPAN_VALUES))
  .chain((key) =>
    fc
      .oneof({ weight: 40, arbitrary: SPAN_VALUES[key]! }, { weight: 1, arbitrary: wild })
      .map((value): ModelAttribute => ({ key, value })),
  );
const YEAR_2026_NS = 1_767_225_600_000_000_000n;
const time = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.bigInt({ min: 0n, max: 10n ** 15n }).map((offset) => YEAR_2026_NS + offset),
  },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) },
  { weight: 1, arbitrary: fc.constantFrom(0n, 1n, 2n ** 63n, 946_684_800_000_000_000n) },
);
const span: fc.Arbitrary<ModelSpan> = fc
  .record({
    name: fc.oneof(fc.constantFrom('attention', 'expert', 'ffn', ''), oddText),
    start: time,
    length: fc.oneof(
      fc.bigInt({ min: 0n, max: 10n ** 9n }),
      fc.bigInt({ min: -5n, max: 10n ** 16n }),
    ),
    attributes: fc.oneof(
      { weight: 5, arbitrary: fc.array(spanAttribute, { maxLength: 10 }) },
      { weight: 1, arbitrary: fc.constant([]) },
    ),
    rare: fc.oneof({ weight: 30, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: packed() }),
  })
  .map(({ name, start, length, attributes, rare }) => {
    const end = BigInt.asUintN(64, start + length);
    return { name, start, end, attributes: [...attributes, ...rare] };
  });

function packed(): fc.Arbitrary<ModelAttribute[]> {
  return fc
    .uint8Array({ maxLength: 9 })
    .map((value) => [{ key: 'afd.packed', value: { type: 'bytes', value } }]);
}

const resourceAttributes = fc
  .record(
    {
      'afd.role': fc.constantFrom('attention', 'ffn', 'colocated', 'teapot').map(string),
      'afd.rank': fc.oneof(small, fc.constantFrom('7', 'x').map(string)),
      'afd.deployment': fc.constantFrom('prod', 'canary').map(string),
      'afd.group': fc.constantFrom('A', 'F').map(string),
      'afd.domain': small,
      'service.name': fc.constantFrom('vllm', 'vllm', 'vllm', 'afdscope').map(string),
      'service.namespace': fc.constantFrom('ns', 'schön "x"').map(string),
      'service.instance.id': fc.constantFrom('engine-3', '12', 'pod/4', 'a.b:5').map(string),
    },
    { requiredKeys: [] },
  )
  .map((record) => Object.entries(record).map(([key, value]) => ({ key, value })));
const attentionResource = fc.constant<ModelAttribute[]>([
  { key: 'afd.role', value: string('attention') },
  { key: 'afd.rank', value: int(3) },
]);

const foreignResource = fc.constant<ModelAttribute[]>([
  { key: 'service.name', value: string('checkout') },
]);

export const modelRequest: fc.Arbitrary<ModelRequest> = fc.record({
  resources: fc.array(
    fc.record({
      attributes: fc.oneof(resourceAttributes, attentionResource, foreignResource),
      scopes: fc.array(fc.array(span, { maxLength: 6 }), { maxLength: 2 }),
    }),
    { maxLength: 4 },
  ),
  seed: fc.nat(),
});

type Random = () => number;

function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
}

/** Writes the parts in a random order, with unknown fields between them. */
function scattered(out: ByteWriter, random: Random, parts: (() => void)[], ordered = false): void {
  const order = parts.map((_, i) => i);
  if (!ordered) {
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
  }
  for (const i of order) {
    if (random() < 0.1) unknownField(out, random);
    parts[i]!();
  }
}

function unknownField(out: ByteWriter, random: Random): void {
  const field = 100 + Math.floor(random() * 5000);
  const pick = Math.floor(random() * 4);
  if (pick === 0) out.varintField(field, BigInt(Math.floor(random() * 2 ** 50)) * 4096n);
  else if (pick === 1) out.doubleField(field, random());
  else if (pick === 2) out.stringField(field, 'x'.repeat(Math.floor(random() * 200)));
  else {
    out.tag(field, 5);
    out.raw(new Uint8Array(4));
  }
}

export function modelToProtobuf({ resources, seed }: ModelRequest): Uint8Array {
  const random = randomOf(seed);
  const out = new ByteWriter();
  for (const { attributes, scopes } of resources) {
    out.messageField(1, (resourceSpans) => {
      scattered(resourceSpans, random, [
        () =>
          resourceSpans.messageField(1, (resource) =>
            writeAttributes(resource, 1, attributes, random),
          ),
        ...scopes.map((spans) => () => {
          resourceSpans.messageField(2, (scopeSpans) => {
            for (const item of spans) {
              scopeSpans.messageField(2, (message) => writeSpan(message, item, random));
            }
          });
        }),
      ]);
    });
  }
  if (random() < 0.3) unknownField(out, random);
  return out.finish();
}

function writeSpan(out: ByteWriter, { name, start, end, attributes }: ModelSpan, random: Random) {
  scattered(out, random, [
    () => out.bytesField(1, new Uint8Array(16)),
    () => out.stringField(5, name),
    () => out.varintField(6, 1),
    () => out.fixed64Field(7, start),
    () => out.fixed64Field(8, end),
    () => writeAttributes(out, 9, attributes, random),
    () => out.messageField(11, (event) => event.stringField(2, 'an event')),
  ]);
}

function writeAttributes(
  out: ByteWriter,
  field: number,
  attributes: readonly ModelAttribute[],
  random: Random,
): void {
  for (const { key, value } of attributes) {
    out.messageField(field, (pair) => {
      const parts = [
        () => pair.stringField(1, key),
        () => pair.messageField(2, (any) => writeValue(any, value, random)),
      ];
      scattered(pair, random, parts, random() < 0.8);
    });
  }
}

function writeValue(out: ByteWriter, value: ModelValue, random: Random): void {
  if (random() < 0.05) unknownField(out, random);
  if (value.type === 'string') out.stringField(1, value.value);
  else if (value.type === 'bool') out.varintField(2, value.value ? 1 : 0);
  else if (value.type === 'int') out.varintField(3, value.value);
  else if (value.type === 'double') out.doubleField(4, value.value);
  else if (value.type === 'bytes') out.bytesField(7, value.value);
  else if (value.type === 'kvlist') {
    out.messageField(6, (list) => writeAttributes(list, 1, value.value, random));
  } else if (value.type === 'array') {
    out.messageField(5, (array) => {
      for (const item of value.value) {
        array.messageField(1, (member) => writeValue(member, item, random));
      }
    });
  }
}

/** The same request as OTLP JSON, keys in random order, integers as strings or numbers. */
export function modelToJson({ resources, seed }: ModelRequest): string {
  const random = randomOf(seed);
  return object(random, {
    resourceSpans: list(
      resources.map(({ attributes, scopes }) =>
        object(random, {
          resource: object(random, { attributes: jsonAttributes(attributes, random) }),
          scopeSpans: list(
            scopes.map((spans) =>
              object(random, { spans: list(spans.map((item) => jsonSpan(item, random))) }),
            ),
          ),
        }),
      ),
    ),
  });
}

function jsonSpan({ name, start, end, attributes }: ModelSpan, random: Random): string {
  return object(random, {
    traceId: '"5B8EFFF798038103D269B633813FC60C"',
    name: jsonText(name, random),
    kind: '1',
    startTimeUnixNano: jsonInt(start, random),
    endTimeUnixNano: jsonInt(end, random),
    attributes: jsonAttributes(attributes, random),
    events: '[{"name":"an event","attributes":[]}]',
  });
}

function jsonAttributes(attributes: readonly ModelAttribute[], random: Random): string {
  return list(
    attributes.map(({ key, value }) =>
      object(random, { key: jsonText(key, random), value: jsonValue(value, random) }),
    ),
  );
}

function jsonValue(value: ModelValue, random: Random): string {
  switch (value.type) {
    case 'string':
      return object(random, { stringValue: jsonText(value.value, random) });
    case 'bool':
      return object(random, { boolValue: String(value.value) });
    case 'int':
      return object(random, { intValue: jsonInt(value.value, random) });
    case 'double':
      return object(random, { doubleValue: JSON.stringify(value.value) });
    case 'array': {
      const values = list(value.value.map((item) => jsonValue(item, random)));
      return object(random, { arrayValue: object(random, { values }) });
    }
    case 'kvlist': {
      const values = jsonAttributes(value.value, random);
      return object(random, { kvlistValue: object(random, { values }) });
    }
    case 'bytes':
      return object(random, { bytesValue: `"${Buffer.from(value.value).toString('base64')}"` });
    case 'empty':
      return '{}';
  }
}

function jsonInt(value: bigint, random: Random): string {
  return random() < 0.5 ? `"${value}"` : String(value);
}

/** At times every character is escaped, as `JSON.stringify` never would. */
function jsonText(text: string, random: Random): string {
  if (random() < 0.8) return JSON.stringify(text);
  const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
  return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`;
}

function list(items: readonly string[]): string {
  return `[${items.join(' ,')}]`;
}

function object(random: Random, members: Readonly<Record<string, string>>): string {
  const entries = Object.entries(members);
  if (random() < 0.1) entries.push(['unknown', '{"deep":[{"er":[1.5e3,null,true,"\\u0041"]}]}']);
  if (random() < 0.3) entries.reverse();
  return `{${entries.map(([key, value]) => `"${key}": ${value}`).join(', ')}}`;
}
