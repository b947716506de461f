import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { floorTo } from '#lib/base/units.ts';
import { chromeTrace } from '#lib/export/chrome.ts';
import type { ExportPart } from '#lib/export/export-part.ts';
import { assemble } from '#lib/model/assemble.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { selectRows } from '#lib/table/event-tables.ts';
import { type ChromeEvent, rowsOfTrace, tableRows } from '#test/support/chrome-rows.ts';
import { exportBytes, storeOf } from '#test/support/export-file.ts';
import { type PartsAsked, partsOf } from '#test/support/export-parts.ts';
import { wildTables } from '#test/support/random-tables.ts';
import { skewedCluster } from '#test/support/skewed-cluster.ts';
import { tinyWorlds } from '#test/support/tiny-worlds.ts';

interface Trace {
  readonly baseTimeNanoseconds: number;
  readonly traceEvents: readonly ChromeEvent[];
  readonly afdscope: { readonly events: number; readonly slices: number; readonly flows: number };
}

const RUNS = { numRuns: 40 };

async function traceOf(tables: readonly EventTable[], asked: PartsAsked): Promise<Trace> {
  const store = await storeOf(tables);
  const { parts, selection } = await partsOf(store, asked);
  const options = {
    baseUnixNs: floorTo(selection.window.fromUnixNs - 10_000_000_000n, 1_000_000_000n),
    choice: {},
    withBubbles: true,
    about: new Map(),
  };
  let text = '';
  const decoder = new TextDecoder();
  for await (const piece of chromeTrace(inTurn(parts), options)) text += decoder.decode(piece);
  return JSON.parse(text) as Trace;
}

async function* inTurn(parts: readonly ExportPart[]): AsyncGenerator<ExportPart> {
  yield* parts;
}

const ns = (us: number): number => Math.round(us * 1000);
const threadOf = ({ pid, tid }: ChromeEvent): string => `${pid}/${tid}`;

/** By thread; the ends are what a viewer sees. */
function slicesByThread({ traceEvents }: Trace): Map<string, ChromeEvent[]> {
  return Map.groupBy(
    traceEvents.filter(({ ph }) => ph === 'X'),
    threadOf,
  );
}

function expectNesting(trace: Trace): void {
  for (const slices of slicesByThread(trace).values()) {
    const open: number[] = [];
    const sorted = [...slices].sort((a, b) => a.ts! - b.ts! || b.dur! - a.dur!);
    for (const { ts, dur } of sorted) {
      const start = ns(ts!);
      const end = start + ns(dur!);
      while (open.length > 0 && open.at(-1)! <= start) open.pop();
      if (open.length > 0) expect(end).toBeLessThanOrEqual(open.at(-1)!);
      open.push(end);
    }
  }
}

/** Each flow starts once, first, ends once, and every point lies in a slice of the right stage. */
function expectFlows(trace: Trace): number {
  const threads = slicesByThread(trace);
  const points = trace.traceEvents.filter(({ ph }) => 'stf'.includes(ph));
  const flows = Map.groupBy(points, ({ id }) => id);
  for (const flow of flows.values()) {
    const starts = flow.filter(({ ph }) => ph === 's');
    expect([starts.length, flow.filter(({ ph }) => ph === 'f').length]).toEqual([1, 1]);
    expect(new Set(flow.map(({ name }) => name)).size).toBe(1);
    for (const point of flow) {
      if (point.ph !== 's') {
        expect(point.bp).toBe('e');
        expect(point.ts!).toBeGreaterThan(starts[0]!.ts!);
      }
      const at = ns(point.ts!);
      const under = threads.get(threadOf(point))!.filter(({ ts, dur }) => {
        return ns(ts!) <= at && (at < ns(ts!) + ns(dur!) || at === ns(ts!));
      });
      expect(under.length).toBeGreaterThan(0);
      const fits = under.some(({ args }) => {
        const isReceive = args!.kind === 'receive' || args!.afd === 2;
        const stage = String(args!.stage ?? '');
        if (point.ph === 's') return stage.endsWith('_send') || args!.afd === 2;
        return isReceive || stage === 'expert' || stage === 'f2a_send';
      });
      expect(fits).toBe(true);
    }
  }
  expect(trace.afdscope.flows).toBe(flows.size);
  return flows.size;
}

vi.setConfig({ testTimeout: 120_000 });

describe('Chrome traces', () => {
  test('any events: nothing overlaps on a thread, flows bind, every event comes back', async () => {
    await fc.assert(
      fc.asyncProperty(wildTables, fc.integer({ min: 1, max: 60 }), async (tables, partEvents) => {
        const own = tables.map((table) => prodRows(table)).filter(({ length }) => length > 0);
        fc.pre(own.length > 0);
        const trace = await traceOf(tables, { deployment: 'prod', partEvents });
        expectNesting(trace);
        expectFlows(trace);
        expect(rowsOfTrace(trace)).toEqual(tableRows(own));
        expect(trace.afdscope.events).toBe(own.reduce((sum, { length }) => sum + length, 0));
      }),
      RUNS,
    );
  });

  test('tiny pipelines, in parts: the same slices and flows as in one', async () => {
    await fc.assert(
      fc.asyncProperty(tinyWorlds, fc.integer({ min: 5, max: 200 }), async (table, partEvents) => {
        fc.pre(table.length > 0);
        const deployment = table.workers[0]!.deployment;
        const whole = await traceOf([table], { deployment });
        const trace = await traceOf([table], { deployment, partEvents });
        expectNesting(trace);
        expect(expectFlows(trace)).toBe(expectFlows(whole));
        // A receive without a send is cut by what else is seen on its link, and that by part.
        const { receives } = assemble([table], deployment);
        if (!receives.lastSend.includes(-1)) {
          expect(eventSlices(trace)).toEqual(eventSlices(whole));
        }
        expect(rowsOfTrace(trace)).toEqual(tableRows([table]));
      }),
      RUNS,
    );
  });

  test('hosts whose clocks are off, a window of it in parts: aligned, cut, and raw times kept', async () => {
    const { spec, reported } = skewedCluster(7, { steps: 6, offsetNs: 3e6, driftPpm: 40 });
    const { deployment } = spec;
    const last = reported.startNs.reduce((a, b) => Math.max(a, b), 0);
    const window = {
      from: String(reported.baseUnixNs + BigInt(Math.round(last * 0.3))),
      to: String(reported.baseUnixNs + BigInt(Math.round(last * 0.7))),
    };
    const trace = await traceOf([reported], { deployment, ...window, partEvents: 700 });
    expectNesting(trace);
    expect(expectFlows(trace)).toBeGreaterThan(500);
    const all = new Set(tableRows([reported]));
    const rows = rowsOfTrace(trace);
    expect(rows.every((row) => all.has(row))).toBe(true);
    expect(new Set(rows).size).toBe(trace.afdscope.events);
    const waits = trace.traceEvents.filter(({ ph, cat }) => ph === 'X' && cat === 'wait');
    expect(waits.filter(({ args }) => args!.cause !== undefined).length).toBeGreaterThan(100);
    expect(trace.traceEvents.filter(({ cat }) => cat === 'bubble').length).toBeGreaterThan(100);
    const moved = trace.traceEvents.filter(({ args }) => args?.aligned_by_ns !== undefined);
    expect(moved.length).toBeGreaterThan(100);
  });

  test('names processes and threads, in the order of sides and streams', async () => {
    const { spec, reported } = skewedCluster(7, { steps: 2, offsetNs: 0, driftPpm: 0 });
    const store = await storeOf([reported]);
    const bytes = await exportBytes(store, { format: 'chrome', deployment: spec.deployment });
    const { traceEvents, baseTimeNanoseconds } = JSON.parse(bytes.toString()) as Trace;
    const named = (name: string) => traceEvents.filter((event) => event.name === name);
    const processes = named('process_name').map(({ args }) => args!.name);
    expect(processes).toContain('ffn/0 (node-4)');
    expect(processes).toHaveLength(12);
    const threads = new Set(named('thread_name').map(({ args }) => args!.name));
    for (const stream of ['compute', 'transfer', 'wait', 'bubble', 'host']) {
      expect(threads).toContain(stream);
    }
    const orders = named('process_sort_index').map(({ pid, args }) => [pid, args!.sort_index]);
    expect(new Set(orders.map(([, order]) => order)).size).toBe(12);
    // A double holds it as it is.
    expect(bytes.toString()).toContain(`"baseTimeNanoseconds":${BigInt(baseTimeNanoseconds)},`);
  });
});

/** What is shown, without numbers that depend on the order of writing. */
function eventSlices({ traceEvents }: Trace): string[] {
  const names = new Map(
    traceEvents
      .filter(({ name }) => name === 'process_name')
      .map(({ pid, args }) => [pid, args!.name]),
  );
  return traceEvents
    .filter(({ ph, cat }) => ph === 'X' && cat !== 'bubble')
    .map(({ pid, ts, dur, name, cat, args }) => {
      const { source: _source, cause: _cause, ...rest } = args!;
      return JSON.stringify([names.get(pid), ts, dur, name, cat, rest]);
    })
    .sort();
}

function prodRows(table: EventTable): EventTable {
  const rows: number[] = [];
  for (let i = 0; i < table.length; i++) {
    if (table.workers[table.worker[i]!]!.deployment === 'prod') rows.push(i);
  }
  return selectRows(table, Uint32Array.from(rows));
}
