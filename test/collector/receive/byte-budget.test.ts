import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteBudget } from '#collector/receive/byte-budget.ts';

describe('byte budget', () => {
  test('a lease that does not fit leaves everything as it was', () => {
    const budget = new ByteBudget(100);
    const a = budget.lease();
    const b = budget.lease();
    expect(a.growTo(60)).toBe(true);
    expect(b.growTo(41)).toBe(false);
    expect(b.heldBytes).toBe(0);
    expect(b.growTo(40)).toBe(true);
    expect(budget.usedBytes).toBe(100);
    a.release();
    a.release();
    expect(budget.usedBytes).toBe(40);
    expect(budget.peakBytes).toBe(100);
  });

  test('a released lease cannot grow again', () => {
    const budget = new ByteBudget(100);
    const lease = budget.lease();
    lease.release();
    expect(lease.growTo(1)).toBe(false);
    expect(budget.usedBytes).toBe(0);
  });

  test('used bytes are the sum of the leases and never over the total', () => {
    const action = fc.record({
      lease: fc.nat(4),
      what: fc.constantFrom('grow', 'shrink', 'release'),
      bytes: fc.nat(80),
    });
    fc.assert(
      fc.property(fc.array(action), (actions) => {
        const budget = new ByteBudget(150);
        const leases = Array.from({ length: 5 }, () => budget.lease());
        for (const { lease, what, bytes } of actions) {
          if (what === 'grow') leases[lease]!.growTo(bytes);
          else if (what === 'shrink') leases[lease]!.shrinkTo(bytes);
          else leases[lease]!.release();
          const held = leases.reduce((sum, each) => sum + each.heldBytes, 0);
          expect(budget.usedBytes).toBe(held);
          expect(held).toBeLessThanOrEqual(150);
        }
        for (const each of leases) each.release();
        expect(budget.usedBytes).toBe(0);
      }),
      { seed: 7 },
    );
  });
});
