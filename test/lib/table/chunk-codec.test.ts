import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checksum32 } from '#lib/table/checksum.ts';
import { decodeEvents } from '#lib/table/chunk-codec.ts';
import { decodeMetrics, encodeMetrics } from '#lib/table/chunk-codec-metrics.ts';
import { ChunkFormatError } from '#lib/table/chunk-frame.ts';
import { encodeEvents, encodeTables } from '#lib/table/encode-events.ts';
import { type EventTable, LISTS, MEASURES } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { concatTables } from '#lib/table/event-tables.ts';
import { withColumns } from '#lib/table/wanted-columns.ts';
import { afdTable, seededRandom, testWorker } from '#test/support/afd-table.ts';
import { arbitraryEvents, arbitraryMetrics } from '#test/support/arbitrary-table.ts';
import { eventRows, metricRows } from '#test/support/table-rows.ts';

const ATTENTION = afdTable({ role: 'attention', workers: 3, steps: 2, layers: 4, measures: true });

describe('events', () => {
  test('any table comes back with the same rows, sorted by worker and start', () => {
    fc.assert(
      fc.property(arbitraryEvents, (table) => {
        const decoded = decodeEvents(encodeEvents(table));
        expect(eventRows([decoded])).toEqual(eventRows([table]));
        expect(decoded.baseUnixNs).toBe(table.baseUnixNs);
        expect(decoded.stageNames).toEqual(table.stageNames);
        expect(isSorted(decoded)).toBe(true);
      }),
      { numRuns: 500, seed: 11 },
    );
  });

  test('a worker that names its GPU is another one than the same without, and keeps the name', () => {
    const builder = new EventTableBuilder(ATTENTION.baseUnixNs, [
      testWorker(0),
      testWorker(0, { gpu: 'NVIDIA H200', timing: 'cuda_event' }),
    ]);
    const row = { startNs: 0, durationNs: 1, stage: 0, kind: 0, domain: 0, step: 0, layer: 0 };
    for (const worker of [0, 1])
      builder.add({ ...row, worker, microbatch: 0, peer: -1, measures: {} });
    const { workers } = decodeEvents(encodeEvents(builder.finish()));
    expect(workers.map(({ gpu }) => gpu)).toEqual([undefined, 'NVIDIA H200']);
    expect('gpu' in workers[0]!).toBe(false);
  });

  test('columns that are not wanted are passed over, and change no other', () => {
    const anyColumns = fc.record({
      measures: fc.subarray([...MEASURES]),
      lists: fc.subarray([...LISTS]),
    });
    fc.assert(
      fc.property(arbitraryEvents, anyColumns, (table, wanted) => {
        const chunk = encodeEvents(table);
        expect(decodeEvents(chunk, wanted)).toEqual(withColumns(decodeEvents(chunk), wanted));
      }),
      { numRuns: 300, seed: 12 },
    );
  });

  test('columns that the table does not have stay null', () => {
    const decoded = decodeEvents(encodeEvents(ATTENTION));
    expect(decoded.measures.tokens).not.toBeNull();
    expect(decoded.measures.flops).toBeNull();
    expect(decoded.lists.peers).toBeNull();
    expect(eventRows([decoded])).toEqual(eventRows([ATTENTION]));
  });

  test('several tables make the chunk that their rows together make', () => {
    fc.assert(
      fc.property(fc.array(arbitraryEvents, { minLength: 1, maxLength: 4 }), (drawn) => {
        const tables = drawn.map((table) => ({ ...table, baseUnixNs: drawn[0]!.baseUnixNs }));
        const chunk = encodeTables(tables);
        const joined = concatTables(tables);
        expect(eventRows([decodeEvents(chunk)])).toEqual(eventRows([joined]));
        expect(chunk).toEqual(encodeEvents(joined));
      }),
      { numRuns: 200, seed: 13 },
    );
  });

  test('memory that is lent is used where it is large enough, and nothing of before shows', () => {
    const room = new Uint8Array(1 << 20).fill(0xa5);
    const lent = encodeTables([ATTENTION, ATTENTION], room);
    expect(lent.buffer).toBe(room.buffer);
    expect(lent).toEqual(encodeTables([ATTENTION, ATTENTION]));
    expect(encodeTables([ATTENTION], new Uint8Array(10))).toEqual(encodeEvents(ATTENTION));
  });

  test.each([200, 20_000])('%i shuffled rows come back by worker, then start', (count) => {
    const random = seededRandom(count);
    const workers = Array.from({ length: 5 }, (_, rank) => testWorker(rank));
    const builder = new EventTableBuilder(ATTENTION.baseUnixNs, workers);
    for (let i = 0; i < count; i++) {
      const worker = Math.floor(random() * 5);
      const startNs = Math.floor(random() * 1e6);
      builder.add({ startNs, durationNs: 1, worker, stage: 0, kind: 0 });
    }
    const table = builder.finish();
    const decoded = decodeEvents(encodeEvents(table));
    expect(isSorted(table)).toBe(false);
    expect(isSorted(decoded)).toBe(true);
    expect(eventRows([decoded])).toEqual(eventRows([table]));
  });

  test('encoding the same table twice gives the same bytes', () => {
    expect(encodeEvents(ATTENTION)).toEqual(encodeEvents(ATTENTION));
  });
});

describe('metrics', () => {
  test('any table comes back the same, in order', () => {
    fc.assert(
      fc.property(arbitraryMetrics, (table) => {
        const decoded = decodeMetrics(encodeMetrics(table));
        expect(metricRows([decoded])).toEqual(metricRows([table]));
        expect(decoded.timeNs).toEqual(table.timeNs);
      }),
      { numRuns: 300, seed: 12 },
    );
  });
});

describe('damage', () => {
  const good = encodeEvents(ATTENTION);

  function problemOf(bytes: Uint8Array): string {
    try {
      decodeEvents(bytes);
    } catch (cause) {
      if (cause instanceof ChunkFormatError) return cause.problem;
      throw cause;
    }
    return 'none';
  }

  /** As if the damage had come before the checksum was made. */
  function reseal(bytes: Uint8Array): Uint8Array {
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(8, checksum32(bytes, 12), true);
    return bytes;
  }

  test('any changed byte is noticed', () => {
    for (let at = 0; at < good.length; at += 7) {
      const bytes = good.slice();
      bytes[at]! ^= 1 << (at % 8);
      expect(problemOf(bytes), `byte ${at}`).not.toBe('none');
    }
  });

  test('any cut is noticed', () => {
    for (let length = 0; length < good.length; length += 13) {
      expect(problemOf(good.slice(0, length)), `length ${length}`).not.toBe('none');
    }
  });

  test('another version, another content and another file are told apart', () => {
    const version = good.slice();
    version[4] = 2;
    expect(problemOf(version)).toBe('unknown-version');
    expect(problemOf(new TextEncoder().encode('SQLite format 3 and more'))).toBe('not-a-chunk');
    expect(() => decodeMetrics(good)).toThrow(/content 1, expected 2/);
  });

  test('damage that carries a right checksum ends in the same error or a well-formed table', () => {
    const random = seededRandom(5);
    for (let round = 0; round < 3000; round++) {
      const bytes = good.slice();
      const changes = 1 + Math.floor(random() * 4);
      for (let k = 0; k < changes; k++) {
        // Half of the changes hit the lengths, the header and the first codings.
        const reach = random() < 0.5 ? 64 : bytes.length - 12;
        bytes[12 + Math.floor(random() * reach)] = Math.floor(random() * 256);
      }
      try {
        const table = decodeEvents(reseal(bytes));
        expect(table.startNs.length).toBe(table.length);
        expect(Math.max(...table.stage)).toBeLessThan(table.stageNames.length);
        expect(Math.max(...table.worker)).toBeLessThan(table.workers.length);
      } catch (cause) {
        expect(cause).toBeInstanceOf(ChunkFormatError);
      }
    }
  });

  test('damaged metric chunks likewise', () => {
    const chunk = encodeMetrics(fc.sample(arbitraryMetrics, { numRuns: 20, seed: 3 }).at(-1)!);
    const random = seededRandom(6);
    for (let round = 0; round < 1000; round++) {
      const bytes = chunk.slice();
      bytes[12 + Math.floor(random() * (bytes.length - 12))] = Math.floor(random() * 256);
      try {
        decodeMetrics(reseal(bytes));
      } catch (cause) {
        expect(cause).toBeInstanceOf(ChunkFormatError);
      }
    }
  });
});

function isSorted({ worker, startNs, length }: EventTable): boolean {
  for (let i = 1; i < length; i++) {
    const step = worker[i]! - worker[i - 1]!;
    if (step < 0 || (step === 0 && startNs[i]! < startNs[i - 1]!)) return false;
  }
  return true;
}
