import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Decoded } from '#lib/ingest/decoded.ts';
import { DEFAULT_DECODE_LIMITS, Decoder } from '#lib/ingest/decoder.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { type WantedColumns, withColumns } from '#lib/table/wanted-columns.ts';
import { afdTable, testWorker } from '#test/support/afd-table.ts';
import { arbitraryStep } from '#test/support/arbitrary-step.ts';
import { flatRejects, tableEvents } from '#test/support/oracle-decode.ts';
import { resourceAttributes } from '#test/support/otlp-encode.ts';
import { encodePackedProtobuf, packedRequest, packStep } from '#test/support/packed-spans.ts';
import { eventRows } from '#test/support/table-rows.ts';
import { rounds } from '#test/support/tier.ts';

const folder = join(import.meta.dirname, '../../vectors/packed');
const vectors = readdirSync(folder)
  .filter((name) => name.endsWith('.bin'))
  .map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))] as const);
const resource = resourceAttributes(testWorker(0, { domain: 2 }));

/** One of each for all: what they remember must never change an answer. */
const keeping = new Decoder(DEFAULT_DECODE_LIMITS, { keepPacked: true });
const writing = new Decoder(DEFAULT_DECODE_LIMITS);
const unpacker = new PackedUnpacker();
const SOME_COLUMNS: WantedColumns = { measures: ['bytes', 'expertsActive'], lists: ['peers'] };
const NO_COLUMNS: WantedColumns = { measures: [], lists: [] };

function decode(decoder: Decoder, body: Uint8Array): Decoded {
  const result = decoder.decode('traces', 'protobuf', body);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

/** Both ways; returns what was kept. */
function compare(body: Uint8Array): Decoded {
  const columns = decode(writing, body);
  const kept = decode(keeping, body);
  const unpacked = kept.packed.map((steps) => unpacker.unpack(steps));
  expect(eventRows([...unpacked, ...kept.events])).toEqual(eventRows(columns.events));
  for (const wanted of [SOME_COLUMNS, NO_COLUMNS]) {
    const some = kept.packed.map((steps) => unpacker.unpack(steps, undefined, wanted));
    expect(some).toEqual(unpacked.map((table) => withColumns(table, wanted)));
  }
  expect(kept.received).toBe(columns.received);
  expect(flatRejects(kept.rejected)).toEqual(flatRejects(columns.rejected));
  expect(kept.rejectedMessage).toBe(columns.rejectedMessage);
  expect(columns.packed).toEqual([]);
  for (const steps of kept.packed) checkDirectory(steps);
  return kept;
}

/** Every row says of its step what unpacking it alone shows. */
function checkDirectory(steps: PackedTable): void {
  let events = 0;
  let first = Number.POSITIVE_INFINITY;
  for (let row = 0; row < steps.length; row++) {
    const table = unpacker.unpack(steps, Uint32Array.of(row));
    events += table.length;
    first = Math.min(first, steps.startNs[row]!);
    expect(table.length).toBe(steps.stepEvents[row]);
    expect(table.baseUnixNs).toBe(steps.baseUnixNs);
    expect(Math.min(...table.startNs)).toBe(steps.startNs[row]);
    const ends = table.startNs.map((start, i) => start + Math.max(1, table.durationNs[i]!));
    const latest = table.startNs.map((start, i) => start + table.durationNs[i]!);
    expect(steps.endNs[row]).toBeLessThanOrEqual(Math.max(...ends));
    expect(steps.endNs[row]).toBeGreaterThanOrEqual(Math.max(...latest));
    expect(steps.endNs[row]).toBeGreaterThan(Math.max(...table.startNs));
    expect(new Set(table.worker)).toEqual(new Set([steps.worker[row]]));
    expect(new Set(table.domain)).toEqual(new Set([steps.domain[row]]));
    expect(new Set(table.step)).toEqual(new Set([steps.step[row]]));
  }
  expect(events).toBe(steps.events);
  expect(first).toBe(0);
}

const eventsOf = (packed: readonly PackedTable[]) =>
  packed.reduce((sum, { events }) => sum + events, 0);

describe('packed steps that are kept', () => {
  it('hold what their columns would have held: random steps', () => {
    let kept = 0;
    let written = 0;
    fc.assert(
      fc.property(arbitraryStep, arbitraryStep, (one, other) => {
        const body = packedRequest(
          [one, other].map((table) => ({
            resource,
            payloads: [packStep(table, [...table.worker.keys()])],
          })),
        );
        const { packed, events } = compare(body);
        kept += eventsOf(packed);
        written += events.reduce((sum, { length }) => sum + length, 0);
      }),
      { numRuns: rounds(400, 20_000), seed: 20261124 },
    );
    // Both ways are taken.
    expect(kept).toBeGreaterThan(500);
    expect(written).toBeGreaterThan(500);
  });

  it.each(vectors)('hold what their columns would have held: %s', (_, payload) => {
    const { received } = compare(packedRequest([{ resource, payloads: [payload, payload] }]));
    expect(received).toBeGreaterThanOrEqual(0);
  });

  it('hold every event of a simulated cluster, bytes as received', () => {
    const table = simulateSteps(scenarioSpec('healthy'), { steps: 3 });
    const body = encodePackedProtobuf(table);
    const { packed, events } = compare(body);
    expect(events).toEqual([]);
    expect(packed).toHaveLength(1);
    const [steps] = packed;
    expect(steps!.events).toBe(table.length);
    expect(steps!.length).toBe(36);
    const at = (row: number) =>
      steps!.bytes.subarray(steps!.offset[row]!, steps!.offset[row]! + steps!.byteLength[row]!);
    for (let row = 0; row < steps!.length; row++) {
      expect(Buffer.from(body).includes(Buffer.from(at(row)))).toBe(true);
    }
  });

  it('come in a table for each deployment, with exact offsets however far apart they are', () => {
    const shape = { role: 'attention', workers: 2, steps: 1, layers: 4 } as const;
    const parts = [
      afdTable({ ...shape, deployment: 'a' }),
      afdTable({ ...shape, deployment: 'b' }),
      afdTable({ ...shape, deployment: 'a', baseUnixNs: 1_200_000_000_000_000_001n }),
    ];
    const { packed } = compare(Buffer.concat(parts.map(encodePackedProtobuf)));
    expect(packed.map(({ workers }) => workers.map(({ deployment }) => deployment))).toEqual([
      ['a', 'a'],
      ['b', 'b'],
      ['a', 'a'],
    ]);
  });
});

describe('packed steps that are not kept', () => {
  const step = afdTable({ role: 'attention', workers: 1, steps: 1, layers: 5 });
  const rows = [...step.worker.keys()];
  const keptOf = (table: typeof step) =>
    eventsOf(compare(packedRequest([{ resource, payloads: [packStep(table, rows)] }])).packed);

  it.each([
    ['plain', step, rows.length],
    ['two domains', { ...step, domain: step.domain.map((_, i) => i & 1) }, 0],
    ['a negative duration', { ...step, durationNs: step.durationNs.with(3, -1) }, 0],
    ['a wrong layer', { ...step, layer: step.layer.with(3, -2) }, 0],
    ['a duration of a minute', { ...step, durationNs: step.durationNs.with(3, 61e9) }, 0],
    ['a name that is cut', { ...step, stageNames: step.stageNames.with(0, 'x'.repeat(300)) }, 0],
    ['a name of its own', { ...step, stageNames: step.stageNames.with(0, 'mine') }, rows.length],
  ])('%s', (_, table, kept) => {
    expect(keptOf(table)).toBe(kept);
  });
});

describe('unpacking', () => {
  const table = afdTable({ role: 'ffn', workers: 3, steps: 4, layers: 5 });
  const [steps] = decode(keeping, encodePackedProtobuf(table)).packed;

  it('takes the rows that are asked for', () => {
    const some = unpacker.unpack(steps!, Uint32Array.of(7, 2));
    const events = tableEvents([some]);
    const both = [7, 2].flatMap((row) =>
      tableEvents([unpacker.unpack(steps!, Uint32Array.of(row))]),
    );
    expect(events).toHaveLength(both.length);
    expect(events).toEqual(expect.arrayContaining(both));
    expect(unpacker.unpack(steps!, new Uint32Array(0)).length).toBe(0);
  });

  it.each([
    ['a flipped bit', (s: PackedTable) => ({ ...s, bytes: s.bytes.with(90, s.bytes[90]! ^ 1) })],
    ['another count', (s: PackedTable) => ({ ...s, stepEvents: s.stepEvents.with(0, 5) })],
    ['bytes that end early', (s: PackedTable) => ({ ...s, bytes: s.bytes.subarray(0, 60) })],
  ])('refuses what was not checked: %s', (_, change) => {
    expect(() => unpacker.unpack(change(steps!))).toThrow(/damaged chunk: /);
  });
});
