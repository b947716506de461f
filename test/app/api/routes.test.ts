import { readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { services } from '#app/_server/services.ts';
import * as annotations from '#app/api/v1/annotations/route.ts';
import * as criticalPath from '#app/api/v1/deployments/[id]/critical-path/route.ts';
import * as live from '#app/api/v1/deployments/[id]/live/route.ts';
import * as report from '#app/api/v1/deployments/[id]/report/route.ts';
import * as series from '#app/api/v1/deployments/[id]/series/route.ts';
import * as timelineFlow from '#app/api/v1/deployments/[id]/timeline/flow/route.ts';
import * as timeline from '#app/api/v1/deployments/[id]/timeline/route.ts';
import * as timelineSearch from '#app/api/v1/deployments/[id]/timeline/search/route.ts';
import * as timelineStats from '#app/api/v1/deployments/[id]/timeline/stats/route.ts';
import * as timelineSteps from '#app/api/v1/deployments/[id]/timeline/steps/route.ts';
import * as timelineTile from '#app/api/v1/deployments/[id]/timeline/tile/route.ts';
import * as whatif from '#app/api/v1/deployments/[id]/whatif/route.ts';
import * as deployments from '#app/api/v1/deployments/route.ts';
import * as health from '#app/api/v1/health/route.ts';
import * as openapi from '#app/api/v1/openapi.json/route.ts';
import { COLUMN_FRAME_CONTENT_TYPE, decodeColumnFrame } from '#lib/api/column-frame.ts';
import { criticalPathSchema } from '#lib/api/critical-path.ts';
import { deploymentsSchema } from '#lib/api/deployments.ts';
import { healthSchema } from '#lib/api/health.ts';
import { PROBLEM_CONTENT_TYPE, problemSchema } from '#lib/api/problem.ts';
import { reportSchema } from '#lib/api/report-schema.ts';
import { timelineSchema } from '#lib/api/timeline.ts';
import { timelineFlowSchema } from '#lib/api/timeline-flow.ts';
import { timelineSearchSchema } from '#lib/api/timeline-search.ts';
import { timelineStatsSchema } from '#lib/api/timeline-stats.ts';
import { timelineStepsSchema } from '#lib/api/timeline-steps.ts';
import { timelineTileHeaderSchema } from '#lib/api/timeline-tile.ts';
import { whatifSchema } from '#lib/api/whatif.ts';
import { unixNanos } from '#lib/base/units.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import { slowSteps } from '#test/support/live-feed.ts';

const WEB = 'http://127.0.0.1:3000';
const TOKEN = 'a-token-of-the-test';
const DEPLOYMENT = 'prod/a b/é';

let dataDir: string;
let admin: Server;
const toAdmin: {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}[] = [];
let streams: ServerResponse[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'afdscope-routes-'));
  vi.stubEnv('AFDSCOPE_DATA', dataDir);
  vi.stubEnv('AFDSCOPE_RUNTIME', join(dataDir, 'runtime.json'));
  vi.stubEnv('AFDSCOPE_ROOT', join(import.meta.dirname, '../../..'));
  admin = createServer(answerAdmin);
  await new Promise<void>((resolve) => admin.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  await services().pool.close();
  admin.closeAllConnections();
  admin.close();
  await rm(dataDir, { recursive: true, force: true });
});

async function answerAdmin(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const { method = '', url = '', headers } = request;
  toAdmin.push({ method, url, headers, body });
  if (url === '/readyz') response.end('{}');
  else if (url.startsWith('/live')) {
    streams.push(response);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`id: 7\nevent: reset\ndata: {}\n\n`);
  } else if (url.startsWith('/api/annotations') && headers.authorization !== `Bearer ${TOKEN}`) {
    response.writeHead(401).end('{}');
  } else if (method === 'POST') response.writeHead(201).end(body);
  else if (url.endsWith('?id=there')) response.writeHead(204).end();
  else response.writeHead(404).end('{}');
}

async function writeRuntime(): Promise<void> {
  const runtime = {
    schema: 'afdscope.runtime/1',
    pid: 1,
    startedUnixMs: 1,
    otlpHttp: 'http://127.0.0.1:4318',
    otlpGrpc: '127.0.0.1:4317',
    admin: `http://127.0.0.1:${(admin.address() as AddressInfo).port}`,
    web: WEB,
    adminToken: TOKEN,
  };
  await writeFile(join(dataDir, 'runtime.json'), JSON.stringify(runtime));
}

const get = (path: string, headers: Record<string, string> = {}, signal?: AbortSignal): Request =>
  new Request(WEB + path, {
    headers: { host: '127.0.0.1:3000', ...headers },
    signal: signal ?? null,
  });

/** As Next hands it over: percent-encoded or not, both must do. */
const of = (id: string) => ({ params: Promise.resolve({ id }) });
const encoded = of(encodeURIComponent(DEPLOYMENT));

async function problemOf(response: Response) {
  expect(response.headers.get('content-type')).toBe(PROBLEM_CONTENT_TYPE);
  expect(response.headers.get('cache-control')).toBe('no-store');
  const document = problemSchema.parse(await response.json());
  expect(document.status).toBe(response.status);
  return document;
}

async function firstSeen(): Promise<bigint> {
  const list = deploymentsSchema.parse(await (await deployments.GET(get('/x'))).json());
  return BigInt(list.deployments.find(({ id }) => id === DEPLOYMENT)!.firstSeenUnixNs);
}

describe('without a collector and a database', () => {
  test('health answers, and says what is missing', async () => {
    const answer = healthSchema.parse(await (await health.GET(get('/api/v1/health'))).json());
    expect(answer.collector.state).toBe('down');
    expect(answer.collector.detail).toContain('npm start');
    expect(answer.store).toBeNull();
  });

  test('questions are refused with what to do', async () => {
    const refused = await problemOf(await deployments.GET(get('/api/v1/deployments')));
    expect(refused).toMatchObject({ status: 503, type: 'about:blank#no-database' });
  });

  test('an EventSource is told to come back; anybody else gets a problem', async () => {
    const waiting = await live.GET(get('/x/live', { accept: 'text/event-stream' }), encoded);
    expect(waiting.status).toBe(200);
    expect(await waiting.text()).toMatch(/^retry: 2000\nevent: down\ndata: \{.*collector.*\}\n\n$/);
    expect(await problemOf(await live.GET(get('/x/live'), encoded))).toMatchObject({ status: 503 });
  });
});

describe('with both', () => {
  beforeAll(async () => {
    await writeRuntime();
    const writer = await openTelemetryWriter({ data: dataDir });
    await writer.append([
      {
        batchId: 'one',
        receivedUnixNs: unixNanos(1n),
        events: [slowSteps({ seconds: 2, deployment: DEPLOYMENT })],
        packed: [],
        metrics: [],
        rejected: new Map([['', { not_afd: 5 }]]),
        logRecords: 2,
      },
    ]);
    await writer.close();
  });

  test('a what-if takes several changes, and refuses wrong ones', async () => {
    const ask = (query: string) =>
      whatif.GET(
        get(`/api/v1/deployments/${encodeURIComponent(DEPLOYMENT)}/whatif${query}`),
        encoded,
      );
    const answer = whatifSchema.parse(
      await (await ask('?from=0&set=ratio%3D3A1F&set=network%3D2')).json(),
    );
    expect(answer.changes.map(({ set }) => set)).toEqual(['ratio=3A1F', 'network=2']);
    expect(answer.result!.predicted).toMatchObject({ attention: 3, ffn: 1 });
    const refused = await problemOf(await ask('?set=ratio'));
    expect(refused).toMatchObject({ status: 400, parameter: 'set' });
    expect(refused.detail).toContain('such as ratio=12A4F');
    expect((await problemOf(await ask('?sets=1'))).detail).toContain('known: from, to, set');
  });

  test('deployments and health', async () => {
    const response = await deployments.GET(get('/api/v1/deployments'));
    expect(response.headers.get('cache-control')).toBe('no-store');
    const { deployments: found } = deploymentsSchema.parse(await response.json());
    expect(found.map(({ id }) => id)).toEqual([DEPLOYMENT]);
    const answer = healthSchema.parse(await (await health.GET(get('/api/v1/health'))).json());
    expect(answer.collector).toMatchObject({ state: 'up', otlpGrpc: '127.0.0.1:4317' });
    expect(answer.store?.databaseBytes).toBeGreaterThan(1000);
    expect(answer.totals).toContainEqual(
      expect.objectContaining({ deployment: '', rejected: { not_afd: 5 } }),
    );
    expect(JSON.stringify(answer)).not.toContain(TOKEN);
  });

  test('a report of a deployment with slashes, spaces and accents', async () => {
    for (const context of [encoded, of(DEPLOYMENT)]) {
      const response = await report.GET(get('/x/report'), context);
      const answer = reportSchema.parse(await response.json());
      expect(answer.deployment).toBe(DEPLOYMENT);
      expect(answer.workers).toHaveLength(3);
    }
  });

  test.each([
    ['/x/report?from=soon', 400, 'from'],
    ['/x/report?to=1795442400', 400, 'to'],
    ['/x/report?form=-5m', 400, 'form'],
    ['/x/report?from=-5m&from=-6m', 400, 'from'],
    ['/x/report?from=now&to=-5m', 400, 'to'],
  ])('%s is refused, naming the parameter', async (path, status, parameter) => {
    const refused = await problemOf(await report.GET(get(path), encoded));
    expect(refused).toMatchObject({ status, parameter });
    expect(refused.detail.length).toBeGreaterThan(20);
  });

  test('an unknown deployment is not found; a badly encoded one is refused', async () => {
    const unknown = await problemOf(await series.GET(get('/x/series'), of('nobody')));
    expect(unknown.status).toBe(404);
    expect(unknown.detail).toContain(DEPLOYMENT);
    expect((await problemOf(await series.GET(get('/x/series'), of('%E0%A4%A')))).status).toBe(400);
    // A name that looks encoded is decoded once, whether Next has done it already or not.
    for (const context of [of('a%2Fb'), of('a%252Fb')]) {
      const path = '/api/v1/deployments/a%252Fb/series?from=-5m';
      expect((await problemOf(await series.GET(get(path), context))).detail).toContain('"a%2Fb"');
    }
  });

  test('the critical path of a window, of one step, of none', async () => {
    const list = deploymentsSchema.parse(await (await deployments.GET(get('/x'))).json());
    const { firstSeenUnixNs } = list.deployments[0]!;
    const path = `/x/critical-path?from=${firstSeenUnixNs}&to=${BigInt(firstSeenUnixNs) + 10_000_000_000n}`;
    const ask = async (more: string) =>
      criticalPathSchema.parse(await (await criticalPath.GET(get(path + more), encoded)).json());
    const slowest = await ask('');
    expect(slowest.sums!.steps).toBeGreaterThan(1);
    expect(slowest.step!.path.startNs[0]).toBe(0);
    const next = slowest.step!.step === 1 ? 2 : 1;
    expect((await ask(`&step=${next}`)).step!.step).toBe(next);
    expect((await ask('&step=123456')).step).toBeNull();
    const refused = await criticalPath.GET(get('/x/critical-path?pick=any'), encoded);
    expect(await problemOf(refused)).toMatchObject({ status: 400, parameter: 'pick' });
  });

  test('a timeline has a tag; who has it already gets 304', async () => {
    const from = await firstSeen();
    const path = `/x/timeline?from=${from}&to=${from + 10_000_000_000n}&bins=64`;
    const response = await timeline.GET(get(path), encoded);
    const answer = timelineSchema.parse(await response.json());
    expect(answer.source).toBe('events');
    expect(answer.rows).toHaveLength(3);
    expect(answer.events!.row.length).toBeGreaterThan(100);
    const etag = response.headers.get('etag')!;
    expect(etag).toMatch(/^"[\w-]{20,}"$/);
    const again = await timeline.GET(get(path, { 'if-none-match': `"x", W/${etag}` }), encoded);
    expect([again.status, await again.text()]).toEqual([304, '']);
    const one = await timeline.GET(get(`${path}&workers=${answer.rows[1]!.workerId}`), encoded);
    expect(timelineSchema.parse(await one.json()).rows).toEqual([answer.rows[1]]);
    expect(await problemOf(await timeline.GET(get('/x/timeline?bins=0'), encoded))).toMatchObject({
      status: 400,
      parameter: 'bins',
    });
  });

  test('a tile of a timeline is a frame of columns, with a tag', async () => {
    const from = await firstSeen();
    const path = `/x/timeline/tile?from=${from}&to=${from + 400_000_000n}`;
    const response = await timelineTile.GET(get(path), encoded);
    expect(response.headers.get('content-type')).toBe(COLUMN_FRAME_CONTENT_TYPE);
    const frame = decodeColumnFrame(new Uint8Array(await response.arrayBuffer()));
    const header = timelineTileHeaderSchema.parse(frame.header);
    expect(header).toMatchObject({ deployment: DEPLOYMENT, detail: 'events', receivesCut: true });
    expect(frame.columns['startNs']!.length).toBeGreaterThan(100);
    const etag = response.headers.get('etag')!;
    const again = await timelineTile.GET(get(path, { 'if-none-match': etag }), encoded);
    expect([again.status, await again.text()]).toEqual([304, '']);
    const one = await timelineTile.GET(get(`${path}&stages=expert&layer=1`), encoded);
    const few = decodeColumnFrame(new Uint8Array(await one.arrayBuffer())).columns['layer']!;
    expect([...new Set(few)]).toEqual([1]);
    const refused = await timelineTile.GET(get('/x/timeline/tile?layer=first'), encoded);
    expect(await problemOf(refused)).toMatchObject({ status: 400, parameter: 'layer' });
  });

  test('steps of a timeline', async () => {
    const from = await firstSeen();
    const ask = (query: string) => timelineSteps.GET(get(`/x/timeline/steps?${query}`), encoded);
    const some = await ask(`from=${from}&to=${from + 1_000_000_000n}&order=slowest&limit=2`);
    const answer = timelineStepsSchema.parse(await some.json());
    expect(answer.total).toBeGreaterThan(5);
    expect(answer.steps).toHaveLength(2);
    const next = timelineStepsSchema.parse(await (await ask(`at=${from}&direction=next`)).json());
    expect(next.steps.map(({ step }) => step)).toEqual([1]);
    expect(await problemOf(await ask('at=now'))).toMatchObject({ parameter: 'direction' });
  });

  test('statistics of an area', async () => {
    const from = await firstSeen();
    const path = `/x/timeline/stats?from=${from}&to=${from + 1_000_000_000n}`;
    const response = await timelineStats.GET(get(`${path}&workers=ffn/0&stages=expert`), encoded);
    const answer = timelineStatsSchema.parse(await response.json());
    expect(answer).toMatchObject({ workers: 1, exactness: 'raw' });
    expect(answer.stages.map(({ group, stage }) => `${group} ${stage}`)).toEqual(['ffn expert']);
    const refused = await timelineStats.GET(get('/x/timeline/stats?peer=x'), encoded);
    expect(await problemOf(refused)).toMatchObject({ status: 400, parameter: 'peer' });
  });

  test('the way of a micro-batch', async () => {
    const path = `/x/timeline/flow?step=3&layer=1&at=${await firstSeen()}`;
    const response = await timelineFlow.GET(get(`${path}&microbatch=0`), encoded);
    const answer = timelineFlowSchema.parse(await response.json());
    expect(new Set(answer.arrows.map(({ kind }) => kind))).toEqual(
      new Set(['local', 'a2f', 'f2a']),
    );
    expect(answer.missing).toEqual([]);
    const refused = await timelineFlow.GET(get(path), encoded);
    expect(await problemOf(refused)).toMatchObject({ status: 400, parameter: 'microbatch' });
  });

  test('a search in a timeline', async () => {
    const from = await firstSeen();
    const ask = (q: string) =>
      timelineSearch.GET(
        get(
          `/x/timeline/search?from=${from}&to=${from + 2_000_000_000n}&q=${encodeURIComponent(q)}`,
        ),
        encoded,
      );
    const answer = timelineSearchSchema.parse(await (await ask('step:3 stage:expert')).json());
    expect(answer.total).toBeGreaterThan(2);
    expect(new Set(answer.hits.map(({ workerId, step }) => `${workerId} ${step}`))).toEqual(
      new Set(['ffn/0 3']),
    );
    const refused = await problemOf(await ask('stop:3'));
    expect(refused).toMatchObject({ status: 400, parameter: 'q' });
    expect(refused.detail).toContain('Known: step, layer, mb');
  });

  test('live events pass through, with the id of the last one seen, until the reader goes', async () => {
    streams = [];
    const controller = new AbortController();
    const response = await live.GET(
      get('/x/live', { accept: 'text/event-stream', 'last-event-id': '41' }, controller.signal),
      encoded,
    );
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const reader = response.body!.getReader();
    const first = new TextDecoder().decode((await reader.read()).value);
    expect(first).toContain('event: reset');
    const seen = toAdmin.findLast(({ url }) => url.startsWith('/live'));
    expect(seen?.url).toBe(`/live?deployment=${encodeURIComponent(DEPLOYMENT)}`);
    expect(seen?.headers['last-event-id']).toBe('41');
    const closed = new Promise((resolve) => streams[0]!.once('close', resolve));
    controller.abort();
    await closed;
  });

  describe('annotations', () => {
    const note = { deployment: DEPLOYMENT, fromUnixNs: '1795442400000000000', text: 'new kernel' };
    const post = (headers: Record<string, string>, body: unknown = note): Request =>
      new Request(`${WEB}/api/v1/annotations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', host: '127.0.0.1:3000', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });

    test.each([
      [{ 'sec-fetch-site': 'same-origin', origin: WEB }, 201],
      [{}, 201],
      [{ 'sec-fetch-site': 'cross-site' }, 403],
      [{ 'sec-fetch-site': 'same-site' }, 403],
      [{ origin: 'http://127.0.0.1:3001' }, 403],
      [{ origin: 'https://evil.example' }, 403],
      [{ origin: 'null' }, 403],
    ])('a change from %o answers %i', async (headers, status) => {
      const before = toAdmin.length;
      const response = await annotations.POST(post(headers));
      expect(response.status).toBe(status);
      expect(toAdmin.length - before).toBe(status === 201 ? 1 : 0);
    });

    test('a wrong body is refused, naming the field, and not forwarded', async () => {
      const before = toAdmin.length;
      const wrong = await problemOf(await annotations.POST(post({}, { ...note, fromUnixNs: 5 })));
      expect(wrong).toMatchObject({ status: 400, parameter: 'fromUnixNs' });
      expect((await problemOf(await annotations.POST(post({}, '{')))).parameter).toBe('body');
      const form = post({ 'content-type': 'application/x-www-form-urlencoded' });
      expect((await problemOf(await annotations.POST(form))).status).toBe(400);
      expect(toAdmin.length).toBe(before);
    });

    test('delete: gone, not there, from elsewhere, without an id', async () => {
      const remove = (search: string, headers: Record<string, string> = {}) =>
        annotations.DELETE(
          new Request(`${WEB}/api/v1/annotations${search}`, {
            method: 'DELETE',
            headers: { host: '127.0.0.1:3000', ...headers },
          }),
        );
      expect((await remove('?id=there')).status).toBe(204);
      expect((await problemOf(await remove('?id=other'))).status).toBe(404);
      expect((await problemOf(await remove('?id=there', { origin: 'http://x' }))).status).toBe(403);
      expect((await problemOf(await remove(''))).parameter).toBe('id');
    });

    test('reading them needs a deployment', async () => {
      const path = '/api/v1/annotations';
      expect((await problemOf(await annotations.GET(get(path)))).parameter).toBe('deployment');
      const answer = await annotations.GET(get(`${path}?deployment=x`));
      expect(await answer.json()).toEqual({ annotations: [] });
    });
  });

  test('the OpenAPI document names every route', async () => {
    const document = (await openapi.GET().json()) as { paths: Record<string, unknown> };
    const folder = join(import.meta.dirname, '../../../app/api');
    const routes = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('/route.ts') && !path.includes('openapi.json'))
      .map((path) => `/api/${path.replace('/route.ts', '').replace('[id]', '{id}')}`);
    expect(routes.length).toBeGreaterThan(9);
    expect(routes.filter((route) => document.paths[route] === undefined)).toEqual([]);
  });
});
