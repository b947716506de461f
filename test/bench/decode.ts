/**
 * Spans per second of processor time from OTLP bodies to columns, against protobufjs in the same
 * run.
 *
 *     npx node test/bench/decode.ts [rounds]
 *
 * The work is unequal, and said so: protobufjs builds an object per span and stops there; ours
 * checks every value, looks up senders and stages, and fills the columns that are stored. Ids,
 * steps and times are rewritten before every decoding (not in the JSON), so that nothing comes
 * twice. Processor time is that of all threads, the garbage collector's too.
 */
import { DEFAULT_DECODE_LIMITS, Decoder } from '#lib/ingest/decoder.ts';
import { afdTable } from '#test/support/afd-table.ts';
import {
  manyMeasures,
  manyResources,
  type RequestObject,
  requestOf,
  shuffledAttributes,
  smallRequests,
  spansOf,
} from '#test/support/bench/span-corpora.ts';
import { SpanPatcher } from '#test/support/bench/span-patcher.ts';
import { encodeTracesJson, encodeTracesProtobuf } from '#test/support/otlp-encode.ts';

interface Corpus {
  readonly name: string;
  readonly encoding: 'protobuf' | 'json';
  readonly spans: number;
  readonly bodies: readonly Uint8Array[];
  readonly patchers: readonly SpanPatcher[];
}

const rounds = Number(process.argv[2] ?? 9);
/** Decodings in a round. */
const OUR_REPEATS = 20;
const THEIR_REPEATS = 2;

const table = afdTable({ role: 'attention', workers: 16, steps: 3, layers: 61, microbatches: 3 });
const regular = encodeTracesProtobuf(table);

function corpus(name: string, bodies: readonly Uint8Array[]): Corpus {
  const patchers = bodies.map((body) => new SpanPatcher(body));
  const spans = patchers.reduce((sum, patcher) => sum + patcher.spans, 0);
  return { name, encoding: 'protobuf', spans, bodies, patchers };
}

const corpora: readonly Corpus[] = [
  corpus('regular', [regular]),
  corpus('regular, requests of 512', smallRequests(regular, 512)),
  corpus('four measures of any width', [manyMeasures(table)]),
  corpus('shuffled attributes', [shuffledAttributes(regular)]),
  corpus('many resources', [manyResources(regular)]),
  {
    name: 'regular, JSON',
    encoding: 'json',
    spans: table.length,
    bodies: [Buffer.from(encodeTracesJson(table))],
    patchers: [],
  },
];

/** One decoder for all corpora, as in the collector. */
const decoder = new Decoder(DEFAULT_DECODE_LIMITS);

function ours({ encoding, bodies, spans }: Corpus): void {
  let stored = 0;
  for (const body of bodies) {
    const result = decoder.decode('traces', encoding, body);
    if (!result.ok) throw new Error(result.error.message);
    for (const { length } of result.value.events) stored += length;
  }
  if (stored !== spans) throw new Error(`decoded ${stored} of ${spans} spans`);
}

function theirs({ encoding, bodies, spans }: Corpus): void {
  let seen = 0;
  for (const body of bodies) {
    const request =
      encoding === 'json'
        ? (JSON.parse(Buffer.from(body).toString()) as RequestObject)
        : requestOf(body);
    seen += spansOf(request).length;
  }
  if (seen !== spans) throw new Error('spans are missing');
}

/** Spans per second of processor time, of so many decodings of never the same bytes. */
function speed(work: (corpus: Corpus) => void, of: Corpus, repeats: number): number {
  let micros = 0;
  // Before them some that do not count: what the other side left in caches and heap is its own.
  for (let i = -Math.ceil(repeats / 4); i < repeats; i++) {
    for (const patcher of of.patchers) patcher.next();
    const before = process.cpuUsage();
    work(of);
    const { user, system } = process.cpuUsage(before);
    if (i >= 0) micros += user + system;
  }
  return (of.spans * repeats * 1e6) / micros;
}

function summary(samples: number[]): { median: number; spread: string } {
  const sorted = [...samples].sort((a, b) => a - b);
  const median = sorted[sorted.length >> 1]!;
  const low = (sorted[0]! / 1e6).toFixed(2);
  return { median, spread: `${low}–${(sorted.at(-1)! / 1e6).toFixed(2)}` };
}

const samples = corpora.map(() => ({ ours: [] as number[], theirs: [] as number[] }));
for (let round = -2; round < rounds; round++) {
  corpora.forEach((item, i) => {
    const mine = speed(ours, item, OUR_REPEATS);
    const other = speed(theirs, item, THEIR_REPEATS);
    if (round < 0) return;
    samples[i]!.ours.push(mine);
    samples[i]!.theirs.push(other);
  });
}

console.log(`OTLP bodies to columns, ${rounds} interleaved rounds, M spans/s of processor time`);
console.table(
  corpora.map((item, i) => {
    const mine = summary(samples[i]!.ours);
    const other = summary(samples[i]!.theirs);
    const bytes = item.bodies.reduce((sum, body) => sum + body.length, 0);
    return {
      corpus: item.name,
      'bytes/span': Math.round(bytes / item.spans),
      ours: (mine.median / 1e6).toFixed(2),
      'ours, spread': mine.spread,
      'compared with': item.encoding === 'json' ? 'JSON.parse' : 'protobufjs',
      theirs: (other.median / 1e6).toFixed(2),
      'theirs, spread': other.spread,
      ratio: (mine.median / other.median).toFixed(1),
    };
  }),
);
