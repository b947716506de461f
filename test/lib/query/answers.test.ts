import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mergeRollups, rollupBuckets } from '#lib/analysis/rollup-buckets.ts';
import { breakdownSchema } from '#lib/api/breakdown.ts';
import { reportSchema } from '#lib/api/report-schema.ts';
import { seriesSchema } from '#lib/api/series.ts';
import { heatmapAnswerSchema, stripAnswerSchema } from '#lib/api/views.ts';
import { NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { assemble } from '#lib/model/assemble.ts';
import { analyzeFiles } from '#lib/query/analyze-files.ts';
import { breakdown } from '#lib/query/breakdown.ts';
import { BadQuestionError, UnknownDeploymentError } from '#lib/query/errors.ts';
import { heatmap } from '#lib/query/heatmap.ts';
import { loadNewest } from '#lib/query/load-events.ts';
import { report } from '#lib/query/report.ts';
import { series } from '#lib/query/series.ts';
import { strip } from '#lib/query/strip.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import { FEED_START, inBatches, slowSteps } from '#test/support/live-feed.ts';
import { encodeTracesJson, encodeTracesProtobuf } from '#test/support/otlp-encode.ts';

const SECONDS = 65;
const table = slowSteps({ seconds: SECONDS });
const NOW = unixNanos(FEED_START + 70_000_000_000n);
let folder: string;
let store: TelemetryStore;

const at = (seconds: number): string => String(FEED_START + BigInt(Math.round(seconds * 1e9)));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'afdscope-query-'));
  store = await openTelemetryWriter({ data: folder });
  const batches = inBatches(table, 5 * NS_PER_S);
  await store.append(
    batches.map(({ table: events, atUnixNs }, i) => ({
      batchId: `batch-${i}`,
      receivedUnixNs: unixNanos(atUnixNs),
      events: [events],
      packed: [],
      metrics: [],
      rejected: new Map(),
      logRecords: 0,
    })),
  );
  const assembled = assemble([table], 'demo');
  const to = unixNanos(FEED_START + BigInt(SECONDS) * 1_000_000_000n);
  const fine = rollupBuckets(assembled, FEED_START, to, NS_PER_S);
  // The newest 10 s bucket is not there yet, as while a cluster runs.
  const tens = mergeRollups(fine, 10 * NS_PER_S);
  const closed = <T extends { bucketStartUnixNs: bigint }>(rows: readonly T[]): T[] =>
    rows.filter((row) => row.bucketStartUnixNs < FEED_START + 60_000_000_000n);
  await store.putRollups(
    [
      ...fine.workers,
      ...closed(tens.workers),
      ...closed(mergeRollups(tens, 60 * NS_PER_S).workers),
    ],
    [
      ...fine.deployments,
      ...closed(tens.deployments),
      ...closed(mergeRollups(tens, 60 * NS_PER_S).deployments),
    ],
  );
});

afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

describe('report', () => {
  test('from the store and from the file: the same to the nanosecond', async () => {
    const file = join(folder, 'traces.pb');
    await writeFile(file, encodeTracesProtobuf(table));
    for (const window of [{}, { from: at(20), to: at(31.5) }, { from: at(60) }, { to: at(3) }]) {
      const stored = await report(store, { deployment: 'demo', ...window }, NOW);
      const read = await analyzeFiles([file], window, NOW);
      expect(stored).toEqual(read.report);
      expect(stored.exactness).toBe('raw');
      expect(stored.quality.events).toBeGreaterThan(100);
      reportSchema.parse(stored);
    }
  });

  test('from rollups where the raw events are too many: lengths are the same', async () => {
    const question = { deployment: 'demo', from: at(0), to: at(60) };
    const raw = await report(store, question, NOW);
    const rolled = await report(store, question, NOW, 1000);
    expect(rolled.exactness).toBe('rollup');
    expect(rolled.window).toEqual(raw.window);
    expect(rolled.steps.count).toBe(raw.steps.count);
    expect(rolled.steps.tokens).toBe(raw.steps.tokens);
    for (const [i, worker] of rolled.workers.entries()) {
      const { computeNs, bubbleNs, activeNs, transferNs, overlapNs, bubble } = raw.workers[i]!;
      expect(worker).toMatchObject({
        computeNs,
        bubbleNs,
        activeNs,
        transferNs,
        overlapNs,
        bubble,
      });
    }
    expect(rolled.groups.map((group) => group.busyRatio)).toEqual(
      raw.groups.map((group) => group.busyRatio),
    );
    reportSchema.parse(rolled);
  });

  test('a window from before the first event is exact: its first bucket starts there too', async () => {
    const late = await openTelemetryWriter({ data: join(folder, 'late') });
    const startUnixNs = unixNanos(FEED_START + 20_400_000_000n);
    const events = slowSteps({ seconds: 2, startUnixNs });
    const batch = {
      batchId: 'late',
      receivedUnixNs: startUnixNs,
      events: [events],
      packed: [],
      metrics: [],
      rejected: new Map(),
      logRecords: 0,
    };
    await late.append([batch]);
    const minute = unixNanos(FEED_START + 60_000_000_000n);
    const fine = rollupBuckets(assemble([events], 'demo'), FEED_START, minute, NS_PER_S);
    const { workers, deployments } = mergeRollups(fine, 60 * NS_PER_S);
    await late.putRollups(workers, deployments);
    const answer = await report(late, { deployment: 'demo', from: at(-280), to: at(60) }, NOW);
    await late.close();
    expect(answer.exactness).toBe('raw');
    expect(answer.balance).not.toBeNull();
  });

  test('wrong questions are refused, naming the parameter', async () => {
    const ask = (question: object) => report(store, { deployment: 'demo', ...question }, NOW);
    await expect(ask({ from: 'soon' })).rejects.toThrow(BadQuestionError);
    await expect(ask({ from: 'soon' })).rejects.toMatchObject({ parameter: 'from' });
    await expect(ask({ to: '1795442400' })).rejects.toMatchObject({ parameter: 'to' });
    await expect(ask({ from: at(5), to: at(5) })).rejects.toMatchObject({ parameter: 'to' });
    await expect(ask({ deployment: 'prod' })).rejects.toThrow(UnknownDeploymentError);
    await expect(ask({ deployment: 'prod' })).rejects.toThrow('demo');
  });

  test('a window without events is a valid report of nothing', async () => {
    const empty = await report(store, { deployment: 'demo', from: at(500), to: at(501) }, NOW);
    expect(empty.workers).toEqual([]);
    expect(empty.window.durationNs).toBe(1e9);
    reportSchema.parse(empty);
  });
});

describe('analyzeFiles', () => {
  test('several deployments: one must be named', async () => {
    const file = join(folder, 'two.json');
    const other = slowSteps({ seconds: 1, deployment: 'other' });
    const demo = slowSteps({ seconds: 1 });
    await writeFile(file, `${encodeTracesJson(demo)}\n${encodeTracesJson(other)}\n`);
    await expect(analyzeFiles([file], {}, NOW)).rejects.toMatchObject({
      parameter: 'deployment',
      message: 'The files hold 2 deployments; name one of: demo, other.',
    });
    const named = await analyzeFiles([file], { deployment: 'other' }, NOW);
    expect(named.report.deployment).toBe('other');
    await expect(analyzeFiles([file], { deployment: 'x' }, NOW)).rejects.toThrow('demo, other');
  });
});

describe('series', () => {
  test('1 s points, each its bucket', async () => {
    const answer = seriesSchema.parse(
      await series(store, { deployment: 'demo', from: at(10), to: at(20) }, NOW),
    );
    expect(answer.resolutionMs).toBe(1000);
    expect(answer.points.map((point) => point.atUnixMs)).toEqual(
      Array.from({ length: 10 }, (_, i) => Number(FEED_START / 1_000_000n) + 10_000 + i * 1000),
    );
    for (const point of answer.points) {
      expect(point.groups.map((group) => group.group)).toEqual(['attention', 'ffn']);
      expect(point.measuredPeriodUs! / point.idealPeriodUs!).toBeGreaterThan(0.9);
      expect(point.stepsPerSecond).toBeGreaterThan(8);
      expect(point.tokensPerSecond).toBeGreaterThan(0);
    }
  });

  test('10 s points; the newest, not closed yet, from 1 s buckets', async () => {
    const answer = await series(store, { deployment: 'demo', from: at(-1800), to: at(70) }, NOW);
    expect(answer.resolutionMs).toBe(10_000);
    expect(answer.points).toHaveLength(7);
    const last = answer.points.at(-1)!;
    expect(last.atUnixMs).toBe(Number(FEED_START / 1_000_000n) + 60_000);
    expect(last.spanMs).toBe(10_000);
    const counted = answer.points.reduce((sum, point) => sum + point.stepsPerSecond! * 10, 0);
    const fine = await series(store, { deployment: 'demo', from: at(0), to: at(70) }, NOW);
    const expected = fine.points.reduce((sum, point) => sum + point.stepsPerSecond!, 0);
    expect(counted).toBeCloseTo(expected, 6);
  });

  test('never more than 1,500 points', async () => {
    const month = await series(store, { deployment: 'demo', from: '-30d' }, NOW);
    expect((30 * 86_400_000) / month.resolutionMs).toBeLessThanOrEqual(1500);
    expect(month.points).toHaveLength(1);
  });
});

describe('pictures', () => {
  test('heat map, strip and breakdown of a window', async () => {
    const question = { deployment: 'demo', from: at(30), to: at(40) };
    const map = heatmapAnswerSchema.parse(await heatmap(store, question, NOW)).heatmap!;
    expect(map.workers).toHaveLength(3);
    expect(map.layers).toEqual([0, 1, 2]);
    expect(map.durationNs).toHaveLength(9);
    expect(map.durationNs.every((ns) => ns !== null && ns > 1e6)).toBe(true);

    const boxes = stripAnswerSchema.parse(await strip(store, question, NOW)).strip!;
    const startNs = BigInt(boxes.startUnixNs);
    expect(startNs >= BigInt(at(30))).toBe(true);
    expect(startNs + BigInt(boxes.durationNs) <= BigInt(at(40))).toBe(true);
    expect(startNs > BigInt(at(39.5))).toBe(true);
    expect(boxes.rows.map((row) => row.workerId)).toEqual(['attention/0', 'attention/1', 'ffn/0']);

    const layers = breakdownSchema.parse(await breakdown(store, question, NOW));
    expect(layers.microbatches).toBe(3);
    expect(layers.cells).toHaveLength(9);
    const stored = await report(store, question, NOW);
    expect(layers.layers.map((layer) => layer.bound)).toEqual(stored.layers.map((l) => l.bound));
    expect(layers.steps - stored.steps.count).toBeGreaterThanOrEqual(0);
    expect(layers.steps - stored.steps.count).toBeLessThanOrEqual(2);
    expect(layers.window).toEqual(stored.window);
  });

  test('without a window: the newest ten seconds of data, however old', async () => {
    const later = unixNanos(NOW + 86_400_000_000_000n);
    const answer = await strip(store, { deployment: 'demo' }, later);
    expect(BigInt(answer.strip!.startUnixNs) > BigInt(at(60))).toBe(true);
    const empty = await strip(store, { deployment: 'demo', from: '-5m' }, later);
    expect(empty.strip).toBeNull();
  });

  test('an event that a wrong clock dated far ahead does not become the newest', async () => {
    const data = join(folder, 'ahead');
    const wrong = await openTelemetryWriter({ data });
    const ahead = slowSteps({ seconds: 0.1, startUnixNs: unixNanos(FEED_START + 10n ** 18n) });
    const batches = [table, ahead].map((events, i) => ({
      batchId: `ahead-${i}`,
      receivedUnixNs: NOW,
      events: [events],
      packed: [],
      metrics: [],
      rejected: new Map(),
      logRecords: 0,
    }));
    await wrong.append(batches);
    const shown = (await strip(wrong, { deployment: 'demo' }, NOW)).strip!;
    expect(BigInt(shown.startUnixNs) > BigInt(at(60))).toBe(true);
    expect(BigInt(shown.startUnixNs) < NOW + 5_000_000_000n).toBe(true);
    // Where all of it lies ahead, the clock of this machine is wrong, and everything is shown.
    const before = unixNanos(FEED_START - 3_600_000_000_000n);
    expect((await strip(wrong, { deployment: 'demo' }, before)).strip).not.toBeNull();
    await wrong.close();
  });

  test('a window with too many events is cut to its newest part', async () => {
    const whole = { fromUnixNs: FEED_START, toUnixNs: unixNanos(BigInt(at(65))) as UnixNanos };
    const all = await loadNewest(store, 'demo', whole, 1e9);
    expect(all.window).toEqual(whole);
    const part = await loadNewest(store, 'demo', whole, 2000);
    expect(part.window.toUnixNs).toBe(whole.toUnixNs);
    expect(part.window.fromUnixNs > FEED_START).toBe(true);
    const events = part.tables.reduce((sum, one) => sum + one.length, 0);
    expect(events).toBeGreaterThan(0);
    expect(events).toBeLessThanOrEqual(2000);
  });
});
