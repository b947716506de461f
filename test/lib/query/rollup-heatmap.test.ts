/** The heat map from rollups beside the one from raw events. */
import { describe, expect, test } from 'vitest';
import { rollupBuckets } from '#lib/analysis/rollup-buckets.ts';
import { heatmapAnswerSchema } from '#lib/api/views.ts';
import { NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { pickRows } from '#lib/live/partition-table.ts';
import { assemble } from '#lib/model/assemble.ts';
import { heatmap } from '#lib/query/heatmap.ts';
import { rollupHeatmap } from '#lib/query/rollup-heatmap.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { StageAccumulator } from '#lib/table/stage-accumulator.ts';
import { slowSteps } from '#test/support/live-feed.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';

const START = unixNanos(1_780_000_000_000_000_000n);
const NOW = unixNanos(START + 3_600_000_000_000n);
const SECONDS = 30;

describe('heat map from rollups', () => {
  test('compute per step is that of the raw events, bubbles add up to them', async () => {
    const store = await openTelemetryWriter({ data: scratchFolder() });
    const table = slowSteps({ seconds: 20, startUnixNs: START, deployment: 'prod' });
    await store.append([batchOf('a', { events: [table] })]);
    const to = unixNanos(START + BigInt(SECONDS * NS_PER_S));
    const { workers, deployments } = rollupBuckets(assemble([table], 'prod'), START, to, NS_PER_S);
    await store.putRollups(workers, deployments);
    const sums = new StageAccumulator();
    sums.addTable(table);
    await store.addStageRollups(sums.take(), 1);

    const question = { deployment: 'prod', from: String(START), to: String(to) };
    const raw = await heatmap(store, question, NOW);
    const rolled = await heatmap(store, question, NOW, 100);
    expect(raw.exactness).toBe('raw');
    expect(rolled.exactness).toBe('rollup');
    expect([raw.isPart, rolled.isPart]).toEqual([false, false]);
    expect(rolled.window!.durationNs).toBeGreaterThan(0);
    heatmapAnswerSchema.parse(rolled);
    const [exact, from] = [raw.heatmap!, rolled.heatmap!];
    expect(from.workers).toEqual(exact.workers);
    expect(from.layers).toEqual(exact.layers);
    expect(near(from.steps, exact.steps, 0.2)).toBe(true);
    const layers = exact.layers.length;
    from.durationNs.forEach((ns, cell) => {
      expect(near(ns!, exact.durationNs[cell]!, 0.02)).toBe(true);
    });
    from.workers.forEach((_, w) => {
      const sum = (cells: readonly (number | null)[]): number =>
        cells.slice(w * layers, (w + 1) * layers).reduce<number>((all, ns) => all + (ns ?? 0), 0);
      expect(near(sum(from.bubbleNs), sum(exact.bubbleNs), 0.15)).toBe(true);
      expect(sum(from.waitNs)).toBeGreaterThanOrEqual(sum(exact.waitNs) * 0.99);
    });
    await store.close();
  });

  test('before bubbles are known, compute per step is told all the same', async () => {
    const store = await openTelemetryWriter({ data: scratchFolder() });
    const table = slowSteps({ seconds: 20, startUnixNs: START, deployment: 'prod' });
    await store.append([batchOf('a', { events: [table] })]);
    const sums = new StageAccumulator();
    sums.addTable(table);
    await store.addStageRollups(sums.take(), 1);
    const to = String(START + BigInt(SECONDS * NS_PER_S));
    const question = { deployment: 'prod', from: String(START), to };
    const raw = (await heatmap(store, question, NOW)).heatmap!;
    const rolled = await heatmap(store, question, NOW, 100);
    expect(rolled.exactness).toBe('rollup');
    heatmapAnswerSchema.parse(rolled);
    expect(rolled.heatmap!.bubbleNs.every((ns) => ns === null)).toBe(true);
    expect(near(rolled.heatmap!.steps, raw.steps, 0.2)).toBe(true);
    rolled.heatmap!.durationNs.forEach((ns, cell) => {
      expect(near(ns!, raw.durationNs[cell]!, 0.02)).toBe(true);
    });
    await store.close();
  });

  /** Neighbours stay together, so that the pauses between them are known. */
  const isNamed = (step: number): boolean => step % 20 < 2;

  test.each([
    ['steps that senders leave out are not counted', isNamed, () => true],
    ['steps that were not looked at are counted', () => true, isNamed],
  ])('%s', async (_, isSent, isLookedAt) => {
    const all = slowSteps({ seconds: 20, startUnixNs: START, deployment: 'prod' });
    const sent = ofSteps(all, isSent);
    const store = await openTelemetryWriter({ data: scratchFolder() });
    await store.append([batchOf('a', { events: [sent] })]);
    const to = unixNanos(START + BigInt(SECONDS * NS_PER_S));
    const looked = assemble([ofSteps(sent, isLookedAt)], 'prod');
    const { workers, deployments } = rollupBuckets(looked, START, to, NS_PER_S);
    await store.putRollups(workers, deployments);
    const sums = new StageAccumulator();
    sums.addTable(sent);
    await store.addStageRollups(sums.take(), 1);

    const question = { deployment: 'prod', from: String(START), to: String(to) };
    const exact = (await heatmap(store, question, NOW)).heatmap!;
    const rolled = (await heatmap(store, question, NOW, 100)).heatmap!;
    expect(near(rolled.steps, exact.steps, 0.05)).toBe(true);
    rolled.durationNs.forEach((ns, cell) => {
      expect(near(ns!, exact.durationNs[cell]!, 0.05)).toBe(true);
    });
    const whole = (cells: readonly (number | null)[]): number =>
      cells.reduce<number>((sum, ns) => sum + (ns ?? 0), 0);
    expect(near(whole(rolled.bubbleNs), whole(exact.bubbleNs), 0.15)).toBe(true);
    await store.close();
  });

  test('where workers are too many for a long window, its newest days are shown, and that is said', async () => {
    const store = await openTelemetryWriter({ data: scratchFolder() });
    const dayNs = 86_400_000_000_000n;
    const sums = new StageAccumulator();
    for (let day = 0n; day < 4n; day++) {
      const startUnixNs = unixNanos(START + day * dayNs);
      const table = slowSteps({ seconds: 2, startUnixNs, deployment: 'prod' });
      await store.append([batchOf(`day ${day}`, { events: [table] })]);
      sums.addTable(table);
    }
    await store.addStageRollups(sums.take(), 4);
    const end = unixNanos(START + 5n * dayNs);
    const forever = { rawNs: 1e18, rawBytes: 1e18, rollupsNs: 1e18 };
    while ((await store.retain(forever, end)).more);
    const window = { fromUnixNs: START, toUnixNs: unixNanos(START + 3n * dayNs + 2_000_000_000n) };
    const whole = await rollupHeatmap(store, 'prod', window, 600);
    const part = await rollupHeatmap(store, 'prod', window, 2000);
    expect([whole?.isPart, part?.isPart]).toEqual([false, true]);
    expect(part!.window.fromUnixNs).toBeGreaterThan(window.fromUnixNs);
    const question = { deployment: 'prod', from: String(START), to: String(window.toUnixNs) };
    const answer = await heatmap(store, question, end, 100);
    expect(heatmapAnswerSchema.parse(answer).isPart).toBe(false);
    await store.close();
  });

  test('where rows are few for very many workers, the newest are shown', async () => {
    const store = await openTelemetryWriter({ data: scratchFolder() });
    const table = slowSteps({ seconds: 20, startUnixNs: START, deployment: 'prod' });
    await store.append([batchOf('a', { events: [table] })]);
    const window = { fromUnixNs: START, toUnixNs: unixNanos(START + 20_000_000_000n) };
    const built = rollupBuckets(assemble([table], 'prod'), START, window.toUnixNs, NS_PER_S);
    await store.putRollups(built.workers, built.deployments);
    const sums = new StageAccumulator();
    sums.addTable(table);
    await store.addStageRollups(sums.take(), 1);
    const whole = await rollupHeatmap(store, 'prod', window, 3);
    const part = await rollupHeatmap(store, 'prod', window, 300);
    expect(whole?.window).toEqual(window);
    expect(part?.window.toUnixNs).toBe(window.toUnixNs);
    expect([whole?.isPart, part?.isPart]).toEqual([false, true]);
    expect(near(part!.heatmap.durationNs[0]!, whole!.heatmap.durationNs[0]!, 0.05)).toBe(true);
    await store.close();
  });

  test('without rollups the raw events must do', async () => {
    const store = await openTelemetryWriter({ data: scratchFolder() });
    const table = slowSteps({ seconds: 2, startUnixNs: START, deployment: 'prod' });
    await store.append([batchOf('a', { events: [table] })]);
    const question = {
      deployment: 'prod',
      from: String(START),
      to: String(START + 2_000_000_000n),
    };
    expect((await heatmap(store, question, NOW, 1)).exactness).toBe('raw');
    await store.close();
  });
});

function near(value: number, expected: number, ratio: number): boolean {
  return Math.abs(value - expected) <= ratio * Math.abs(expected);
}

function ofSteps(table: EventTable, takes: (step: number) => boolean): EventTable {
  const rows = Array.from({ length: table.length }, (_, row) => row);
  return pickRows(
    table,
    rows.filter((row) => takes(table.step[row]!)),
  );
}
