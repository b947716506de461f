import { beforeEach, describe, expect, test } from 'vitest';
import { ClockWatch, jumpText } from '#collector/observe/clock-watch.ts';

const START = Date.UTC(2026, 10, 23, 14);
const HOUR = 3600_000;

let monotonic = 0;
let wall = START;
let watch: ClockWatch;

/** Both clocks go on; the wall clock by another length where it is set or slewed. */
function pass(ms: number, wallMs = ms): void {
  monotonic += ms;
  wall += wallMs;
}

beforeEach(() => {
  monotonic = 5000;
  wall = START;
  watch = new ClockWatch({ wallMs: () => wall, monotonicMs: () => monotonic });
});

describe('a clock that goes', () => {
  test('as it should, or is slewed by NTP, is steady', () => {
    for (let i = 0; i < 3600; i++) {
      pass(1000, 1000.5);
      expect(watch.look()).toBeNull();
    }
    expect(watch.steadyUnixMs()).toBe(wall);
  });

  test('back: said with its length since then; it is believed after ten steady minutes', () => {
    pass(1000);
    watch.look();
    pass(1000, 1000 - 2 * HOUR);
    const jumpedAt = wall;
    expect(watch.look()).toEqual({ byMs: -2 * HOUR, sinceUnixMs: jumpedAt });
    for (let i = 0; i < 599; i++) {
      pass(1000);
      expect(watch.look()).toMatchObject({ byMs: -2 * HOUR, sinceUnixMs: jumpedAt });
      // Never ahead of either clock: deleting by age waits.
      expect(watch.steadyUnixMs()).toBe(wall);
      expect(watch.believedUnixMs()).toBe(wall + 2 * HOUR);
    }
    pass(1000);
    expect(watch.look()).toBeNull();
    expect(watch.steadyUnixMs()).toBe(wall);
  });

  test('forward: retention goes on as if it had not, until it is believed', () => {
    pass(1000, 1000 + 24 * HOUR);
    expect(watch.look()?.byMs).toBe(24 * HOUR);
    pass(60_000);
    expect(watch.steadyUnixMs()).toBe(START + 61_000);
    expect(watch.believedUnixMs()).toBe(START + 61_000);
    pass(600_000);
    expect(watch.look()).toBeNull();
    expect(watch.steadyUnixMs()).toBe(wall);
  });

  test('forward and back again: over at once, nothing was lost', () => {
    pass(1000, 1000 + 24 * HOUR);
    expect(watch.look()).not.toBeNull();
    pass(1000, 1000 - 24 * HOUR);
    expect(watch.look()).toBeNull();
    expect(watch.steadyUnixMs()).toBe(START + 2000);
  });

  test('twice: the sum is told, and the ten minutes begin anew', () => {
    pass(1000, 1000 - HOUR);
    watch.look();
    pass(599_000);
    pass(1000, 1000 - HOUR);
    expect(watch.look()?.byMs).toBe(-2 * HOUR);
    pass(599_000);
    expect(watch.look()?.byMs).toBe(-2 * HOUR);
    pass(1000);
    expect(watch.look()).toBeNull();
  });

  test('nobody looked when it jumped: what asks for the steady time notices', () => {
    pass(1000, 1000 + 24 * HOUR);
    expect(watch.steadyUnixMs()).toBe(START + 1000);
  });
});

test('jumps in words', () => {
  const words = (byMs: number) => jumpText({ byMs, sinceUnixMs: 0 });
  expect(words(-4200)).toBe('the wall clock of this machine jumped back by 4.2 s');
  expect(words(300_000)).toBe('the wall clock of this machine jumped forward by 5.0 min');
  expect(words(-3 * HOUR)).toBe('the wall clock of this machine jumped back by 3.0 h');
});
