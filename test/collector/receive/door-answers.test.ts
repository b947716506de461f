/** What senders over HTTP and gRPC are told at a closed door, and that their bodies stay unread. */
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { ByteBudget } from '#collector/receive/byte-budget.ts';
import { FrontDoor, type Refused } from '#collector/receive/front-door.ts';
import { startOtlpGrpc } from '#collector/receive/otlp-grpc.ts';
import { startOtlpHttp } from '#collector/receive/otlp-http.ts';
import type { OtlpReceiver } from '#collector/receive/receiver.ts';
import { ReceiverStats } from '#collector/receive/receiver-stats.ts';
import { FakeIngest, until, urlOf } from './receiver-harness.ts';

const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const LOCKED: Refused = { status: 'unavailable', message: 'locked', retryAfterS: 5 };
const BUSY: Refused = { status: 'overloaded', message: 'busy', retryAfterS: 5 };
const BODY = Buffer.alloc(2000, 1);

let receiver: OtlpReceiver;
afterEach(() => receiver.close(100));

async function start(transport: 'http' | 'grpc', maxWaiting: number) {
  const ingest = new FakeIngest();
  const stats = new ReceiverStats(new ByteBudget(1e6));
  const held = { pressure: null as Refused | null };
  const door = new FrontDoor({ budget: stats.budget, pressure: () => held.pressure, maxWaiting });
  const options = { host: '127.0.0.1', port: 0, ingest, stats, door };
  receiver = await (transport === 'http' ? startOtlpHttp(options) : startOtlpGrpc(options));
  return { ingest, stats, held, door };
}

function post(signal?: AbortSignal): Promise<Response> {
  return fetch(urlOf(receiver), {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: BODY,
    ...(signal === undefined ? {} : { signal }),
  });
}

/** null: a success. */
function call(deadlineMs: number): Promise<ServiceError | null> {
  const client = new Client(`127.0.0.1:${receiver.port}`, credentials.createInsecure());
  onTestFinished(() => client.close());
  const asIs = (bytes: Buffer): Buffer => bytes;
  const options = { deadline: Date.now() + deadlineMs };
  return new Promise((resolve) => {
    client.makeUnaryRequest(EXPORT, asIs, asIs, BODY, new Metadata(), options, (error) =>
      resolve(error),
    );
  });
}

describe('HTTP', () => {
  test('waits, unread and off the budget, and is stored once the door opens', async () => {
    const { ingest, stats, held, door } = await start('http', 10);
    held.pressure = LOCKED;
    const answer = post();
    await until(() => door.waiting === 1);
    expect(stats.inFlightBytes).toBe(0);
    expect(ingest.submissions).toHaveLength(0);
    held.pressure = null;
    expect((await answer).status).toBe(200);
    expect(ingest.submissions[0]?.body.byteLength).toBe(BODY.length);
    await until(() => stats.inFlightBytes === 0);
  });

  test.each([
    [LOCKED, 503],
    [BUSY, 429],
  ])('refused: %j', async (pressure, code) => {
    const { stats, held } = await start('http', 0);
    held.pressure = pressure;
    const refused = await post();
    expect(refused.status).toBe(code);
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(refused.headers.get('content-type')).toBe('application/x-protobuf');
    expect(stats.total(pressure.status)).toBe(1);
  });

  test('a sender that leaves while it waits is counted, and its place is free', async () => {
    const { stats, held, door } = await start('http', 10);
    held.pressure = LOCKED;
    const leave = new AbortController();
    const answer = post(leave.signal).catch(() => 'left');
    await until(() => door.waiting === 1);
    leave.abort();
    expect(await answer).toBe('left');
    await until(() => door.waiting === 0 && stats.total('aborted') === 1);
  });
});

describe('gRPC', () => {
  test('waits for as long as its deadline lets it', async () => {
    const { held, door } = await start('grpc', 10);
    held.pressure = BUSY;
    const answer = call(20_000);
    await until(() => door.waiting === 1);
    held.pressure = null;
    expect(await answer).toBeNull();
  });

  test.each([
    [LOCKED, status.UNAVAILABLE],
    [BUSY, status.RESOURCE_EXHAUSTED],
  ])('refused before its deadline, with RetryInfo: %j', async (pressure, code) => {
    const { held, stats } = await start('grpc', 10);
    held.pressure = pressure;
    const error = await call(2300);
    expect(error?.code).toBe(code);
    const [details] = error?.metadata.get('grpc-status-details-bin') ?? [];
    expect(String(details)).toContain('google.rpc.RetryInfo');
    const [retryInfo] = error?.metadata.get('google.rpc.retryinfo-bin') ?? [];
    expect(retryInfo).toEqual(Buffer.from([0x0a, 2, 0x08, 5]));
    expect(stats.total(pressure.status)).toBe(1);
  });
});
