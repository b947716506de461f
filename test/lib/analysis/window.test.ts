/** Windows: what a margin loads is enough, order does not matter, buckets add up. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildReport } from '#lib/analysis/build-report.ts';
import { mergeRollups, rollupBuckets } from '#lib/analysis/rollup-buckets.ts';
import { addNanos, unixNanos } from '#lib/base/units.ts';
import { assemble } from '#lib/model/assemble.ts';
import { endsInWindow } from '#lib/model/select-window.ts';
import { ROLLUP_LENGTHS, type RollupLengthName } from '#lib/table/rollups.ts';
import { seededRandom } from '#test/support/afd-table.ts';
import { overlaps, readRows, selectEvents } from '#test/support/oracle.ts';
import { pickRows } from '#test/support/pick-rows.ts';
import { pipelineTable, RANDOM_BASE_UNIX_NS, wildTables } from '#test/support/random-tables.ts';

const windows = fc
  .record({ from: fc.nat(90), length: fc.integer({ min: 1, max: 60 }) })
  .map(({ from, length }) => ({ from, to: from + length }));

const inUnix = (w: { from: number; to: number }) => ({
  fromUnixNs: addNanos(RANDOM_BASE_UNIX_NS, w.from),
  toUnixNs: addNanos(RANDOM_BASE_UNIX_NS, w.to),
});

describe('a sample', () => {
  const window = { fromNs: 10, toNs: 20 };

  it.each([
    ['ends inside', 5, 15, true],
    ['ends on the last edge', 5, 20, true],
    ['ends on the first edge', 5, 10, false],
    ['ends later', 15, 21, false],
    ['is an instant on the first edge', 10, 10, true],
    ['is out of order and ends before', 15, 5, false],
    ['is out of order and ends inside', 25, 15, true],
  ])('that %s', (_, startNs, endNs, counts) => {
    expect(endsInWindow(startNs, endNs, window)).toBe(counts);
  });
});

describe('a window', () => {
  it('needs only its steps, their neighbours and its events without a step', async () => {
    await fc.assert(
      fc.property(wildTables, windows, fc.nat(1000), (tables, w, seed) => {
        const random = seededRandom(seed);
        const all = readRows(tables, 'prod');
        const needed = new Set(selectEvents(all, w).map((e) => JSON.stringify(e)));
        const limited = tables.map((table) => {
          const rows = Array.from({ length: table.length }, (_, row) => row).filter((row) => {
            const [event] = readRows([tables[0]!, pickRows(table, [row])], 'prod').slice(-1);
            if (event === undefined || needed.has(JSON.stringify(event))) return true;
            return overlaps(event.start, event.end, w) || random() < 0.3;
          });
          return pickRows(table, rows);
        });
        const report = (events: typeof tables) =>
          buildReport({ events, deployment: 'prod', window: inUnix(w) });
        expect(report(limited)).toEqual(report(tables));
      }),
      { seed: 11, numRuns: 150 },
    );
  });

  it('gives the same report whatever the order of rows and tables', async () => {
    await fc.assert(
      fc.property(fc.nat(10_000), fc.nat(1000), (tableSeed, seed) => {
        const table = pipelineTable(tableSeed);
        const random = seededRandom(seed);
        const rows = Array.from({ length: table.length }, (_, row) => row);
        const keyed = rows.map((row) => ({ row, key: random() })).sort((a, b) => a.key - b.key);
        const shuffled = keyed.map(({ row }) => row);
        const half = Math.floor(rows.length / 2);
        const parts = [
          pickRows(table, shuffled.slice(half)),
          pickRows(table, shuffled.slice(0, half)),
        ];
        const report = (events: (typeof table)[]) => buildReport({ events, deployment: 'prod' });
        expect(report(parts)).toEqual(report([table]));
      }),
      { seed: 12, numRuns: 60 },
    );
  });

  it('that holds nothing gives a valid, empty report', () => {
    const empty = buildReport({ events: [], deployment: 'prod' });
    expect(empty.window.durationNs).toBe(0);
    expect(empty.workers).toEqual([]);
    expect(empty.quality.events).toBe(0);
    const before = { fromUnixNs: unixNanos(5n), toUnixNs: unixNanos(25n) };
    const report = buildReport({ events: [pipelineTable(1)], deployment: 'prod', window: before });
    expect(report.window).toEqual({ startUnixNs: '5', endUnixNs: '25', durationNs: 20 });
    expect(report.workers).toEqual([]);
    expect(report.balance).toBeNull();
  });
});

describe('rollup buckets', () => {
  it('add up to the report of the whole window, at any resolution', async () => {
    await fc.assert(
      fc.property(
        fc.oneof(
          wildTables,
          fc.nat(10_000).map((seed) => [pipelineTable(seed)]),
        ),
        windows,
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 4 }),
        (tables, w, resolutionNs, factor) => {
          const { fromUnixNs, toUnixNs } = inUnix(w);
          const assembled = assemble(tables, 'prod');
          const fine = rollupBuckets(assembled, fromUnixNs, toUnixNs, resolutionNs);
          const report = buildReport({
            events: tables,
            deployment: 'prod',
            window: { fromUnixNs, toUnixNs },
          });
          const merged = mergeRollups(fine, resolutionNs * factor);
          for (const rollups of [fine, merged]) {
            for (const worker of report.workers) {
              const own = rollups.workers.filter((row) => row.workerId === worker.id);
              const parts = {
                ...worker.bubble,
                ...worker.causes,
                unknownCauseNs: worker.causes.unknownNs,
                bubbleCopyNs: worker.bubble.copyNs,
                bubbleHostNs: worker.bubble.hostNs,
                ...worker,
              };
              const sumOf = (name: RollupLengthName): number =>
                own.reduce((total, row) => total + row.lengths[name], 0);
              for (const name of ROLLUP_LENGTHS) {
                // Each bucket has a load model of its own.
                if (name === 'loadExcessNs' || name === 'deviceExcessNs') continue;
                expect(sumOf(name), `${worker.id} ${name}`).toBe(parts[name]);
              }
              expect(sumOf('loadExcessNs') + sumOf('deviceExcessNs')).toBe(
                parts.loadExcessNs + parts.deviceExcessNs,
              );
            }
            const sum = (name: 'steps' | 'tokens' | 'periodSumNs') =>
              rollups.deployments.reduce((total, row) => total + row[name], 0);
            expect(sum('steps')).toBe(report.steps.count);
            expect(sum('tokens')).toBe(report.steps.tokens ?? 0);
            for (const row of [...rollups.workers, ...rollups.deployments]) {
              expect(row.bucketStartUnixNs % BigInt(row.resolutionNs)).toBe(0n);
            }
          }
        },
      ),
      { seed: 13, numRuns: 150 },
    );
  });

  it('count each event in the bucket of its start, and the ideal period by layer', () => {
    const table = pipelineTable(3);
    const assembled = assemble([table], 'prod');
    const from = unixNanos(RANDOM_BASE_UNIX_NS - 23n);
    const { workers, deployments } = rollupBuckets(assembled, from, addNanos(from, 1000), 1000);
    const events = workers.reduce((total, row) => total + row.events, 0);
    expect(events).toBe(buildReport({ events: [table], deployment: 'prod' }).quality.events);
    const report = buildReport({
      events: [table],
      deployment: 'prod',
      window: { fromUnixNs: from, toUnixNs: addNanos(from, 1000) },
    });
    const one = deployments.filter((row) => row.idealPeriodCount > 0);
    const sum = one.reduce((total, row) => total + row.idealPeriodSumNs, 0);
    const count = one.reduce((total, row) => total + row.idealPeriodCount, 0);
    expect(report.balance).not.toBeNull();
    expect(sum / count).toBeCloseTo(report.balance!.idealPeriodNs, 6);
  });
});
