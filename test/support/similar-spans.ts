/**
 * Random trace requests whose spans look alike, as those of a worker do, and at times only nearly:
 * another letter in a key, a value of another type or width, an attribute twice, missing or
 * elsewhere. What a decoder predicts from the spans before is mostly right here, and often wrong.
 */
import { ByteWriter } from './byte-writer.ts';

export type Random = () => number;

type Value =
  | { readonly type: 'int'; readonly value: bigint; readonly padding: number }
  | { readonly type: 'double'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'bytes'; readonly value: Uint8Array }
  | { readonly type: 'list'; readonly value: readonly number[] }
  | { readonly type: 'empty' };

interface Pair {
  readonly key: string;
  readonly value: Value;
  /** Other than exporters do it: the value before the key, an unknown field in it. */
  readonly odd?: 'reversed' | 'unknown' | 'twice';
}

/** Span fields other than name, times and attributes. */
type Extra = 'ids' | 'parent' | 'kind' | 'flags' | 'status' | 'event' | 'state' | 'unknown';

interface Span {
  readonly extras: readonly Extra[];
  readonly name: string;
  readonly start: bigint;
  readonly end: bigint;
  readonly pairs: readonly Pair[];
  readonly timesLast: boolean;
}

const KEYS: Readonly<Record<string, (random: Random) => Value>> = {
  'afd.step': (random) => int(random, 20_000),
  'afd.layer': (random) => (random() < 0.1 ? integer(-1n) : int(random, 61)),
  'afd.microbatch': (random) => int(random, 3),
  'afd.domain': (random) => int(random, 2),
  'afd.stage': (random) => pick(random, STAGE_VALUES),
  'afd.kind': (random) => pick(random, KIND_VALUES),
  'afd.phase': (random) => pick(random, PHASE_VALUES),
  'afd.peer': (random) => int(random, 48),
  'afd.tokens': (random) => int(random, 300),
  'afd.bytes': (random) => int(random, 2 ** 24),
  'afd.flops': (random) => int(random, 2 ** 50),
  'afd.context_tokens': (random) => int(random, 2 ** 22),
  'afd.experts.mean_tokens': (random) => ({ type: 'double', value: random() * 100 }),
  'afd.experts.active': (random) => int(random, 256),
  'afd.peers': (random) => ({
    type: 'list',
    value: Array.from({ length: below(random, 4) }, () => below(random, 300)),
  }),
  'other.text': (random) => text('x'.repeat(below(random, 3)) + String(below(random, 100))),
  'other.number': (random) => int(random, 500),
};
const STAGE_VALUES = ['attention', 'a2f_send', 'f2a_recv', 'mine'].map(text);
const KIND_VALUES = ['compute', 'transfer', 'receive'].map(text);
const PHASE_VALUES = ['decode', 'prefill'].map(text);
const EXTRAS: readonly Extra[] = ['ids', 'parent', 'kind', 'flags', 'status', 'event', 'state'];
const NAMES = ['attention', 'expert', 'f2a_recv', 'ffn', 'layer.7', ''];
const YEAR_2026_NS = 1_767_225_600_000_000_000n;

/** One request: a few kinds of spans, each many times, in turns. */
export function similarSpans(random: Random): Uint8Array {
  const out = new ByteWriter();
  const resources = 1 + below(random, 2);
  for (let r = 0; r < resources; r++) {
    out.messageField(1, (resourceSpans) => {
      resourceSpans.messageField(1, (resource) => {
        writePair(resource, 1, { key: 'afd.role', value: text(random() < 0.9 ? 'ffn' : 'no') });
        writePair(resource, 1, { key: 'afd.rank', value: integer(BigInt(below(random, 3))) });
      });
      resourceSpans.messageField(2, (scope) => writeScope(scope, random));
    });
  }
  return out.finish();
}

function writeScope(scope: ByteWriter, random: Random): void {
  const kinds = Array.from({ length: 1 + below(random, 3) }, () => firstOfKind(random));
  const spans = 2 + below(random, 9);
  for (let i = 0; i < spans; i++) {
    let span = likeIt(kinds[i % kinds.length]!, random);
    if (random() < 0.25) span = nearMiss(span, random);
    scope.messageField(2, (message) => writeSpan(message, span));
  }
}

function firstOfKind(random: Random): Span {
  // Spans with lists have no shape.
  const keys = Object.keys(KEYS).filter((key) => random() < (key === 'afd.peers' ? 0.08 : 0.4));
  if (random() < 0.3) keys.sort(() => random() - 0.5);
  return {
    extras: EXTRAS.filter((extra) => extra === 'ids' || random() < 0.3),
    name: pick(random, NAMES),
    ...times(random),
    pairs: keys.map((key) => ({ key, value: KEYS[key]!(random) })),
    timesLast: random() < 0.1,
  };
}

/** The same attributes in the same order with other values; strings mostly stay. */
function likeIt(span: Span, random: Random): Span {
  const pairs = span.pairs.map(({ key, value }) => {
    if (value.type === 'string' && random() < 0.95) return { key, value };
    const other = KEYS[key]!(random);
    return { key, value: random() < 0.95 ? sameWidth(value, other) : other };
  });
  return { ...span, ...times(random), pairs };
}

/** Takes the new number only where it is written in as many bytes. */
function sameWidth(before: Value, now: Value): Value {
  if (before.type !== 'int' || now.type !== 'int') return now;
  return varintBytes(before.value) === varintBytes(now.value) ? now : before;
}

function nearMiss(span: Span, random: Random): Span {
  const pairs = [...span.pairs];
  const at = below(random, pairs.length);
  const pair = pairs[at];
  const miss = below(random, 14);
  if (miss === 0) return { ...span, name: pick(random, NAMES) };
  if (miss === 1) return { ...span, start: span.end, end: span.start };
  if (miss === 2) {
    return { ...span, start: pick(random, [0n, 1n, 2n ** 63n, 2n ** 64n - 1n, span.start]) };
  }
  if (miss === 3)
    return { ...span, extras: [...span.extras, pick(random, [...EXTRAS, 'unknown'])] };
  if (miss === 4) return { ...span, timesLast: !span.timesLast };
  if (pair === undefined) return span;
  if (miss === 5) pairs[at] = { ...pair, key: otherLetter(pair.key, random) };
  else if (miss === 6) pairs.splice(at, 1);
  else if (miss === 7) pairs.push({ ...pair, value: KEYS[pair.key]!(random) });
  else if (miss === 8) pairs.splice(at, 1, ...pairs.slice(at, at + 2).reverse());
  else if (miss === 9) pairs[at] = { ...pair, odd: pick(random, ['reversed', 'unknown', 'twice']) };
  else if (miss === 10) pairs[at] = { ...pair, value: wideInteger(random) };
  else if (miss === 11 && pair.value.type === 'int') {
    pairs[at] = { ...pair, value: { ...pair.value, padding: 1 + below(random, 3) } };
  } else if (miss === 12) pairs[at] = { ...pair, value: pick(random, STAGE_VALUES) };
  else pairs[at] = { ...pair, value: otherType(random) };
  return { ...span, pairs };
}

function otherType(random: Random): Value {
  const values: readonly Value[] = [
    { type: 'double', value: below(random, 300) },
    { type: 'double', value: -0 },
    { type: 'double', value: random() },
    { type: 'bool', value: true },
    { type: 'bytes', value: Uint8Array.of(1, 2) },
    { type: 'list', value: [below(random, 200)] },
    { type: 'empty' },
  ];
  return pick(random, values);
}

function wideInteger(random: Random): Value {
  const limits = [2n ** 28n, 2n ** 31n, 2n ** 49n, 2n ** 53n, 2n ** 56n, 2n ** 63n];
  return integer(pick(random, limits) - pick(random, [0n, 1n, 2n]) * pick(random, [1n, -1n]));
}

function otherLetter(key: string, random: Random): string {
  const at = below(random, key.length);
  return key.slice(0, at) + String.fromCharCode(97 + below(random, 26)) + key.slice(at + 1);
}

function writeSpan(out: ByteWriter, span: Span): void {
  const { extras, name, pairs } = span;
  if (extras.includes('ids')) {
    out.bytesField(1, new Uint8Array(16).fill(7));
    out.bytesField(2, new Uint8Array(8).fill(9));
  }
  if (extras.includes('state')) out.stringField(3, 'a=b');
  if (extras.includes('parent')) out.bytesField(4, new Uint8Array(8).fill(3));
  if (name !== '') out.stringField(5, name);
  if (extras.includes('kind')) out.varintField(6, 1 + (name.length % 5));
  if (!span.timesLast) writeTimes(out, span);
  for (const pair of pairs) writePair(out, 9, pair);
  if (extras.includes('event')) out.messageField(11, (event) => event.stringField(2, name));
  if (extras.includes('unknown')) out.varintField(200 + name.length, 2n ** 60n);
  if (extras.includes('status')) out.messageField(15, (status) => status.varintField(3, 1));
  if (extras.includes('flags')) {
    out.tag(16, 5);
    out.raw(Uint8Array.of(1, 1, 0, name.length));
  }
  if (span.timesLast) writeTimes(out, span);
}

function writeTimes(out: ByteWriter, { start, end }: Span): void {
  out.fixed64Field(7, start);
  out.fixed64Field(8, end);
}

function writePair(out: ByteWriter, field: number, { key, value, odd }: Pair): void {
  out.messageField(field, (pair) => {
    if (odd === 'reversed') pair.messageField(2, (any) => writeValue(any, value));
    pair.stringField(1, key);
    if (odd === 'unknown') pair.varintField(99, 5);
    if (odd !== 'reversed') {
      pair.messageField(2, (any) => {
        writeValue(any, value);
        if (odd === 'twice') writeValue(any, value);
      });
    }
  });
}

function writeValue(out: ByteWriter, value: Value): void {
  if (value.type === 'string') out.stringField(1, value.value);
  else if (value.type === 'bool') out.varintField(2, value.value ? 1 : 0);
  else if (value.type === 'int') writeInteger(out, value.value, value.padding);
  else if (value.type === 'double') out.doubleField(4, value.value);
  else if (value.type === 'bytes') out.bytesField(7, value.value);
  else if (value.type === 'list') {
    out.messageField(5, (array) => {
      for (const item of value.value) array.messageField(1, (any) => any.varintField(3, item));
    });
  }
}

/** `padding`: bytes more than it takes, as protobuf allows. */
function writeInteger(out: ByteWriter, value: bigint, padding: number): void {
  const bytes = new ByteWriter();
  bytes.varint(value);
  const plain = bytes.finish();
  const added = Math.min(padding, 10 - plain.length);
  out.tag(3, 0);
  for (let i = 0; i < plain.length; i++) {
    out.byte(plain[i]! | (i === plain.length - 1 && added > 0 ? 128 : 0));
  }
  for (let i = 1; i <= added; i++) out.byte(i === added ? 0 : 128);
}

function times(random: Random): { start: bigint; end: bigint } {
  const start = YEAR_2026_NS + BigInt(below(random, 2 ** 40));
  return { start, end: start + BigInt(below(random, 2 ** 30)) };
}

function int(random: Random, limit: number): Value {
  // As many small numbers as large ones, so that every width comes up.
  return integer(BigInt(Math.floor(Math.exp(random() * Math.log(limit + 1))) - 1));
}

function integer(value: bigint): Value {
  return { type: 'int', value: BigInt.asIntN(64, value), padding: 0 };
}

function text(value: string): Value {
  return { type: 'string', value };
}

function varintBytes(value: bigint): number {
  let bytes = 1;
  for (let rest = BigInt.asUintN(64, value); rest >= 128n; rest >>= 7n) bytes++;
  return bytes;
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[below(random, items.length)]!;
}

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}
