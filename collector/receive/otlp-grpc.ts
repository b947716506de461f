/**
 * OTLP/gRPC: the Export calls of TraceService, MetricsService and LogsService.
 *
 *     HTTP/2 stream: 1 byte compressed?, 4 bytes length, message  ->  the same way as OTLP/HTTP
 *
 * Built on node:http2: a unary call is one frame each way, and only so can a message be put on the
 * byte budget before it is read and while it inflates. grpc-js hands a message over when all of it,
 * inflated, is in memory already.
 */
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { monotonicMs } from '#collector/messages.ts';
import { err, ok, type Result } from '#lib/base/result.ts';
import type { Signal } from '#lib/ingest/decoded.ts';
import { encodeExportResponse, RpcCode } from '#lib/wire/otlp-response.ts';
import type { BodyFailure } from './body-failure.ts';
import type { ByteLease } from './byte-budget.ts';
import { DeadPieces } from './dead-pieces.ts';
import { type Compression, decompress } from './decompress.ts';
import {
  type GrpcStatus,
  grpcFailureStatus,
  grpcOutcomeStatus,
  grpcStatusHeaders,
} from './grpc-status.ts';
import type { ReadLimits } from './read-body.ts';
import { readGrpcMessage } from './read-grpc-message.ts';
import {
  closeWithin,
  grpcPatienceMs,
  listenOn,
  type OtlpReceiver,
  PULL_HEADER,
  type ReceiverOptions,
  RING_HEADER,
  readLimitsOf,
} from './receiver.ts';

const METHODS: ReadonlyMap<string, Signal> = new Map([
  ['/opentelemetry.proto.collector.trace.v1.TraceService/Export', 'traces'],
  ['/opentelemetry.proto.collector.metrics.v1.MetricsService/Export', 'metrics'],
  ['/opentelemetry.proto.collector.logs.v1.LogsService/Export', 'logs'],
]);

const COMPRESSIONS: ReadonlyMap<string, Compression | 'identity'> = new Map([
  ['identity', 'identity'],
  ['gzip', 'gzip'],
  ['deflate', 'deflate'],
  ['zstd', 'zstd'],
]);

const RESPONSE_HEADERS = {
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-accept-encoding': 'identity,deflate,gzip,zstd',
} as const;

/** Bytes that a connection, and one stream of it, may send ahead of what was read. */
const CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024;
const STREAM_WINDOW_BYTES = 1024 * 1024;
const MAX_STREAMS = 128;
/** What a message takes of the budget before its length is known. */
const EXPECTED_MESSAGE_BYTES = 64 * 1024;

/** Rejects where the address cannot be listened on. */
export async function startOtlpGrpc(options: ReceiverOptions): Promise<OtlpReceiver> {
  const receiver = new OtlpGrpc(options);
  await receiver.listen();
  return receiver;
}

class OtlpGrpc implements OtlpReceiver {
  readonly #options: ReceiverOptions;
  readonly #limits: ReadLimits;
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #pieces = new DeadPieces();
  #port = 0;
  #draining = false;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#limits = readLimitsOf(options);
    this.#server = createServer({
      settings: {
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxConcurrentStreams: MAX_STREAMS,
        enablePush: false,
      },
      maxSessionMemory: 64,
    });
    this.#server.on('session', (session) => {
      this.#sessions.add(session);
      session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
      session.on('error', () => undefined);
      session.once('close', () => this.#sessions.delete(session));
    });
    this.#server.on('sessionError', () => undefined);
    this.#server.on('stream', (stream, headers) => void this.#serve(stream, headers));
  }

  get host(): string {
    return this.#options.host;
  }

  get port(): number {
    return this.#port;
  }

  async listen(): Promise<void> {
    this.#port = await listenOn(this.#server, this.#options.host, this.#options.port);
  }

  drain(): void {
    this.#draining = true;
    this.#options.door?.close();
  }

  async close(graceMs = 5000): Promise<void> {
    this.drain();
    const closed = closeWithin(this.#server, graceMs, () => {
      for (const session of this.#sessions) session.destroy();
    });
    // GOAWAY: streams that are open get their answer, new ones go elsewhere.
    for (const session of this.#sessions) session.close();
    await closed;
  }

  async #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    stream.on('error', () => undefined);
    if (!isGrpc(headers)) {
      this.#options.stats.unroutedRequests++;
      stream.respond({ ':status': 415 }, { endStream: true });
      stream.close(constants.NGHTTP2_NO_ERROR);
      return;
    }
    const signal = METHODS.get(String(headers[':path']));
    if (signal === undefined) {
      this.#options.stats.unroutedRequests++;
      refuse(stream, {
        code: RpcCode.unimplemented,
        message: `unknown method ${String(headers[':path']).slice(0, 200)}`,
      });
      return;
    }
    const lease = this.#options.stats.budget.lease();
    try {
      await this.#receive(stream, headers, signal, lease);
    } finally {
      lease.release();
    }
  }

  async #receive(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    signal: Signal,
    lease: ByteLease,
  ): Promise<void> {
    const { stats, ingest } = this.#options;
    if (this.#draining) {
      stats.refuse(signal, 'grpc', 'unavailable');
      refuse(stream, {
        code: RpcCode.unavailable,
        message: 'the collector is stopping',
        retryAfterS: 1,
      });
      return;
    }
    const compression = COMPRESSIONS.get(String(headers['grpc-encoding'] ?? 'identity'));
    if (compression === undefined) {
      stats.refuse(signal, 'grpc', 'unsupported');
      refuse(stream, {
        code: RpcCode.unimplemented,
        message: 'unsupported grpc-encoding, supported: identity, gzip, deflate, zstd',
      });
      return;
    }
    const answerByMs = monotonicMs() + grpcPatienceMs(asText(headers['grpc-timeout']));
    const refused = await this.#options.door?.enter(
      lease,
      EXPECTED_MESSAGE_BYTES,
      answerByMs - monotonicMs(),
      (left) => stream.once('close', left),
    );
    if (refused !== null && refused !== undefined) {
      stats.refuse(signal, 'grpc', stream.destroyed ? 'aborted' : refused.status);
      refuse(stream, grpcOutcomeStatus(refused));
      return;
    }
    const message = await this.#message(stream, compression, lease);
    if (!message.ok) {
      stats.refuse(signal, 'grpc', message.error.kind);
      refuse(stream, grpcFailureStatus(message.error));
      return;
    }
    const bodyBytes = message.value.byteLength;
    const outcome = await ingest.submit(signal, 'protobuf', message.value, answerByMs);
    stats.settle(signal, 'grpc', bodyBytes, outcome);
    if (outcome.status !== 'stored') {
      refuse(stream, grpcOutcomeStatus(outcome));
      return;
    }
    const { rejectedCount, rejectedMessage } = outcome;
    const pulls = this.#options.pulls?.valuesFor(asText(headers[RING_HEADER])) ?? [];
    respond(
      stream,
      encodeExportResponse('protobuf', signal, rejectedCount, rejectedMessage),
      pulls,
    );
  }

  async #message(
    stream: ServerHttp2Stream,
    compression: Compression | 'identity',
    lease: ByteLease,
  ): Promise<Result<Uint8Array<ArrayBuffer>, BodyFailure>> {
    const read = await readGrpcMessage(stream, lease, this.#limits);
    if (!read.ok) return read;
    this.#pieces.add(read.value.message.byteLength);
    if (!read.value.compressed) return ok(read.value.message);
    if (compression === 'identity') {
      return err({ kind: 'malformed', message: 'compressed message without grpc-encoding' });
    }
    return await decompress(compression, read.value.message, lease, this.#limits.maxBytes);
  }
}

function asText(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function isGrpc(headers: IncomingHttpHeaders): boolean {
  const type = String(headers['content-type'] ?? '').toLowerCase();
  return headers[':method'] === 'POST' && /^application\/grpc(\+proto)?(;|$)/.test(type);
}

/** An answer without a message: status and end in one header block ("Trailers-Only"). */
function refuse(stream: ServerHttp2Stream, status: GrpcStatus): void {
  if (stream.destroyed || stream.closed) return;
  stream.respond({ ...RESPONSE_HEADERS, ...grpcStatusHeaders(status) }, { endStream: true });
  // The rest of the request is not wanted: without this the sender would go on to its end.
  if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
}

/** `pulls`: initial metadata, which every gRPC client shows. */
function respond(stream: ServerHttp2Stream, message: Uint8Array, pulls: readonly string[]): void {
  if (stream.destroyed || stream.closed) return;
  stream.respond(
    pulls.length === 0 ? RESPONSE_HEADERS : { ...RESPONSE_HEADERS, [PULL_HEADER]: [...pulls] },
    { waitForTrailers: true },
  );
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  const frame = Buffer.allocUnsafe(5 + message.byteLength);
  frame[0] = 0;
  frame.writeUInt32BE(message.byteLength, 1);
  frame.set(message, 5);
  stream.end(frame);
}
