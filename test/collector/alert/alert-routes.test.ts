/** Changes of rules and silences over the admin port, on a real database. */

import { fastify } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addAlertRoutes } from '#collector/admin/alert-routes.ts';
import type { AlertService } from '#collector/alert/alert-service.ts';
import { readAlertState } from '#collector/alert/stored-state.ts';
import { listedRuleSchema, rulesAnswerSchema } from '#lib/api/alert-rules.ts';
import { alertsSchema, silenceSchema } from '#lib/api/alerts.ts';
import { PROBLEM_CONTENT_TYPE, problemSchema } from '#lib/api/problem.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import { listSilences } from '#lib/query/alerts.ts';
import { openStateReader, openStateWriter } from '#lib/store/open-store.ts';
import type { StateChanges, StateStore } from '#lib/store/state-store.ts';
import { alertServiceOn, deskOf } from '#test/support/alert-service.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

const TOKEN = 'a-token-of-the-test';
const NOW = 1_793_000_000_000;
const RULE = { name: 'slow', metric: 'step_latency_seconds', threshold: 2 };
const SILENCE = {
  matchers: [{ name: 'deployment', value: 'prod' }],
  endsAtUnixMs: NOW + 3_600_000,
  author: 'on-call',
  comment: 'new switches',
};

let data: string;
let nowUnixMs = NOW;
let store: StateStore;
let service: AlertService;
let refusal: string | null = null;
const server = fastify();

async function change(changes: StateChanges): Promise<void> {
  if (refusal !== null) throw new Error(refusal);
  await store.change(changes);
}

async function restarted(): Promise<AlertService> {
  const again = alertServiceOn(change, () => nowUnixMs);
  again.load(await readAlertState({ data }, nowUnixMs));
  return again;
}

beforeAll(() => {
  addAlertRoutes(server, { alerts: () => deskOf(service), adminToken: TOKEN });
});
beforeEach(async () => {
  data = scratchFolder();
  store = await openStateWriter({ data });
  nowUnixMs = NOW;
  refusal = null;
  service = await restarted();
});
afterEach(() => store.close());
afterAll(() => server.close());

async function ask(method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body?: object) {
  const response = await server.inject({
    method,
    url,
    headers: { authorization: `Bearer ${TOKEN}` },
    ...(body === undefined ? {} : { payload: body }),
  });
  const json: unknown = response.body === '' ? null : response.json();
  return { status: response.statusCode, json, type: response.headers['content-type'] };
}

async function refusedFor(...question: Parameters<typeof ask>) {
  const { status, json, type } = await ask(...question);
  expect(type).toContain(PROBLEM_CONTENT_TYPE);
  const document = problemSchema.parse(json);
  expect(document.status).toBe(status);
  return document;
}

async function rules() {
  return rulesAnswerSchema.parse((await ask('GET', '/api/alerts/rules')).json).rules;
}

describe('rules', () => {
  test('a stored rule counts, survives a restart, and gives way to the built-in one when deleted', async () => {
    const over = { name: 'busy', metric: 'busy_ratio', threshold: 0.9, compare: '<' };
    const { status, json } = await ask('PUT', '/api/alerts/rules', over);
    expect(status).toBe(200);
    expect(listedRuleSchema.parse(json)).toMatchObject({
      source: 'page',
      overrides: true,
      rule: { threshold: 0.9, window: '30s' },
      changedUnixMs: NOW,
    });
    service = await restarted();
    expect(await rules()).toMatchObject([{ source: 'page', rule: { threshold: 0.9 } }]);
    expect((await ask('DELETE', '/api/alerts/rules?name=busy')).status).toBe(204);
    expect(await rules()).toMatchObject([{ source: 'builtin', rule: { threshold: 0.5 } }]);
    service = await restarted();
    expect(await rules()).toMatchObject([{ source: 'builtin', changedUnixMs: null }]);
  });

  test('of two edits of one version the second is told, whichever comes first', async () => {
    await ask('PUT', '/api/alerts/rules', RULE);
    const version = (await rules()).find(({ rule }) => rule.name === 'slow')!.changedUnixMs;
    const url = `/api/alerts/rules?basedOn=${version}`;
    const both = await Promise.all(
      [3, 4].map((threshold) => ask('PUT', url, { ...RULE, threshold })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    const won = both.find(({ status }) => status === 200)!;
    const kept = (await rules()).find(({ rule }) => rule.name === 'slow')!;
    expect(kept).toEqual(won.json);
    expect(problemSchema.parse(both.find(({ status }) => status === 409)!.json).detail).toContain(
      'somebody else',
    );
    // Without a version the last one wins.
    expect((await ask('PUT', '/api/alerts/rules', RULE)).status).toBe(200);
    const made = await refusedFor('PUT', '/api/alerts/rules?basedOn=none', RULE);
    expect(made.status).toBe(409);
  });

  test('two that explain each other are refused: the second one', async () => {
    expect((await ask('PUT', '/api/alerts/rules', { ...RULE, explains: ['busy'] })).status).toBe(
      200,
    );
    const busy = { name: 'busy', metric: 'busy_ratio', threshold: 0.5, explains: ['slow'] };
    const refusal = await refusedFor('PUT', '/api/alerts/rules', busy);
    expect(refusal.parameter).toBe('explains');
    expect(refusal.detail).toContain('goes round in a circle: busy → slow → busy');
  });

  test.each([
    [{}, 'name'],
    [{ ...RULE, labels: { deployment: 'mine' } }, 'labels.deployment'],
    [{ ...RULE, keep_firing_for: '400d' }, 'keep_firing_for'],
    [{ ...RULE, name: 'No Spaces' }, 'name'],
    [{ ...RULE, window: 'soon' }, 'window'],
    [{ name: 'x', metric: 'busy_ratio' }, 'threshold'],
    [{ ...RULE, recover: 3 }, 'recover'],
    [{ ...RULE, severity: 'loud' }, 'severity'],
  ])('%j is refused, naming the key', async (rule, parameter) => {
    expect(await refusedFor('PUT', '/api/alerts/rules', rule)).toMatchObject({
      status: 400,
      parameter,
    });
  });

  test('what is not there, or not stored, cannot be deleted', async () => {
    expect((await refusedFor('DELETE', '/api/alerts/rules?name=nobody')).status).toBe(404);
    expect(await refusedFor('DELETE', '/api/alerts/rules?name=busy')).toMatchObject({
      status: 400,
      detail: expect.stringContaining('Switch it off'),
    });
    expect((await refusedFor('DELETE', '/api/alerts/rules')).parameter).toBe('name');
    const url = '/api/alerts/rules?basedOn=yesterday';
    expect((await refusedFor('PUT', url, RULE)).parameter).toBe('basedOn');
  });

  test('a store that refuses changes nothing, and says why', async () => {
    refusal = 'the disk is full';
    const refused = await refusedFor('PUT', '/api/alerts/rules', RULE);
    expect(refused).toMatchObject({ status: 503, type: 'about:blank#not-stored' });
    expect(refused.detail).toContain('the disk is full');
    expect(await rules()).toHaveLength(1);
    refusal = null;
    expect((await ask('PUT', '/api/alerts/rules', RULE)).status).toBe(200);
  });
});

describe('silences', () => {
  async function listed() {
    const reader = await openStateReader({ data });
    const { silences } = await listSilences(reader, unixNanosFromMs(nowUnixMs));
    await reader.close();
    return silences;
  }

  test('made, changed, expired; what has begun keeps its beginning', async () => {
    const made = silenceSchema.parse((await ask('POST', '/api/silences', SILENCE)).json);
    expect(made).toMatchObject({ state: 'active', startsAtUnixMs: NOW, createdUnixMs: NOW });
    nowUnixMs += 60_000;
    const longer = {
      ...SILENCE,
      id: made.id,
      startsAtUnixMs: nowUnixMs,
      endsAtUnixMs: NOW + 7_200_000,
    };
    const changed = silenceSchema.parse((await ask('POST', '/api/silences', longer)).json);
    expect(changed).toMatchObject({ startsAtUnixMs: NOW, endsAtUnixMs: NOW + 7_200_000 });
    expect(await listed()).toEqual([changed]);
    service = await restarted();
    expect((await ask('DELETE', `/api/silences?id=${made.id}`)).status).toBe(204);
    expect(await listed()).toMatchObject([{ state: 'expired', endsAtUnixMs: nowUnixMs }]);
    expect((await refusedFor('POST', '/api/silences', longer)).status).toBe(409);
  });

  test('planned maintenance waits for its time', async () => {
    const planned = { ...SILENCE, startsAtUnixMs: NOW + 600_000 };
    const made = silenceSchema.parse((await ask('POST', '/api/silences', planned)).json);
    expect(made.state).toBe('pending');
    expect((await listed()).find(({ id }) => id === made.id)!.state).toBe('pending');
    nowUnixMs = NOW + 600_000;
    expect((await listed()).find(({ id }) => id === made.id)!.state).toBe('active');
    nowUnixMs = SILENCE.endsAtUnixMs;
    expect((await listed()).find(({ id }) => id === made.id)!.state).toBe('expired');
  });

  test.each([
    [{ ...SILENCE, matchers: [] }, 'matchers'],
    [{ ...SILENCE, matchers: [{ name: 'worker', value: '(', isRegex: true }] }, 'matchers'],
    [{ ...SILENCE, matchers: [{ name: 'worker', value: '.*', isRegex: true }] }, 'matchers'],
    [{ ...SILENCE, endsAtUnixMs: NOW - 1 }, 'endsAtUnixMs'],
    [{ ...SILENCE, endsAtUnixMs: NOW + 400 * 86_400_000 }, 'endsAtUnixMs'],
    [{ ...SILENCE, author: '' }, 'author'],
    [{ ...SILENCE, comment: '' }, 'comment'],
    [['all of it'], 'body'],
  ])('%j is refused, naming the key', async (body, parameter) => {
    const refused = await refusedFor('POST', '/api/silences', body as object);
    expect(refused).toMatchObject({ status: 400, parameter });
  });

  test('one that is not there cannot be changed or expired', async () => {
    expect((await refusedFor('POST', '/api/silences', { ...SILENCE, id: 'x' })).status).toBe(404);
    expect((await refusedFor('DELETE', '/api/silences?id=x')).status).toBe(404);
    expect((await refusedFor('DELETE', '/api/silences')).parameter).toBe('id');
  });
});

test('changes need the token; what is known now does not', async () => {
  const response = await server.inject({ method: 'POST', url: '/api/silences', payload: SILENCE });
  expect(response.statusCode).toBe(401);
  expect(alertsSchema.parse((await ask('GET', '/api/alerts')).json).alerts).toEqual([]);
  expect(
    (await refusedFor('POST', '/api/alerts/acknowledge', { alertId: 'x', by: 'me' })).status,
  ).toBe(404);
});
