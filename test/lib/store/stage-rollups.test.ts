/** Stage rollups of both stores: the same answers, whatever order and upkeep they come in. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { floorTo, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { MemoryStore } from '#lib/store/memory-store.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import { ROLLUP_LEVELS_NS } from '#lib/store/rollup-levels.ts';
import type { RetentionPolicy, TelemetryStore } from '#lib/store/telemetry-store.ts';
import { mergeStageRollups } from '#lib/table/stage-rollup-merge.ts';
import { STAGE_ROLLUP_RESOLUTIONS_NS, type StageRollup } from '#lib/table/stage-rollups.ts';
import {
  naiveRollups,
  STAGE_EVENT_BASE,
  type StageEvent,
  stageEvents,
} from '#test/support/arbitrary-stage-rollups.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

const FOREVER: RetentionPolicy = { rawNs: 1e17, rawBytes: 1e18, rollupsNs: 1e17 };
const DAY_NS = 86_400e9;
const LATER = at(2 * 3600);

function at(seconds: number): UnixNanos {
  return unixNanos(STAGE_EVENT_BASE + BigInt(Math.round(seconds * 1e9)));
}

const everything = { fromUnixNs: at(-7200), toUnixNs: at(7200) };
const select = (resolutionNs: number) => ({ deployment: 'prod', window: everything, resolutionNs });

async function settle(store: TelemetryStore, policy = FOREVER, now = LATER): Promise<void> {
  for (let calls = 0; (await store.retain(policy, now)).more; calls++) {
    expect(calls).toBeLessThan(1000);
  }
}

/** Cells in one order, as a merge gives them. */
function inOrder(rows: readonly StageRollup[]): StageRollup[] {
  return rows.map((row) => mergeStageRollups([row]));
}

async function everyAnswer(store: TelemetryStore): Promise<unknown> {
  const answers = [];
  for (const resolutionNs of STAGE_ROLLUP_RESOLUTIONS_NS) {
    answers.push(
      inOrder(await store.stageRollups(select(resolutionNs))),
      inOrder(await store.stageGroups(select(resolutionNs))),
      await store.stageBands(select(resolutionNs)),
    );
  }
  const seconds = await store.stageSlices(select(1e9));
  return [
    answers,
    seconds.map(({ slices, stageNames, ...rest }) => ({ ...rest, ...total(slices, stageNames) })),
  ];
}

function total(
  slices: { readonly length: number; readonly count: Float64Array; readonly sumNs: Float64Array },
  stageNames: readonly string[],
): object {
  const sum = (column: Float64Array): number => column.reduce((all, one) => all + one, 0);
  return {
    stages: [...stageNames].sort(),
    length: slices.length,
    count: sum(slices.count),
    sumNs: sum(slices.sumNs),
  };
}

/** Each event in one of four flushes. */
const flushes = fc.tuple(
  stageEvents(100, 40),
  fc.array(fc.nat(3), { minLength: 40, maxLength: 40 }),
);

function partsOf(events: readonly StageEvent[], part: readonly number[]): StageRollup[][] {
  return [0, 1, 2, 3].map((p) => naiveRollups(events.filter((_, i) => part[i] === p)));
}

describe('stage rollups in a store', () => {
  test('every length of bucket is the sum of what was added, however it came', async () => {
    const folder = scratchFolder();
    const sqlite = await openTelemetryWriter({ data: folder });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(flushes, fc.boolean(), async ([events, part], between) => {
        const memory = new MemoryStore();
        const deployment = `prod ${run++}`;
        for (const parts of partsOf(events, part)) {
          await memory.addStageRollups(parts, 1);
          await sqlite.addStageRollups(
            parts.map((row) => ({ ...row, deployment })),
            1,
          );
          if (between) await sqlite.retain(FOREVER, LATER);
        }
        await settle(sqlite);
        const named = (store: TelemetryStore): TelemetryStore =>
          new Proxy(store, {
            get: (target, name: keyof TelemetryStore) => async (question: object) =>
              Reflect.apply(target[name], target, [{ ...question, deployment }]),
          });
        const renamed = JSON.parse(
          JSON.stringify(await everyAnswer(memory), plain).replaceAll('"prod"', `"${deployment}"`),
        );
        expect(JSON.parse(JSON.stringify(await everyAnswer(named(sqlite)), plain))).toEqual(
          renamed,
        );
      }),
      { numRuns: 12 },
    );
    await sqlite.close();
  });

  test('the parts of a window hold each event once, at every moment of the upkeep', async () => {
    const store = await openTelemetryWriter({ data: scratchFolder() });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        flushes,
        fc.array(fc.nat(6), { minLength: 4, maxLength: 4 }),
        fc.tuple(fc.integer({ min: -5, max: 105 }), fc.integer({ min: 1, max: 120 })),
        fc.constantFrom(...ROLLUP_LEVELS_NS),
        async ([events, part], upkeep, [fromS, lengthS], finestNs) => {
          const deployment = `prod ${run++}`;
          const added: StageEvent[] = [];
          for (const [p, parts] of partsOf(events, part).entries()) {
            await store.addStageRollups(
              parts.map((row) => ({ ...row, deployment })),
              1,
            );
            added.push(...events.filter((_, i) => part[i] === p));
            for (let calls = 0; calls < upkeep[p]!; calls++) await store.retain(FOREVER, at(60));
            const window = { fromUnixNs: at(fromS), toUnixNs: at(fromS + lengthS) };
            await expectSum(store, deployment, window, finestNs, added);
          }
        },
      ),
      { numRuns: 25 },
    );
    await store.close();
  });

  async function expectSum(
    store: TelemetryStore,
    deployment: string,
    window: { fromUnixNs: UnixNanos; toUnixNs: UnixNanos },
    finestNs: number,
    added: readonly StageEvent[],
  ): Promise<void> {
    const selection = { kind: 'stage', deployment, window, finestNs } as const;
    const parts = await store.rollupParts(selection);
    const unit = BigInt(finestNs);
    expect(parts[0]!.window.fromUnixNs).toBe(floorTo(window.fromUnixNs, unit));
    expect(parts.at(-1)!.window.toUnixNs).toBe(floorTo(window.toUnixNs + unit - 1n, unit));
    let count = 0;
    let grouped = 0;
    let reached: bigint = parts[0]!.window.fromUnixNs;
    for (const part of parts) {
      expect(part.window.fromUnixNs).toBe(reached);
      reached = part.window.toUnixNs;
      for (const row of await store.stageRollups({ deployment, ...part })) {
        count += row.cells.count.reduce((sum, n) => sum + n, 0);
      }
      for (const row of await store.stageGroups({ deployment, ...part })) {
        grouped += row.cells.count.reduce((sum, n) => sum + n, 0);
      }
    }
    const inside = added.filter(
      ({ startUnixNs }) =>
        startUnixNs >= parts[0]!.window.fromUnixNs && startUnixNs < parts.at(-1)!.window.toUnixNs,
    );
    expect(count).toBe(inside.length);
    expect(grouped).toBe(inside.length);
  }

  test('sums go on after the store was closed half way', async () => {
    const data = scratchFolder();
    const events = Array.from({ length: 300 }, (_, i) => ({
      worker: i % 4,
      stage: 'attention',
      layer: i % 3,
      startUnixNs: at(i / 10),
      durationNs: 1000 + i,
    }));
    let store = await openTelemetryWriter({ data });
    await store.addStageRollups(naiveRollups(events), 7);
    await store.retain(FOREVER, LATER);
    await store.close();
    store = await openTelemetryWriter({ data });
    await settle(store);
    const memory = new MemoryStore();
    await memory.addStageRollups(naiveRollups(events), 7);
    expect(await everyAnswer(store)).toEqual(await everyAnswer(memory));
    await store.close();
  });

  test('what comes after its second is deleted goes into the finest row that is kept', async () => {
    const store = await openTelemetryWriter({ data: scratchFolder() });
    const policy = { rawNs: 60e9, rawBytes: 1e18, rollupsNs: 90 * DAY_NS };
    const event = (second: number): StageEvent => ({
      worker: 0,
      stage: 'attention',
      layer: 1,
      startUnixNs: at(second),
      durationNs: 100 + second,
    });
    await store.addStageRollups(naiveRollups([event(1), event(2), event(65)]), 1);
    await settle(store, policy, at(2 * 3600));
    expect(await store.stageRollups(select(1e9))).toEqual([]);
    await store.addStageRollups(naiveRollups([event(3), event(64)]), 2);
    expect(await store.stageRollups(select(1e9))).toEqual([]);
    const counts = async (resolutionNs: number): Promise<number[]> =>
      (await store.stageRollups(select(resolutionNs))).map(({ cells }) =>
        cells.count.reduce((sum, n) => sum + n, 0),
      );
    expect(await counts(10e9)).toEqual([3, 2]);
    await settle(store, policy, at(2 * 3600));
    expect(await counts(60e9)).toEqual([3, 2]);
    expect((await counts(3600e9)).reduce((sum, n) => sum + n, 0)).toBe(5);
    const parts = await store.rollupParts({
      kind: 'stage',
      deployment: 'prod',
      window: { fromUnixNs: at(0), toUnixNs: at(130) },
      finestNs: 1e9,
    });
    expect(parts.map(({ resolutionNs }) => resolutionNs)).toEqual([10e9, 60e9, 10e9]);
    await settle(store, policy, unixNanos(at(0) + BigInt(91 * DAY_NS)));
    expect(await counts(3600e9)).toEqual([]);
    await store.addStageRollups(naiveRollups([event(4)]), 3);
    expect((await Promise.all(STAGE_ROLLUP_RESOLUTIONS_NS.map(counts))).flat()).toEqual([]);
    await store.close();
  });
});

function plain(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return ArrayBuffer.isView(value) ? [...(value as Float64Array)] : value;
}
