import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { gzipSync } from 'node:zlib';
import {
  Client,
  compressionAlgorithms,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startOtlpGrpc } from '#collector/receive/otlp-grpc.ts';
import type { OtlpReceiver, ReceiverOptions } from '#collector/receive/receiver.ts';
import type { ReceiverStats } from '#collector/receive/receiver-stats.ts';
import { FakeIngest, STORED, statsOf, until } from './receiver-harness.ts';

const KIB = 1024;
const TRACES = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

let ingest: FakeIngest;
let stats: ReceiverStats;
let receiver: OtlpReceiver;
const receivers: OtlpReceiver[] = [];
const clients: Client[] = [];

async function start(options: Partial<ReceiverOptions> = {}, totalBytes = 300 * KIB) {
  ingest = new FakeIngest();
  stats = statsOf(totalBytes);
  receiver = await startOtlpGrpc({
    host: '127.0.0.1',
    port: 0,
    ingest,
    stats,
    maxBodyBytes: 200 * KIB,
    ...options,
  });
  receivers.push(receiver);
}

function client(options: object = {}): Client {
  const made = new Client(`127.0.0.1:${receiver.port}`, credentials.createInsecure(), {
    'grpc.max_send_message_length': -1,
    ...options,
  });
  clients.push(made);
  return made;
}

const asIs = (bytes: Buffer): Buffer => bytes;

function call(body: Uint8Array, path = TRACES, from = client()): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    from.makeUnaryRequest(path, asIs, asIs, Buffer.from(body), new Metadata(), (error, reply) => {
      if (error !== null) reject(error);
      else resolve(reply ?? Buffer.alloc(0));
    });
  });
}

async function failure(body: Uint8Array, path = TRACES, from = client()): Promise<ServiceError> {
  const error: unknown = await call(body, path, from).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  return error as ServiceError;
}

function details(error: ServiceError): Buffer | undefined {
  const value = error.metadata.get('grpc-status-details-bin')[0];
  return value === undefined ? undefined : Buffer.from(value);
}

beforeEach(() => start());
afterEach(async () => {
  ingest.release();
  for (const each of clients.splice(0)) each.close();
  for (const each of receivers.splice(0)) await each.close(200);
  expect(stats.inFlightBytes).toBe(0);
});

describe('calls', () => {
  test.each([
    ['trace', 'Trace', 'traces'],
    ['metrics', 'Metrics', 'metrics'],
    ['logs', 'Logs', 'logs'],
  ])('the %s service takes its messages', async (name, service, signal) => {
    const path = `/opentelemetry.proto.collector.${name}.v1.${service}Service/Export`;
    expect(await call(Buffer.from([10, 0]), path)).toHaveLength(0);
    expect(await call(new Uint8Array(), path)).toHaveLength(0);
    expect(ingest.submissions[0]).toMatchObject({ signal, encoding: 'protobuf' });
    expect([...ingest.submissions[0]!.body]).toEqual([10, 0]);
  });

  test('gzip, and a message of many frames', async () => {
    const body = Buffer.alloc(180 * KIB, 'attention');
    const zipped = client({
      'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
    });
    await call(body, TRACES, zipped);
    await call(body);
    for (const { body: got } of ingest.submissions)
      expect(Buffer.from(got).equals(body)).toBe(true);
  });

  test('many calls at once on one connection', async () => {
    const shared = client();
    const replies = await Promise.all(
      Array.from({ length: 300 }, (_, i) => call(Buffer.alloc(100, i % 256), TRACES, shared)),
    );
    expect(replies).toHaveLength(300);
    expect(ingest.submissions).toHaveLength(300);
    for (const { body } of ingest.submissions) {
      expect(body).toHaveLength(100);
      expect(new Set(body).size).toBe(1);
    }
  });

  test('partial success comes as a message', async () => {
    ingest.outcome = { ...STORED, received: 5, rejectedCount: 2, rejectedMessage: 'set afd.role' };
    const reply = await call(Buffer.from([10, 0]));
    expect(reply.includes('set afd.role')).toBe(true);
    expect(stats.counts('traces', 'grpc')).toMatchObject({ acceptedItems: 3, rejectedItems: 2 });
  });
});

describe('refusals', () => {
  test('malformed: INVALID_ARGUMENT, with the words as they are', async () => {
    ingest.outcome = { status: 'malformed', message: 'byte 7: 100 % wrong – no' };
    const error = await failure(Buffer.from([10, 0]));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.details).toBe('byte 7: 100 % wrong – no');
    expect(details(error)).toBeUndefined();
  });

  test('unavailable: UNAVAILABLE with RetryInfo', async () => {
    ingest.outcome = { status: 'unavailable', message: 'later', retryAfterS: 7 };
    const error = await failure(Buffer.from([10, 0]));
    expect(error.code).toBe(status.UNAVAILABLE);
    // google.protobuf.Duration { seconds: 7 } inside RetryInfo inside Any inside Status.
    expect(details(error)?.includes('google.rpc.RetryInfo')).toBe(true);
    expect(details(error)?.includes(Buffer.from([0x0a, 0x02, 0x08, 7]))).toBe(true);
  });

  test('too large: RESOURCE_EXHAUSTED without RetryInfo, also by inflating', async () => {
    const large = await failure(Buffer.alloc(201 * KIB));
    expect(large.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(details(large)).toBeUndefined();
    const zipped = client({
      'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
    });
    const bomb = Buffer.alloc(50 * KIB * KIB);
    expect(gzipSync(bomb).byteLength).toBeLessThan(100 * KIB);
    const error = await failure(bomb, TRACES, zipped);
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(details(error)).toBeUndefined();
    expect(ingest.submissions).toHaveLength(0);
    expect(stats.budget.peakBytes).toBeLessThanOrEqual(stats.budget.totalBytes);
  });

  test('a full budget: RESOURCE_EXHAUSTED with RetryInfo, then recovery', async () => {
    ingest.hold();
    const first = call(Buffer.alloc(190 * KIB));
    await until(() => ingest.submissions.length === 1);
    const error = await failure(Buffer.alloc(150 * KIB));
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(details(error)?.includes('google.rpc.RetryInfo')).toBe(true);
    ingest.release();
    await first;
    await call(Buffer.alloc(150 * KIB));
  });

  test('unknown methods: UNIMPLEMENTED', async () => {
    const error = await failure(new Uint8Array(), '/opentelemetry.proto.Nothing/Export');
    expect(error.code).toBe(status.UNIMPLEMENTED);
    expect(stats.unroutedRequests).toBe(1);
  });

  test('a sender that stops in the middle of a message gets DEADLINE_EXCEEDED', async () => {
    await start({ bodyIdleMs: 60 });
    const from = client();
    const stream = from.makeClientStreamRequest(
      TRACES,
      asIs,
      asIs,
      new Metadata(),
      () => undefined,
    );
    const ended = new Promise<number>((resolve) =>
      stream.on('status', ({ code }) => resolve(code)),
    );
    stream.write(Buffer.from([10, 0]));
    expect(await ended).toBe(status.DEADLINE_EXCEEDED);
    expect(stats.inFlightBytes).toBe(0);
  });

  test.each([
    ['a connection that breaks', (session: ClientHttp2Session) => session.destroy(), 'aborted'],
    // Node's client ends its side before it resets it, so the message looks cut.
    [
      'a call that is cancelled',
      (_: ClientHttp2Session, stream: ClientHttp2Stream) => stream.close(constants.NGHTTP2_CANCEL),
      'malformed',
    ],
  ] as const)('%s in the middle gives its bytes back', async (_, end, refusal) => {
    const session = connect(`http://127.0.0.1:${receiver.port}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': TRACES,
      'content-type': 'application/grpc',
    });
    stream.on('error', () => undefined);
    session.on('error', () => undefined);
    stream.write(Buffer.from([0, 0, 0, 200, 0, 1, 2, 3]));
    await until(() => stats.inFlightBytes === 200 * 256);
    end(session, stream);
    await until(() => stats.inFlightBytes === 0);
    expect(stats.counts('traces', 'grpc').refusedRequests).toMatchObject({ [refusal]: 1 });
    session.destroy();
    expect(ingest.submissions).toHaveLength(0);
  });

  test('two messages in one call are refused', async () => {
    const stream = client().makeClientStreamRequest(
      TRACES,
      asIs,
      asIs,
      new Metadata(),
      () => undefined,
    );
    stream.on('error', () => undefined);
    const ended = new Promise<number>((resolve) =>
      stream.on('status', ({ code }) => resolve(code)),
    );
    stream.write(Buffer.from([10, 0]));
    stream.write(Buffer.from([10, 0]));
    expect(await ended).toBe(status.INVALID_ARGUMENT);
  });

  test('draining: UNAVAILABLE for new calls, answers for those in flight', async () => {
    ingest.hold();
    const from = client();
    const first = call(Buffer.from([10, 0]), TRACES, from);
    await until(() => ingest.submissions.length === 1);
    receiver.drain();
    expect((await failure(Buffer.from([10, 0]), TRACES, from)).code).toBe(status.UNAVAILABLE);
    const closed = receiver.close();
    ingest.release();
    await first;
    await closed;
  });
});
