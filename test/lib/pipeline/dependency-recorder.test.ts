/** What the simulation says of its own dependencies, over random pipelines. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { EventDependencies } from '#lib/pipeline/dependency-recorder.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { Kind, Stage } from '#lib/table/codes.ts';
import type { EventRow } from '#lib/table/event-table-builder.ts';
import { pipelineSpecs } from '#test/support/arbitrary-spec.ts';

const endOf = (event: EventRow) => event.startNs + event.durationNs;

it('every event starts, and every receive ends, when what binds it has ended', () => {
  const bound = { data: 0, worker: 0, link: 0, network: 0, nothing: 0 };
  fc.assert(
    fc.property(pipelineSpecs, fc.integer({ min: 0, max: 1000 }), (spec, seed) => {
      const all: EventDependencies[] = [];
      const table = simulateSteps(spec, {
        steps: 3,
        seed,
        dependencies: { add: (one) => all.push(one) },
      });
      expect(all).toHaveLength(table.length);
      all.forEach(({ event, startsAfter, endsAfter, binding }, number) => {
        expect(event.startNs).toBe(table.startNs[number]);
        for (const before of [...startsAfter, ...endsAfter]) expect(before).toBeLessThan(number);
        for (const before of startsAfter) {
          expect(endOf(all[before]!.event)).toBeLessThanOrEqual(event.startNs);
        }
        for (const before of endsAfter) {
          const { event: send } = all[before]!;
          expect(send).toMatchObject({ kind: Kind.transfer, layer: event.layer });
          expect(endOf(send)).toBeLessThanOrEqual(Math.max(endOf(event), event.startNs));
        }
        const isReceive = event.kind === Kind.receive;
        expect(endsAfter.length > 0).toBe(isReceive);
        if (binding < 0) {
          // Only the first thing that a worker does waits for nothing.
          expect(startsAfter).toEqual([]);
          bound.nothing++;
          return;
        }
        expect([...startsAfter, ...endsAfter]).toContain(binding);
        const before = all[binding]!.event;
        if (isReceive) {
          // One of several receives may be posted when its data is already there.
          expect(Math.max(event.startNs, endOf(before))).toBe(endOf(event));
          bound.network++;
        } else {
          expect(endOf(before)).toBe(event.startNs);
          if (before.kind === Kind.receive) bound.data++;
          else if (before.kind === Kind.transfer) bound.link++;
          else bound.worker++;
        }
      });
      const hosts = all.filter(({ event }) => event.stage === Stage.host);
      expect(hosts.length > 0).toBe(spec.hostGapNs > 0);
    }),
    { seed: 12, numRuns: 20 },
  );
  expect(Math.min(...Object.values(bound))).toBeGreaterThan(50);
});

it('recording changes nothing', () => {
  fc.assert(
    fc.property(pipelineSpecs, fc.integer({ min: 0, max: 1000 }), (spec, seed) => {
      const plain = simulateSteps(spec, { steps: 2, seed });
      const recorded = simulateSteps(spec, { steps: 2, seed, dependencies: { add: () => {} } });
      expect(recorded).toEqual(plain);
    }),
    { seed: 13, numRuns: 15 },
  );
});
