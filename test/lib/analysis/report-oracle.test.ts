/** The whole report against the naive oracle, on random tables and random windows. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { activityOf, noActivity } from '#lib/analysis/activity.ts';
import { buildReport } from '#lib/analysis/build-report.ts';
import type { Activity, Balance, Report } from '#lib/analysis/report-types.ts';
import { addNanos } from '#lib/base/units.ts';
import { STAGES } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { expectNearlyEqual } from '#test/support/nearly-equal.ts';
import {
  distinct,
  endsIn,
  logicalReceives,
  type OracleWindow,
  oracleActivity,
  oracleQuantiles,
  overlaps,
  readRows,
  selectEvents,
  workerSlots,
} from '#test/support/oracle.ts';
import { OracleCauses } from '#test/support/oracle-causes.ts';
import { oraclePipeline, oracleSteps } from '#test/support/oracle-pipeline.ts';
import { pipelineTable, RANDOM_BASE_UNIX_NS, wildTables } from '#test/support/random-tables.ts';

const ROLE_ORDER = ['attention', 'ffn', 'colocated', 'prefill'];

type Checked = Pick<
  Report,
  'topology' | 'steps' | 'groups' | 'workers' | 'layers' | 'stages' | 'quality'
> & { readonly balance: object | null };

/** The parts of a report that the oracle knows. */
function checkedParts(report: Report): Checked {
  const { topology, steps, layers, stages, quality } = report;
  const groups = report.groups.map(withOneExcess);
  const workers = report.workers.map(withOneExcess);
  const balance = figuresOf(report.balance);
  return { topology, steps, groups, workers, layers, stages, balance, quality };
}

/** Advice is checked by worlds that have what it proposes (advice.test.ts). */
function figuresOf(balance: Balance | null): object | null {
  if (balance === null) return null;
  const { advice: _advice, ratioMargin: _margin, ...figures } = balance;
  return figures;
}

/** What of the excess is load's is not the oracle's business. */
function withOneExcess<T extends Activity>(one: T): T {
  const { loadExcessNs, deviceExcessNs } = one.causes;
  return {
    ...one,
    causes: { ...one.causes, loadExcessNs: 0, deviceExcessNs: deviceExcessNs + loadExcessNs },
  };
}

function oracleReport(tables: readonly EventTable[], given: OracleWindow | null): object {
  const copies = readRows(tables, 'prod');
  const all = distinct(copies);
  const whole = {
    from: Math.min(...all.map((e) => e.start)),
    to: Math.max(...all.map((e) => e.end)),
  };
  const w = given ?? (all.length === 0 ? { from: 0, to: 0 } : whole);
  const events = selectEvents(all, w);
  const selectedCopies = selectEvents(copies, w);
  const receives = logicalReceives(events, [...STAGES, 'mystery']);
  const seen = events.filter((e) => overlaps(e.start, e.end, w));
  const microbatches = Math.max(0, ...seen.map((e) => e.microbatch + 1));
  const ids = [...new Set(events.map((e) => e.id))];
  const infoOf = (id: string) => events.find((e) => e.id === id)!.info;
  ids.sort((a, b) => {
    const [x, y] = [infoOf(a), infoOf(b)];
    return ROLE_ORDER.indexOf(x.role) - ROLE_ORDER.indexOf(y.role) || x.rank - y.rank;
  });
  const causes = new OracleCauses(events, receives);
  const lengths = ids.map((id) => {
    const sum = { ...noActivity(), ...oracleActivity(workerSlots(events, receives, id), w) };
    for (const instant of causes.ofWorker(id, w)) {
      if (instant === null || instant.cause === 'unknownNs') continue;
      sum[instant.cause as keyof typeof sum]++;
      sum.unknownCauseNs--;
    }
    return sum;
  });
  const groups = [...new Set(ids.map((id) => infoOf(id).group))];
  const { layers, counts, balance } = oraclePipeline(events, receives, w, microbatches);
  return {
    topology: {
      attention: ids.filter((id) => infoOf(id).role === 'attention').length,
      ffn: ids.filter((id) => infoOf(id).role === 'ffn').length,
      microbatches,
      layers: Math.max(0, ...seen.map((e) => e.layer + 1)),
    },
    steps: oracleSteps(
      events,
      w,
      ids.flatMap((id, i) =>
        ['attention', 'colocated'].includes(infoOf(id).role) ? [lengths[i]!.observedNs] : [],
      ),
    ),
    groups: groups.map((group) => {
      const sum = noActivity();
      const own = ids.flatMap((id, i) => (infoOf(id).group === group ? [lengths[i]!] : []));
      for (const one of own) {
        for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += one[name];
      }
      return { group, role: group, workers: own.length, ...activityOf(sum) };
    }),
    workers: ids.map((id, i) => {
      const { group, role, rank, host, clockDomain } = infoOf(id);
      const clock = { clockOffsetNs: 0, clockErrorNs: 0 };
      return { id, group, role, rank, host, clockDomain, ...clock, ...activityOf(lengths[i]!) };
    }),
    layers,
    stages: groups.flatMap((group) =>
      [...STAGES, 'mystery'].flatMap((stage) => {
        const durations = events
          .filter((e) => e.info.group === group && e.stage === stage && endsIn(e.start, e.end, w))
          .map((e) => e.end - e.start);
        if (durations.length === 0) return [];
        const totalNs = durations.reduce((a, b) => a + b, 0);
        const durationNs = oracleQuantiles(durations);
        return [{ group, stage, count: durations.length, totalNs, durationNs }];
      }),
    ),
    balance,
    quality: {
      events: seen.length,
      duplicates: selectedCopies.filter((e) => overlaps(e.start, e.end, w)).length - seen.length,
      late: 0,
      rejected: {},
      unmatchedReceives: receives.filter((r) => r.last === null && overlaps(r.start, r.end, w))
        .length,
      ...counts,
    },
  };
}

function report(tables: readonly EventTable[], w: OracleWindow | null): Report {
  const window =
    w === null
      ? {}
      : {
          window: {
            fromUnixNs: addNanos(RANDOM_BASE_UNIX_NS, w.from),
            toUnixNs: addNanos(RANDOM_BASE_UNIX_NS, w.to),
          },
        };
  return buildReport({ events: tables, deployment: 'prod', ...window });
}

const windows = fc.option(
  fc.record({ from: fc.nat(90), length: fc.nat(60) }).map(({ from, length }) => ({
    from,
    to: from + length,
  })),
);

describe('report', () => {
  it('agrees with the oracle on wild tables', async () => {
    await fc.assert(
      fc.property(wildTables, windows, (tables, w) => {
        expectNearlyEqual(checkedParts(report(tables, w)), oracleReport(tables, w));
      }),
      { seed: 20_261_123, numRuns: 400 },
    );
  });

  it('agrees with the oracle on pipelines with holes', async () => {
    let balanced = 0;
    await fc.assert(
      fc.property(fc.nat(1_000_000), windows, (seed, w) => {
        const tables = [pipelineTable(seed)];
        const actual = report(tables, w);
        if (actual.balance !== null) balanced++;
        expectNearlyEqual(checkedParts(actual), oracleReport(tables, w));
      }),
      { seed: 7, numRuns: 80 },
    );
    expect(balanced).toBeGreaterThan(30);
  });
});
