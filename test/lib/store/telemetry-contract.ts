/** What every telemetry store must do. Each store's test file calls this with its own factory. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addNanos, unixNanos } from '#lib/base/units.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { ROLLUP_LENGTHS, type RollupLengths } from '#lib/table/rollups.ts';
import { afdTable } from '#test/support/afd-table.ts';
import { gauge, metricTable } from '#test/support/metric-points.ts';
import { eventRows, metricRows } from '#test/support/table-rows.ts';
import { BASE, batchOf, collect, spans, window } from '#test/support/telemetry-batch.ts';

const FOREVER = { rawNs: 1e18, rawBytes: 1e18, rollupsNs: 1e18 };
const SECOND_NS = 1_000_000_000;

export function describeTelemetryStore(name: string, open: () => Promise<TelemetryStore>): void {
  describe(`${name}: telemetry store`, () => {
    let store: TelemetryStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    const events = async (deployment: string, from?: number, to?: number): Promise<EventTable[]> =>
      collect(
        store.scanEvents({
          deployment,
          ...(from !== undefined && to !== undefined ? { window: window(from, to) } : {}),
        }),
      );
    const startsIn = async (from: number, to: number): Promise<number[]> =>
      (await events('prod', from, to))
        .flatMap((table) => [...table.startNs].map((ns) => Number(table.baseUnixNs - BASE) + ns))
        .sort((a, b) => a - b);

    test('an empty store has nothing', async () => {
      expect(await events('prod')).toEqual([]);
      expect(await store.deployments()).toEqual([]);
      expect(await store.ingestTotals()).toEqual([]);
      expect(await store.size()).toMatchObject({ rawBytes: 0, oldestRawUnixNs: null });
      expect(await store.append([])).toEqual([]);
    });

    test('gives back exactly what was appended, over many appends and workers', async () => {
      const tables = [0, 1, 2, 3].map((i) =>
        afdTable({
          role: i % 2 === 0 ? 'attention' : 'ffn',
          workers: 2,
          steps: 2,
          layers: 3,
          firstStep: i,
          seed: i,
          measures: i === 2,
          baseUnixNs: BASE + BigInt(i) * 7_777_777n,
        }),
      );
      await store.append([
        batchOf('a', { events: [tables[0]!, tables[1]!] }),
        batchOf('b', { events: [tables[2]!] }),
      ]);
      await store.append([batchOf('c', { events: [tables[3]!] })]);
      expect(eventRows(await events('prod'))).toEqual(eventRows(tables));
    });

    test('an event is in a window that it overlaps; ends are exclusive', async () => {
      await store.append([
        batchOf('a', {
          events: [
            spans([
              [0, 100],
              [100, 100],
              [200, 100],
              [150, 0],
              [200, 0],
            ]),
          ],
        }),
      ]);
      expect(await startsIn(100, 200)).toEqual([100, 150]);
      expect(await startsIn(99, 201)).toEqual([0, 100, 150, 200, 200]);
      expect(await startsIn(200, 300)).toEqual([200, 200]);
      expect(await startsIn(150, 151)).toEqual([100, 150]);
      expect(await startsIn(300, 400)).toEqual([]);
      expect(await startsIn(-100, 0)).toEqual([]);
    });

    test('a window finds a long event that began in a much earlier append', async () => {
      await store.append([batchOf('long', { events: [spans([[0, 50 * SECOND_NS]])] })]);
      for (let i = 1; i < 40; i++) {
        await store.append([batchOf(`s${i}`, { events: [spans([[i * SECOND_NS, 1000]])] })]);
      }
      expect(await startsIn(30 * SECOND_NS, 30 * SECOND_NS + 10)).toEqual([0, 30 * SECOND_NS]);
      expect(await startsIn(45 * SECOND_NS, 46 * SECOND_NS)).toEqual([0]);
    });

    test('slices come oldest first and are bounded', async () => {
      const long = spans(Array.from({ length: 150_000 }, (_, i) => [i * 1000, 900, i]));
      await store.append([batchOf('a', { events: [long] })]);
      await store.append([batchOf('b', { events: [spans([[-500, 10]])] })]);
      const slices = await events('prod');
      const starts = slices.map((table) => addNanos(table.baseUnixNs, Math.min(...table.startNs)));
      expect(starts).toEqual([...starts].sort((a, b) => Number(a - b)));
      expect(Math.max(...slices.map((table) => table.length))).toBeLessThanOrEqual(65_536);
      expect(slices.reduce((sum, table) => sum + table.length, 0)).toBe(150_001);
      expect(starts[0]).toBe(BASE - 500n);
    });

    test('nanoseconds of 2026 and steps up to 2^53 survive', async () => {
      const table = spans([[1, 3, Number.MAX_SAFE_INTEGER]]);
      await store.append([batchOf('a', { events: [table] })]);
      expect(eventRows(await events('prod'))).toEqual(eventRows([table]));
      const [deployment] = await store.deployments();
      expect(deployment).toMatchObject({
        firstSeenUnixNs: BASE + 1n,
        lastSeenUnixNs: BASE + 4n,
      });
      expect((await store.size()).oldestRawUnixNs).toBe(BASE + 1n);
    });

    test('tables that lie years apart in one batch are all kept', async () => {
      const old = { ...spans([[0, 5]]), baseUnixNs: unixNanos(1_000_000_000_000_000_000n) };
      await store.append([batchOf('a', { events: [old, spans([[0, 7]])] })]);
      expect(eventRows(await events('prod'))).toEqual(eventRows([old, spans([[0, 7]])]));
      expect(await startsIn(0, 10)).toEqual([0]);
    });

    test('a batch is stored once; its retry is counted', async () => {
      const batch = batchOf('same', {
        events: [
          spans([
            [0, 1],
            [1, 1],
          ]),
        ],
        rejected: new Map([['prod', { bad_time: 3 }]]),
        logRecords: 4,
      });
      expect(await store.append([batch])).toMatchObject([{ duplicate: false }]);
      expect(await store.append([batchOf('other'), batch])).toMatchObject([
        { duplicate: false },
        { duplicate: true },
      ]);
      expect(await store.append([batch])).toMatchObject([{ duplicate: true }]);
      expect(eventRows(await events('prod'))).toHaveLength(2);
      expect(await store.ingestTotals()).toEqual([
        {
          deployment: '',
          acceptedEvents: 0,
          importedEvents: 0,
          acceptedMetricPoints: 0,
          logRecords: 4,
          rejected: {},
        },
        {
          deployment: 'prod',
          acceptedEvents: 2,
          importedEvents: 0,
          acceptedMetricPoints: 0,
          logRecords: 0,
          rejected: { bad_time: 3, duplicate: 4 },
        },
      ]);
      expect((await store.deployments())[0]?.events).toBe(2);
    });

    test('imported batches are stored once, counted apart, and new again when forgotten', async () => {
      const batch = batchOf('import:x:0', { events: [spans([[0, 5]])] });
      const imported = { imported: true };
      expect((await store.append([batch], imported))[0]?.duplicate).toBe(false);
      expect((await store.append([batch], imported))[0]?.duplicate).toBe(true);
      const counts = { acceptedEvents: 1, importedEvents: 1, rejected: {} };
      expect(await store.ingestTotals()).toMatchObject([counts]);
      expect(await collect(store.unsummed())).toEqual([]);
      await store.forgetBatches('import:y:');
      expect((await store.append([batch], imported))[0]?.duplicate).toBe(true);
      await store.forgetBatches('import:x:');
      expect((await store.append([batch], imported))[0]?.duplicate).toBe(false);
    });

    test('the same batch twice in one append is stored once', async () => {
      const batch = batchOf('same', { events: [spans([[0, 1]])] });
      expect(await store.append([batch, batch])).toMatchObject([
        { duplicate: false },
        { duplicate: true },
      ]);
      expect(eventRows(await events('prod'))).toHaveLength(1);
    });

    test('refused events are counted per deployment and reason', async () => {
      await store.append([
        batchOf('a', {
          rejected: new Map([
            ['', { not_afd: 5 }],
            ['prod', { no_role: 1 }],
          ]),
        }),
        batchOf('b', { rejected: new Map([['', { not_afd: 2, bad_time: 1 }]]) }),
      ]);
      const totals = await store.ingestTotals();
      expect(totals.map(({ deployment, rejected }) => [deployment, rejected])).toEqual([
        ['', { not_afd: 7, bad_time: 1 }],
        ['prod', { no_role: 1 }],
      ]);
      expect(await store.deployments()).toEqual([]);
    });

    test('deployments are kept apart, also within one table', async () => {
      const mixed = afdTable({ role: 'ffn', workers: 2, steps: 1, layers: 2 });
      const table = {
        ...mixed,
        workers: mixed.workers.map((worker, i) => ({ ...worker, deployment: i === 0 ? 'x' : 'y' })),
      };
      await store.append([batchOf('a', { events: [table, spans([[0, 1]])] })]);
      const x = await events('x');
      const y = await events('y');
      expect(eventRows([...x, ...y])).toEqual(eventRows([table]));
      expect(x.flatMap((t) => [...t.worker].map((w) => t.workers[w]!.deployment))).not.toContain(
        'y',
      );
      expect(eventRows(await events('prod'))).toHaveLength(1);
      expect(await events('z')).toEqual([]);
      expect((await store.deployments()).map(({ deployment }) => deployment)).toEqual([
        'prod',
        'x',
        'y',
      ]);
    });

    test('a deployment is summed up: groups, times, distinct steps, events', async () => {
      const step = (n: number, worker: object) => spans([[n * 1000, 500, n]], worker);
      await store.append([
        batchOf('a', { events: [step(1, { rank: 0 }), step(2, { rank: 1 }), step(-1, {})] }),
        batchOf('b', {
          events: [step(2, { rank: 0, role: 'ffn', group: 'ffn', topology: '2A1F' })],
        }),
      ]);
      await store.append([
        batchOf('c', {
          events: [
            step(2, { rank: 0, incarnation: 'two' }),
            step(5, { rank: 0, incarnation: 'two' }),
            step(1, { rank: 0, domain: 1 }),
          ],
        }),
      ]);
      expect(await store.deployments()).toEqual([
        {
          deployment: 'prod',
          topology: '8A4F',
          groups: [
            { group: 'attention', role: 'attention', workers: 2 },
            { group: 'ffn', role: 'ffn', workers: 1 },
          ],
          firstSeenUnixNs: BASE - 1000n,
          lastSeenUnixNs: BASE + 5500n,
          steps: 4,
          events: 7,
        },
      ]);
    });

    test('metrics by window and by name', async () => {
      const dram = gauge('DCGM_FI_PROF_DRAM_ACTIVE');
      const tpot = gauge('vllm:time_per_output_token_seconds', {
        workerId: '',
        type: 'histogram',
        bounds: [0.01, 0.05],
      });
      const other = gauge('hw.gpu.utilization', { deployment: 'other' });
      const gauges = metricTable(BASE, [
        [dram, 0, 0.5],
        [dram, 1000, 0.625],
        [other, 500, 1],
      ]);
      const histogram = {
        ...metricTable(BASE + 77n, [[tpot, 500, 1.25]]),
        buckets: { offsets: Uint32Array.of(0, 3), values: Float64Array.of(1, 2, 3) },
      };
      await store.append([batchOf('a', { metrics: [gauges] })]);
      await store.append([batchOf('b', { metrics: [histogram] })]);
      const scan = async (from: number, to: number, names?: string[]) =>
        metricRows(
          await collect(
            store.scanMetrics({
              deployment: 'prod',
              window: window(from, to),
              ...(names === undefined ? {} : { names }),
            }),
          ),
        );
      const all = metricRows([gauges, histogram]).filter((row) => !row.includes('"other"'));
      expect(await scan(0, 1001)).toEqual(all);
      expect(await scan(0, 1000, ['DCGM_FI_PROF_DRAM_ACTIVE'])).toEqual([all[0]]);
      expect(await scan(0, 1001, ['vllm:time_per_output_token_seconds'])).toEqual([
        metricRows([histogram])[0],
      ]);
      expect(await scan(577, 578)).toEqual(metricRows([histogram]));
      expect(await scan(0, 1001, [])).toEqual([]);
      expect(await scan(1001, 9999)).toEqual([]);
      expect(
        (await store.ingestTotals()).map((t) => [t.deployment, t.acceptedMetricPoints]),
      ).toEqual([
        ['other', 1],
        ['prod', 3],
      ]);
    });

    describe('rollups', () => {
      const lengths = (value: number): RollupLengths =>
        Object.fromEntries(ROLLUP_LENGTHS.map((key, i) => [key, value + i])) as Record<
          (typeof ROLLUP_LENGTHS)[number],
          number
        >;
      const BUCKET = 1_795_000_000_000_000_000n;
      const worker = (second: number, rank: number, value: number, resolutionNs = SECOND_NS) => ({
        deployment: 'prod',
        resolutionNs,
        bucketStartUnixNs: unixNanos(BUCKET + BigInt(second * SECOND_NS)),
        workerId: `attention/${rank}`,
        group: 'attention',
        role: 'attention',
        rank,
        events: value,
        lengths: lengths(value),
      });
      const whole = (second: number, steps: number) => ({
        deployment: 'prod',
        resolutionNs: SECOND_NS,
        bucketStartUnixNs: unixNanos(BUCKET + BigInt(second * SECOND_NS)),
        steps,
        stepLatencySumNs: 123_456_789_012_345,
        stepLatencyMaxNs: 0.5,
        tokens: 17,
        periodSumNs: 3,
        periodCount: 4,
        idealPeriodSumNs: 5,
        idealPeriodCount: 6,
      });
      const select = (fromS: number, toS: number, resolutionNs = SECOND_NS) => ({
        deployment: 'prod',
        resolutionNs,
        window: {
          fromUnixNs: unixNanos(BUCKET + BigInt(fromS * SECOND_NS)),
          toUnixNs: unixNanos(BUCKET + BigInt(toS * SECOND_NS)),
        },
      });

      test('come back in order of bucket, then worker, by window and resolution', async () => {
        const rows = [worker(2, 0, 5), worker(1, 1, 7), worker(1, 0, 9), worker(3, 0, 1)];
        await store.putRollups(
          [...rows, worker(0, 0, 2, 10 * SECOND_NS)],
          [whole(2, 8), whole(1, 3)],
        );
        expect(await store.workerRollups(select(1, 3))).toEqual([rows[2], rows[1], rows[0]]);
        expect(await store.workerRollups(select(1.5, 1.6))).toEqual([rows[2], rows[1]]);
        expect(await store.workerRollups(select(5, 6, 10 * SECOND_NS))).toHaveLength(1);
        expect(await store.workerRollups({ ...select(0, 9), deployment: 'x' })).toEqual([]);
        expect(await store.deploymentRollups(select(0, 9))).toEqual([whole(1, 3), whole(2, 8)]);
      });

      test('a later one replaces that of the same bucket', async () => {
        await store.putRollups([worker(1, 0, 5), worker(1, 1, 6)], [whole(1, 1)]);
        await store.putRollups([worker(1, 0, 50)], [whole(1, 2)]);
        expect(await store.workerRollups(select(0, 9))).toEqual([
          worker(1, 0, 50),
          worker(1, 1, 6),
        ]);
        expect(await store.deploymentRollups(select(0, 9))).toEqual([whole(1, 2)]);
      });

      test('go when they are old, whole buckets of the next length at a time', async () => {
        await store.putRollups([worker(1, 0, 5), worker(12, 0, 5)], [whole(1, 1), whole(12, 1)]);
        const policy = { ...FOREVER, rawNs: 5 * SECOND_NS, rollupsNs: 5 * SECOND_NS };
        const at = (second: number) => unixNanos(BUCKET + BigInt(second * SECOND_NS));
        expect(await store.retain(policy, at(14))).toMatchObject({ deletedRollups: 0 });
        expect(await store.retain(policy, at(15))).toMatchObject({ deletedRollups: 2 });
        expect(await store.workerRollups(select(0, 99))).toEqual([worker(12, 0, 5)]);
        expect(await store.deploymentRollups(select(0, 99))).toEqual([whole(12, 1)]);
      });

      test('finer ones go sooner, but none before the raw events', async () => {
        const levels = [1, 10, 60, 3600].map((seconds) => worker(0, 0, 5, seconds * SECOND_NS));
        await store.putRollups(levels, []);
        const kept = async (): Promise<number[]> => {
          const rows = await Promise.all(
            levels.map(({ resolutionNs }) => store.workerRollups(select(0, 1, resolutionNs))),
          );
          return rows.map((row) => Math.min(1, row.length));
        };
        const day = 86_400 * SECOND_NS;
        const policy = { rawBytes: 1e18, rollupsNs: 90 * day };
        const at = (seconds: number) => unixNanos(BUCKET + BigInt(seconds * SECOND_NS));
        await store.retain({ ...policy, rawNs: 2 * 3600 * SECOND_NS }, at(2 * 3600));
        expect(await kept()).toEqual([1, 1, 1, 1]);
        await store.retain({ ...policy, rawNs: 60 * SECOND_NS }, at(3600 + 10));
        expect(await kept()).toEqual([0, 1, 1, 1]);
        await store.retain({ ...policy, rawNs: 60 * SECOND_NS }, at(6 * 3600 + 60));
        expect(await kept()).toEqual([0, 0, 1, 1]);
        await store.retain({ ...policy, rawNs: 60 * SECOND_NS }, at((3 * 24 + 2) * 3600));
        expect((await kept()).slice(0, 2)).toEqual([0, 0]);
        expect((await kept())[3]).toBe(1);
        const last = at(92 * 24 * 3600);
        while ((await store.retain({ ...policy, rawNs: 60 * SECOND_NS }, last)).more);
        expect(await kept()).toEqual([0, 0, 0, 0]);
      });
    });

    describe('retention', () => {
      const at = (seconds: number) => unixNanos(BASE + BigInt(Math.round(seconds * SECOND_NS)));
      beforeEach(async () => {
        for (let i = 0; i < 10; i++) {
          await store.append([batchOf(`b${i}`, { events: [spans([[i * SECOND_NS, 1000, i]])] })]);
        }
      });
      const kept = async () =>
        (await startsIn(-1, 100 * SECOND_NS)).map((ns) => Math.round(ns / SECOND_NS));

      test('keeps what is young', async () => {
        expect(await store.retain(FOREVER, at(1000))).toEqual({
          deletedChunks: 0,
          deletedRollups: 0,
          more: false,
        });
        expect(await kept()).toHaveLength(10);
      });

      test('deletes raw events by age', async () => {
        await store.retain({ ...FOREVER, rawNs: 5 * SECOND_NS }, at(10.5));
        expect(await kept()).toEqual([6, 7, 8, 9]);
        const size = await store.size();
        expect(size.oldestRawUnixNs).toBe(at(6));
        expect((await store.deployments())[0]?.events).toBe(10);
      });

      test('deletes raw events by size, oldest first', async () => {
        const { rawBytes } = await store.size();
        await store.retain({ ...FOREVER, rawBytes: rawBytes / 2 }, at(10));
        expect((await kept()).at(-1)).toBe(9);
        expect((await kept()).length).toBeLessThanOrEqual(5);
        expect((await store.size()).rawBytes).toBeLessThanOrEqual(rawBytes / 2);
        await store.retain({ ...FOREVER, rawBytes: 0 }, at(10));
        expect(await kept()).toEqual([]);
        expect((await store.size()).rawBytes).toBe(0);
      });

      test('a pin keeps its window of its deployment until it goes', async () => {
        const none = { ...FOREVER, rawNs: 0, rawBytes: 0 };
        await store.pin('incident', 'prod', window(3 * SECOND_NS, 5 * SECOND_NS));
        await store.pin('elsewhere', 'other', window(0, 100 * SECOND_NS));
        await store.retain(none, at(100));
        expect(await kept()).toEqual([3, 4]);
        expect((await store.size()).oldestRawUnixNs).toBe(null);
        const pin = { pinId: 'incident', deployment: 'prod' };
        expect(await store.pins('prod')).toMatchObject([pin]);
        expect((await store.pins()).map(({ pinId }) => pinId)).toEqual(['elsewhere', 'incident']);
        await store.unpin('elsewhere');
        await store.unpin('incident');
        await store.retain(none, at(100));
        expect(await kept()).toEqual([]);
      });

      test('the extent of a window is that of the whole chunks that a pin of it keeps', async () => {
        const part = window(3 * SECOND_NS + 1, 5 * SECOND_NS);
        const extent = await store.rawExtent('prod', part);
        expect(extent.rawBytes).toBeGreaterThan(0);
        expect(extent.rawBytes).toBeLessThan((await store.size()).rawBytes);
        expect(extent.spans.length).toBeGreaterThan(0);
        for (const { fromUnixNs, toUnixNs } of extent.spans) {
          expect(fromUnixNs < part.toUnixNs && toUnixNs > part.fromUnixNs).toBe(true);
        }
        await store.pin('incident', 'prod', part);
        await store.retain({ ...FOREVER, rawNs: 0, rawBytes: 0 }, at(100));
        expect((await store.size()).rawBytes).toBe(extent.rawBytes);
        expect(await store.rawExtent('prod', part)).toEqual(extent);
        expect(await store.rawExtent('prod', window(0, 3 * SECOND_NS))).toEqual({
          rawBytes: 0,
          spans: [],
        });
        expect((await store.rawExtent('other', part)).rawBytes).toBe(0);
      });

      test('old metric points go with the rollups', async () => {
        const table = metricTable(BASE, [[gauge('m'), 0, 1]]);
        await store.append([batchOf('m', { metrics: [table] })]);
        const scan = () =>
          collect(store.scanMetrics({ deployment: 'prod', window: window(0, 100) }));
        await store.retain({ ...FOREVER, rollupsNs: 5 * SECOND_NS }, at(4));
        expect(await scan()).toHaveLength(1);
        const outcome = await store.retain({ ...FOREVER, rollupsNs: 5 * SECOND_NS }, at(6));
        expect(outcome.deletedChunks).toBe(1);
        expect(await scan()).toEqual([]);
      });
    });
  });
}
