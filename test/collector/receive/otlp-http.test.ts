import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type OtlpHttpOptions, startOtlpHttp } from '#collector/receive/otlp-http.ts';
import type { OtlpReceiver } from '#collector/receive/receiver.ts';
import type { ReceiverStats } from '#collector/receive/receiver-stats.ts';
import { FakeIngest, RawConnection, STORED, statsOf, until, urlOf } from './receiver-harness.ts';

const KIB = 1024;
const JSON_TYPE = { 'Content-Type': 'application/json' };
const PROTO_TYPE = { 'Content-Type': 'application/x-protobuf' };

let ingest: FakeIngest;
let stats: ReceiverStats;
let receiver: OtlpReceiver;
const open: OtlpReceiver[] = [];

async function start(options: Partial<OtlpHttpOptions> = {}, totalBytes = 300 * KIB) {
  ingest = new FakeIngest();
  stats = statsOf(totalBytes);
  receiver = await startOtlpHttp({
    host: '127.0.0.1',
    port: 0,
    ingest,
    stats,
    maxBodyBytes: 200 * KIB,
    lingerMs: 300,
    ...options,
  });
  open.push(receiver);
}

function post(body: Uint8Array<ArrayBuffer> | string, headers: Record<string, string>) {
  return fetch(urlOf(receiver), { method: 'POST', body, headers });
}

/** Without a Content-Length. */
function postChunked(body: Uint8Array<ArrayBuffer>, headers: Record<string, string>) {
  const options = { method: 'POST', body: new Blob([body]).stream(), headers, duplex: 'half' };
  return fetch(urlOf(receiver), options);
}

function refused(): Record<string, number> {
  const { refusedRequests } = stats.counts('traces', 'http');
  return Object.fromEntries(Object.entries(refusedRequests).filter(([, count]) => count > 0));
}

beforeEach(() => start());
afterEach(async () => {
  ingest.release();
  for (const each of open.splice(0)) await each.close(200);
  expect(stats.inFlightBytes).toBe(0);
});

describe('answers', () => {
  test('a body reaches the ingest service with its signal and encoding, once stored: 200', async () => {
    for (const signal of ['traces', 'metrics', 'logs'] as const) {
      const response = await fetch(urlOf(receiver, `/v1/${signal}?x=1`), {
        method: 'POST',
        body: '{"a":1}',
        headers: JSON_TYPE,
      });
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('application/json');
      expect(await response.json()).toEqual({});
    }
    expect(ingest.submissions.map(({ signal }) => signal)).toEqual(['traces', 'metrics', 'logs']);
    expect(Buffer.from(ingest.submissions[0]!.body).toString()).toBe('{"a":1}');
    expect(stats.counts('metrics', 'http')).toMatchObject({ acceptedRequests: 1, bodyBytes: 7 });
  });

  test('full success as protobuf is an empty message', async () => {
    const response = await post(Buffer.from([10, 0]), PROTO_TYPE);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/x-protobuf');
    expect((await response.arrayBuffer()).byteLength).toBe(0);
  });

  test('partial success names how many and why', async () => {
    ingest.outcome = { ...STORED, received: 5, rejectedCount: 2, rejectedMessage: 'set afd.role' };
    const response = await post('{}', JSON_TYPE);
    expect(response.status).toBe(200);
    const { partialSuccess } = (await response.json()) as {
      partialSuccess: { rejectedSpans: string | number; errorMessage: string };
    };
    expect(Number(partialSuccess.rejectedSpans)).toBe(2);
    expect(partialSuccess.errorMessage).toBe('set afd.role');
    expect(stats.counts('traces', 'http')).toMatchObject({ acceptedItems: 3, rejectedItems: 2 });
  });

  test('malformed: 400, unavailable: 503 with Retry-After, failed: 500', async () => {
    ingest.outcome = { status: 'malformed', message: 'byte 7: no such wire type' };
    const malformed = await post('{}', JSON_TYPE);
    expect(malformed.status).toBe(400);
    expect(await malformed.json()).toEqual({ code: 3, message: 'byte 7: no such wire type' });

    ingest.outcome = { status: 'unavailable', message: 'later', retryAfterS: 7 };
    const unavailable = await post('{}', JSON_TYPE);
    expect(unavailable.status).toBe(503);
    expect(unavailable.headers.get('retry-after')).toBe('7');
    expect(await unavailable.json()).toMatchObject({ code: 14 });

    ingest.outcome = { status: 'failed', message: 'ours' };
    expect((await post('{}', JSON_TYPE)).status).toBe(500);
    expect(refused()).toEqual({ malformed: 1, unavailable: 1, failed: 1 });
  });

  test('duplicates count apart from what was accepted', async () => {
    ingest.outcome = { ...STORED, received: 4, duplicate: true };
    expect((await post('{}', JSON_TYPE)).status).toBe(200);
    expect(stats.counts('traces', 'http')).toMatchObject({ acceptedItems: 0, duplicateItems: 4 });
  });
});

describe('bodies', () => {
  test('chunked, without a length', async () => {
    const connection = new RawConnection(receiver);
    connection.send(
      'POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
        'Transfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n',
    );
    expect(await connection.status()).toBe(200);
    expect(Buffer.from(ingest.submissions[0]!.body).toString()).toBe('{"a":1}');
    connection.socket.destroy();
  });

  test('keep-alive: several requests on one connection', async () => {
    const connection = new RawConnection(receiver);
    const request =
      'POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
      'Content-Length: 2\r\n\r\n{}';
    connection.send(request);
    expect(await connection.status()).toBe(200);
    connection.send(request + request);
    await until(() => connection.received.split('HTTP/1.1 200').length === 4);
    expect(connection.closed).toBe(false);
    connection.socket.destroy();
  });

  test('Expect: 100-continue is answered before the body, and refused without it', async () => {
    const head = (length: number) =>
      'POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
      `Content-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`;
    const accepted = new RawConnection(receiver);
    accepted.send(head(2));
    expect(await accepted.status()).toBe(100);
    accepted.send('{}');
    await until(() => accepted.received.includes('HTTP/1.1 200'));
    accepted.socket.destroy();

    const large = new RawConnection(receiver);
    large.send(head(201 * KIB));
    expect(await large.status()).toBe(413);
    large.socket.destroy();
  });

  test('over the limit: 413, by length, by chunks and by inflating', async () => {
    const big = Buffer.alloc(201 * KIB);
    expect((await post(big, PROTO_TYPE)).status).toBe(413);
    const chunked = await postChunked(big, PROTO_TYPE);
    expect(chunked.status).toBe(413);
    for (const [name, compress] of [
      ['gzip', gzipSync],
      ['zstd', zstdCompressSync],
    ] as const) {
      const bomb = compress(Buffer.alloc(100 * KIB * KIB));
      const response = await post(bomb, { ...PROTO_TYPE, 'Content-Encoding': name });
      expect(response.status).toBe(413);
    }
    expect(refused()).toEqual({ too_large: 4 });
    expect(ingest.submissions).toHaveLength(0);
    expect(stats.budget.peakBytes).toBeLessThanOrEqual(stats.budget.totalBytes);
  });

  test('a sender that goes away in the middle gives its bytes back', async () => {
    const connection = new RawConnection(receiver);
    connection.send(
      'POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
        'Content-Length: 100000\r\n\r\n{"resourceSpans',
    );
    await until(() => stats.inFlightBytes === 100_000);
    connection.socket.destroy();
    await until(() => stats.inFlightBytes === 0);
    expect(refused()).toEqual({ aborted: 1 });
    expect((await post('{}', JSON_TYPE)).status).toBe(200);
  });

  test('a body that ends before its length is never submitted', async () => {
    const connection = new RawConnection(receiver);
    connection.send(
      'POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
        'Content-Length: 100\r\n\r\n{}',
    );
    await until(() => stats.inFlightBytes === 100);
    connection.socket.end();
    expect([400, 0]).toContain(await connection.status());
    await until(() => stats.inFlightBytes === 0);
    expect(ingest.submissions).toHaveLength(0);
  });

  test('a slow sender gets 408 and holds nothing afterwards', async () => {
    await start({ bodyIdleMs: 80 });
    const connection = new RawConnection(receiver);
    connection.send(
      'POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
        'Content-Length: 100000\r\n\r\n{',
    );
    await until(() => stats.inFlightBytes === 100_000);
    expect(await connection.status()).toBe(408);
    expect(stats.inFlightBytes).toBe(0);
    await until(() => connection.closed);
    expect(refused()).toEqual({ timeout: 1 });
  });

  test('a sender that drips for too long gets 408 too', async () => {
    await start({ bodyIdleMs: 1000, bodyTotalMs: 150 });
    const connection = new RawConnection(receiver);
    connection.send(
      'POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
        'Content-Length: 100000\r\n\r\n{',
    );
    const drip = setInterval(() => connection.send(' '), 20);
    expect(await connection.status()).toBe(408);
    clearInterval(drip);
    connection.socket.destroy();
  });
});

describe('byte budget', () => {
  test('a full budget answers 429 with Retry-After before reading, and recovers', async () => {
    ingest.hold();
    const first = post(Buffer.alloc(150 * KIB), PROTO_TYPE);
    const second = post(Buffer.alloc(140 * KIB), PROTO_TYPE);
    await until(() => ingest.submissions.length === 2);
    const third = await post(Buffer.alloc(20 * KIB), PROTO_TYPE);
    expect(third.status).toBe(429);
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused()).toEqual({ over_budget: 1 });
    ingest.release();
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
    expect((await post(Buffer.alloc(20 * KIB), PROTO_TYPE)).status).toBe(200);
  });

  test('chunked and compressed bodies take room while they grow', async () => {
    ingest.hold();
    const first = post(Buffer.alloc(190 * KIB), PROTO_TYPE);
    await until(() => ingest.submissions.length === 1);
    const chunked = await postChunked(Buffer.alloc(150 * KIB), PROTO_TYPE);
    expect(chunked.status).toBe(429);
    const inflated = await post(gzipSync(Buffer.alloc(150 * KIB)), {
      ...PROTO_TYPE,
      'Content-Encoding': 'gzip',
    });
    expect(inflated.status).toBe(429);
    expect(stats.inFlightBytes).toBe(190 * KIB);
    ingest.release();
    expect((await first).status).toBe(200);
  });
});

describe('drain and close', () => {
  test('requests in flight are answered, later ones get 503, then the port is closed', async () => {
    ingest.hold();
    const first = post('{}', JSON_TYPE);
    await until(() => ingest.submissions.length === 1);
    receiver.drain();
    const refusedOne = await post('{}', JSON_TYPE);
    expect(refusedOne.status).toBe(503);
    expect(Number(refusedOne.headers.get('retry-after'))).toBeGreaterThan(0);
    const closed = receiver.close();
    ingest.release();
    expect((await first).status).toBe(200);
    await closed;
    await expect(post('{}', JSON_TYPE)).rejects.toThrow();
  });
});

describe('cross-origin senders', () => {
  const preflight = (origin: string) =>
    fetch(urlOf(receiver), {
      method: 'OPTIONS',
      headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
    });

  test('off by default', async () => {
    expect((await preflight('https://app.example')).status).toBe(405);
    const response = await post('{}', { ...JSON_TYPE, Origin: 'https://app.example' });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('only for the origins that are named', async () => {
    await start({ corsOrigins: ['https://app.example'] });
    const allowed = await preflight('https://app.example');
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect((await preflight('https://other.example')).status).toBe(405);
    const response = await post('{}', { ...JSON_TYPE, Origin: 'https://app.example' });
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(response.headers.get('vary')).toBe('Origin');
  });
});
