/** Slices, in one thread or in several, give the report of the whole window, to the last bit. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildReport } from '#lib/analysis/build-report.ts';
import { fitLoadSums } from '#lib/analysis/load-model.ts';
import type { Report } from '#lib/analysis/report-types.ts';
import { seamHolds } from '#lib/analysis/seam.ts';
import type { SharedFacts } from '#lib/analysis/slice.ts';
import { joinParts, type PartOfWindow, SlicedWindow } from '#lib/analysis/sliced-report.ts';
import { addNanos } from '#lib/base/units.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { pickRows } from '#test/support/pick-rows.ts';
import { pipelineTable, RANDOM_BASE_UNIX_NS, wildTables } from '#test/support/random-tables.ts';
import { tinyWorlds } from '#test/support/tiny-worlds.ts';

const at = (ns: number) => addNanos(RANDOM_BASE_UNIX_NS, ns);

interface Sliced {
  readonly report: Report | null;
  readonly slices: number;
  readonly again: number;
}

/** null: not to be cut. `cuts`: where one thread's part ends and the next one's begins. */
async function sliced(
  events: readonly EventTable[],
  window: PartOfWindow,
  cuts: readonly number[],
  sliceEvents: number,
): Promise<Sliced | null> {
  const ends = [...cuts.map(at), undefined];
  const windows = ends.map((to, i) => {
    const from = i === 0 ? undefined : ends[i - 1];
    const own = {
      ...(from === undefined ? {} : { fromUnixNs: from }),
      ...(to === undefined ? {} : { toUnixNs: to }),
    };
    return SlicedWindow.of(events, 'prod', window, own, sliceEvents);
  });
  if (windows.includes(null)) return null;
  const parts = windows.flatMap((one) =>
    Array.from({ length: one!.length }, (_, slice) => ({ one: one!, slice })),
  );
  const loadModel = fitLoadSums(windows.map((one) => one!.loadSums()));
  for (const one of windows) one!.setLoadModel(loadModel);
  let again = 0;
  const report = await joinParts(
    parts.map(({ one, slice }) => one.part(slice, null)),
    (p, known) => {
      again++;
      return parts[p]!.one.part(parts[p]!.slice, known);
    },
    'prod',
    parts[0]!.one.window,
    { clock: null },
  );
  return { report, slices: parts.length, again };
}

/** As a store gives a side of the seam: the events that overlap what it reads. */
function readFrom(events: readonly EventTable[], fromNs: number, toNs: number): EventTable[] {
  return events.map((table) => {
    const shiftNs = Number(table.baseUnixNs - RANDOM_BASE_UNIX_NS);
    const rows = Array.from(table.startNs.keys()).filter((row) => {
      const start = table.startNs[row]! + shiftNs;
      return start <= toNs && start + table.durationNs[row]! >= fromNs;
    });
    return pickRows(table, rows);
  });
}

describe('a report of two sides that read a little beyond their seam', () => {
  it('is that of the whole window where the sides agree that it was enough', async () => {
    const seen = { held: 0, refused: 0 };
    const tables = fc.oneof(
      wildTables,
      fc.nat(1_000_000).map((seed) => [pipelineTable(seed)]),
    );
    await fc.assert(
      fc.asyncProperty(
        tables,
        fc.integer({ min: 5, max: 80 }),
        fc.integer({ min: 0, max: 40 }),
        async (events, seam, margin) => {
          const window = { fromUnixNs: at(-40), toUnixNs: at(300) };
          const seamUnixNs = at(seam);
          const before = readFrom(events, Number.NEGATIVE_INFINITY, seam + margin);
          const after = readFrom(events, seam - margin, Number.POSITIVE_INFINITY);
          const first = SlicedWindow.of(before, 'prod', window, { toUnixNs: seamUnixNs }, 10);
          const second = SlicedWindow.of(after, 'prod', window, { fromUnixNs: seamUnixNs }, 10);
          if (first === null || second === null) return;
          const sides = [first, second].map((side) => side.stepsAround(seamUnixNs));
          if (!seamHolds(sides[0]!, sides[1]!, margin)) {
            seen.refused++;
            return;
          }
          const loadModel = fitLoadSums([first.loadSums(), second.loadSums()]);
          for (const side of [first, second]) side.setLoadModel(loadModel);
          const parts = [...first.parts(), ...second.parts()];
          const again = (p: number, known: SharedFacts) =>
            p < first.length ? first.part(p, known) : second.part(p - first.length, known);
          const found = await joinParts(parts, again, 'prod', window, { clock: null });
          if (found === null) return;
          expect(found).toEqual(buildReport({ events, deployment: 'prod', window }));
          seen.held++;
        },
      ),
      { seed: 22, numRuns: 600 },
    );
    expect(seen.held).toBeGreaterThan(50);
    expect(seen.refused).toBeGreaterThan(50);
  });
});

const windows = fc.record({
  from: fc.option(fc.integer({ min: -10, max: 90 }), { nil: undefined }),
  to: fc.option(fc.integer({ min: 20, max: 150 }), { nil: undefined }),
});
const cutLists = fc
  .array(fc.integer({ min: 0, max: 120 }), { maxLength: 2 })
  .map((cuts) => [...new Set(cuts)].sort((a, b) => a - b));

describe('a report in slices', () => {
  it.each([
    ['wild tables', wildTables, 400],
    ['pipelines with holes', fc.nat(1_000_000).map((seed) => [pipelineTable(seed)]), 150],
    ['simulated worlds of one and two domains', tinyWorlds.map((table) => [table]), 200],
  ] as const)('of %s is the report of the whole window', async (_, tables, numRuns) => {
    const seen = { sliced: 0, again: 0 };
    await fc.assert(
      fc.asyncProperty(
        tables,
        windows,
        cutLists,
        fc.integer({ min: 1, max: 20 }),
        async (events, { from, to }, cuts, sliceEvents) => {
          const window = {
            ...(from === undefined ? {} : { fromUnixNs: at(from) }),
            ...(to === undefined ? {} : { toUnixNs: at(to) }),
          };
          const found = await sliced(events, window, cuts, sliceEvents);
          if (found === null || found.report === null) return;
          const { startUnixNs, endUnixNs } = found.report.window;
          const whole = buildReport({
            events,
            deployment: 'prod',
            window: {
              fromUnixNs: at(Number(BigInt(startUnixNs) - RANDOM_BASE_UNIX_NS)),
              toUnixNs: at(Number(BigInt(endUnixNs) - RANDOM_BASE_UNIX_NS)),
            },
          });
          expect(found.report).toEqual(whole);
          if (found.slices > 1) seen.sliced++;
          if (found.again > 0) seen.again++;
        },
      ),
      { seed: 21, numRuns },
    );
    expect(seen.sliced).toBeGreaterThan(numRuns / 10);
    expect(seen.again).toBeGreaterThan(0);
  });

  it('of domains that share workers has the critical paths of the whole window', async () => {
    const spec = scenarioSpec('healthy', { layers: 5, domains: 3, attentionWorkers: 5 });
    const table = simulateSteps({ ...spec, deployment: 'prod' }, { steps: 7, seed: 8 });
    const lastNs = table.startNs.reduce((last, ns) => Math.max(last, ns), 0);
    const start = (part: number) => addNanos(table.baseUnixNs, Math.round(lastNs * part));
    for (const sliceEvents of [50, 300, 900]) {
      const window = { fromUnixNs: start(0.17), toUnixNs: start(0.83) };
      const found = await sliced([table], window, [], sliceEvents);
      const whole = buildReport({ events: [table], deployment: 'prod', window });
      expect(found!.slices).toBeGreaterThan(2);
      expect(whole.criticalPath!.steps).toBeGreaterThan(6);
      expect(found!.report!.criticalPath).toEqual(whole.criticalPath);
    }
  });
});
