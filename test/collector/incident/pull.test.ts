/** What the flight recorder asks of workers, and how the answers of the receivers say it. */
import { connect } from 'node:http2';
import { expect, onTestFinished, test } from 'vitest';
import { PullBoard } from '#collector/incident/pull-board.ts';
import { startOtlpGrpc } from '#collector/receive/otlp-grpc.ts';
import { startOtlpHttp } from '#collector/receive/otlp-http.ts';
import { incidentSchema } from '#lib/api/incidents.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import { RunningCollector } from '#test/collector/degraded/running-collector.ts';
import { FakeIngest, statsOf, urlOf } from '#test/collector/receive/receiver-harness.ts';
import {
  DEPLOYMENT,
  fillSeconds,
  firedAlert,
  incidentWorld,
  START_MS,
} from '#test/support/incident-world.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

const EMPTY = { method: 'POST', headers: { 'content-type': 'application/x-protobuf' } } as const;

async function world() {
  const clock = { nowMs: START_MS };
  const board = new PullBoard(() => clock.nowMs);
  const made = await incidentWorld(scratchFolder(), { pulls: board });
  onTestFinished(() => made.close());
  return { made, board, clock };
}

test('an alert asks at once for its window and a second around it; what joins asks for more', async () => {
  const { made, board, clock } = await world();
  await fillSeconds(made, 60);
  clock.nowMs = START_MS + 45_000;
  made.recorder.fired(firedAlert(45), clock.nowMs);
  expect(board.open()).toMatchObject([
    { deployment: DEPLOYMENT, fromUnixMs: START_MS + 34_000, toUnixMs: START_MS + 56_000 },
  ]);
  made.recorder.fired(firedAlert(50, { id: 'a2' }), clock.nowMs);
  expect(board.open()).toMatchObject([
    { fromUnixMs: START_MS + 34_000, toUnixMs: START_MS + 61_000 },
  ]);
  made.recorder.fired(firedAlert(50, { id: 'own', deployment: '' }), clock.nowMs);
  expect(board.counts.asked).toEqual({ alert: 2, manual: 0 });
});

test('a frozen window is asked for; who gives its events up asks no more', async () => {
  const { made, board, clock } = await world();
  await fillSeconds(made, 60);
  clock.nowMs = START_MS + 60_000;
  const request = { deployment: DEPLOYMENT, author: '', note: '', lastSeconds: 20 };
  const { id } = await made.recorder.freeze(request, clock.nowMs);
  const removed = await made.recorder.freeze(request, clock.nowMs);
  expect(board.open()).toHaveLength(2);
  await made.recorder.change(id, { release: true }, clock.nowMs);
  await made.recorder.remove(removed.id);
  expect(board.open()).toEqual([]);
});

test('a window without raw events may be frozen while workers hold steps, and only then', async () => {
  const { made, board, clock } = await world();
  await fillSeconds(made, 10);
  clock.nowMs = START_MS + 60_000;
  const request = { deployment: DEPLOYMENT, author: '', note: '', lastSeconds: 20 };
  await expect(made.recorder.freeze(request, clock.nowMs)).rejects.toThrow('No raw events of prod');
  board.valuesFor(`30;deployment=${DEPLOYMENT}`);
  expect(await made.recorder.freeze(request, clock.nowMs)).toMatchObject({ evidence: 'recording' });
  expect(board.open()).toHaveLength(1);
});

test('what was recording when the collector ended is asked for again, under the same id', async () => {
  const clock = { nowMs: START_MS + 60_000 };
  const board = new PullBoard(() => clock.nowMs);
  const folder = scratchFolder();
  const first = await incidentWorld(folder, { pulls: board });
  await fillSeconds(first, 60);
  const request = { deployment: DEPLOYMENT, author: '', note: '', lastSeconds: 20 };
  await first.recorder.freeze(request, clock.nowMs);
  await first.close();
  const later = new PullBoard(() => clock.nowMs);
  const second = await incidentWorld(folder, { pulls: later });
  onTestFinished(() => second.close());
  expect(later.open()).toEqual(board.open());
});

test('successful answers over HTTP and gRPC carry it, a line each; refusals do not', async () => {
  const board = new PullBoard(() => START_MS);
  const pulls = { pulls: board };
  const ingest = new FakeIngest();
  const options = { host: '127.0.0.1', port: 0, ingest, stats: statsOf(1 << 20), ...pulls };
  const http = await startOtlpHttp(options);
  const grpc = await startOtlpGrpc(options);
  onTestFinished(() => Promise.all([http.close(), grpc.close()]).then(() => undefined));
  const window = { fromUnixNs: ns(-10), toUnixNs: ns(10) };
  for (const deployment of ['prod', 'canary']) {
    board.ask({ incidentId: `i-${deployment}`, deployment, window, origin: 'manual' });
  }
  const both = (await fetch(urlOf(http), EMPTY)).headers.get('afdscope-pull')?.split(', ');
  expect(both).toHaveLength(2);
  const headers = { ...EMPTY.headers, 'afdscope-ring': '30;deployment=canary' };
  const one = (await fetch(urlOf(http, '/v1/metrics'), { ...EMPTY, headers })).headers;
  expect(one.get('afdscope-pull')).toMatch(/^i-canary\.\S+;deployment=canary$/);

  const session = connect(`http://127.0.0.1:${grpc.port}`);
  onTestFinished(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    'content-type': 'application/grpc',
    te: 'trailers',
    'afdscope-ring': '30;deployment=prod',
  });
  const { promise, resolve } = Promise.withResolvers<Record<string, unknown>>();
  stream.on('response', resolve);
  stream.end(Buffer.alloc(5));
  expect((await promise)['afdscope-pull']).toMatch(/^i-prod\.\S+;deployment=prod$/);
  stream.resume();

  ingest.outcome = { status: 'unavailable', message: 'no', retryAfterS: 1 };
  const refused = await fetch(urlOf(http), EMPTY);
  expect([refused.status, refused.headers.get('afdscope-pull')]).toEqual([503, null]);
});

test('a running collector: a window frozen over its API is in the answers to exports, and counted', async () => {
  const collector = await new RunningCollector(scratchFolder()).start();
  await collector.send(1);
  // The event is of the past; the window must not be.
  const headers = { 'afdscope-ring': '30;deployment=prod', ...EMPTY.headers };
  const send = () => fetch(`${collector.otlpHttp}/v1/traces`, { ...EMPTY, headers });
  expect((await send()).headers.get('afdscope-pull')).toBeNull();
  const frozen = await fetch(`${collector.admin}/api/incidents`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${collector.adminToken}`,
    },
    body: JSON.stringify({ deployment: 'prod', lastSeconds: 20 }),
  });
  expect(frozen.status).toBe(201);
  const { id } = incidentSchema.parse(await frozen.json());
  const response = await send();
  expect(response.status).toBe(200);
  expect(response.headers.get('afdscope-pull')).toContain(`${id}.`);
  expect(await collector.metric('afdscope_pull_requests_total{origin="manual"}')).toBe(1);
  expect(await collector.metric('afdscope_pull_answers_total')).toBe(1);
  expect(await collector.metric('afdscope_pull_open')).toBe(1);
});

function ns(second: number) {
  return unixNanosFromMs(START_MS + second * 1000);
}
