/**
 * Packed steps: bytes per event, and events per second on one thread, from OTLP bodies to
 *
 *     kept       checked and kept as received (what the collector does with them)
 *     + sums     and added up by worker, second, stage and layer, with sketches
 *     columns    event columns (what reading files does)
 *     + sums     and added up from the columns
 *     unpacked   kept steps to columns (what reading the store does)
 *
 * against plain spans of the same events to columns, and against the checksum alone, in the same run.
 * Each body is patched before it is sent again, so that time goes on as it does where steps follow each
 * other; sums are taken every five seconds of data.
 *
 *     npx node test/bench/packed.ts [rounds] [--json]
 */
import { crc32, gzipSync, zstdCompressSync } from 'node:zlib';
import type { Decoded } from '#lib/ingest/decoded.ts';
import { DEFAULT_DECODE_LIMITS, Decoder } from '#lib/ingest/decoder.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { tableSpan } from '#lib/table/event-tables.ts';
import { StageAccumulator } from '#lib/table/stage-accumulator.ts';
import { afdTable } from '#test/support/afd-table.ts';
import { printBench, wantsJson } from '#test/support/bench/bench-report.ts';
import { encodeTracesProtobuf } from '#test/support/otlp-encode.ts';
import { encodePackedProtobuf } from '#test/support/packed-spans.ts';

const args = process.argv.slice(2);
const asJson = wantsJson(args);
const rounds = Number(args.find((arg) => /^\d+$/.test(arg)) ?? 9);
/** Events of one sample, about. */
const SAMPLE_EVENTS = 3_000_000;
/** A checksum takes less than the clock can tell. */
const CRC_REPEATS = 200;
const TAKE_NS = 5_000_000_000n;
const shape = { role: 'attention', layers: 61, microbatches: 3 } as const;

/** A request whose packed steps can be moved in time. */
class MovingBody {
  readonly body: Uint8Array;
  readonly #payloads: readonly Uint8Array[];
  readonly #spanNs: bigint;
  #elapsedNs = 0n;

  constructor(table: EventTable) {
    const { fromUnixNs, toUnixNs } = tableSpan(table)!;
    this.#spanNs = toUnixNs - fromUnixNs;
    this.body = encodePackedProtobuf(table);
    const body = Buffer.from(this.body.buffer);
    const keeping = new Decoder(DEFAULT_DECODE_LIMITS, { keepPacked: true });
    this.#payloads = decode(keeping, this.body).packed.flatMap((steps) =>
      Array.from(steps.offset, (offset, row) => {
        const payload = steps.bytes.subarray(offset, offset + steps.byteLength[row]!);
        const at = body.indexOf(payload);
        return this.body.subarray(at, at + payload.length);
      }),
    );
  }

  /** Moves all steps to where the ones before them ended. true: five seconds more have passed. */
  advance(): boolean {
    for (const payload of this.#payloads) {
      const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
      view.setBigUint64(8, view.getBigUint64(8, true) + this.#spanNs, true);
      view.setUint32(4, crc32(payload.subarray(8)), true);
    }
    const before = this.#elapsedNs / TAKE_NS;
    this.#elapsedNs += this.#spanNs;
    return this.#elapsedNs / TAKE_NS > before;
  }
}

const corpora = (
  [
    ['times only, 16 workers, 6 steps', afdTable({ ...shape, workers: 16, steps: 6 })],
    ['320 workers, a step each', afdTable({ ...shape, workers: 320, steps: 1 })],
    ['with tokens and contexts', afdTable({ ...shape, workers: 16, steps: 6, measures: true })],
    ['simulated 8A4F, 10 steps', simulateSteps(scenarioSpec('healthy'), { steps: 10 })],
  ] as const
).map(([name, table]) => ({
  name,
  events: table.length,
  moving: new MovingBody(table),
  plain: encodeTracesProtobuf(table),
}));

/** One of each for all, as in the collector. */
const keeping = new Decoder(DEFAULT_DECODE_LIMITS, { keepPacked: true });
const writing = new Decoder(DEFAULT_DECODE_LIMITS);
const unpacker = new PackedUnpacker();
const sums = new StageAccumulator();
let summedEvents = 0;

function decode(decoder: Decoder, body: Uint8Array): Decoded {
  const result = decoder.decode('traces', 'protobuf', body);
  if (!result.ok || result.value.rejectedCount > 0) throw new Error('a body is refused');
  return result.value;
}

function take(): void {
  for (const { cells } of sums.take()) for (const count of cells.count) summedEvents += count;
}

const packedEvents = ({ packed }: Pick<Decoded, 'packed'>) =>
  packed.reduce((sum, { events }) => sum + events, 0);
const writtenEvents = ({ events }: Decoded) => events.reduce((sum, { length }) => sum + length, 0);

type Corpus = (typeof corpora)[number];

/** What is done with a body, and how many events that were; `due`: sums are to be taken. */
const WORK = {
  kept: ({ moving }: Corpus) => {
    const decoded = decode(keeping, moving.body);
    keeping.recycle(decoded.packedTimes);
    return packedEvents(decoded);
  },
  'kept + sums': ({ moving }: Corpus, due: boolean) => {
    const decoded = decode(keeping, moving.body);
    decoded.packed.forEach((steps, k) => {
      sums.addPacked(steps, decoded.packedTimes[k]!, null);
    });
    keeping.recycle(decoded.packedTimes);
    if (due) take();
    return packedEvents(decoded);
  },
  columns: ({ moving }: Corpus) => writtenEvents(decode(writing, moving.body)),
  'columns + sums': ({ moving }: Corpus, due: boolean) => {
    const decoded = decode(writing, moving.body);
    for (const table of decoded.events) sums.addTable(table);
    if (due) take();
    return writtenEvents(decoded);
  },
  unpacked: ({ moving }: Corpus) => {
    const before = process.threadCpuUsage();
    const { packed, packedTimes } = decode(keeping, moving.body);
    keeping.recycle(packedTimes);
    const { user, system } = process.threadCpuUsage(before);
    notTimedUs += user + system;
    return packed.reduce((sum, steps) => sum + unpacker.unpack(steps).length, 0);
  },
  'plain spans': ({ plain }: Corpus) => writtenEvents(decode(writing, plain)),
  'crc32 alone': ({ moving, events }: Corpus) => {
    for (let i = 0; i < CRC_REPEATS; i++) crc32(moving.body);
    return events * CRC_REPEATS;
  },
} as const;
type WorkName = keyof typeof WORK;
const names = Object.keys(WORK) as WorkName[];
/** Of the call that runs: what does not belong to the work. */
let notTimedUs = 0;

/** Time of this thread, the system's work for it included: other processes do not count. */
function cpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** Events per second of enough calls; bodies are patched between them, untimed. */
function speed(corpus: Corpus, name: WorkName): number {
  const enough =
    name === 'plain spans'
      ? SAMPLE_EVENTS / 4
      : name === 'crc32 alone'
        ? SAMPLE_EVENTS * CRC_REPEATS
        : SAMPLE_EVENTS;
  let events = 0;
  let us = 0;
  while (events < enough) {
    const due = corpus.moving.advance();
    notTimedUs = 0;
    const start = cpuUs();
    const handled = WORK[name](corpus, due);
    us += cpuUs() - start - notTimedUs;
    if (handled % corpus.events !== 0 || handled === 0) {
      throw new Error(`${corpus.name}, ${name}: ${handled} of ${corpus.events} events`);
    }
    events += handled;
  }
  return (events * 1e6) / us;
}

function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1]!;
}

const samples = corpora.map(() => new Map(names.map((name) => [name, [] as number[]])));
for (let round = -2; round < rounds; round++) {
  corpora.forEach((corpus, c) => {
    for (const name of names) {
      const perSecond = speed(corpus, name);
      if (round >= 0) samples[c]!.get(name)!.push(perSecond);
    }
  });
}
take();
if (sums.unsummedEvents > 0 || summedEvents === 0)
  throw new Error('events are missing in the sums');

const results = corpora.map(({ name, events, moving: { body }, plain }, c) => {
  return {
    corpus: name,
    events,
    bytesPerEvent: body.length / events,
    gzipBytesPerEvent: gzipSync(body).length / events,
    zstdBytesPerEvent: zstdCompressSync(body).length / events,
    plainBytesPerEvent: plain.length / events,
    eventsPerSecond: Object.fromEntries(
      names.map((work) => {
        const all = samples[c]!.get(work)!;
        return [work, { median: median(all), min: Math.min(...all), max: Math.max(...all) }];
      }),
    ),
  };
});

if (asJson) {
  const sections = results.map((row) => ({
    title: row.corpus,
    rows: [
      { name: 'events', value: row.events },
      { name: 'packed', value: row.bytesPerEvent, unit: 'bytes/event' },
      { name: 'packed, gzip', value: row.gzipBytesPerEvent, unit: 'bytes/event' },
      { name: 'packed, zstd', value: row.zstdBytesPerEvent, unit: 'bytes/event' },
      { name: 'plain spans', value: row.plainBytesPerEvent, unit: 'bytes/event' },
      ...Object.entries(row.eventsPerSecond).flatMap(([work, { median: middle, min, max }]) => [
        { name: work, value: middle, unit: 'events/s' },
        { name: `${work}, least`, value: min, unit: 'events/s' },
        { name: `${work}, most`, value: max, unit: 'events/s' },
      ]),
    ],
    failures: [],
  }));
  printBench('packed', sections, asJson);
} else {
  const millions = (value: number): string => (value / 1e6).toFixed(1);
  console.log(
    `Packed steps, one thread's CPU time, ${rounds} interleaved rounds, M events/s: median (least–most)`,
  );
  console.table(
    results.map((row) => ({
      corpus: row.corpus,
      'bytes/event': row.bytesPerEvent.toFixed(2),
      gzip: row.gzipBytesPerEvent.toFixed(2),
      zstd: row.zstdBytesPerEvent.toFixed(2),
      'plain bytes/event': row.plainBytesPerEvent.toFixed(0),
      ...Object.fromEntries(
        Object.entries(row.eventsPerSecond).map(([work, { median: middle, min, max }]) => [
          work,
          `${millions(middle)} (${millions(min)}–${millions(max)})`,
        ]),
      ),
    })),
  );
}
