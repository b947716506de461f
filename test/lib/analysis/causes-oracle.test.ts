/** Every idle instant's cause and culprit, against an oracle that looks at one instant at a time. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { causeSegments } from '#lib/analysis/cause-segments.ts';
import { CAUSES } from '#lib/analysis/causes.ts';
import { assemble } from '#lib/model/assemble.ts';
import { STAGES } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { distinct, logicalReceives, readRows } from '#test/support/oracle.ts';
import { OracleCauses } from '#test/support/oracle-causes.ts';
import { pipelineTable, wildTables } from '#test/support/random-tables.ts';
import { tinyWorlds } from '#test/support/tiny-worlds.ts';

/** "cause culprit" of every instant; '' where the worker does not wait. */
function found(tables: readonly EventTable[]): Map<string, string[]> {
  const assembled = assemble(tables, 'prod');
  const { workers, baseUnixNs } = assembled.events;
  const shift = Number(baseUnixNs - tables[0]!.baseUnixNs);
  const window = { fromNs: assembled.firstStartNs, toNs: assembled.lastEndNs };
  const length = window.toNs + shift;
  const segments = causeSegments(assembled, window, [...workers.keys()]);
  return new Map(
    workers.map((worker, w) => {
      const instants = new Array<string>(Math.max(0, length)).fill('');
      const { startNs, endNs, cause, culprit } = segments[w]!;
      let reached = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < startNs.length; i++) {
        expect(startNs[i]).toBeGreaterThanOrEqual(reached);
        expect(endNs[i]).toBeGreaterThan(startNs[i]!);
        reached = endNs[i]!;
        const name = CAUSES[cause[i]!]!;
        const told = name === 'loadExcessNs' ? 'deviceExcessNs' : name;
        const blamed = culprit[i]! < 0 ? 'nobody' : workerId(workers[culprit[i]!]!);
        instants.fill(`${told} ${blamed}`, startNs[i]! + shift, endNs[i]! + shift);
      }
      return [workerId(worker), instants];
    }),
  );
}

function expected(tables: readonly EventTable[], ids: Iterable<string>): Map<string, string[]> {
  const events = distinct(readRows(tables, 'prod'));
  const receives = logicalReceives(events, [...STAGES, 'mystery']);
  const oracle = new OracleCauses(events, receives);
  const to = Math.max(0, ...events.map((e) => e.end));
  return new Map(
    [...ids].map((id) => [
      id,
      oracle
        .ofWorker(id, { from: 0, to })
        .map((one) => (one === null ? '' : `${one.cause} ${one.culprit ?? 'nobody'}`)),
    ]),
  );
}

/** Both networks of a way are mixed: how many instants each has in a stretch counts, not which. */
function canonical(all: Map<string, string[]>): Map<string, string[]> {
  return new Map(
    [...all].map(([id, instants]) => {
      const sorted = [...instants];
      for (let from = 0; from < sorted.length; from++) {
        let to = from;
        while (to < sorted.length && sorted[to]!.includes('Network')) to++;
        if (to > from) sorted.splice(from, to - from, ...sorted.slice(from, to).sort());
        from = Math.max(from, to);
      }
      return [id, sorted];
    }),
  );
}

function check(tables: readonly EventTable[], seen: Map<string, number>): void {
  const actual = found(tables);
  expect(canonical(actual)).toEqual(canonical(expected(tables, actual.keys())));
  for (const instants of actual.values()) {
    for (const instant of instants) {
      const [cause] = instant.split(' ');
      seen.set(cause!, (seen.get(cause!) ?? 0) + 1);
    }
  }
}

const TOLD = CAUSES.filter((cause) => cause !== 'loadExcessNs');

describe('causes of waiting agree with the oracle, instant by instant', () => {
  it('in simulated worlds', async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.property(tinyWorlds, (table) => check([table], seen)),
      { seed: 31, numRuns: 120 },
    );
    for (const cause of TOLD) expect(seen.get(cause) ?? 0, cause).toBeGreaterThan(20);
  });

  it('in pipelines with holes, collectives and late parts', async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.property(fc.nat(1_000_000), (seed) => check([pipelineTable(seed)], seen)),
      { seed: 32, numRuns: 250 },
    );
    for (const cause of TOLD) {
      if (cause === 'peerQueueNs') continue;
      expect(seen.get(cause) ?? 0, cause).toBeGreaterThan(20);
    }
  });

  it('in wild tables', async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.property(wildTables, (tables) => check(tables, seen)),
      { seed: 33, numRuns: 1500 },
    );
    expect(seen.get('unknownNs')).toBeGreaterThan(500);
  });
});
