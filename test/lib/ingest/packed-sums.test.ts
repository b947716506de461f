import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_DECODE_LIMITS, Decoder } from '#lib/ingest/decoder.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { StageAccumulator } from '#lib/table/stage-accumulator.ts';
import type { StageRollup } from '#lib/table/stage-rollups.ts';
import { afdTable, testWorker } from '#test/support/afd-table.ts';
import { arbitraryStep } from '#test/support/arbitrary-step.ts';
import { naiveSums, plainSums } from '#test/support/naive-stage-sums.ts';
import { resourceAttributes } from '#test/support/otlp-encode.ts';
import { encodePackedProtobuf, packedRequest, packStep } from '#test/support/packed-spans.ts';
import { rounds } from '#test/support/tier.ts';

const decoder = new Decoder(DEFAULT_DECODE_LIMITS, { keepPacked: true });
const unpacker = new PackedUnpacker();
const resource = resourceAttributes(testWorker(0, { domain: 2 }));

function decode(body: Uint8Array) {
  const result = decoder.decode('traces', 'protobuf', body);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

/** The parts as they come; a map with keys in order. */
const sumsOf = (sums: StageAccumulator) =>
  [...plainSums(sums.take())].sort(([a], [b]) => (a < b ? -1 : 1));

/** Packed and unpacked, noted while checking and read again: all the same sums. */
function compare(body: Uint8Array): number {
  const { packed, packedTimes } = decode(body);
  const byColumns = new StageAccumulator();
  const asReceived = new StageAccumulator();
  const readAgain = new StageAccumulator();
  packed.forEach((steps, i) => {
    byColumns.addTable(unpacker.unpack(steps));
    asReceived.addPacked(steps, packedTimes[i]!, null);
    readAgain.addPacked(steps, unpacker.times(steps), null);
  });
  decoder.recycle(packedTimes);
  const expected = sumsOf(byColumns);
  expect(sumsOf(asReceived)).toEqual(expected);
  expect(sumsOf(readAgain)).toEqual(expected);
  return packed.reduce((sum, { events }) => sum + events, 0);
}

describe('sums of packed steps', () => {
  it('are those of their events: random steps', () => {
    let events = 0;
    fc.assert(
      fc.property(fc.array(arbitraryStep, { minLength: 1, maxLength: 3 }), (steps) => {
        const payloads = steps.map((table) => packStep(table, [...table.worker.keys()]));
        events += compare(packedRequest([{ resource, payloads }]));
      }),
      { numRuns: rounds(400, 20_000), seed: 11 },
    );
    expect(events).toBeGreaterThan(1000);
  });

  it('are those of their events: simulated steps, exactly', () => {
    const table = simulateSteps(scenarioSpec('healthy'), { steps: 4 });
    expect(compare(encodePackedProtobuf(table))).toBe(table.length);
    const { packed, packedTimes } = decode(encodePackedProtobuf(table));
    const sums = new StageAccumulator();
    packed.forEach((steps, i) => {
      sums.addPacked(steps, packedTimes[i]!, null);
    });
    const got = plainSums(sums.take());
    const expected = naiveSums([table]);
    expect(got.size).toBe(expected.size);
    for (const [key, durations] of expected) {
      const { count, sumNs, minNs, maxNs } = got.get(key)!;
      expect([count, sumNs, minNs, maxNs]).toEqual([
        durations.length,
        durations.reduce((a, b) => a + b, 0),
        Math.min(...durations),
        Math.max(...durations),
      ]);
    }
  });

  it('leave out steps that were there before', () => {
    const table = afdTable({ role: 'ffn', workers: 3, steps: 4, layers: 9 });
    const { packed, packedTimes } = decode(encodePackedProtobuf(table));
    const rows = Uint32Array.of(1, 5, 11);
    const some = new StageAccumulator();
    some.addPacked(packed[0]!, packedTimes[0]!, rows);
    const expected = new StageAccumulator();
    expected.addTable(unpacker.unpack(packed[0]!, rows));
    expect(sumsOf(some)).toEqual(sumsOf(expected));
    some.addPacked(packed[0]!, packedTimes[0]!, new Uint32Array(0));
    expect(some.take()).toEqual([]);
  });

  it('stay right where memory is used again for the next request', () => {
    const tables = [40, 3, 25].map((layers, i) =>
      afdTable({ role: 'attention', workers: 2, steps: 5, layers, seed: i }),
    );
    const sums = new StageAccumulator();
    const parts: StageRollup[] = [];
    for (const table of tables) {
      const { packed, packedTimes } = decode(encodePackedProtobuf(table));
      sums.addPacked(packed[0]!, packedTimes[0]!, null);
      decoder.recycle(packedTimes);
      parts.push(...sums.take());
    }
    const counts = (tablesOfAll: readonly EventTable[]) =>
      new Map([...naiveSums(tablesOfAll)].map(([key, durations]) => [key, durations.length]));
    expect(new Map([...plainSums(parts)].map(([key, { count }]) => [key, count]))).toEqual(
      counts(tables),
    );
  });

  it('hold a piece of more events than a bucket counts', () => {
    const table = afdTable({ role: 'ffn', workers: 1, steps: 1, layers: 1, microbatches: 1 });
    const rows = Array.from({ length: 70_000 }, (_, i) => i % table.length);
    const body = packedRequest([{ resource, payloads: [packStep(table, rows)] }]);
    expect(compare(body)).toBe(70_000);
  });
});
