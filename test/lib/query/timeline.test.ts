/** Every detail of a timeline against the events themselves, by brute force. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Timeline, timelineSchema } from '#lib/api/timeline.ts';
import { type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { BadQuestionError } from '#lib/query/errors.ts';
import { timeline } from '#lib/query/timeline.ts';
import { gridOf } from '#lib/query/timeline-grid.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import { Kind, Phase, STAGES } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { testWorker } from '#test/support/afd-table.ts';
import {
  STAGE_EVENT_BASE as BASE,
  naiveRollups,
  type StageEvent,
  stageEvents,
  workerOf,
} from '#test/support/arbitrary-stage-rollups.ts';
import { slowSteps } from '#test/support/live-feed.ts';
import { packedTableOf } from '#test/support/packed-table.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';

const NOW = unixNanos(BASE + 3_600_000_000_000n);
const FOREVER = { rawNs: 1e17, rawBytes: 1e18, rollupsNs: 1e17 };

function tableOf(events: readonly StageEvent[], deployment: string): EventTable {
  const workers = [0, 1, 2, 3].map((index) => {
    const { role, group, rank } = workerOf(index);
    return testWorker(rank, { deployment, role, group });
  });
  const names = [...STAGES, 'odd "name"'];
  const builder = new EventTableBuilder(BASE, workers, names);
  for (const event of events) {
    builder.add({
      startNs: Number(event.startUnixNs - BASE),
      durationNs: event.durationNs,
      worker: event.worker,
      stage: names.indexOf(event.stage),
      kind: Kind.compute,
      layer: event.layer,
      step: 1,
    });
  }
  return builder.finish();
}

async function fill(
  store: TelemetryStore,
  deployment: string,
  events: readonly StageEvent[],
  upkeep = 1000,
): Promise<void> {
  await store.append([batchOf(deployment, { events: [tableOf(events, deployment)] })]);
  await store.addStageRollups(naiveRollups(events, deployment), 1);
  for (let calls = 0; calls < upkeep && (await store.retain(FOREVER, NOW)).more; calls++);
}

/** The whole answer, by counting. */
function expectBins(
  answer: Timeline,
  events: readonly StageEvent[],
  wanted?: readonly string[],
): void {
  const { bins, window } = answer;
  expect(bins).not.toBeNull();
  const from = BigInt(window.startUnixNs);
  const to = BigInt(window.endUnixNs);
  expect(Number(to - from)).toBe(bins!.binNs * bins!.length);
  const expected = new Map<string, number[]>();
  for (const { worker, stage, startUnixNs, durationNs } of events) {
    const { workerId } = workerOf(worker);
    if (startUnixNs < from || startUnixNs >= to) continue;
    if (wanted !== undefined && !wanted.includes(workerId)) continue;
    const bin = Number((startUnixNs - from) / BigInt(bins!.binNs));
    const key = JSON.stringify([workerId, stage, bin]);
    const [count, sum, least, most] = expected.get(key) ?? [0, 0, Infinity, 0];
    expected.set(key, [
      count! + 1,
      sum! + durationNs,
      Math.min(least!, durationNs),
      Math.max(most!, durationNs),
    ]);
  }
  const found = new Map(
    bins!.row.map((row, i) => [
      JSON.stringify([answer.rows[row]!.workerId, answer.stages[bins!.stage[i]!], bins!.bin[i]]),
      [bins!.count[i], bins!.sumNs[i], bins!.minNs[i], bins!.maxNs[i]],
    ]),
  );
  expect(found.size).toBe(bins!.row.length);
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
}

describe('timeline', () => {
  // One seed that is known to reach every source, and one that nobody has seen.
  test.each([
    ['known', 7, ['events', 'rollups', 'slices']],
    ['new', undefined, []],
  ])(
    'every detail has the sums, minima and maxima of its events, and nothing else: %s cases',
    async (_, seed, reached) => {
      const store = await openTelemetryWriter({ data: scratchFolder() });
      let run = 0;
      const sources = new Set<string>();
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(3, 400).chain((seconds) =>
            fc.tuple(
              stageEvents(seconds, 80),
              fc.integer({ min: -500 * seconds, max: 1000 * seconds }),
              fc
                .double({ min: 0, max: Math.log2(1200 * seconds), noNaN: true })
                .map((octaves) => Math.ceil(2 ** octaves)),
            ),
          ),
          fc.integer({ min: 1, max: 300 }),
          fc.constantFrom(undefined, ['attention/0'], ['ffn/1', 'attention/1', 'gone/7']),
          fc.constantFrom(0, 1, 5, 1000),
          fc.boolean(),
          async ([events, fromMs, lengthMs], bins, workers, upkeep, raw) => {
            const deployment = `prod ${run++}`;
            if (events.length === 0) return;
            await fill(store, deployment, events, upkeep);
            const from = BASE + BigInt(fromMs) * 1_000_000n;
            const question = {
              deployment,
              from: String(from),
              to: String(from + BigInt(lengthMs) * 1_000_000n),
              bins: String(bins),
              workers: workers?.join(','),
            };
            const answer = await timeline(store, question, NOW, -1, raw ? 1e9 : -1);
            expect(timelineSchema.parse(answer)).toEqual(answer);
            sources.add(answer.source);
            expectBins(answer, events, workers);
            expect(BigInt(answer.window.startUnixNs)).toBeLessThanOrEqual(BigInt(question.from));
            expect(BigInt(answer.window.endUnixNs)).toBeGreaterThanOrEqual(BigInt(question.to));
          },
        ),
        { numRuns: 60, ...(seed === undefined ? {} : { seed }) },
      );
      expect([...sources]).toEqual(expect.arrayContaining(reached));
      await store.close();
    },
  );

  test('few events come one by one, exact to the nanosecond, with those that reach in', async () => {
    const store = await openTelemetryWriter({ data: scratchFolder() });
    const builder = new EventTableBuilder(unixNanos(BASE + 5n), [
      testWorker(0, { deployment: 'prod', role: 'attention', group: 'attention' }),
      testWorker(3, { deployment: 'prod', role: 'ffn', group: 'ffn' }),
    ]);
    const common = { step: 7, layer: 2, microbatch: 1, stage: 0, kind: Kind.compute } as const;
    builder.add({ ...common, worker: 1, startNs: 1_000_001, durationNs: 333, peer: 4 });
    builder.add({
      ...common,
      worker: 0,
      stage: 2,
      kind: Kind.transfer,
      startNs: 2_000_000,
      durationNs: 1,
      lists: { peers: [6] },
    });
    builder.add({ ...common, worker: 0, startNs: -5_000_000, durationNs: 6_000_001 });
    builder.add({ ...common, worker: 0, startNs: 1_500_000, durationNs: 9, phase: Phase.capture });
    await store.append([batchOf('a', { events: [builder.finish()] })]);
    const answer = await timeline(
      store,
      { deployment: 'prod', from: String(BASE + 1_000_000n), to: String(BASE + 2_000_100n) },
      NOW,
    );
    expect(answer).toMatchObject({ source: 'events', resolutionNs: 0, bins: null });
    expect(answer.rows.map(({ workerId }) => workerId)).toEqual(['attention/0', 'ffn/3']);
    const { events } = answer;
    const start = BigInt(answer.window.startUnixNs);
    expect(events!.startNs.map((ns) => start + BigInt(ns))).toEqual([
      BASE + 5n - 5_000_000n,
      BASE + 5n + 2_000_000n,
      BASE + 5n + 1_000_001n,
    ]);
    expect(events).toMatchObject({
      row: [0, 0, 1],
      durationNs: [6_000_001, 1, 333],
      layer: [2, 2, 2],
      microbatch: [1, 1, 1],
      step: [7, 7, 7],
      peer: [-1, 6, 4],
    });
    expect(events!.stage.map((stage) => answer.stages[stage])).toEqual([
      'attention',
      'a2f_send',
      'attention',
    ]);
    expect(events!.kind.map((kind) => answer.kinds[kind])).toEqual([
      'compute',
      'transfer',
      'compute',
    ]);
    await store.close();
  });

  test('packed steps give what the same events as columns give', async () => {
    const store = await openTelemetryWriter({
      data: scratchFolder(),
      unpacker: new PackedUnpacker(),
    });
    const of = (deployment: string): EventTable =>
      slowSteps({ seconds: 3, startUnixNs: BASE, deployment });
    await store.append([
      batchOf('columns', { events: [of('columns')] }),
      batchOf('packed', { packed: [packedTableOf(of('packed'))] }),
    ]);
    const ask = async (deployment: string, workers: string | undefined, maxEvents: number) => {
      const to = String(BASE + 2_900_000_000n);
      const question = { deployment, workers, from: String(BASE + 77n), to };
      return { ...(await timeline(store, question, NOW, maxEvents)), deployment: '' };
    };
    for (const workers of [undefined, 'ffn/0', 'attention/1,ffn/0']) {
      for (const maxEvents of [0, 1e6]) {
        const packed = await ask('packed', workers, maxEvents);
        expect(packed).toEqual(await ask('columns', workers, maxEvents));
        expect((packed.events ?? packed.bins)!.row.length).toBeGreaterThan(100);
      }
    }
    await store.close();
  });

  test('neighbouring windows have one answer', async () => {
    const store = await openTelemetryWriter({ data: scratchFolder() });
    const events = Array.from(
      { length: 500 },
      (_, i): StageEvent => ({
        worker: i % 4,
        stage: 'attention',
        layer: 0,
        startUnixNs: unixNanos(BASE + BigInt(i) * 20_000_000n),
        durationNs: i,
      }),
    );
    await fill(store, 'prod', events);
    const ask = (fromMs: number): Promise<Timeline> => {
      const from = BASE + BigInt(fromMs * 1e6);
      const to = String(from + 4_000_000_000n);
      return timeline(store, { deployment: 'prod', from: String(from), to }, NOW, -1);
    };
    const first = await ask(3000);
    const answers = await Promise.all([3001, 3005, 3010].map(ask));
    expect(
      answers.filter((answer) => JSON.stringify(answer) === JSON.stringify(first)).length,
    ).toBeGreaterThan(1);
    await store.close();
  });

  test('a bad question says what is wrong', async () => {
    const store = await openTelemetryWriter({ data: scratchFolder() });
    await fill(store, 'prod', [
      { worker: 0, stage: 'attention', layer: 0, startUnixNs: BASE, durationNs: 1 },
    ]);
    const ask = (fields: object) => timeline(store, { deployment: 'prod', ...fields }, NOW);
    for (const bins of ['0', '-1', 'x', '4097', '1e9']) {
      await expect(ask({ bins })).rejects.toThrow(BadQuestionError);
    }
    await expect(ask({ workers: ' , ' })).rejects.toThrow('Name 1 to 512 workers');
    await expect(ask({ from: 'x' })).rejects.toThrow(BadQuestionError);
    const last = String(2n ** 63n - 1n);
    await expect(ask({ from: last.replace(/7$/, '6'), to: last })).rejects.toThrow('beyond 2115');
    expect((await ask({ from: '1000000000000000000', to: last })).rows).toHaveLength(1);
    await expect(timeline(store, { deployment: 'no' }, NOW)).rejects.toThrow('no deployment');
    await store.close();
  });

  test('events that no rollup knows and that are too many to read are no empty picture', async () => {
    const store = await openTelemetryWriter({ data: scratchFolder() });
    const event = { worker: 0, stage: 'attention', layer: 0, durationNs: 1 };
    const events = [0n, 1n, 2n].map((n) => ({ ...event, startUnixNs: unixNanos(BASE + n) }));
    await store.append([batchOf('a', { events: [tableOf(events, 'prod')] })]);
    const question = { deployment: 'prod', from: String(BASE), to: String(BASE + 1000n) };
    await expect(timeline(store, question, NOW, 0, 1)).rejects.toThrow('ask for a shorter one');
    expect((await timeline(store, question, NOW)).events!.row).toEqual([0, 0, 0]);
    await store.close();
  });

  test('grids hold their window, in whole tiles of whole bins', () => {
    const instant = fc.bigInt(0n, 2n ** 62n).map((ns): UnixNanos => unixNanos(ns));
    fc.assert(
      fc.property(
        instant,
        fc.double({ min: 0, max: 56, noNaN: true }),
        fc.integer({ min: 1, max: 4096 }),
        fc.constantFrom(1, 5e7, 1e9, 3600e9),
        (fromUnixNs, octaves, bins, unitNs) => {
          const toUnixNs = unixNanos(fromUnixNs + BigInt(Math.floor(2 ** octaves)));
          const grid = gridOf({ fromUnixNs, toUnixNs }, bins, unitNs);
          const from = grid.window.fromUnixNs;
          expect(from <= fromUnixNs && grid.window.toUnixNs >= toUnixNs).toBe(true);
          expect(from % BigInt(grid.binNs)).toBe(0n);
          expect(from + BigInt(grid.binNs) * BigInt(grid.length)).toBe(grid.window.toUnixNs);
          expect(Math.log2(grid.binNs / unitNs) % 1).toBe(0);
          const lengthNs = Number(toUnixNs - fromUnixNs);
          expect(grid.binNs * bins).toBeGreaterThanOrEqual(lengthNs);
          expect(grid.binNs === unitNs || grid.binNs * bins < 2 * lengthNs).toBe(true);
          expect(grid.length).toBeLessThanOrEqual(1.25 * bins + 3);
        },
      ),
    );
  });
});
