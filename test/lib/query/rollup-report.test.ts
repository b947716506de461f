/** Stages and layers from rollups against the same figures from raw events. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Quantiles, Report } from '#lib/analysis/report-types.ts';
import { rollupBuckets } from '#lib/analysis/rollup-buckets.ts';
import { reportSchema } from '#lib/api/report-schema.ts';
import { NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { assemble } from '#lib/model/assemble.ts';
import { report } from '#lib/query/report.ts';
import { MemoryStore } from '#lib/store/memory-store.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import { StageAccumulator } from '#lib/table/stage-accumulator.ts';
import { SKETCH_RELATIVE_ERROR } from '#lib/table/stage-rollups.ts';
import { slowSteps } from '#test/support/live-feed.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';

const START = unixNanos(1_780_000_000_000_000_000n);
const SECONDS = 25;
const NOW = unixNanos(START + 3_600_000_000_000n);
const FOREVER = { rawNs: 1e17, rawBytes: 1e18, rollupsNs: 1e17 };

const folder = mkdtempSync(join(tmpdir(), 'afdscope-rollup-report-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function fill(store: TelemetryStore): Promise<void> {
  const table = slowSteps({ seconds: SECONDS, startUnixNs: START, deployment: 'prod' });
  await store.append([batchOf('a', { events: [table] })]);
  const to = unixNanos(START + BigInt((SECONDS + 15) * NS_PER_S));
  const { workers, deployments } = rollupBuckets(assemble([table], 'prod'), START, to, NS_PER_S);
  await store.putRollups(workers, deployments);
  const sums = new StageAccumulator();
  sums.addTable(table);
  await store.addStageRollups(sums.take(), 1);
  while ((await store.retain(FOREVER, NOW)).more);
}

const question = {
  deployment: 'prod',
  from: String(START),
  to: String(START + BigInt((SECONDS + 15) * NS_PER_S)),
};

function expectNear(rolled: Quantiles | null, raw: Quantiles | null): void {
  expect(rolled === null).toBe(raw === null);
  if (rolled === null || raw === null) return;
  expect(rolled.min).toBe(raw.min);
  expect(rolled.max).toBe(raw.max);
  expect(rolled.mean).toBeCloseTo(raw.mean, 3);
  for (const name of ['p50', 'p90', 'p99'] as const) {
    expect(Math.abs(rolled[name] - raw[name]) / raw[name]).toBeLessThanOrEqual(
      SKETCH_RELATIVE_ERROR,
    );
  }
}

describe.each([
  ['memory', async (): Promise<TelemetryStore> => new MemoryStore()],
  ['sqlite', () => openTelemetryWriter({ data: folder })],
] as const)('a report from rollups (%s)', (_, open) => {
  let store: TelemetryStore;
  let raw: Report;
  let rolled: Report;
  beforeAll(async () => {
    store = await open();
    await fill(store);
    raw = await report(store, question, NOW);
    rolled = await report(store, question, NOW, 100);
  });
  afterAll(() => store.close());

  test('says what it is, in the same form', () => {
    expect(raw).toMatchObject({ exactness: 'raw' });
    expect(raw.quantileErrorRatio).toBeUndefined();
    expect(rolled).toMatchObject({ exactness: 'rollup', quantileErrorRatio: 1 / 64 });
    reportSchema.parse(rolled);
    expect(rolled.topology).toMatchObject({ layers: raw.topology.layers });
    expect(rolled.window).toEqual(raw.window);
  });

  test('stages: counts, totals and means are exact, quantiles within their error', () => {
    expect(
      rolled.stages.map(({ group, stage, count, totalNs }) => [group, stage, count, totalNs]),
    ).toEqual(raw.stages.map(({ group, stage, count, totalNs }) => [group, stage, count, totalNs]));
    expect(rolled.stages.length).toBeGreaterThan(4);
    rolled.stages.forEach((stage, i) => {
      expectNear(stage.durationNs, raw.stages[i]!.durationNs);
    });
  });

  test('layers: compute of one stage and sends are those of the raw events', () => {
    expect(rolled.layers.map(({ layer }) => layer)).toEqual(raw.layers.map(({ layer }) => layer));
    rolled.layers.forEach((layer, i) => {
      expectNear(layer.ffnNs, raw.layers[i]!.ffnNs);
      expectNear(layer.a2fNs, raw.layers[i]!.a2fNs);
      expect(layer.attentionNs!.mean).toBeCloseTo(raw.layers[i]!.attentionNs!.mean, 3);
    });
  });

  test('the bound of a layer is that of the raw events, or is left open', () => {
    const said = rolled.layers.filter(({ bound }) => bound !== null);
    expect(said.length).toBeGreaterThan(0);
    for (const { layer, bound } of said) {
      expect(bound).toBe(raw.layers.find((other) => other.layer === layer)!.bound);
    }
  });

  test('steps have mean and largest latency', () => {
    expect(rolled.steps.count).toBe(raw.steps.count);
    expect(rolled.steps.meanLatencyNs).toBeCloseTo(raw.steps.latencyNs!.mean, 3);
    expect(rolled.steps.maxLatencyNs).toBe(raw.steps.latencyNs!.max);
  });
});
