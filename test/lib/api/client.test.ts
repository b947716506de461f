import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import {
  ApiProblem,
  apiPath,
  deleteAnnotation,
  fetchAnnotations,
  fetchCriticalPath,
  fetchDeployments,
  fetchSeries,
  fetchTimeline,
  liveUrl,
  postAnnotation,
} from '#lib/api/client.ts';
import { PROBLEM_CONTENT_TYPE, problem } from '#lib/api/problem.ts';

let server: Server | undefined;
const requests: { method: string; url: string; body: string }[] = [];

async function serve(answer: RequestListener): Promise<string> {
  requests.length = 0;
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    requests.push({ method: request.method ?? '', url: request.url ?? '', body });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(() => server?.close());

const json =
  (value: unknown, status = 200, type = 'application/json'): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': type }).end(JSON.stringify(value));
  };

async function problemOf(promise: Promise<unknown>) {
  const error = await promise.then(
    () => new Error('no problem'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApiProblem)) throw error;
  return error.problem;
}

describe('client', () => {
  test('deployments with slashes, spaces and other letters are one path segment', () => {
    expect(apiPath('prod/a b/é', 'report')).toBe(
      '/api/v1/deployments/prod%2Fa%20b%2F%C3%A9/report',
    );
    expect(liveUrl('a/b')).toBe('/api/v1/deployments/a%2Fb/live');
  });

  test('a timeline is asked for with its bins and workers', async () => {
    const answer = {
      deployment: 'prod',
      window: { startUnixNs: '1', endUnixNs: '9', durationNs: 8 },
      rows: [],
      hiddenWorkers: 0,
      stages: [],
      kinds: [],
      source: 'slices',
      resolutionNs: 50_000_000,
      events: null,
      bins: null,
    };
    const baseUrl = await serve(json(answer));
    const question = { from: '-5m', bins: 640, workers: ['attention/0', 'ffn/3'] };
    expect(await fetchTimeline('prod', question, { baseUrl })).toEqual(answer);
    expect(requests[0]?.url).toBe(
      '/api/v1/deployments/prod/timeline?from=-5m&bins=640&workers=attention%2F0%2Cffn%2F3',
    );
  });

  test('instants have all their digits: few would be taken for seconds', async () => {
    const baseUrl = await serve(json({}, 500));
    const windows = [
      { from: '1500000000', to: '1795800000000000000' },
      { from: '-40', to: '0' },
      { from: '-5m', to: 'now' },
    ];
    for (const window of windows) await problemOf(fetchSeries('prod', window, { baseUrl }));
    expect(requests.map(({ url }) => url.split('?')[1])).toEqual([
      'from=0000000001500000000&to=1795800000000000000',
      'from=0000000000000000000&to=0000000000000000000',
      'from=-5m&to=now',
    ]);
  });

  test('a critical path is asked for by its step, or by which to pick', async () => {
    const window = { startUnixNs: '1', endUnixNs: '9', durationNs: 8 };
    const answer = { deployment: 'prod', window, sums: null, step: null };
    const baseUrl = await serve(json(answer));
    const asked = { from: '-5m', step: 7, domain: 0 };
    expect(await fetchCriticalPath('prod', asked, { baseUrl })).toEqual(answer);
    await fetchCriticalPath('prod', { pick: 'newest' }, { baseUrl });
    expect(requests.map(({ url }) => url)).toEqual([
      '/api/v1/deployments/prod/critical-path?from=-5m&step=7&domain=0',
      '/api/v1/deployments/prod/critical-path?pick=newest',
    ]);
  });

  test('parameters reach the server; the answer is checked', async () => {
    const baseUrl = await serve(
      json({
        deployment: 'a/b',
        fromUnixNs: '1',
        toUnixNs: '2',
        resolutionMs: 1000,
        exactness: 'rollup',
        points: [],
      }),
    );
    const series = await fetchSeries(
      'a/b',
      { from: '-5m', to: '2026-11-23T14:00:00+08:00' },
      { baseUrl },
    );
    expect(series.points).toEqual([]);
    expect(requests[0]?.url).toBe(
      '/api/v1/deployments/a%2Fb/series?from=-5m&to=2026-11-23T14%3A00%3A00%2B08%3A00',
    );
  });

  test('a refusal becomes its problem', async () => {
    const refusal = problem('bad-parameter', '"soon" is not a time.', 'from');
    const baseUrl = await serve(json(refusal, 400, PROBLEM_CONTENT_TYPE));
    expect(await problemOf(fetchSeries('x', { from: 'soon' }, { baseUrl }))).toEqual(refusal);
  });

  test('an answer that breaks the contract names the place', async () => {
    const baseUrl = await serve(json({ deployments: [{ id: 7 }] }));
    const found = await problemOf(fetchDeployments({ baseUrl }));
    expect(found.type).toBe('about:blank#contract');
    expect(found.detail).toContain('deployments.0.id');
  });

  test('a proxy’s error page and a dead server are problems too', async () => {
    const baseUrl = await serve((_request, response) => {
      response.writeHead(502).end('<html>');
    });
    expect(await problemOf(fetchDeployments({ baseUrl }))).toMatchObject({ status: 502 });
    server?.close();
    server?.closeAllConnections();
    expect(await problemOf(fetchDeployments({ baseUrl }))).toMatchObject({ status: 0 });
  });

  test('an abort is an abort, not a problem', async () => {
    const baseUrl = await serve(() => undefined);
    const controller = new AbortController();
    const pending = fetchDeployments({ baseUrl, signal: controller.signal });
    controller.abort();
    await expect(pending).rejects.toMatchObject({ name: 'AbortError' });
    server?.closeAllConnections();
  });

  test('notes are posted as JSON and deleted by id', async () => {
    const note = { deployment: 'demo', fromUnixNs: '5', toUnixNs: '5', author: '', text: 'hot' };
    const baseUrl = await serve((request, response) => {
      if (request.method === 'DELETE') response.writeHead(204).end();
      else if (request.method === 'GET') json({ annotations: [] })(request, response);
      else json({ id: 'n1', createdUnixNs: '9', ...note }, 201)(request, response);
    });
    const kept = await postAnnotation(
      { deployment: 'demo', fromUnixNs: '5', text: 'hot' },
      { baseUrl },
    );
    expect(kept.id).toBe('n1');
    expect(JSON.parse(requests[0]!.body)).toEqual({
      deployment: 'demo',
      fromUnixNs: '5',
      text: 'hot',
    });
    expect((await fetchAnnotations('a/b', { from: '-1h' }, { baseUrl })).annotations).toEqual([]);
    expect(requests[1]?.url).toBe('/api/v1/annotations?deployment=a%2Fb&from=-1h');
    await deleteAnnotation('n 1', { baseUrl });
    expect(requests[2]).toMatchObject({ method: 'DELETE', url: '/api/v1/annotations?id=n+1' });
  });
});
