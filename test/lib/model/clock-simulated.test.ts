/** Alignment against the simulator's own time: hosts whose clocks are off, and nobody knows. */
import { expect, test } from 'vitest';
import { Random } from '#lib/base/random.ts';
import { correctionAt } from '#lib/model/clock-correction.ts';
import { countViolations } from '#lib/model/clock-violations.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { alignmentOf } from '#test/support/clock-check.ts';
import { simulatedTransfers } from '#test/support/simulated-transfers.ts';

const HOSTS = ['node-0', 'node-1', 'node-2', 'node-3', 'node-4', 'node-5'];

test.each([
  { sends: 'all', lostSpansRatio: 0, offsetNs: 10e6, driftPpm: 50 },
  { sends: 'all', lostSpansRatio: 0.3, offsetNs: 500_000, driftPpm: 10 },
  { sends: 'per-peer', lostSpansRatio: 0, offsetNs: 2e6, driftPpm: 50 },
] as const)('hosts up to $offsetNs ns and $driftPpm ppm off, sends to $sends', (given) => {
  for (let seed = 1; seed <= 3; seed++) {
    const random = new Random(seed);
    const spec = scenarioSpec('healthy', { gpusPerHost: 2, sends: given.sends, layers: 20 });
    const either = (most: number): number => (2 * random.uniform() - 1) * most;
    const skews = new Map(
      HOSTS.map((target) => [
        target,
        {
          target,
          offsetNs: Math.round(either(given.offsetNs)),
          driftPpm: either(given.driftPpm),
        },
      ]),
    );
    const table = simulateSteps(spec, {
      steps: 8,
      seed,
      faults: { clockOffset: [...skews.values()], lostSpansRatio: given.lostSpansRatio },
    });
    const columns = simulatedTransfers(table);
    const alignment = alignmentOf(columns);
    const { before, after } = countViolations(columns, alignment);
    expect(before).toBeGreaterThan(columns.length / 20);
    expect(after).toBe(0);
    expect(alignment.conflicts).toEqual([]);
    expect(alignment.domains.map(({ domain }) => domain)).toEqual(HOSTS);
    const reference = skews.get(alignment.referenceDomain!)!;
    for (const { domain, correction, errorNs } of alignment.domains) {
      // Send ends are arrivals, and receives that wait end with them: microseconds at most.
      expect(errorNs!).toBeLessThan(1000);
      const skew = skews.get(domain)!;
      for (let row = 0; row < table.length; row += 97) {
        if (table.workers[table.worker[row]!]!.clockDomain !== domain) continue;
        const rawNs = table.startNs[row]!;
        const trueNs = (rawNs - skew.offsetNs) / (1 + skew.driftPpm * 1e-6);
        const wanted = trueNs * (1 + reference.driftPpm * 1e-6) + reference.offsetNs - rawNs;
        const applied = correction === null ? 0 : correctionAt(correction, table.baseUnixNs, rawNs);
        expect(Math.abs(applied - wanted)).toBeLessThanOrEqual(errorNs! + 2);
      }
    }
  }
});

test('healthy hosts: nothing is corrected', () => {
  const table = simulateSteps(scenarioSpec('healthy', { gpusPerHost: 2, layers: 20 }), {
    steps: 6,
  });
  const alignment = alignmentOf(simulatedTransfers(table));
  expect(alignment.violationsBefore).toBe(0);
  for (const { offsetNs, correction } of alignment.domains) {
    expect({ offsetNs, correction }).toEqual({ offsetNs: 0, correction: null });
  }
});
