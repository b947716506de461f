import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import { STAGES } from '#lib/table/codes.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { concatTables, rowsByKey, selectRows, tableSpan } from '#lib/table/event-tables.ts';
import { afdTable, testWorker } from '#test/support/afd-table.ts';
import { arbitraryEvents } from '#test/support/arbitrary-table.ts';
import { eventRows } from '#test/support/table-rows.ts';

const BASE = 1_795_000_000_123_456_789n;

describe('concatTables', () => {
  test('keeps every row of tables with other bases, workers and stage names', () => {
    const other = new EventTableBuilder(
      unixNanos(BASE - 5_000n),
      [testWorker(7, { role: 'ffn' }), testWorker(0)],
      [...STAGES, 'rope'],
    );
    other.add({
      startNs: 3,
      durationNs: 4,
      worker: 1,
      stage: STAGES.length,
      kind: 0,
      measures: { flops: 2.5 },
    });
    other.add({
      startNs: 1,
      durationNs: 0,
      worker: 0,
      stage: 4,
      kind: 0,
      lists: { peers: [1, 2] },
    });
    const third = new EventTableBuilder(
      unixNanos(BASE),
      [testWorker(0)],
      [...STAGES, 'norm', 'rope'],
    );
    third.add({ startNs: 9, durationNs: 1, worker: 0, stage: STAGES.length + 1, kind: 5 });
    const tables = [
      afdTable({ role: 'attention', workers: 2, steps: 1, layers: 2, baseUnixNs: BASE }),
      other.finish(),
      third.finish(),
    ];
    const joined = concatTables(tables);
    expect(eventRows([joined])).toEqual(eventRows(tables));
    expect(joined.workers).toHaveLength(3);
    expect(joined.stageNames.filter((name) => name === 'rope')).toHaveLength(1);
    expect(joined.baseUnixNs).toBe(BASE - 4_999n);
  });

  test('a restarted worker stays apart from its earlier life', () => {
    const tables = ['one', 'two'].map((incarnation) => {
      const builder = new EventTableBuilder(unixNanos(BASE), [testWorker(0, { incarnation })]);
      builder.add({ startNs: 0, durationNs: 1, worker: 0, stage: 0, kind: 0 });
      return builder.finish();
    });
    expect(concatTables(tables).workers.map((worker) => worker.incarnation)).toEqual([
      'one',
      'two',
    ]);
  });
});

test('selectRows takes the rows asked for, lists and measures too', () => {
  fc.assert(
    fc.property(arbitraryEvents, fc.infiniteStream(fc.boolean()), (table, coins) => {
      const picked = [...table.startNs.keys()].filter(() => coins.next().value);
      const rest = [...table.startNs.keys()].filter((row) => !picked.includes(row));
      const parts = [picked, rest].map((rows) => selectRows(table, Uint32Array.from(rows)));
      expect(eventRows(parts)).toEqual(eventRows([table]));
    }),
    { numRuns: 100, seed: 4 },
  );
});

test('rowsByKey is stable', () => {
  expect([...rowsByKey([2, 0, 2, 1, 0], 3)]).toEqual([1, 4, 3, 0, 2]);
});

test('tableSpan covers events without length', () => {
  const builder = new EventTableBuilder(unixNanos(BASE), [testWorker(0)]);
  builder.add({ startNs: 10, durationNs: 5, worker: 0, stage: 0, kind: 0 });
  builder.add({ startNs: 15, durationNs: 0, worker: 0, stage: 0, kind: 0 });
  expect(tableSpan(builder.finish())).toEqual({ fromUnixNs: BASE + 10n, toUnixNs: BASE + 16n });
  expect(tableSpan(new EventTableBuilder(unixNanos(BASE), []).finish())).toBeNull();
});
