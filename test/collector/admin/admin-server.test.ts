import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AdminServer, startAdmin } from '#collector/admin/admin-server.ts';
import type { Imports } from '#collector/admin/import-routes.ts';
import type { Incidents } from '#collector/admin/incident-routes.ts';
import { LiveClients } from '#collector/admin/live-clients.ts';
import { createMetrics } from '#collector/admin/metrics.ts';
import { newImport } from '#collector/import/import-record.ts';
import { FreezeRefusedError } from '#collector/incident/freeze-window.ts';
import { ConditionBoard } from '#collector/observe/condition-board.ts';
import { ByteBudget } from '#collector/receive/byte-budget.ts';
import { ReceiverStats } from '#collector/receive/receiver-stats.ts';
import { readinessSchema } from '#lib/api/condition.ts';
import { unixNanos } from '#lib/base/units.ts';
import { UnknownIncidentError } from '#lib/query/errors.ts';
import type { Annotation } from '#lib/store/state-store.ts';
import { idleIngestStats, sampleOverview } from '#test/support/admin-samples.ts';
import { alertServiceOn, deskOf } from '#test/support/alert-service.ts';

const PROMTOOL = '/usr/bin/promtool';
const TOKEN = 'secret-token';

const overviews = new Map([
  ['demo', sampleOverview('demo')],
  ['quo"ted\\\n', sampleOverview('quo"ted\\\n')],
]);
const live = {
  deployments: () => [...overviews.keys()],
  subscribe: () => () => {},
  latestOverviews: () => overviews,
};
const receiver = new ReceiverStats(new ByteBudget(1000));
const clients = new LiveClients(live);
const board = new ConditionBoard({ info: () => {}, warn: () => {}, error: () => {} });
const metrics = createMetrics({
  version: '1.2.3',
  receiver,
  ingest: idleIngestStats,
  rejected: () => ({ not_afd: 4 }),
  live,
  clients,
  board,
  door: { waiting: 3 },
  nowUnixMs: () => 1_793_000_010_000,
});
const annotations = new Map<string, Annotation>();
const state = {
  putAnnotation: async (annotation: Annotation) => {
    annotations.set(annotation.id, annotation);
  },
  deleteAnnotation: async (id: string) => annotations.delete(id),
};

const readiness = () => ({
  conditions: board.active(),
  queueWaitMs: 12,
  waitingRequests: 3,
  refused: { overloaded: 2 },
});

let server: AdminServer;
const imports: Imports = {
  receive: async () => newImport('one', 0, []),
  list: async () => [],
  remove: async () => ({ found: false, unpinned: 0 }),
};
const incidents: Incidents = {
  freeze: async () => Promise.reject(new FreezeRefusedError('lastSeconds', 'nothing is kept')),
  change: async (id) => Promise.reject(new UnknownIncidentError(id)),
  remove: async () => false,
};
const alerts = deskOf(
  alertServiceOn(
    async () => undefined,
    () => 1_793_000_010_000,
  ),
);
let base = '';
let started = false;
let notReady: string[] = [];
let notAlive: string[] = [];

beforeAll(async () => {
  server = await startAdmin({
    address: { host: '127.0.0.1', port: 0 },
    parts: () => (started ? { metrics, clients, state, imports, incidents, alerts } : null),
    adminToken: TOKEN,
    nowUnixMs: () => 1_793_000_010_000,
    notReady: () => notReady,
    notAlive: () => notAlive,
    readiness,
    status: () => ({ big: unixNanos(1_793_000_000_000_000_001n), phase: 'accepting' }),
    onError: () => {},
  });
  base = `http://127.0.0.1:${server.port}`;
});
afterAll(() => server.close());

function post(body: unknown, token: string | null = TOKEN): Promise<Response> {
  const headers: Record<string, string> = { 'Content-Type': 'application/json' };
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return fetch(`${base}/api/annotations`, { method: 'POST', headers, body: text });
}

describe('while the collector starts', () => {
  test('health is answered, the rest asks for patience', async () => {
    notReady = ['the store is being opened'];
    const ready = await fetch(`${base}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ status: 'not ready', reasons: notReady });
    expect((await fetch(`${base}/livez`)).status).toBe(200);
    for (const path of ['/metrics', '/live?deployment=demo']) {
      const response = await fetch(base + path);
      expect(response.status).toBe(503);
      expect(response.headers.get('content-type')).toContain('application/problem+json');
      expect(response.headers.get('retry-after')).toBe('1');
    }
    notReady = [];
    started = true;
  });
});

describe('health', () => {
  test('ready, healthy, alive', async () => {
    for (const [path, word] of [
      ['/readyz', 'ready'],
      ['/healthz', 'healthy'],
      ['/livez', 'alive'],
    ]) {
      const response = await fetch(base + path);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({
        status: word,
        reasons: [],
        ...(path === '/livez' ? {} : readiness()),
      });
    }
  });

  test('a full disk is not ready, but alive', async () => {
    notReady = ['the disk is full'];
    expect((await fetch(`${base}/readyz`)).status).toBe(503);
    expect((await fetch(`${base}/livez`)).status).toBe(200);
    notReady = [];
    notAlive = ['the ingest thread failed'];
    expect((await fetch(`${base}/livez`)).status).toBe(503);
    expect((await fetch(`${base}/readyz`)).status).toBe(503);
    notAlive = [];
  });
});

describe('conditions', () => {
  test('are told by /readyz in the form of the contract, and are a gauge each', async () => {
    board.begin('clock', 'the clock jumped', 1_793_000_000_000);
    const ready = await fetch(`${base}/readyz`);
    expect(ready.status).toBe(200);
    const body = readinessSchema.parse(await ready.json());
    expect(body.conditions).toMatchObject([
      { name: 'clock', severity: 'warning', notReady: false, sinceUnixMs: 1_793_000_000_000 },
    ]);
    expect(body.conditions[0]?.remedy).toContain('NTP');
    const during = await (await fetch(`${base}/metrics`)).text();
    expect(during).toContain('afdscope_condition{condition="clock"} 1');
    expect(during).toContain('afdscope_condition{condition="disk-full"} 0');
    board.end('clock');
    const after = await (await fetch(`${base}/metrics`)).text();
    expect(after).toContain('afdscope_condition{condition="clock"} 0');
    expect(after).toContain('afdscope_condition_entered_total{condition="clock"} 1');
    expect(after).toContain('afdscope_receiver_waiting_requests 3');
  });
});

describe('metrics', () => {
  test('own counters and derived gauges, in base units', async () => {
    receiver.settle('traces', 'grpc', 100, {
      status: 'stored',
      received: 12,
      rejectedCount: 2,
      rejectedMessage: '',
      duplicate: false,
    });
    receiver.refuse('metrics', 'http', 'malformed');
    metrics.observeCommit({
      ok: true,
      commitMs: 12,
      requests: 1,
      bodyBytes: 100,
      events: 10,
      metricPoints: 0,
      duplicates: 0,
      rejected: {},
    });
    const text = await (await fetch(`${base}/metrics`)).text();
    for (const line of [
      'afdscope_build_info{version="1.2.3"} 1',
      'afdscope_receiver_accepted_spans_total{transport="grpc"} 10',
      'afdscope_receiver_rejected_spans_total{transport="grpc"} 2',
      'afdscope_receiver_refused_requests_total{signal="metrics",transport="http",reason="malformed"} 1',
      'afdscope_receiver_in_flight_limit_bytes 1000',
      'afdscope_ingest_rejected_total{reason="not_afd"} 4',
      'afdscope_ingest_rejected_total{reason="late"} 0',
      'afdscope_ingest_commit_duration_seconds_count 1',
      'afdscope_ingest_commit_duration_seconds_sum 0.012',
      'afdscope_store_state{state="ok"} 1',
      'afdscope_store_database_bytes 4096',
      'afdscope_live_lag_seconds 9',
      'afdscope_group_busy_ratio{deployment="demo",group="attention",role="attention"} 0.75',
      'afdscope_group_active_bubble_ratio{deployment="demo",group="attention",role="attention"} 0.2',
      'afdscope_layer_period_seconds{deployment="demo"} 0.00082',
      'afdscope_ideal_layer_period_seconds{deployment="demo"} 0.00081',
      'afdscope_tokens_per_second{deployment="demo"} 4000',
      'afdscope_group_exposed_transfer_ratio{deployment="demo",group="attention",role="attention"} 0\n',
      'afdscope_attention_effective_seconds{deployment="demo"} 0.00027',
      'afdscope_time_per_output_token_seconds{deployment="demo"} 0.042',
      'afdscope_stragglers{deployment="demo"} 1',
      'afdscope_straggler_excess_ratio{deployment="demo"} 0.12',
      // One that is over is none.
      'afdscope_hang_seconds{deployment="demo"} 0\n',
      'afdscope_silent_workers{deployment="demo"} 1',
      'afdscope_deployment_lag_seconds{deployment="demo"} 1.5',
      'process_cpu_seconds_total',
    ]) {
      expect(text).toContain(line);
    }
    // Without transfer there is no ratio, and no made-up zero either.
    expect(text).not.toContain('afdscope_group_overlap_ratio{');
    expect(text).not.toMatch(/layer="|expert="|worker="/);
  });

  test('a deployment that sends nothing has no figures of now, but stands still', async () => {
    const overview = sampleOverview('quiet');
    const hangs = overview.hangs!.map((hang) => ({
      ...hang,
      kind: 'hang' as const,
      untilUnixNs: null,
    }));
    overviews.set('quiet', { ...overview, state: 'quiet', hangs });
    const text = await (await fetch(`${base}/metrics`)).text();
    overviews.delete('quiet');
    expect(text).not.toContain('busy_ratio{deployment="quiet"');
    expect(text).not.toContain('tokens_per_second{deployment="quiet"');
    expect(text).toContain('afdscope_hang_seconds{deployment="quiet"} 110\n');
  });

  test('a group that is gone leaves no series behind', async () => {
    overviews.set('gone', sampleOverview('gone'));
    expect(await (await fetch(`${base}/metrics`)).text()).toContain('deployment="gone"');
    overviews.delete('gone');
    expect(await (await fetch(`${base}/metrics`)).text()).not.toContain('deployment="gone"');
  });

  test('the number of series is bounded, and what is hidden is counted', async () => {
    for (let i = 0; i < 100; i++) overviews.set(`many-${i}`, sampleOverview(`many-${i}`));
    const text = await (await fetch(`${base}/metrics`)).text();
    expect(text.match(/^afdscope_group_busy_ratio\{/gm)).toHaveLength(64);
    expect(text).toContain('afdscope_hidden_groups 38');
    for (let i = 0; i < 100; i++) overviews.delete(`many-${i}`);
  });

  test.skipIf(!existsSync(PROMTOOL))('pass promtool check metrics', async () => {
    const text = await (await fetch(`${base}/metrics`)).text();
    expect(() =>
      execFileSync(PROMTOOL, ['check', 'metrics'], { input: text, encoding: 'utf8' }),
    ).not.toThrow();
  });
});

describe('live', () => {
  test('needs a deployment', async () => {
    const response = await fetch(`${base}/live`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ parameter: 'deployment', status: 400 });
  });
});

describe('annotations', () => {
  const note = { deployment: 'demo', fromUnixNs: '1793000000000000001', text: 'deploy 42' };

  test('are written and deleted with the token', async () => {
    const response = await post(note);
    expect(response.status).toBe(201);
    const written: unknown = await response.json();
    expect(written).toMatchObject({
      ...note,
      toUnixNs: note.fromUnixNs,
      author: '',
      createdUnixNs: '1793000010000000000',
    });
    const [id] = [...annotations.keys()];
    expect(annotations.get(id ?? '')?.fromUnixNs).toBe(1_793_000_000_000_000_001n);
    const remove = () =>
      fetch(`${base}/api/annotations?id=${id}`, {
        method: 'DELETE',
        headers: { Authorization: `Bearer ${TOKEN}` },
      });
    expect((await remove()).status).toBe(204);
    expect((await remove()).status).toBe(404);
    expect(annotations.size).toBe(0);
  });

  test('are refused without it', async () => {
    for (const token of [null, 'wrong', `${TOKEN}x`]) {
      const response = await post(note, token);
      expect(response.status).toBe(401);
      expect(response.headers.get('content-type')).toContain('application/problem+json');
    }
    const remove = await fetch(`${base}/api/annotations?id=x`, { method: 'DELETE' });
    expect(remove.status).toBe(401);
    expect(annotations.size).toBe(0);
  });

  test.each([
    [{ ...note, text: '' }, 'text'],
    [{ ...note, fromUnixNs: 12 }, 'fromUnixNs'],
    [{ ...note, toUnixNs: '1' }, 'toUnixNs'],
    [{ ...note, deployment: undefined }, 'deployment'],
  ])('a wrong body names its parameter: %j', async (body, parameter) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ parameter });
  });

  test('bodies that cannot be read', async () => {
    expect((await post('{not json')).status).toBe(400);
    expect((await post({ ...note, text: 'x'.repeat(100_000) })).status).toBe(413);
    expect(annotations.size).toBe(0);
  });
});

test('status writes large integers as strings', async () => {
  const response = await fetch(`${base}/api/status`);
  expect(await response.json()).toEqual({ big: '1793000000000000001', phase: 'accepting' });
});

test('other paths are problems', async () => {
  const response = await fetch(`${base}/nope`);
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ title: 'Not found' });
});
