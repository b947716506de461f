/** What every telemetry store must do with packed steps. `tidy`: lets the store move what it likes. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { selectRows } from '#lib/table/event-tables.ts';
import { isPackedTable } from '#lib/table/packed-tables.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { afdTable, seededRandom } from '#test/support/afd-table.ts';
import { packedTableOf } from '#test/support/packed-table.ts';
import { eventRows } from '#test/support/table-rows.ts';
import { BASE, batchOf, collect, spans, window } from '#test/support/telemetry-batch.ts';

const FOREVER = { rawNs: 1e18, rawBytes: 1e18, rollupsNs: 1e18 };
const MS = 1_000_000;

export interface PackedStoreCase {
  readonly name: string;
  open(): Promise<TelemetryStore>;
  tidy(store: TelemetryStore): Promise<void>;
}

/** Steps of `workers` attention workers; step `i` begins about 50 ms after step `i - 1`. */
function stepsOf(firstStep: number, steps: number, workers = 2, seed = firstStep): EventTable {
  return afdTable({
    role: 'attention',
    workers,
    steps,
    layers: 4,
    firstStep,
    seed,
    measures: true,
    baseUnixNs: BASE + BigInt(firstStep * 50 * MS),
  });
}

export function describePackedStore({ name, open, tidy }: PackedStoreCase): void {
  describe(`${name}: packed steps`, () => {
    let store: TelemetryStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    const rowsOf = async (
      selection: { workers?: readonly string[]; from?: number; to?: number } = {},
    ): Promise<string[]> => {
      const { workers, from, to } = selection;
      return eventRows(
        await collect(
          store.scanEvents({
            deployment: 'prod',
            ...(workers === undefined ? {} : { workers }),
            ...(from === undefined || to === undefined ? {} : { window: window(from, to) }),
          }),
        ),
      );
    };

    test('come back as the events that they hold, among plain ones', async () => {
      const tables = Array.from({ length: 12 }, (_, i) => stepsOf(i * 2, 2));
      for (const [i, table] of tables.entries()) {
        const more = i % 3 === 0 ? [spans([[i * 50 * MS, 1000, i]])] : [];
        await store.append([
          batchOf(`b${i}`, { packed: [packedTableOf(table, i % 4)], events: more }),
        ]);
        if (i % 5 === 4) await tidy(store);
      }
      const plain = [0, 3, 6, 9].map((i) => spans([[i * 50 * MS, 1000, i]]));
      const expected = eventRows([...tables, ...plain]);
      expect(await rowsOf()).toEqual(expected);
      await tidy(store);
      expect(await rowsOf()).toEqual(expected);
    });

    test('several in one batch, of several deployments, are kept apart', async () => {
      const mixed = stepsOf(1, 3, 2);
      const workers = mixed.workers.map((info, i) => ({
        ...info,
        deployment: i === 0 ? 'x' : 'prod',
      }));
      const table = { ...mixed, workers };
      await store.append([
        batchOf('a', { packed: [packedTableOf(table), packedTableOf(stepsOf(9, 1, 1))] }),
      ]);
      await tidy(store);
      const x = await collect(store.scanEvents({ deployment: 'x' }));
      const prod = await collect(store.scanEvents({ deployment: 'prod' }));
      expect(eventRows([...x, ...prod])).toEqual(eventRows([table, stepsOf(9, 1, 1)]));
      expect(x.flatMap((t) => t.workers.map(({ deployment }) => deployment))).not.toContain('prod');
    });

    test('a window and workers choose exactly what they say', async () => {
      const random = seededRandom(7);
      const tables = [0, 1, 2, 3, 4, 5].map((i) => stepsOf(i * 4, 4, 3));
      for (const [i, table] of tables.entries()) {
        await store.append([batchOf(`b${i}`, { packed: [packedTableOf(table)] })]);
        if (i === 2) await tidy(store);
      }
      await store.append([batchOf('plain', { events: [spans([[0, 2e9]], { rank: 1 })] })]);
      const all = [...tables, spans([[0, 2e9]], { rank: 1 })];
      for (let round = 0; round < 30; round++) {
        const from = Math.floor((random() - 0.1) * 1500 * MS);
        const to = from + Math.floor(random() * 300 * MS);
        const workers = ['attention/0', 'attention/1', 'attention/2'].filter(() => random() < 0.6);
        const expected = all.flatMap((table) => pick(table, from, to, workers));
        expect(await rowsOf({ from, to, workers })).toEqual(expected.sort());
      }
      expect(await rowsOf({ workers: ['attention/9', 'nobody', 'a/b/c'] })).toEqual([]);
    });

    test('slices come oldest first, are bounded, and stay packed where that is asked', async () => {
      const wide = stepsOf(0, 700, 3);
      const early = { ...stepsOf(900, 1, 1), baseUnixNs: unixNanos(BASE - 10n ** 9n) };
      await store.append([batchOf('a', { packed: [packedTableOf(wide)] })]);
      await store.append([batchOf('b', { packed: [packedTableOf(early)] })]);
      await tidy(store);
      const slices = await collect(store.scanEvents({ deployment: 'prod' }));
      const sizes = slices.map(({ length }) => length);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(65_536);
      expect(sizes.reduce((a, b) => a + b)).toBe(wide.length + early.length);
      expect(slices.length).toBeGreaterThan(1);
      expect(slices[0]!.step[0]).toBe(900);
      const raw = await collect(store.scanSteps({ deployment: 'prod', workers: ['attention/1'] }));
      expect(raw.every(isPackedTable)).toBe(true);
      const ids = raw.flatMap((t) => [...t.worker].map((w) => workerId(t.workers[w]!)));
      expect(new Set(ids)).toEqual(new Set(['attention/1']));
    });

    test('steps that lie years apart in one batch, and over several, are all kept', async () => {
      const years = [0n, 3n, 6n, 1n].map((n) => n * 31_557_600_000_000_000n);
      const tables = years.map((ns, i) => ({
        ...stepsOf(i, 1, 2),
        baseUnixNs: unixNanos(BASE - ns),
      }));
      await store.append([
        batchOf('a', { packed: tables.slice(0, 3).map((t) => packedTableOf(t)) }),
      ]);
      await store.append([batchOf('b', { packed: [packedTableOf(tables[3]!)] })]);
      await tidy(store);
      expect(await rowsOf()).toEqual(eventRows(tables));
      expect(await rowsOf({ from: 0, to: 1e9 })).toEqual(eventRows([tables[0]!]));
    });

    test('a step that is stored is not stored again, in whatever request it comes', async () => {
      const table = stepsOf(1, 4, 2);
      const packed = packedTableOf(table);
      const more = packedTableOf(stepsOf(5, 1, 2));
      const [first] = await store.append([batchOf('a', { packed: [packed] })]);
      expect(first).toMatchObject({
        duplicate: false,
        freshPacked: [null],
        duplicateStepEvents: 0,
      });
      await tidy(store);
      const outcomes = await store.append([
        batchOf('b', { packed: [packed, more] }),
        batchOf('c', { packed: [more] }),
      ]);
      expect(outcomes[0]).toMatchObject({ duplicate: false, duplicateStepEvents: table.length });
      expect(outcomes[0]!.freshPacked).toEqual([new Uint32Array(0), null]);
      expect(outcomes[1]!.freshPacked).toEqual([new Uint32Array(0)]);
      expect(outcomes[0]!.sequence).toBeGreaterThan(first!.sequence);
      expect(await rowsOf()).toEqual(eventRows([table, stepsOf(5, 1, 2)]));
      const [totals] = await store.ingestTotals();
      expect(totals).toMatchObject({
        acceptedEvents: table.length + more.events,
        rejected: { duplicate: table.length + more.events },
      });
      expect((await store.deployments())[0]).toMatchObject({
        steps: 5,
        events: table.length + more.events,
      });
    });

    test('the same step of another incarnation, or with other content, is another', async () => {
      const one = packedTableOf(stepsOf(1, 1, 1));
      const workers = one.workers.map((info) => ({ ...info, incarnation: 'two' }));
      const other = packedTableOf(stepsOf(1, 1, 1, 99));
      await store.append([batchOf('a', { packed: [one] })]);
      const [outcome] = await store.append([
        batchOf('b', { packed: [{ ...one, workers }, other, one] }),
      ]);
      expect(outcome!.freshPacked).toEqual([null, null, new Uint32Array(0)]);
    });

    test('what was not summed up is told until it is', async () => {
      const steps = [1, 3, 5].map((i) => stepsOf(i, 2, 2));
      const plain = spans([[0, 1000]]);
      const told = async () => {
        const parts = await collect(store.unsummed());
        expect(parts.map(({ sequence }) => sequence)).toEqual(
          parts.map(({ sequence }) => sequence).sort((a, b) => a - b),
        );
        return {
          steps: parts
            .flatMap(({ packed }) => (packed === null ? [] : [...packed.step]))
            .sort((a, b) => a - b),
          events: parts.reduce((sum, { events }) => sum + (events?.length ?? 0), 0),
        };
      };
      expect(await told()).toEqual({ steps: [], events: 0 });
      const sequences: number[] = [];
      for (const [i, table] of steps.entries()) {
        const [outcome] = await store.append([
          batchOf(`b${i}`, { packed: [packedTableOf(table)], events: i === 1 ? [plain] : [] }),
        ]);
        sequences.push(outcome!.sequence);
      }
      const all = { steps: [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6], events: 1 };
      expect(await told()).toEqual(all);
      await tidy(store);
      expect(await told()).toEqual(all);
      await store.addStageRollups([], sequences[0]!);
      expect(await told()).toEqual({ steps: [3, 3, 4, 4, 5, 5, 6, 6], events: 1 });
      await store.addStageRollups([], sequences[1]!);
      await tidy(store);
      expect(await told()).toEqual({ steps: [5, 5, 6, 6], events: 0 });
      await store.addStageRollups([], sequences[2]!);
      expect(await told()).toEqual({ steps: [], events: 0 });
    });

    test('old ones go, pinned ones stay', async () => {
      // Further apart than a chunk is long.
      const startNs = (step: number) => step * 50 * MS;
      for (let step = 0; step < 24_000; step += 2400) {
        await store.append([batchOf(`b${step}`, { packed: [packedTableOf(stepsOf(step, 1, 1))] })]);
        await tidy(store);
      }
      const kept = async () =>
        new Set(
          (await collect(store.scanEvents({ deployment: 'prod' }))).flatMap((t) => [...t.step]),
        );
      expect((await kept()).size).toBe(10);
      expect((await store.size()).rawBytes).toBeGreaterThan(0);
      expect((await store.size()).oldestRawUnixNs).toBe(unixNanos(BASE));
      const at = (ns: number) => unixNanos(BASE + BigInt(ns));
      await store.pin('p', 'prod', window(startNs(2400), startNs(2400) + 1));
      await store.retain({ ...FOREVER, rawNs: startNs(10_000) }, at(startNs(21_600) + 49 * MS));
      expect(await kept()).toEqual(new Set([2400, 12_000, 14_400, 16_800, 19_200, 21_600]));
      await store.unpin('p');
      await store.retain({ ...FOREVER, rawBytes: 0 }, at(startNs(21_600)));
      expect(await kept()).toEqual(new Set());
      expect((await store.size()).rawBytes).toBe(0);
    });
  });
}

function pick(table: EventTable, fromNs: number, toNs: number, workers: string[]): string[] {
  const rows: number[] = [];
  const shift = Number(table.baseUnixNs - BASE);
  for (let i = 0; i < table.length; i++) {
    const start = table.startNs[i]! + shift;
    const end = start + table.durationNs[i]!;
    const taken = workers.includes(workerId(table.workers[table.worker[i]!]!));
    if (taken && start < toNs && (end > fromNs || start >= fromNs)) rows.push(i);
  }
  return eventRows([selectRows(table, Uint32Array.from(rows))]);
}
