/**
 * Packed steps: bytes per event, and events per second from OTLP bodies to columns on one thread,
 * against plain spans of the same events and against the checksum alone, in the same run.
 *
 *     npx node test/bench/packed.ts [rounds]
 */
import { crc32, gzipSync, zstdCompressSync } from 'node:zlib';
import { DEFAULT_DECODE_LIMITS, Decoder } from '#lib/ingest/decoder.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { afdTable } from '#test/support/afd-table.ts';
import { encodeTracesProtobuf } from '#test/support/otlp-encode.ts';
import { encodePackedProtobuf } from '#test/support/packed-spans.ts';

const rounds = Number(process.argv[2] ?? 9);
const shape = { workers: 16, layers: 61, microbatches: 3 } as const;
const spec = scenarioSpec('healthy');

const tables: readonly (readonly [string, EventTable])[] = [
  ['times only, 16 workers, 6 steps', afdTable({ role: 'attention', steps: 6, ...shape })],
  ['with tokens and contexts', afdTable({ role: 'attention', steps: 6, measures: true, ...shape })],
  ['simulated 8A4F, 10 steps', simulateSteps(spec, { steps: 10 })],
];
const corpora = tables.map(([name, table]) => {
  const body = encodePackedProtobuf(table);
  return { name, events: table.length, body, plain: encodeTracesProtobuf(table) };
});

/** One decoder for all, as in the collector. */
const decoder = new Decoder(DEFAULT_DECODE_LIMITS);

function decode(body: Uint8Array, expected: number): void {
  const result = decoder.decode('traces', 'protobuf', body);
  const stored = result.ok ? result.value.events.reduce((sum, { length }) => sum + length, 0) : -1;
  if (stored !== expected) throw new Error(`decoded ${stored} of ${expected} events`);
}

/** Time of this thread, the system's work for it included: other processes do not count. */
function cpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** Events per second of calls that last long enough to time. */
function speed(work: () => void, events: number, repeats: number): number {
  const start = cpuUs();
  for (let i = 0; i < repeats; i++) work();
  return (events * repeats * 1e6) / (cpuUs() - start);
}

function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1]!;
}

const samples = corpora.map(() => ({
  packed: [] as number[],
  plain: [] as number[],
  crc: [] as number[],
}));
for (let round = -3; round < rounds; round++) {
  corpora.forEach(({ events, body, plain }, i) => {
    const packed = speed(() => decode(body, events), events, 30);
    const spans = speed(() => decode(plain, events), events, 3);
    const crc = speed(() => crc32(body), events, 1500);
    if (round < 0) return;
    samples[i]!.packed.push(packed);
    samples[i]!.plain.push(spans);
    samples[i]!.crc.push(crc);
  });
}

const millions = (value: number): string => (value / 1e6).toFixed(1);
console.log(
  `Packed steps to columns, one thread's CPU time, ${rounds} interleaved rounds, M events/s (median)`,
);
console.table(
  corpora.map(({ name, events, body, plain }, i) => {
    const { packed, plain: spans, crc } = samples[i]!;
    return {
      corpus: name,
      events,
      'bytes/event': (body.length / events).toFixed(2),
      gzip: (gzipSync(body).length / events).toFixed(2),
      zstd: (zstdCompressSync(body).length / events).toFixed(2),
      'plain bytes/event': (plain.length / events).toFixed(0),
      packed: millions(median(packed)),
      spread: `${millions(Math.min(...packed))}–${millions(Math.max(...packed))}`,
      plain: millions(median(spans)),
      ratio: (median(packed) / median(spans)).toFixed(1),
      'crc32 alone': millions(median(crc)),
    };
  }),
);
