import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_DECODE_LIMITS, Decoder } from '#lib/ingest/decoder.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { ChunkFormatError } from '#lib/table/chunk-frame.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { StageAccumulator } from '#lib/table/stage-accumulator.ts';
import type { StageRollup } from '#lib/table/stage-rollups.ts';
import { PackedStepReader } from '#lib/wire/packed-steps.ts';
import { FIELD_COUNT } from '#lib/wire/packed-steps-format.ts';
import { afdTable, seededRandom, testWorker } from '#test/support/afd-table.ts';
import { arbitraryStep } from '#test/support/arbitrary-step.ts';
import { resourceAttributes } from '#test/support/otlp-encode.ts';
import { encodePackedProtobuf, packedRequest, packStep } from '#test/support/packed-spans.ts';
import { rounds } from '#test/support/tier.ts';

const MUTATIONS = rounds(100_000, 3_000_000);
const KEPT_MUTATIONS = rounds(20_000, 1_000_000);
const AT_ONCE = 25;
const REASONS = ['bad_attribute', 'bad_packed', 'bad_time', 'cardinality', 'clamped'];
const folder = join(import.meta.dirname, '../../vectors/packed');
const table = afdTable({ role: 'ffn', workers: 1, steps: 1, layers: 3 });
const payloads = [
  ...readdirSync(folder)
    .filter((name) => name.endsWith('.bin'))
    .map((name) => new Uint8Array(readFileSync(join(folder, name)))),
  packStep(table, [...table.worker.keys()]),
  ...fc
    .sample(arbitraryStep, { numRuns: 100, seed: 3 })
    .map((step) => packStep(step, [...step.worker.keys()])),
];
const resource = resourceAttributes(testWorker(0));

describe('damaged packed steps', () => {
  it(`are refused or read in part, ${MUTATIONS} of them, and nothing is thrown`, () => {
    const decoder = new Decoder({ ...DEFAULT_DECODE_LIMITS, maxStages: 64 });
    const random = seededRandom(1234);
    const below = (limit: number) => Math.floor(random() * limit);
    let stored = 0;
    const reasons: Record<string, number> = {};
    for (let i = 0; i < MUTATIONS; i += AT_ONCE) {
      const damaged = Array.from({ length: AT_ONCE }, () =>
        mutate(payloads[below(payloads.length)]!, below),
      );
      const result = decoder.decode(
        'traces',
        'protobuf',
        packedRequest([{ resource, payloads: damaged }]),
      );
      if (!result.ok) throw new Error(`mutation ${i}: ${result.error.message}`);
      const { received, rejectedCount, rejected, events } = result.value;
      const rows = events.reduce((sum, { length }) => sum + length, 0);
      if (rows + rejectedCount !== received) {
        throw new Error(`mutation ${i}: ${received} received, ${rows} stored`);
      }
      stored += rows;
      for (const [reason, count] of Object.entries(rejected.get('prod') ?? {})) {
        reasons[reason] = (reasons[reason] ?? 0) + count;
      }
    }
    // Both sides of every check are reached.
    expect(stored).toBeGreaterThan(MUTATIONS);
    expect(Object.keys(reasons).sort()).toEqual(REASONS);
    for (const reason of REASONS) expect(reasons[reason]).toBeGreaterThan(MUTATIONS / 1000);
  });

  it(`are kept only where every event of them is wanted, ${KEPT_MUTATIONS} of them`, () => {
    const limits = { ...DEFAULT_DECODE_LIMITS, maxStages: 64 };
    const keeping = new Decoder(limits, { keepPacked: true });
    const writing = new Decoder(limits);
    const unpacker = new PackedUnpacker();
    const sums = new StageAccumulator();
    const random = seededRandom(4321);
    const below = (limit: number) => Math.floor(random() * limit);
    let kept = 0;
    let written = 0;
    for (let i = 0; i < KEPT_MUTATIONS; i += AT_ONCE) {
      const damaged = Array.from({ length: AT_ONCE }, () => {
        const payload = payloads[below(payloads.length)]!;
        return below(3) === 0 ? payload : mutate(payload, below);
      });
      const body = packedRequest([{ resource, payloads: damaged }]);
      const one = keeping.decode('traces', 'protobuf', body);
      const other = writing.decode('traces', 'protobuf', body);
      if (!one.ok || !other.ok) throw new Error(`mutation ${i}: the request is refused`);
      const { packed, packedTimes, events, received, rejected } = one.value;
      // What is kept is what would have been written, and what is refused is the same.
      if (received !== other.value.received) throw new Error(`mutation ${i}: ${received} received`);
      expect(rejected).toEqual(other.value.rejected);
      const unpacked = packed.map((steps) => unpacker.unpack(steps));
      const fromColumns = digest(other.value.events);
      if (digest([...unpacked, ...events]) !== fromColumns) {
        throw new Error(`mutation ${i}: kept and written events differ`);
      }
      packed.forEach((steps, k) => {
        sums.addPacked(steps, packedTimes[k]!, null);
        kept += steps.events;
      });
      keeping.recycle(packedTimes);
      written += events.reduce((sum, { length }) => sum + length, 0);
      if (i % 1000 === 0) expect(summed(sums.take())).toBeGreaterThan(0);
    }
    expect(kept).toBeGreaterThan(KEPT_MUTATIONS / 2);
    expect(written).toBeGreaterThan(KEPT_MUTATIONS / 10);
    expect(sums.unsummedEvents).toBe(0);
  });

  it('that were kept are not taken for what was checked', () => {
    const unpacker = new PackedUnpacker();
    const random = seededRandom(99);
    const below = (limit: number) => Math.floor(random() * limit);
    const keeping = new Decoder(DEFAULT_DECODE_LIMITS, { keepPacked: true });
    const decoded = keeping.decode('traces', 'protobuf', encodePackedProtobuf(table));
    const [steps] = decoded.ok ? decoded.value.packed : [];
    for (let i = 0; i < 5000; i++) {
      const bytes = new Uint8Array(steps!.bytes);
      bytes[below(bytes.length)]! ^= 1 << below(8);
      expect(() => unpacker.unpack({ ...steps!, bytes })).toThrow(ChunkFormatError);
    }
    expect(unpacker.unpack(steps!).length).toBe(table.length);
  });

  it('reserve no more than their bytes allow', () => {
    const any = (value: number) => new Float64Array(FIELD_COUNT).fill(value);
    const ranges = {
      min: any(-1),
      max: any(2 ** 53),
      whole: new Uint8Array(FIELD_COUNT),
    };
    const reader = new PackedStepReader(ranges, crc32);
    const random = seededRandom(77);
    const below = (limit: number) => Math.floor(random() * limit);
    const largest = Math.max(...payloads.map(({ length }) => length)) + 100;
    for (let i = 0; i < 20_000; i++) {
      const payload = mutate(payloads[below(payloads.length)]!, below);
      if (reader.open(payload)) expect(reader.events + reader.members).toBeLessThan(payload.length);
    }
    expect(reader.startNs.length).toBeLessThanOrEqual(largest * 2);
    // Every varint at its largest, at every place, and small numbers of great effect.
    for (const from of payloads.slice(0, 6)) {
      for (let at = 16; at < from.length; at++) {
        for (const huge of [[255, 255, 255, 255, 255, 255, 15], [255, 255, 63], [0], [192]]) {
          const bytes = new Uint8Array([
            ...from.subarray(0, at),
            ...huge,
            ...from.subarray(at + 1),
          ]);
          reader.open(sealed(bytes));
        }
      }
    }
    expect(reader.startNs.length).toBeLessThanOrEqual(largest * 2);
    expect(reader.values.scratch.length).toBeLessThanOrEqual(largest * 2);
  });
});

/** Sums over all rows, the same in any order of rows and for any base of the tables. */
function digest(tables: readonly EventTable[]): string {
  let rows = 0;
  let times = 0n;
  let fields = 0;
  for (const one of tables) {
    rows += one.length;
    // Who reads later numbers unknown stages in another order.
    const names = one.stageNames.map((name) => crc32(name));
    for (let i = 0; i < one.length; i++) {
      times += (one.baseUnixNs + BigInt(one.startNs[i]!)) * BigInt(1 + one.durationNs[i]!);
      const of = [one.layer, one.microbatch, one.peer, one.domain, one.kind, one.phase];
      let hash = (one.step[i]! % 1_000_003) ^ names[one.stage[i]!]!;
      for (const column of of) hash = (Math.imul(hash, 31) + column[i]!) | 0;
      fields = (fields + hash) | 0;
    }
  }
  return `${rows} ${times} ${fields}`;
}

function summed(parts: readonly StageRollup[]): number {
  return parts.reduce((sum, { cells }) => sum + cells.count.reduce((a, b) => a + b, 0), 0);
}

function mutate(from: Uint8Array, below: (limit: number) => number): Uint8Array {
  let bytes: Uint8Array = new Uint8Array(from);
  for (let changes = 1 + below(3); changes > 0; changes--) {
    const at = below(bytes.length + 1);
    switch (below(5)) {
      case 0:
        if (at < bytes.length) bytes[at] = below(256);
        break;
      case 1:
        if (at < bytes.length) bytes[at] = bytes[at]! ^ (1 << below(8));
        break;
      case 2:
        bytes = bytes.slice(0, Math.max(at, 20));
        break;
      case 3:
        bytes = joined(bytes.subarray(0, at), bytes.subarray(at + 1 + below(4)));
        break;
      default: {
        const piece = Uint8Array.from({ length: 1 + below(6) }, () => below(256));
        bytes = joined(bytes.subarray(0, at), piece, bytes.subarray(at));
      }
    }
  }
  return below(10) === 0 ? bytes : sealed(bytes);
}

/** With a checksum that is right, so that damage gets past it. */
function sealed(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 8) return bytes;
  bytes.set([0x41, 0x46, 0x44, 1]);
  new DataView(bytes.buffer).setUint32(4, crc32(bytes.subarray(8)), true);
  return bytes;
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
