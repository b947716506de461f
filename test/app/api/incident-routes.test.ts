/** `/api/v1/incidents`: what is stored, its report and archive; changes go to a real admin server. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FastifyInstance, fastify } from 'fastify';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { services } from '#app/_server/services.ts';
import * as exported from '#app/api/v1/export/route.ts';
import * as report from '#app/api/v1/incidents/[id]/report.html/route.ts';
import * as incident from '#app/api/v1/incidents/[id]/route.ts';
import * as incidents from '#app/api/v1/incidents/route.ts';
import { addIncidentRoutes } from '#collector/admin/incident-routes.ts';
import { incidentArchiveUrl, incidentReportUrl } from '#lib/api/alert-client.ts';
import type { AlertEvent } from '#lib/api/alerts.ts';
import { incidentDetailSchema, incidentSchema, incidentsSchema } from '#lib/api/incidents.ts';
import { problemSchema } from '#lib/api/problem.ts';
import { readArchive } from '#lib/archive/read-archive.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import {
  DEPLOYMENT,
  fillSeconds,
  firedAlert,
  type IncidentWorld,
  incidentWorld,
  START_MS,
} from '#test/support/incident-world.ts';

const TOKEN = 'a-token-of-the-test';
let dataDir = '';
let world: IncidentWorld;
let admin: FastifyInstance;
let id = '';

const EVENT: AlertEvent = {
  alertId: 'a1',
  rule: 'straggler',
  severity: 'warning',
  deployment: DEPLOYMENT,
  labels: { worker: 'attention/1', deployment: DEPLOYMENT },
  atUnixMs: START_MS + 45_000,
  change: 'firing',
  value: 0.2,
  detail: '20 % slower than the others',
};

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'afdscope-incidents-'));
  vi.stubEnv('AFDSCOPE_DATA', dataDir);
  vi.stubEnv('AFDSCOPE_RUNTIME', join(dataDir, 'runtime.json'));
  vi.stubEnv('AFDSCOPE_ROOT', join(import.meta.dirname, '../../..'));
  world = await incidentWorld(dataDir);
  await fillSeconds(world, 60);
  const fired = world.recorder.fired(firedAlert(45), START_MS + 45_000);
  id = fired.incidentId;
  const later = (change: AlertEvent['change'], second: number, alertId = 'a1'): AlertEvent => ({
    ...EVENT,
    ...{ alertId, change, atUnixMs: START_MS + second * 1000 },
  });
  // Of another alert in the window, after it, and of the same one hours later.
  const events = [
    EVENT,
    later('firing', 50, 'b'),
    later('resolved', 58, 'b'),
    later('resolved', 59),
    later('firing', 9000),
  ];
  await world.state.change({
    put: fired.documents,
    log: events.map((event, i) => ({
      topic: 'alert',
      subject: event.alertId,
      deployment: event.deployment,
      atUnixNs: unixNanosFromMs(event.atUnixMs),
      part: String(i),
      detail: JSON.stringify(event),
    })),
  });
  const resolved = { ...firedAlert(45), lastTrueAtUnixMs: null };
  const atUnixMs = START_MS + 59_000;
  await world.state.change({
    put: world.recorder.follow(
      [{ alert: resolved, change: 'resolved', atUnixMs, detail: '' }],
      atUnixMs,
    ),
  });
  world.nowUnixMs = START_MS + 80_000;
  await world.recorder.settle(world.nowUnixMs);
  admin = fastify();
  addIncidentRoutes(admin, {
    incidents: () => world.recorder,
    adminToken: TOKEN,
    nowUnixMs: () => world.nowUnixMs,
  });
  const address = await admin.listen({ host: '127.0.0.1', port: 0 });
  writeFileSync(
    join(dataDir, 'runtime.json'),
    JSON.stringify({
      ...{ schema: 'afdscope.runtime/1', pid: process.pid, startedUnixMs: 1 },
      ...{ otlpHttp: null, otlpGrpc: null, admin: address, web: null, adminToken: TOKEN },
    }),
  );
});

afterAll(async () => {
  await services().pool.close();
  await admin.close();
  await world.close();
  vi.unstubAllEnvs();
  rmSync(dataDir, { recursive: true, force: true });
});

const WEB = 'http://127.0.0.1:3000';
const context = (of: string) => ({ params: Promise.resolve({ id: of }) });
const get = (path: string) => new Request(`${WEB}${path}`);

function send(path: string, method: 'POST' | 'DELETE', body?: unknown, origin = WEB): Request {
  return new Request(`${WEB}${path}`, {
    method,
    headers: { host: '127.0.0.1:3000', origin, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function problemOf(response: Response) {
  return problemSchema.parse(await response.json());
}

test('an incident has its reports, its alerts and what was set up', async () => {
  const listed = incidentsSchema.parse(
    await (await incidents.GET(get('/api/v1/incidents'))).json(),
  );
  expect(listed.incidents.map((one) => one.id)).toEqual([id]);
  const of = async (query: string) =>
    incidentsSchema.parse(await (await incidents.GET(get(`/api/v1/incidents?${query}`))).json());
  expect((await of('deployment=other')).incidents).toEqual([]);
  expect((await of('status=resolved')).incidents).toEqual([]);
  expect((await problemOf(await incidents.GET(get('/api/v1/incidents?status=x')))).parameter).toBe(
    'status',
  );
  const answer = await incident.GET(get(`/api/v1/incidents/${id}`), context(id));
  const detail = incidentDetailSchema.parse(await answer.json());
  expect(detail.report?.exactness).toBe('raw');
  expect(detail.timeline.map(({ alertId, change }) => `${alertId} ${change}`)).toEqual([
    'a1 firing',
    'b firing',
    'a1 resolved',
  ]);
  expect(detail.incident.endedUnixMs).toBe(START_MS + 59_000);
  expect(detail.setup.config).toEqual({ 'retention.raw': '2h' });
  const unknown = await incident.GET(get('/api/v1/incidents/x'), context('x'));
  expect(await problemOf(unknown)).toMatchObject({ status: 404, parameter: 'id' });
});

test('its report tells of its alerts and notes; its archive brings the notes along', async () => {
  const note = { author: 'ann', text: 'the <cable> again' };
  const path = `/api/v1/incidents/${id}`;
  const changed = await incident.POST(send(path, 'POST', { note }), context(id));
  expect(incidentSchema.parse(await changed.json()).notes).toMatchObject([note]);
  const answer = await report.GET(get(incidentReportUrl(id, 'Europe/Berlin')), context(id));
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  const html = await answer.text();
  expect(html).toContain('Incident on prod: attention/1 is slow');
  expect(html).toContain('the &lt;cable&gt; again');
  expect(html).toContain('20 % slower than the others');
  expect(html).toContain(`/incidents/${id}`);
  expect((await problemOf(await report.GET(get('/x?zone=No'), context(id)))).parameter).toBe(
    'zone',
  );
  expect((await problemOf(await report.GET(get('/x'), context('no')))).status).toBe(404);

  const archive = await exported.GET(get(incidentArchiveUrl(id)));
  expect(archive.status).toBe(200);
  const bytes = new Uint8Array(await archive.arrayBuffer());
  const texts: string[] = [];
  let window: unknown = null;
  for await (const part of readArchive(pieces(bytes))) {
    if (part.kind === 'annotations') texts.push(...part.annotations.map(({ text }) => text));
    if (part.kind === 'manifest') window = part.manifest.window;
  }
  expect(texts).toEqual([`Incident ${id}: attention/1 is slow`, 'the <cable> again']);
  const ns = (second: number) => String(unixNanosFromMs(START_MS + second * 1000));
  expect(window).toEqual({ fromUnixNs: ns(35), toUnixNs: ns(55) });
  const wrong = await exported.GET(get(`${incidentArchiveUrl(id)}&deployment=other`));
  expect((await problemOf(wrong)).parameter).toBe('incident');
});

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

test('windows are frozen, given up and deleted by this dashboard’s own pages only', async () => {
  const path = '/api/v1/incidents';
  const body = { deployment: DEPLOYMENT, lastSeconds: 30, note: 'odd' };
  const foreign = await incidents.POST(send(path, 'POST', body, 'http://elsewhere'));
  expect((await problemOf(foreign)).status).toBe(403);
  const unknown = await incidents.POST(send(path, 'POST', { ...body, deployment: 'x' }));
  expect(await problemOf(unknown)).toMatchObject({ status: 400, parameter: 'deployment' });
  const nothing = await incidents.POST(send(path, 'POST', { ...body, lastSeconds: 5 }));
  expect(await problemOf(nothing)).toMatchObject({ status: 400, parameter: 'lastSeconds' });
  const both = { ...body, fromUnixNs: '1' };
  expect((await problemOf(await incidents.POST(send(path, 'POST', both)))).parameter).toBe(
    'lastSeconds',
  );
  const made = await incidents.POST(send(path, 'POST', body));
  expect(made.status).toBe(201);
  const frozen = incidentSchema.parse(await made.json());
  expect(await world.telemetry.pins(DEPLOYMENT)).toHaveLength(2);
  const at = `${path}/${frozen.id}`;
  const released = await incident.POST(send(at, 'POST', { release: true }), context(frozen.id));
  expect(incidentSchema.parse(await released.json()).evidence).toBe('released');
  const gone = await incident.DELETE(send(at, 'DELETE'), context(frozen.id));
  expect(gone.status).toBe(204);
  const again = await incident.DELETE(send(at, 'DELETE'), context(frozen.id));
  expect((await problemOf(again)).status).toBe(404);
  const changeGone = await incident.POST(send(at, 'POST', { title: 'x' }), context(frozen.id));
  expect((await problemOf(changeGone)).status).toBe(404);
  expect(await world.telemetry.pins(DEPLOYMENT)).toHaveLength(1);
});

/** Last: it takes the raw events away. */
test('without raw events the report that was made in time stands', async () => {
  await world.recorder.change(id, { release: true }, world.nowUnixMs);
  const policy = { rawNs: 0, rawBytes: 0, rollupsNs: 0 };
  const now = unixNanosFromMs(START_MS + 100 * 86_400_000);
  while ((await world.telemetry.retain(policy, now)).more);
  const answer = await report.GET(get(incidentReportUrl(id)), context(id));
  const html = await answer.text();
  expect(answer.status).toBe(200);
  expect(html).toContain('were given to retention by hand');
  expect(html).toContain('attention/1');
  expect(html).toMatch(/\d+ steps/);
});
