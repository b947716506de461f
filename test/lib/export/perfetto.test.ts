import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { EventTable } from '#lib/table/event-table.ts';
import type { ChromeEvent } from '#test/support/chrome-rows.ts';
import { exportBytes, storeOf } from '#test/support/export-file.ts';
import { type PerfettoTrace, readPerfetto } from '#test/support/perfetto-trace.ts';
import { wildTables } from '#test/support/random-tables.ts';
import { skewedCluster } from '#test/support/skewed-cluster.ts';

interface ChromeTrace {
  readonly baseTimeNanoseconds: number;
  readonly traceEvents: readonly ChromeEvent[];
}

async function bothOf(tables: readonly EventTable[], deployment: string) {
  const store = await storeOf(tables);
  const chrome = JSON.parse(
    (await exportBytes(store, { format: 'chrome', deployment })).toString(),
  ) as ChromeTrace;
  const perfetto = readPerfetto(await exportBytes(store, { format: 'perfetto', deployment }));
  return { chrome, perfetto };
}

/** Slices of both, said alike. */
function chromeSlices({ baseTimeNanoseconds, traceEvents }: ChromeTrace): string[] {
  const base = BigInt(baseTimeNanoseconds);
  const names = new Map(
    traceEvents
      .filter(({ name }) => name === 'process_name')
      .map(({ pid, args }) => [pid, args!.name]),
  );
  return traceEvents
    .filter(({ ph }) => ph === 'X')
    .map(({ pid, cat, name, ts, dur, args }) => {
      const start = base + BigInt(Math.round(ts! * 1000));
      const end = start + BigInt(Math.round(dur! * 1000));
      return JSON.stringify([names.get(pid), cat, name, String(start), String(end), args]);
    })
    .sort();
}

function perfettoSlices({ slices }: PerfettoTrace): string[] {
  return slices
    .map(({ path, category, name, startUnixNs, endUnixNs, args }) =>
      JSON.stringify([path[1], category, name, String(startUnixNs), String(endUnixNs), args]),
    )
    .sort();
}

/** How many slices each flow goes through, most first. */
const lengths = (flows: Map<unknown, unknown[]>): number[] =>
  [...flows.values()].map((stops) => stops.length).sort((a, b) => b - a);

function expectSame({ chrome, perfetto }: Awaited<ReturnType<typeof bothOf>>): number {
  expect(perfettoSlices(perfetto)).toEqual(chromeSlices(chrome));
  const points = chrome.traceEvents.filter(({ ph }) => 'stf'.includes(ph));
  const chromeFlows = Map.groupBy(points, ({ id }) => id);
  const stops = perfetto.slices.flatMap((slice) => slice.flows.map((flow) => ({ flow, slice })));
  const flows = Map.groupBy(stops, ({ flow }) => flow);
  expect(lengths(flows)).toEqual(lengths(chromeFlows));
  for (const flow of flows.values()) {
    // The send comes first by time, which is how Perfetto finds the direction.
    const first = flow.reduce((a, b) => (time(b.slice) < time(a.slice) ? b : a));
    expect(String(first.slice.args.stage ?? 'part')).toMatch(/_send|part/);
  }
  return flows.size;
}

/** Receives take their flows when they end. */
function time({ args, endUnixNs, startUnixNs, category }: PerfettoTrace['slices'][number]): bigint {
  const isReceive = args.kind === 'receive' || (args.afd === 2 && category === 'transfer');
  return isReceive ? endUnixNs : startUnixNs;
}

vi.setConfig({ testTimeout: 120_000 });

describe('Perfetto traces', () => {
  test('of any events say the same as Chrome traces, by an independent reader', async () => {
    await fc.assert(
      fc.asyncProperty(wildTables, async (tables) => {
        const own = tables.filter(({ workers, worker }) =>
          worker.some((w) => workers[w]!.deployment === 'prod'),
        );
        fc.pre(own.length > 0);
        expectSame(await bothOf(own, 'prod'));
      }),
      { numRuns: 40 },
    );
  });

  test('of hosts whose clocks are off: one clock a domain, with its offset', async () => {
    const { spec, reported, skews } = skewedCluster(7, { steps: 4, offsetNs: 3e6, driftPpm: 40 });
    const both = await bothOf([reported], spec.deployment);
    expect(expectSame(both)).toBeGreaterThan(500);
    const { slices, clockShifts } = both.perfetto;
    expect(slices[0]!.path[0]).toBe(spec.deployment);
    expect(clockShifts.size).toBe(skews.size);
    // The first host is right; the others' clocks are as far from it as they were made to be.
    const shifts = [...clockShifts.values()].map(Number).sort((a, b) => a - b);
    const wanted = [...skews.values()].map(({ offsetNs }) => offsetNs).sort((a, b) => a - b);
    const common = shifts[0]! - wanted[0]!;
    for (const [i, shift] of shifts.entries()) {
      expect(Math.abs(shift - common - wanted[i]!)).toBeLessThan(400_000);
    }
  });
});
