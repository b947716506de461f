/** Every question about a deployment that was imported from 2023: answered from its raw events. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { answer } from '#lib/query/answer.ts';
import type { QuestionKind, Questions } from '#lib/query/questions.ts';
import { openStateWriter, openTelemetryWriter } from '#lib/store/open-store.ts';
import type { StateStore } from '#lib/store/state-store.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import { importInto } from '#test/support/import-into.ts';
import { slowSteps } from '#test/support/live-feed.ts';
import { encodeTracesProtobuf } from '#test/support/otlp-encode.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';

const OLD = unixNanos(1_675_209_600_000_000_000n);
const NOW_MS = 1_795_442_400_000;
const NOW = unixNanos(BigInt(NOW_MS) * 1_000_000n);
const POLICY = { rawNs: 7200 * NS_PER_S, rawBytes: 1e12, rollupsNs: 90 * 86_400 * NS_PER_S };
const table = slowSteps({ seconds: 8, deployment: 'run', startUnixNs: OLD });
const DURING = { deployment: 'run', from: String(OLD), to: String(OLD + 60_000_000_000n) };

let folder: string;
let telemetry: TelemetryStore;
let state: StateStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'afdscope-imported-'));
  const location = { data: join(folder, 'data'), unpacker: new PackedUnpacker() };
  telemetry = await openTelemetryWriter(location);
  state = await openStateWriter(location);
  // Somebody reports meanwhile, and retention has been at work.
  const live = slowSteps({
    seconds: 2,
    deployment: 'live',
    startUnixNs: unixNanos(NOW - 5n * 10n ** 9n),
  });
  await telemetry.append([batchOf('live', { events: [live] })]);
  const path = join(folder, 'run.pb');
  await writeFile(path, encodeTracesProtobuf(table));
  const done = await importInto({ telemetry, state }, [path]);
  expect(done).toMatchObject({ state: 'done', events: table.length });
  while ((await telemetry.retain(POLICY, NOW)).more);
});

afterAll(async () => {
  await state?.close();
  await telemetry?.close();
  await rm(folder, { recursive: true, force: true });
});

function ask<K extends QuestionKind>(kind: K, question: object): Promise<Questions[K]['answer']> {
  const request = { id: 1, kind, question, nowUnixMs: NOW_MS };
  return answer({ telemetry, state: async () => state }, request) as Promise<
    Questions[K]['answer']
  >;
}

test('report, with and without a window', async () => {
  for (const question of [DURING, { deployment: 'run' }]) {
    const report = await ask('report', question);
    expect(report).toMatchObject({ exactness: 'raw', quality: { events: table.length, late: 0 } });
    expect(report.steps.count).toBeGreaterThan(50);
  }
});

test('heat map, strip, layers, stragglers, experts, waits and the critical path', async () => {
  const heat = await ask('heatmap', DURING);
  expect(heat).toMatchObject({ exactness: 'raw', isPart: false });
  expect(heat.heatmap?.workers).toHaveLength(3);
  expect((await ask('strip', DURING)).strip?.rows).toHaveLength(3);
  expect((await ask('breakdown', DURING)).layers.length).toBe(3);
  expect((await ask('stragglers', DURING)).trends.length).toBeGreaterThan(0);
  expect(await ask('experts', DURING)).toMatchObject({ deployment: 'run' });
  expect(await ask('waits', DURING)).toMatchObject({ deployment: 'run' });
  expect(await ask('criticalPath', DURING)).toMatchObject({ deployment: 'run' });
  expect(await ask('whatif', { ...DURING, set: ['fix=attention/0'] })).toBeTruthy();
});

test('the timeline holds every event, and charts have points', async () => {
  const timeline = JSON.parse((await ask('timeline', { ...DURING, bins: '400' })).json);
  expect(timeline.deployment).toBe('run');
  const series = await ask('series', DURING);
  expect(series.exactness).toBe('raw');
  expect(series.points.length).toBeGreaterThanOrEqual(8);
  const busy = series.points.flatMap(({ groups }) => groups.map(({ busyRatio }) => busyRatio ?? 0));
  expect(busy.length).toBe(series.points.length * 2);
  expect(Math.min(...busy)).toBeGreaterThan(0);
});

test('the list says what was imported and pinned; the age of live raw events is theirs alone', async () => {
  const { deployments } = await ask('deployments', {});
  const run = deployments.find(({ id }) => id === 'run');
  expect(run).toMatchObject({ events: table.length, importedEvents: table.length });
  expect(run?.pinned).toHaveLength(1);
  expect(deployments.find(({ id }) => id === 'live')).toMatchObject({
    importedEvents: 0,
    pinned: [],
  });
  const oldest = (await telemetry.size()).oldestRawUnixNs!;
  expect(oldest).toBeGreaterThan(NOW - 6n * 10n ** 9n);
});
