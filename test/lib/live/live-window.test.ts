import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { joinTables } from '#lib/live/join-tables.ts';
import { LiveWindow } from '#lib/live/live-window.ts';
import { partitionTable } from '#lib/live/partition-table.ts';
import { Kind, Stage } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { selectSteps } from '#lib/table/packed-tables.ts';
import { testWorker } from '#test/support/afd-table.ts';
import { keptSteps } from '#test/support/kept-steps.ts';
import { slowSteps } from '#test/support/live-feed.ts';
import { wildTables } from '#test/support/random-tables.ts';
import { eventRows } from '#test/support/table-rows.ts';

const BASE = 1_795_442_400_000_000_000n;

/** Events of a millisecond that start at the seconds given. */
function eventsAt(seconds: readonly number[], baseUnixNs = BASE): EventTable {
  const builder = new EventTableBuilder(unixNanos(baseUnixNs), [testWorker(0)]);
  for (const second of seconds) {
    builder.add({
      startNs: Number(BASE - baseUnixNs) + Math.round(second * 1e9),
      durationNs: 1e6,
      worker: 0,
      stage: Stage.attention,
      kind: Kind.compute,
      step: Math.round(second * 1000),
    });
  }
  return builder.finish();
}

function at(seconds: number): UnixNanos {
  return unixNanos(BASE + BigInt(Math.round(seconds * 1e9)));
}

function stepsOf(tables: readonly EventTable[]): number[] {
  return tables.flatMap((table) => Array.from(table.step)).sort((a, b) => a - b);
}

describe('partitionTable and joinTables', () => {
  test('parts put together again hold every row, lists and measures too', () => {
    fc.assert(
      fc.property(wildTables, fc.integer({ min: 1, max: 5 }), (tables, parts) => {
        const split = tables.flatMap((table) => [
          ...partitionTable(table, (row) => (row * 7) % parts).values(),
        ]);
        expect(eventRows(split).sort()).toEqual(eventRows(tables).sort());
        expect(eventRows([joinTables(split)]).sort()).toEqual(eventRows(tables).sort());
      }),
      { seed: 5, numRuns: 100 },
    );
  });

  test('one key gives the table itself', () => {
    const table = eventsAt([1, 2, 3]);
    expect(partitionTable(table, () => 4).get(4)).toBe(table);
    expect(partitionTable(eventsAt([]), () => 0).size).toBe(0);
  });
});

describe('LiveWindow', () => {
  test('gives the events of a span, and few others', () => {
    const window = new LiveWindow(new PackedUnpacker());
    window.add(eventsAt([0.1, 5.2, 3.3, 9.9]));
    window.add(eventsAt([3.4, 4.1], BASE + 86_400_000_000_000n));
    expect(window.events).toBe(6);
    expect(stepsOf(window.tables({ fromUnixNs: at(3), toUnixNs: at(5) }))).toEqual([
      3300, 3400, 4100,
    ]);
    expect(window.count({ fromUnixNs: at(3), toUnixNs: at(5) })).toBe(3);
    expect(window.tables({ fromUnixNs: at(6), toUnixNs: at(9) })).toEqual([]);
    expect(window.tables({ fromUnixNs: at(5), toUnixNs: at(5) })).toEqual([]);
    expect(stepsOf(window.tables({ fromUnixNs: unixNanos(0n), toUnixNs: at(1e6) }))).toHaveLength(
      6,
    );
    expect(window.oldestUnixNs).toBe(at(0));
    expect(window.firstFrom(at(3.6))).toBe(at(4));
    expect(window.firstFrom(at(100))).toBeNull();
  });

  test('forgets by time and by number, and says how many events went', () => {
    const window = new LiveWindow(new PackedUnpacker());
    window.add(eventsAt([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    expect(window.dropBefore(at(2.9))).toBe(3);
    expect(window.events).toBe(7);
    expect(window.dropToFit(4)).toBe(3);
    expect(stepsOf(window.tables({ fromUnixNs: at(0), toUnixNs: at(10) }))).toEqual([
      6000, 7000, 8000, 9000,
    ]);
    expect(window.dropToFit(0)).toBe(3);
    expect(window.events).toBe(1);
  });

  test('many small batches of one slot are joined, and none is lost', () => {
    const window = new LiveWindow(new PackedUnpacker());
    for (let i = 0; i < 500; i++) window.add(eventsAt([1 + i / 10_000]));
    const tables = window.tables({ fromUnixNs: at(1), toUnixNs: at(2) });
    expect(tables.length).toBeLessThan(60);
    expect(new Set(stepsOf(tables)).size).toBeGreaterThan(40);
    expect(stepsOf(tables)).toHaveLength(500);
  });
});

describe('packed steps in the window', () => {
  // What decoding makes of the events, so that senders are described alike.
  const [steps] = keptSteps(slowSteps({ seconds: 1, startUnixNs: at(0) }));
  const table = new PackedUnpacker().unpack(steps!);

  test('a span has the events that plain ones would have, and of no step but those that reach in', () => {
    const plain = new LiveWindow(new PackedUnpacker());
    plain.add(table);
    const window = new LiveWindow(new PackedUnpacker());
    window.addPacked(steps!);
    expect(window.events).toBe(table.length);
    for (const [from, to] of [
      [0, 1],
      [0.1, 0.15],
      [0.24, 0.26],
      [0.3, 0.301],
      [5, 6],
    ] as const) {
      const span = { fromUnixNs: at(from), toUnixNs: at(to) };
      const inside = (rows: ReturnType<typeof eventRows>) =>
        rows.filter((row) => {
          const [start] = JSON.parse(row) as [string];
          return BigInt(start) >= at(from) && BigInt(start) < at(to);
        });
      expect(inside(eventRows(window.tables(span))).sort()).toEqual(
        inside(eventRows(plain.tables(span))).sort(),
      );
      const found = new Set(window.tables(span).flatMap((one) => [...one.step]));
      expect(found.size).toBeLessThanOrEqual((to - from) * 15 + 2);
    }
  });

  test('many small messages are brought together; what is dropped is counted', () => {
    const window = new LiveWindow(new PackedUnpacker());
    for (let row = 0; row < steps!.length; row++) {
      window.addPacked(selectSteps(steps!, Uint32Array.of(row)));
    }
    const all = { fromUnixNs: at(0), toUnixNs: at(10) };
    expect(window.tables(all).length).toBeLessThan(60);
    expect(eventRows(window.tables(all)).sort()).toEqual(eventRows([table]).sort());
    const late = window.count({ fromUnixNs: at(0.25), toUnixNs: at(10) });
    expect(window.dropBefore(at(0.25))).toBe(table.length - late);
    expect(window.events).toBe(late);
    expect(window.count(all)).toBe(late);
  });
});
