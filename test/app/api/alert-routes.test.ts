/** Routes of alerting: what the database and a collector say, and what is handed on to it. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { services } from '#app/_server/services.ts';
import * as acknowledge from '#app/api/v1/alerts/acknowledge/route.ts';
import * as deliveries from '#app/api/v1/alerts/deliveries/route.ts';
import * as history from '#app/api/v1/alerts/history/route.ts';
import * as alerts from '#app/api/v1/alerts/route.ts';
import * as exported from '#app/api/v1/alerts/rules/export/route.ts';
import * as preview from '#app/api/v1/alerts/rules/preview/route.ts';
import * as rules from '#app/api/v1/alerts/rules/route.ts';
import * as silences from '#app/api/v1/silences/route.ts';
import { alertEvent } from '#collector/alert/alert-memory.ts';
import type { ActiveAlert } from '#lib/alert/alert-state.ts';
import { ruleFileSchema, rulePreviewSchema, rulesAnswerSchema } from '#lib/api/alert-rules.ts';
import { alertHistorySchema, alertsSchema, silencesSchema } from '#lib/api/alerts.ts';
import { problemSchema } from '#lib/api/problem.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import { sampleRow } from '#lib/query/sample-rows.ts';
import { openStateWriter } from '#lib/store/open-store.ts';

const WEB = 'http://127.0.0.1:3000';
const NOW = Math.floor(Date.now() / 60_000) * 60_000;
const ALERT: ActiveAlert = {
  id: 'a1',
  rule: 'bubble-ratio',
  severity: 'warning',
  state: 'firing',
  deployment: 'prod',
  labels: { alertname: 'bubble-ratio', deployment: 'prod', group: 'ffn' },
  annotations: {},
  runbook: '',
  value: 0.7,
  bound: 0.5,
  compare: '>',
  metric: 'bubble_ratio',
  unit: 'ratio',
  startsAtUnixMs: NOW - 60_000,
  firedAtUnixMs: NOW - 50_000,
  resolvedAtUnixMs: null,
  updatedAtUnixMs: NOW,
  noData: false,
  inhibitedBy: null,
  lastTrueAtUnixMs: NOW,
};

let dataDir: string;
let admin: Server | undefined;
const toAdmin: { method: string; url: string; body: string }[] = [];
let liveAlerts: unknown = null;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'afdscope-alert-routes-'));
  vi.stubEnv('AFDSCOPE_DATA', dataDir);
  vi.stubEnv('AFDSCOPE_RUNTIME', join(dataDir, 'runtime.json'));
  vi.stubEnv('AFDSCOPE_ROOT', join(import.meta.dirname, '../../..'));
  const store = await openStateWriter({ data: dataDir });
  const extras = {
    silencedBy: [],
    acknowledged: null,
    incidentId: null,
    flapping: false,
    firedCount: 1,
  };
  const at = unixNanosFromMs(NOW);
  await store.change({
    put: [
      {
        kind: 'alert',
        id: 'a1',
        deployment: 'prod',
        status: 'firing',
        createdUnixNs: at,
        updatedUnixNs: at,
        detail: JSON.stringify({ ...ALERT, ...extras }),
      },
    ],
    log: [
      ...['pending', 'firing'].map((change, i) =>
        alertEvent(ALERT, change as 'pending' | 'firing', NOW - 60_000 + i * 10_000, ''),
      ),
      ...[0, 1, 2].map((i) => alertEvent({ ...ALERT, id: `b${i}` }, 'pending', NOW - 5000, '')),
      sampleRow(
        [0, 1, 2, 3, 4, 5, 6, 7].map((i) => ({
          deployment: 'prod',
          atUnixMs: NOW - 60_000 + i * 5000,
          samples: [
            {
              metric: 'bubble_ratio',
              labels: { deployment: 'prod', group: 'ffn' },
              atUnixMs: NOW - 60_000 + i * 5000,
              value: i < 3 ? 0.1 : 0.9,
              weight: 1e9,
            },
          ],
        })),
        NOW - 60_000,
        'x',
      ),
    ],
  });
  await store.close();
});

afterAll(async () => {
  await services().pool.close();
  admin?.closeAllConnections();
  admin?.close();
  await rm(dataDir, { recursive: true, force: true });
});

async function startAdmin(): Promise<void> {
  admin = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { method = '', url = '' } = request;
    toAdmin.push({ method, url, body });
    if (url === '/api/alerts') response.end(JSON.stringify(liveAlerts));
    else if (method === 'GET') response.writeHead(404).end('{}');
    else if (method === 'DELETE') response.writeHead(204).end();
    else response.end(body);
  });
  await new Promise<void>((resolve) => admin!.listen(0, '127.0.0.1', resolve));
  await writeFile(
    join(dataDir, 'runtime.json'),
    JSON.stringify({
      schema: 'afdscope.runtime/1',
      pid: 1,
      startedUnixMs: 1,
      otlpHttp: 'http://127.0.0.1:4318',
      otlpGrpc: '127.0.0.1:4317',
      admin: `http://127.0.0.1:${(admin.address() as AddressInfo).port}`,
      web: WEB,
      adminToken: 'x',
    }),
  );
}

const get = (path: string) => new Request(WEB + path);
const send = (method: string, path: string, body: unknown, headers: Record<string, string> = {}) =>
  new Request(WEB + path, {
    method,
    headers: { host: '127.0.0.1:3000', 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

async function refusedBy(response: Response) {
  const document = problemSchema.parse(await response.json());
  expect(document.status).toBe(response.status);
  return document;
}

describe('without a collector', () => {
  test('alerts and rules are those of the database, the file and the product', async () => {
    const all = alertsSchema.parse(await (await alerts.GET(get('/api/v1/alerts'))).json());
    expect(all.alerts).toMatchObject([{ id: 'a1', state: 'firing' }]);
    expect(all.evaluatedUnixMs).toBe(NOW - 60_000);
    for (const query of ['?deployment=other', '?state=resolved']) {
      const none = alertsSchema.parse(
        await (await alerts.GET(get(`/api/v1/alerts${query}`))).json(),
      );
      expect(none.alerts).toEqual([]);
    }
    expect(await refusedBy(await alerts.GET(get('/api/v1/alerts?state=loud')))).toMatchObject({
      status: 400,
      parameter: 'state',
    });
    const listed = rulesAnswerSchema.parse(await (await rules.GET(get('/x'))).json());
    expect(listed.rules.find(({ rule }) => rule.name === 'bubble-ratio')).toMatchObject({
      source: 'builtin',
      firing: 1,
      error: null,
    });
  });

  test('history: the newest first, whole instants a page, by rule and alert', async () => {
    const ask = async (query: string) =>
      alertHistorySchema.parse(await (await history.GET(get(`/x?${query}`))).json());
    const all = await ask('from=-10m');
    expect(all.events.map(({ change }) => change)).toEqual([
      ...['pending', 'pending', 'pending', 'firing', 'pending'],
    ]);
    expect(all.more).toBe(false);
    // Three of one instant: they are not torn apart, though that is more than was asked for.
    const page = await ask('from=-10m&limit=2');
    expect(page).toMatchObject({ more: true });
    expect(new Set(page.events.map(({ atUnixMs }) => atUnixMs))).toEqual(new Set([NOW - 5000]));
    const next = await ask(`from=-10m&to=${BigInt(NOW - 5000) * 1_000_000n}`);
    expect(next.events.map(({ alertId }) => alertId)).toEqual(['a1', 'a1']);
    expect((await ask('from=-10m&alertId=b1')).events).toHaveLength(1);
    expect((await ask('from=-10m&rule=other')).events).toEqual([]);
    expect((await ask('from=-10m&deployment=other')).events).toEqual([]);
    const refused = await refusedBy(await history.GET(get('/x?limit=0')));
    expect(refused.parameter).toBe('limit');
  });

  test('a rule is tried on the samples that were kept', async () => {
    const rule = {
      name: 'try',
      metric: 'bubble_ratio',
      threshold: 0.5,
      window: '5s',
      for: '5s',
    };
    const ask = (body: unknown) => preview.POST(send('POST', '/x', body));
    const answer = rulePreviewSchema.parse(await (await ask({ rule, from: '-10m' })).json());
    expect(answer.missing).toBeNull();
    expect(answer.series).toHaveLength(1);
    expect(answer.series[0]!.spans.map(({ state }) => state)).toEqual(['pending', 'firing']);
    const nowhere = rulePreviewSchema.parse(
      await (await ask({ rule, deployment: 'other', from: '-10m' })).json(),
    );
    expect(nowhere.missing).toContain('no samples');
    for (const [body, parameter] of [
      [{ rule: {} }, 'rule.name'],
      [{ rule: { ...rule, metric: 'nothing' } }, 'rule.metric'],
      [{ rule, from: '-3d' }, 'from'],
      [{ rule, from: 'soon' }, 'from'],
    ] as const) {
      expect(await refusedBy(await ask(body))).toMatchObject({ status: 400, parameter });
    }
  });

  test('rules are exported as a file that is a rule file', async () => {
    const response = await exported.GET(get('/x'));
    expect(response.headers.get('content-type')).toContain('yaml');
    const file = ruleFileSchema.parse(parse(await response.text()));
    const listed = rulesAnswerSchema.parse(await (await rules.GET(get('/x'))).json());
    expect(file.rules).toEqual(listed.rules.map(({ rule }) => rule));
    const one = ruleFileSchema.parse(
      parse(await (await exported.GET(get('/x?name=straggler'))).text()),
    );
    expect(one.rules.map(({ name }) => name)).toEqual(['straggler']);
    expect((await refusedBy(await exported.GET(get('/x?name=nobody')))).parameter).toBe('name');
    expect((await refusedBy(await exported.GET(get('/x?source=mine')))).parameter).toBe('source');
  });

  test('silences and messages are lists; changes say that nobody is there to make them', async () => {
    expect(silencesSchema.parse(await (await silences.GET(get('/x'))).json()).silences).toEqual([]);
    expect(await (await deliveries.GET(get('/x'))).json()).toEqual({ deliveries: [] });
    const body = { alertId: 'a1', by: 'ann' };
    const refused = await refusedBy(await acknowledge.POST(send('POST', '/x', body)));
    expect(refused).toMatchObject({ status: 503, type: 'about:blank#collector-unreachable' });
  });
});

describe('with a collector', () => {
  test('what it knows now comes before what is stored', async () => {
    await startAdmin();
    liveAlerts = { evaluatedUnixMs: NOW + 1000, alerts: [] };
    expect(await (await alerts.GET(get('/api/v1/alerts'))).json()).toEqual(liveAlerts);
    // Another version answers something else.
    liveAlerts = { nothing: true };
    const stored = alertsSchema.parse(await (await alerts.GET(get('/api/v1/alerts'))).json());
    expect(stored.alerts).toHaveLength(1);
  });

  test('changes are checked, handed on, and refused to other sites', async () => {
    toAdmin.length = 0;
    const rule = { name: 'mine', metric: 'busy_ratio', threshold: 0.1, compare: '<' };
    expect((await rules.PUT(send('PUT', '/x?basedOn=7', rule))).status).toBe(200);
    expect((await rules.DELETE(send('DELETE', '/x?name=mine', {}))).status).toBe(204);
    expect((await silences.DELETE(send('DELETE', '/x?id=a%20b', {}))).status).toBe(204);
    expect(toAdmin.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'PUT /api/alerts/rules?basedOn=7',
      'DELETE /api/alerts/rules?name=mine',
      'DELETE /api/silences?id=a%20b',
    ]);
    expect(JSON.parse(toAdmin[0]!.body)).toMatchObject({ name: 'mine', window: '30s' });
    const wrong = await refusedBy(await rules.PUT(send('PUT', '/x', { ...rule, window: 'x' })));
    expect(wrong).toMatchObject({ status: 400, parameter: 'window' });
    const foreign = { origin: 'https://elsewhere.example' };
    for (const answer of [
      rules.PUT(send('PUT', '/x', rule, foreign)),
      silences.POST(send('POST', '/x', {}, foreign)),
      acknowledge.POST(send('POST', '/x', {}, foreign)),
    ]) {
      expect((await refusedBy(await answer)).status).toBe(403);
    }
    expect(toAdmin).toHaveLength(3);
  });
});
