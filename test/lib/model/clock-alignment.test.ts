import { describe, expect, test } from 'vitest';
import { Random } from '#lib/base/random.ts';
import { unixNanos } from '#lib/base/units.ts';
import { alignClocks } from '#lib/model/clock-alignment.ts';
import { ClockBounds } from '#lib/model/clock-bounds.ts';
import { alignInstants } from '#lib/model/clock-correction.ts';
import { countViolations } from '#lib/model/clock-violations.ts';
import { alignmentOf, expectTruth, worstErrors } from '#test/support/clock-check.ts';
import {
  ClockWorld,
  type Link,
  linksBetween,
  randomWorld,
  reportOf,
  transfersOf,
  WORLD_START,
} from '#test/support/clock-world.ts';

const LINK = { transfers: 300, flightNs: 70_000, jitterNs: 20_000, pickUpNs: 2000 };

function hosts(attention: number, ffn: number): string[] {
  return [
    ...Array.from({ length: attention }, (_, i) => `a-${i}`),
    ...Array.from({ length: ffn }, (_, i) => `f-${i}`),
  ];
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

describe('the truth lies within the bounds, and nothing is received before it is sent', () => {
  test('random clusters: offsets to 10 ms, drifts to 50 ppm, jitter, losses, uneven traffic', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new Random(seed);
      const [attention, ffn] = [1 + random.below(5), 1 + random.below(3)];
      const names = hosts(attention, ffn);
      const world = randomWorld(random, names, 10e6, 50);
      const toNs = [50e6, 1e9, 9e9, 35e9][seed % 4]!;
      const links = linksBetween(range(0, attention), range(attention, names.length), LINK).map(
        (link) => ({
          ...link,
          // Some links lose most of their transfers, and some are slow.
          transfers: Math.ceil(link.transfers * random.uniform() ** 3),
          flightNs: link.flightNs * (0.2 + random.uniform()),
          jitterNs: random.below(4) === 0 ? 1e6 : link.jitterNs,
          pickUpNs: [0.01, 500, 20_000][seed % 3]!,
        }),
      );
      const arrival = random.below(2) === 0;
      const transfers = transfersOf(random, links, 0, toNs);
      const columns = reportOf(world, transfers, { arrival });
      // Bounds hold while there are transfers, which with few of them is not all the time.
      const firstNs = Math.min(...transfers.map(({ recvEndNs }) => recvEndNs));
      const lastNs = Math.max(...transfers.map(({ sendStartNs }) => sendStartNs));
      const covered = { fromNs: Math.min(firstNs, lastNs), toNs: lastNs };
      expectTruth(world, columns, alignmentOf(columns), covered);
    }
  });

  test('under 20 µs where send ends are arrivals and traffic allows, over a minute', () => {
    for (let seed = 1; seed <= 6; seed++) {
      const random = new Random(seed);
      const world = randomWorld(random, hosts(6, 2), 10e6, 50);
      const links = linksBetween(range(0, 6), range(6, 8), { ...LINK, pickUpNs: 5000 });
      const columns = reportOf(world, transfersOf(random, links, 0, 60e9), { arrival: true });
      const alignment = alignmentOf(columns);
      expectTruth(world, columns, alignment, { fromNs: 0, toNs: 60e9, errorNs: 20_000 });
      for (const { domain, driftPpm } of alignment.domains) {
        const reference = world.clocks[world.indexOf(alignment.referenceDomain!)]!;
        const own = world.clocks[world.indexOf(domain)]!;
        expect(Math.abs(driftPpm! - (reference.driftPpm - own.driftPpm))).toBeLessThan(1);
      }
    }
  });

  test('forty hosts whose limits leave a few nanoseconds only', () => {
    const random = new Random(11);
    const world = randomWorld(random, hosts(30, 10), 10e6, 50);
    const link = { ...LINK, transfers: 60, pickUpNs: 0.001 };
    const links = linksBetween(range(0, 30), range(30, 40), link);
    const columns = reportOf(world, transfersOf(random, links, 0, 30e9), { arrival: true });
    expectTruth(world, columns, alignmentOf(columns), { fromNs: 0, toNs: 30e9, errorNs: 50 });
  });

  test('a chain of hosts without direct traffic between its ends', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const random = new Random(seed);
      const names = range(0, 7).map((i) => `host-${i}`);
      const world = randomWorld(random, names, 10e6, 50);
      const links = range(0, 6).flatMap((i) => linksBetween([i], [i + 1], LINK));
      const columns = reportOf(world, transfersOf(random, links, 0, 15e9), { arrival: true });
      const alignment = alignmentOf(columns);
      expectTruth(world, columns, alignment, { fromNs: 0, toNs: 15e9, errorNs: 20_000 });
      expect(alignment.domains.every(({ errorNs }) => errorNs !== null)).toBe(true);
    }
  });
});

describe('what is applied', () => {
  const world = new ClockWorld([
    { name: 'a', offsetNs: 0, driftPpm: 0 },
    { name: 'b', offsetNs: 20_000, driftPpm: 1 },
    { name: 'c', offsetNs: -400_000, driftPpm: 0 },
  ]);
  const links = linksBetween([0], [1, 2], LINK);
  const transfers = transfersOf(new Random(2), links, 0, 5e9);

  test('a clock that may be right is left as it is; one that cannot be is corrected', () => {
    const columns = reportOf(world, transfers);
    const alignment = alignmentOf(columns);
    expect(alignment.referenceDomain).toBe('a');
    const [a, b, c] = alignment.domains;
    expect(a).toMatchObject({ offsetNs: 0, errorNs: 0, driftPpm: 0, correction: null });
    // The flight takes 70 µs: 20 µs of offset cannot be told from none.
    expect(b).toMatchObject({ offsetNs: 0, driftPpm: 0, correction: null });
    expect(b!.lowNs!).toBeLessThan(-20_000);
    expect(c!.correction).not.toBeNull();
    expect(Math.abs(c!.offsetNs - 400_000)).toBeLessThan(75_000);
    expectTruth(world, columns, alignment, { fromNs: 0, toNs: 5e9, errorNs: 200_000 });
  });

  test('known arrivals leave no such doubt', () => {
    const columns = reportOf(world, transfers, { arrival: true });
    const [, b, c] = alignmentOf(columns).domains;
    expect(Math.abs(b!.offsetNs + 22_500)).toBeLessThan(2000);
    expect(Math.abs(c!.offsetNs - 400_000)).toBeLessThan(2000);
  });

  test('violations before and after', () => {
    const columns = reportOf(world, transfers, { arrival: true });
    const alignment = alignmentOf(columns);
    const counted = countViolations(columns, alignment);
    expect(counted.before).toBeGreaterThan(LINK.transfers);
    expect(counted).toEqual({ before: alignment.violationsBefore, after: 0 });
    expect(alignment.transfers).toBe(transfers.length);
  });

  test('healthy clocks: nothing at all', () => {
    const healthy = new ClockWorld(hosts(3, 2).map((name) => ({ name, offsetNs: 0, driftPpm: 0 })));
    const all = linksBetween([0, 1, 2], [3, 4], LINK);
    const columns = reportOf(healthy, transfersOf(new Random(1), all, 0, 25e9), { arrival: true });
    const alignment = alignmentOf(columns);
    expect(alignment.domains.map(({ correction }) => correction)).toEqual(Array(5).fill(null));
    expect(alignment.violationsBefore).toBe(0);
  });

  test('aligned times stay in order and continuous across the seams of the fits', () => {
    const random = new Random(8);
    const skewed = randomWorld(random, ['a', 'b'], 10e6, 50);
    const both = linksBetween([0], [1], { ...LINK, transfers: 2000, pickUpNs: 20_000 });
    const columns = reportOf(skewed, transfersOf(random, both, 0, 45e9));
    const { correction } = alignmentOf(columns).domains[1]!;
    const raw = Float64Array.from({ length: 45_000 }, (_, i) => i * 1e6);
    const aligned = raw.slice();
    alignInstants(correction!, WORLD_START, aligned);
    for (let i = 1; i < raw.length; i++) {
      const step = aligned[i]! - aligned[i - 1]! - 1e6;
      expect(Math.abs(step)).toBeLessThan(150);
    }
  });

  test('a name that is preferred becomes the reference; the same clocks agree', () => {
    const columns = reportOf(world, transfers, { arrival: true });
    const alignment = alignmentOf(columns, { reference: 'c' });
    expect(alignment.referenceDomain).toBe('c');
    expectTruth(world, columns, alignment, { fromNs: 0, toNs: 5e9, errorNs: 20_000 });
  });
});

describe('where transfers do not say enough', () => {
  const oneWay = (sender: number, receiver: number): Link => ({ ...LINK, sender, receiver });

  test('one direction only: no bound, and no more is applied than causality asks for', () => {
    const world = new ClockWorld([
      { name: 'a', offsetNs: 0, driftPpm: 0 },
      { name: 'ahead', offsetNs: 3e6, driftPpm: 5 },
      { name: 'behind', offsetNs: -3e6, driftPpm: 5 },
    ]);
    const transfers = transfersOf(new Random(4), [oneWay(0, 1), oneWay(0, 2)], 0, 5e9);
    const columns = reportOf(world, transfers);
    const alignment = alignmentOf(columns);
    const [, ahead, behind] = alignment.domains;
    expect(ahead).toMatchObject({ offsetNs: 0, errorNs: null, correction: null });
    expect(behind!.errorNs).toBeNull();
    expect(behind!.offsetNs).toBeGreaterThan(2.8e6);
    expect(behind!.offsetNs).toBeLessThan(3e6);
    expect(countViolations(columns, alignment).after).toBe(0);
  });

  test('rendezvous sends bound both sides, even in one direction', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const random = new Random(seed);
      const world = randomWorld(random, ['a', 'b'], 10e6, 50);
      const transfers = transfersOf(random, [oneWay(0, 1)], 0, 5e9);
      const columns = reportOf(world, transfers, { arrival: true, rendezvous: true });
      const alignment = alignmentOf(columns);
      expect(alignment.domains[1]!.errorNs).not.toBeNull();
      expectTruth(world, columns, alignment, { fromNs: 0, toNs: 5e9 });
    }
  });

  test('two islands: each is in order by itself, the smaller one without a bound', () => {
    const random = new Random(6);
    const world = randomWorld(random, ['a', 'b', 'c', 'x', 'y'], 10e6, 50);
    const links = [...linksBetween([0], [1, 2], LINK), ...linksBetween([3], [4], LINK)];
    const columns = reportOf(world, transfersOf(random, links, 0, 5e9), { arrival: true });
    const alignment = alignmentOf(columns);
    expect(alignment.referenceDomain).toBe('a');
    expect(alignment.domains.map(({ errorNs }) => errorNs === null)).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
    expect(countViolations(columns, alignment).after).toBe(0);
  });

  test('no transfers between domains: nothing, without a reference', () => {
    const alignment = alignClocks(new ClockBounds().part());
    expect(alignment).toMatchObject({ referenceDomain: null, domains: [], conflicts: [] });
  });

  test('silent for a minute: drawn from the time before and after', () => {
    const random = new Random(7);
    const world = randomWorld(random, ['a', 'b'], 10e6, 1);
    const links = linksBetween([0], [1], LINK);
    const transfers = [
      ...transfersOf(random, links, 0, 12e9),
      ...transfersOf(random, links, 75e9, 95e9),
    ];
    const columns = reportOf(world, transfers, { arrival: true });
    const alignment = alignmentOf(columns);
    expectTruth(world, columns, alignment, { fromNs: 0, toNs: 12e9, errorNs: 20_000 });
    expectTruth(world, columns, alignment, { fromNs: 75e9, toNs: 95e9, errorNs: 20_000 });
    expect(worstErrors(world, alignment, 12e9, 75e9).get('b')).toBeLessThan(70_000);
  });
});

describe('conflicts', () => {
  test('a clock that jumps is left alone while it does; all others are aligned', () => {
    const random = new Random(12);
    const names = hosts(3, 2);
    const world = randomWorld(random, names, 10e6, 50);
    const links = linksBetween([0, 1, 2], [3, 4], LINK);
    const start = Number(10_000_000_000n - (WORLD_START % 10_000_000_000n));
    const transfers = transfersOf(random, links, start, start + 60e9);
    const columns = reportOf(world, transfers, { arrival: true });
    const jumpNs = start + 25e9;
    for (let row = 0; row < columns.length; row++) {
      if (transfers[row]!.sendStartNs < jumpNs) continue;
      if (columns.senderDomain[row] === 4) columns.sendEndNs[row]! += 2e6;
      if (columns.receiverDomain[row] === 4) columns.recvEndNs[row]! += 2e6;
    }
    const alignment = alignmentOf(columns);
    expect(alignment.conflicts.length).toBeGreaterThan(0);
    for (const { domains, depthNs, fromUnixNs, toUnixNs } of alignment.conflicts) {
      expect(domains).toContain('f-1');
      expect(depthNs).toBeGreaterThan(10_000);
      expect(Number(fromUnixNs - WORLD_START)).toBeLessThan(jumpNs + 15e6);
      expect(Number(toUnixNs - WORLD_START)).toBeGreaterThan(jumpNs - 15e6);
    }
    expect(alignment.domains[4]!.errorNs).toBeNull();
    const worst = worstErrors(world, alignment, start, start + 60e9);
    for (const { domain, errorNs } of alignment.domains.slice(0, 4)) {
      expect(worst.get(domain)!).toBeLessThanOrEqual(errorNs! + 0.1);
      expect(errorNs!).toBeLessThan(20_000);
    }
    // Right again in the stretches before the jump.
    expect(worstErrors(world, alignment, start, start + 19e9).get('f-1')).toBeLessThan(20_000);
  });

  test('two clocks that contradict each other: neither is moved', () => {
    const world = new ClockWorld([
      { name: 'a', offsetNs: 0, driftPpm: 0 },
      { name: 'b', offsetNs: 5e6, driftPpm: 0 },
    ]);
    const columns = reportOf(
      world,
      transfersOf(new Random(3), linksBetween([0], [1], LINK), 0, 5e9),
    );
    // Receives of the wrong step: they end before their sends, on both sides.
    for (let row = 0; row < columns.length; row++) columns.recvEndNs[row]! -= 1e6;
    const alignment = alignmentOf(columns);
    expect(alignment.referenceDomain).toBeNull();
    expect(alignment.conflicts).toMatchObject([{ domains: ['a', 'b'] }]);
    expect(alignment.conflicts[0]!.depthNs).toBeGreaterThan(1.5e6);
    for (const { offsetNs, errorNs, correction } of alignment.domains) {
      expect({ offsetNs, errorNs, correction }).toEqual({
        offsetNs: 0,
        errorNs: null,
        correction: null,
      });
    }
    expect(countViolations(columns, alignment).after).toBe(alignment.violationsBefore);
  });

  test('a drift beyond what is believed is a conflict, not a guess', () => {
    const world = new ClockWorld([
      { name: 'a', offsetNs: 0, driftPpm: 0 },
      { name: 'b', offsetNs: 0, driftPpm: 300 },
    ]);
    const transfers = transfersOf(new Random(3), linksBetween([0], [1], LINK), 0, 9e9);
    const columns = reportOf(world, transfers, { arrival: true });
    expect(alignmentOf(columns).conflicts).toHaveLength(1);
    const patient = alignmentOf(columns, { maxDriftPpm: 400 });
    expectTruth(world, columns, patient, { fromNs: 0, toNs: 9e9, errorNs: 20_000 });
  });
});

describe('parts', () => {
  test('slices of time found apart and merged give the same alignment', () => {
    const random = new Random(21);
    const world = randomWorld(random, hosts(3, 2), 10e6, 50);
    const links = linksBetween([0, 1, 2], [3, 4], LINK);
    const transfers = transfersOf(random, links, 0, 40e9);
    const whole = alignmentOf(reportOf(world, transfers, { arrival: true }));
    const merged = new ClockBounds();
    for (const half of [0, 1, 2]) {
      const own = transfers.filter(({ sendStartNs }) => Math.floor(sendStartNs / 15e9) === half);
      const bounds = new ClockBounds();
      const baseUnixNs = unixNanos(WORLD_START + BigInt(half) * 14_999_999_999n);
      bounds.add(reportOf(world, own, { arrival: true, baseUnixNs }));
      merged.merge(structuredClone(bounds.part()));
    }
    const again = alignClocks(merged.part());
    expect(again.transfers).toBe(whole.transfers);
    expect(again.violationsBefore).toBe(whole.violationsBefore);
    again.domains.forEach((clock, i) => {
      const other = whole.domains[i]!;
      expect(Math.abs(clock.offsetNs - other.offsetNs)).toBeLessThan(50);
      expect(Math.abs(clock.errorNs! - other.errorNs!)).toBeLessThan(50);
    });
    expectTruth(world, reportOf(world, transfers, { arrival: true }), again, {
      fromNs: 0,
      toNs: 40e9,
      errorNs: 20_000,
    });
  });

  test('a live view forgets old buckets and goes on', () => {
    const random = new Random(22);
    const world = randomWorld(random, ['a', 'b'], 10e6, 50);
    const links = linksBetween([0], [1], LINK);
    const bounds = new ClockBounds();
    for (let second = 0; second < 90; second += 15) {
      const own = transfersOf(random, links, second * 1e9, (second + 15) * 1e9);
      bounds.add(reportOf(world, own, { arrival: true }));
      bounds.forgetBefore(unixNanos(WORLD_START + BigInt(second - 15) * 1_000_000_000n));
    }
    const part = bounds.part();
    expect(part.pairs[0]!.buckets.length).toBeLessThanOrEqual(5);
    const alignment = alignClocks(part);
    const worst = worstErrors(world, alignment, 70e9, 90e9).get('b')!;
    expect(worst).toBeLessThanOrEqual(alignment.domains[1]!.errorNs!);
    expect(alignment.domains[1]!.errorNs!).toBeLessThan(20_000);
  });

  test('more domains than can be held are counted, not lost', () => {
    const names = range(0, 1100).map((i) => `host-${String(i).padStart(4, '0')}`);
    const world = new ClockWorld(names.map((name) => ({ name, offsetNs: 0, driftPpm: 0 })));
    const links = [
      { ...LINK, sender: 0, receiver: 1, transfers: 5 },
      { ...LINK, sender: 0, receiver: 1099, transfers: 3 },
    ];
    const bounds = new ClockBounds();
    bounds.add(reportOf(world, transfersOf(new Random(1), links, 0, 1e9)));
    const part = bounds.part();
    expect(part.leftOut).toBe(3);
    expect(part.pairs).toMatchObject([{ left: 'host-0000', right: 'host-0001', transfers: 5 }]);
  });
});
