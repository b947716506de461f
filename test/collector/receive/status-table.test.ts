/**
 * The status of every kind of good and bad request, over the real decoder and a store in memory:
 * a table of our own, and the facts of the OpenTelemetry Collector's tests where they are at hand.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type IngestService, startIngest } from '#collector/ingest/ingest-client.ts';
import { startOtlpHttp } from '#collector/receive/otlp-http.ts';
import type { OtlpReceiver } from '#collector/receive/receiver.ts';
import { REQUEST_CASES, type RequestCase } from './bad-requests.ts';
import { statsOf, urlOf } from './receiver-harness.ts';

const FIXTURES = resolve(import.meta.dirname, '../../../../shared/fixtures/otlp');
const CASES_FILE = `${FIXTURES}/http_status_cases.json`;

let ingest: IngestService;
let receiver: OtlpReceiver;

beforeAll(async () => {
  ingest = await startIngest({
    dataDir: '',
    store: 'memory:',
    retention: { rawNs: 1e18, rawBytes: 1e12, rollupsNs: 1e18 },
  });
  receiver = await startOtlpHttp({
    host: '127.0.0.1',
    port: 0,
    ingest,
    stats: statsOf(64 * 1024 * 1024),
  });
});
afterAll(async () => {
  await receiver.close();
  await ingest.stop();
});

async function send(request: RequestCase): Promise<{ response: Response; body: Buffer }> {
  const method = request.method ?? 'POST';
  const response = await fetch(urlOf(receiver, request.path), {
    method,
    headers: { ...request.headers },
    ...(method === 'GET' ? {} : { body: request.body ?? '' }),
  });
  return { response, body: Buffer.from(await response.arrayBuffer()) };
}

/** The code of a google.rpc.Status, or undefined where the body is none. */
function statusCode(response: Response, body: Buffer): number | undefined {
  switch (response.headers.get('content-type')) {
    case 'application/json':
      return (JSON.parse(body.toString()) as { code?: number }).code;
    case 'application/x-protobuf':
      // Field 1, a varint below 128, comes first.
      return body[0] === 0x08 ? body[1] : undefined;
    default:
      return undefined;
  }
}

async function check(request: RequestCase): Promise<void> {
  const { response, body } = await send(request);
  expect(response.status).toBe(request.status);
  if (request.allow !== undefined) expect(response.headers.get('allow')).toBe(request.allow);
  if (request.code !== undefined) {
    expect(statusCode(response, body)).toBe(request.code);
    const type = (request.headers?.['Content-Type'] ?? '').split(';')[0]!.trim().toLowerCase();
    expect(response.headers.get('content-type')).toBe(type);
  }
  const next = await send({
    name: 'a good request after it',
    headers: { 'Content-Type': 'application/json' },
    body: '{}',
    status: 200,
  });
  expect(next.response.status).toBe(200);
}

describe('own table', () => {
  test.each(REQUEST_CASES.map((request) => [request.name, request] as const))('%s', (_, request) =>
    check(request),
  );
});

interface FixtureCase {
  readonly name: string;
  readonly method: string;
  readonly content_type: string;
  readonly content_encoding?: string;
  readonly body?: string;
  readonly status: number;
  readonly response?: { readonly code: number; readonly message: string };
  readonly response_type?: string;
}

const fixtures = existsSync(CASES_FILE)
  ? (JSON.parse(readFileSync(CASES_FILE, 'utf8')) as { path: string; cases: FixtureCase[] })
  : undefined;

describe.skipIf(fixtures === undefined)(
  `the OpenTelemetry Collector's table${fixtures === undefined ? ` (skipped: no ${CASES_FILE})` : ''}`,
  () => {
    test.each((fixtures?.cases ?? []).map((each) => [each.name, each] as const))(
      '%s',
      async (_, each) => {
        const { response, body } = await send({
          name: each.name,
          method: each.method,
          path: fixtures!.path,
          headers: {
            'Content-Type': each.content_type,
            ...(each.content_encoding !== undefined && {
              'Content-Encoding': each.content_encoding,
            }),
          },
          body: each.body ?? '',
          status: each.status,
        });
        expect(response.status).toBe(each.status);
        if (each.response !== undefined) expect(JSON.parse(body.toString())).toEqual(each.response);
        if (each.response_type !== undefined) expect(statusCode(response, body)).toBe(3);
      },
    );
  },
);

const EXAMPLES: readonly [string, string, string][] = [
  ['examples/trace.json', 'traces', 'application/json'],
  ['examples/metrics.json', 'metrics', 'application/json'],
  ['examples/logs.json', 'logs', 'application/json'],
  ['examples/events.json', 'logs', 'application/json'],
  ['captured/js_traces.json', 'traces', 'application/json'],
  ['captured/js_traces.pb', 'traces', 'application/x-protobuf'],
  ['captured/js_512spans_traces.json', 'traces', 'application/json'],
  ['captured/js_512spans_traces.pb', 'traces', 'application/x-protobuf'],
  ['captured/js_metrics.json', 'metrics', 'application/json'],
  ['captured/js_metrics.pb', 'metrics', 'application/x-protobuf'],
];

describe.skipIf(!existsSync(FIXTURES))(
  `real requests${existsSync(FIXTURES) ? '' : ` (skipped: no ${FIXTURES})`}`,
  () => {
    test.each(EXAMPLES)('%s is accepted', async (file, signal, type) => {
      const { response } = await send({
        name: file,
        path: `/v1/${signal}`,
        headers: { 'Content-Type': type },
        body: new Uint8Array(readFileSync(`${FIXTURES}/${file}`)),
        status: 200,
      });
      expect(response.status).toBe(200);
    });
  },
);
