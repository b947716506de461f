import { describe, expect, test } from 'vitest';
import { lowerBound, upperBound } from '#lib/base/bisect.ts';
import { EpochRing } from '#lib/base/epoch-ring.ts';
import { GrowableFloat64 } from '#lib/base/growable.ts';
import { StringTable } from '#lib/base/string-table.ts';
import {
  addNanos,
  floorTo,
  nanosBetween,
  unixMsFromNanos,
  unixNanos,
  unixNanosFromMs,
} from '#lib/base/units.ts';

describe('units', () => {
  test('nanoseconds of 2026 survive, where a double would round them to 256 ns', () => {
    const instant = unixNanos(1_795_431_593_388_000_123n);
    expect(addNanos(instant, 1)).toBe(1_795_431_593_388_000_124n);
    expect(nanosBetween(instant, addNanos(instant, 7))).toBe(7);
    expect(unixMsFromNanos(unixNanosFromMs(1_795_431_593_388.25))).toBe(1_795_431_593_388.25);
  });
});

describe('floorTo', () => {
  test('gives the last multiple at or before an instant, also before 1970', () => {
    expect([0n, 59n, 60n, 61n, -1n, -60n, -61n].map((at) => floorTo(at, 60n))).toEqual([
      0n,
      0n,
      60n,
      60n,
      -60n,
      -60n,
      -120n,
    ]);
  });
});

describe('bisect', () => {
  test('bounds around equal values and outside', () => {
    const sorted = [1, 3, 3, 5];
    expect([lowerBound(sorted, 3), upperBound(sorted, 3)]).toEqual([1, 3]);
    expect([lowerBound(sorted, 0), upperBound(sorted, 9)]).toEqual([0, 4]);
    expect(lowerBound(sorted, 9, 2)).toBe(2);
  });
});

describe('EpochRing', () => {
  test('gives what came after an epoch, or reset where it has forgotten', () => {
    const ring = new EpochRing<string>(3);
    expect(ring.changesSince(0)).toEqual([]);
    for (const change of ['a', 'b', 'c', 'd']) ring.push(change);
    expect(ring.changesSince(2)).toEqual([
      { epoch: 3, change: 'c' },
      { epoch: 4, change: 'd' },
    ]);
    expect(ring.changesSince(1)).toHaveLength(3);
    expect(ring.changesSince(0)).toBe('reset');
    expect(ring.changesSince(9)).toBe('reset');
    expect(ring.changesSince(Number.NaN)).toBe('reset');
  });
});

describe('StringTable and GrowableFloat64', () => {
  test('equal strings share an index; unknown ones have none', () => {
    const table = new StringTable(['x']);
    expect([table.intern('y'), table.intern('x'), table.indexOf('z')]).toEqual([1, 0, -1]);
    expect(table.strings).toEqual(['x', 'y']);
  });

  test('growth keeps what was there', () => {
    const column = new GrowableFloat64(1);
    for (let i = 0; i < 100; i++) column.push(i * 0.5);
    expect(column.finish()).toHaveLength(100);
    expect(column.finish()[99]).toBe(49.5);
  });
});
