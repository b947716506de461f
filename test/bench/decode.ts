/**
 * Spans per second from OTLP bodies to columns, against protobufjs in the same run.
 *
 *     npx node test/bench/decode.ts [rounds]
 *
 * The work is unequal, and said so: protobufjs builds an object per span and stops there; ours
 * checks every value, looks up senders and stages, and fills the columns that are stored.
 */
import { DEFAULT_DECODE_LIMITS, Decoder } from '#lib/ingest/decoder.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { afdTable, seededRandom } from '#test/support/afd-table.ts';
import { encodeTracesJson, encodeTracesProtobuf } from '#test/support/otlp-encode.ts';
import { TracesRequest } from '#test/support/otlp-schema.ts';

interface Corpus {
  readonly name: string;
  readonly encoding: 'protobuf' | 'json';
  readonly spans: number;
  readonly body: Uint8Array;
}

interface SpanObject {
  attributes: unknown[];
}
interface RequestObject {
  resourceSpans: { resource: unknown; scopeSpans: { scope: unknown; spans: SpanObject[] }[] }[];
}

const rounds = Number(process.argv[2] ?? 9);

/** One body of 32 attention and FFN workers' steps. */
function regular(): { table: EventTable; body: Uint8Array } {
  const table = afdTable({ role: 'attention', workers: 16, steps: 3, layers: 61, microbatches: 3 });
  return { table, body: encodeTracesProtobuf(table) };
}

/** The same spans, each with its attributes in an order of its own. */
function shuffled(body: Uint8Array): Uint8Array {
  const random = seededRandom(7);
  const request = decodeObjects(body);
  for (const span of spansOf(request)) {
    for (let i = span.attributes.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [span.attributes[i], span.attributes[j]] = [span.attributes[j], span.attributes[i]];
    }
  }
  return TracesRequest.encode(request).finish();
}

/** The same spans, a resource with every four of them, as many small senders behind a proxy give. */
function manyResources(body: Uint8Array): Uint8Array {
  const request = decodeObjects(body);
  const small = request.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      Array.from({ length: Math.ceil(spans.length / 4) }, (_, i) => ({
        resource,
        scopeSpans: [{ scope, spans: spans.slice(i * 4, i * 4 + 4) }],
      })),
    ),
  );
  const random = seededRandom(11);
  small.sort(() => random() - 0.5);
  return TracesRequest.encode({ resourceSpans: small }).finish();
}

function decodeObjects(body: Uint8Array): RequestObject {
  const request: object = TracesRequest.decode(body);
  if (!('resourceSpans' in request)) throw new Error('no resourceSpans');
  return request as RequestObject;
}

function spansOf(request: RequestObject): SpanObject[] {
  return request.resourceSpans.flatMap((item) => item.scopeSpans.flatMap(({ spans }) => spans));
}

const { table, body } = regular();
const spans = table.length;
const corpora: readonly Corpus[] = [
  { name: 'regular', encoding: 'protobuf', spans, body },
  { name: 'shuffled attributes', encoding: 'protobuf', spans, body: shuffled(body) },
  { name: 'many resources', encoding: 'protobuf', spans, body: manyResources(body) },
  { name: 'regular, JSON', encoding: 'json', spans, body: Buffer.from(encodeTracesJson(table)) },
];

/** One decoder for all corpora, as in the collector. */
const decoder = new Decoder(DEFAULT_DECODE_LIMITS);

function ours({ encoding, body: bytes, spans: expected }: Corpus): void {
  const result = decoder.decode('traces', encoding, bytes);
  const stored = result.ok ? result.value.events.reduce((sum, { length }) => sum + length, 0) : -1;
  if (stored !== expected) throw new Error(`decoded ${stored} of ${expected} spans`);
}

function theirs({ encoding, body: bytes, spans: expected }: Corpus): void {
  const request =
    encoding === 'json'
      ? (JSON.parse(Buffer.from(bytes).toString()) as RequestObject)
      : decodeObjects(bytes);
  if (spansOf(request).length !== expected) throw new Error('spans are missing');
}

/** Spans per second of one call that is long enough to time. */
function speed(work: (corpus: Corpus) => void, corpus: Corpus, repeats: number): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < repeats; i++) work(corpus);
  return (corpus.spans * repeats * 1e9) / Number(process.hrtime.bigint() - start);
}

function summary(samples: number[]): { median: number; spread: string } {
  const sorted = [...samples].sort((a, b) => a - b);
  const median = sorted[sorted.length >> 1]!;
  const low = (sorted[0]! / 1e6).toFixed(2);
  return { median, spread: `${low}–${(sorted.at(-1)! / 1e6).toFixed(2)}` };
}

const samples = corpora.map(() => ({ ours: [] as number[], theirs: [] as number[] }));
for (let round = -2; round < rounds; round++) {
  corpora.forEach((corpus, i) => {
    const mine = speed(ours, corpus, 8);
    const other = speed(theirs, corpus, 1);
    if (round < 0) return;
    samples[i]!.ours.push(mine);
    samples[i]!.theirs.push(other);
  });
}

console.log(`OTLP bodies to columns, one thread, ${rounds} interleaved rounds, M spans/s`);
console.table(
  corpora.map((corpus, i) => {
    const mine = summary(samples[i]!.ours);
    const other = summary(samples[i]!.theirs);
    return {
      corpus: corpus.name,
      'bytes/span': Math.round(corpus.body.length / corpus.spans),
      ours: (mine.median / 1e6).toFixed(2),
      'ours, spread': mine.spread,
      'compared with': corpus.encoding === 'json' ? 'JSON.parse' : 'protobufjs',
      theirs: (other.median / 1e6).toFixed(2),
      'theirs, spread': other.spread,
      ratio: (mine.median / other.median).toFixed(1),
    };
  }),
);
