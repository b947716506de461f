/** OTLP requests over node:http or raw HTTP/2 frames: as little of a client as there can be. */
import { Agent, request } from 'node:http';
import { connect } from 'node:http2';
import type { SenderSpec } from './ingest-messages.ts';

export interface SendAnswer {
  readonly ok: boolean;
  readonly retryAfterMs: number;
}

export interface SenderConnection {
  send(body: Uint8Array): Promise<SendAnswer>;
  close(): void;
}

const RETRY_MS = 100;
const GRPC_PATH = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

export function connectSender(spec: SenderSpec): SenderConnection {
  return spec.transport === 'http' ? overHttp(spec) : overGrpc(spec);
}

function overHttp({ url, inFlight, encoding }: SenderSpec): SenderConnection {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight });
  const headers = {
    'Content-Type': 'application/x-protobuf',
    ...(encoding === 'gzip' && { 'Content-Encoding': 'gzip' }),
  };
  return {
    send: (body) =>
      new Promise((resolve, reject) => {
        const sent = request(`${url}/v1/traces`, {
          method: 'POST',
          agent,
          headers: { ...headers, 'Content-Length': body.byteLength },
        });
        sent.on('error', reject);
        sent.on('response', (response) => {
          response.resume();
          const retryAfterMs = Number(response.headers['retry-after'] ?? 0) * 1000 || RETRY_MS;
          response.on('end', () => resolve({ ok: response.statusCode === 200, retryAfterMs }));
        });
        sent.end(body);
      }),
    close: () => agent.destroy(),
  };
}

function overGrpc({ url, encoding }: SenderSpec): SenderConnection {
  const session = connect(url, { settings: { initialWindowSize: 1 << 20 } });
  const headers = {
    ':method': 'POST',
    ':path': GRPC_PATH,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...(encoding === 'gzip' && { 'grpc-encoding': 'gzip' }),
  };
  return {
    send: (body) =>
      new Promise((resolve, reject) => {
        const stream = session.request(headers);
        let ok = false;
        stream.on('error', reject);
        stream.on('response', (answer) => {
          // An answer without a message has its status here.
          if ('grpc-status' in answer) ok = answer['grpc-status'] === '0';
        });
        stream.on('trailers', (trailers) => {
          ok = trailers['grpc-status'] === '0';
        });
        stream.on('close', () => resolve({ ok, retryAfterMs: RETRY_MS }));
        stream.resume();
        const prefix = Buffer.alloc(5);
        prefix[0] = encoding === 'gzip' ? 1 : 0;
        prefix.writeUInt32BE(body.byteLength, 1);
        stream.cork();
        stream.write(prefix);
        stream.end(body);
        stream.uncork();
      }),
    close: () => session.close(),
  };
}
