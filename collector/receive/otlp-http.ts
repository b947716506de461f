/**
 * OTLP/HTTP: POST /v1/traces, /v1/metrics, /v1/logs.
 *
 *     method, path, type, encoding -> room in the byte budget -> body -> inflate -> ingest thread
 *
 * Built on node:http and no framework: every answer has a form that OTLP prescribes, room must be
 * reserved before a body is read, and a refused sender must get its answer while it still sends.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { monotonicMs } from '#collector/messages.ts';
import type { Signal } from '#lib/ingest/decoded.ts';
import type { BodyFailure } from './body-failure.ts';
import type { ByteLease } from './byte-budget.ts';
import { type CorsPolicy, corsHeaders, isPreflight, preflightHeaders } from './cors.ts';
import { decompress } from './decompress.ts';
import {
  type Answer,
  failureAnswer,
  outcomeAnswer,
  plainAnswer,
  statusAnswer,
} from './http-answer.ts';
import { compressionOf, encodingOf, OTLP_PATHS, pathOf } from './otlp-request.ts';
import { type ReadLimits, readBody } from './read-body.ts';
import {
  closeWithin,
  HTTP_PATIENCE_MS,
  listenOn,
  type OtlpReceiver,
  PULL_HEADER,
  type ReceiverOptions,
  RING_HEADER,
  readLimitsOf,
} from './receiver.ts';

export interface OtlpHttpOptions extends ReceiverOptions {
  /** Browser origins that may send, or `*`; default none. */
  readonly corsOrigins?: readonly string[];
  /** How long a refused sender may go on sending before it is cut off; default 2 s. */
  readonly lingerMs?: number;
}

/** Rejects where the address cannot be listened on. */
export async function startOtlpHttp(options: OtlpHttpOptions): Promise<OtlpReceiver> {
  const receiver = new OtlpHttp(options);
  await receiver.listen();
  return receiver;
}

class OtlpHttp implements OtlpReceiver {
  readonly #options: OtlpHttpOptions;
  readonly #limits: ReadLimits;
  readonly #cors: CorsPolicy;
  readonly #lingerMs: number;
  readonly #server: Server;
  #port = 0;
  #draining = false;

  constructor(options: OtlpHttpOptions) {
    this.#options = options;
    this.#limits = readLimitsOf(options);
    this.#cors = { origins: options.corsOrigins ?? [] };
    this.#lingerMs = options.lingerMs ?? 2000;
    this.#server = createServer({
      keepAliveTimeout: 75_000,
      headersTimeout: 15_000,
      // Bodies have limits of their own, which answer in OTLP's form; this one is the backstop.
      requestTimeout: this.#limits.totalMs + 30_000,
      connectionsCheckingInterval: 5000,
    });
    this.#server.on('request', (req, res) => void this.#serve(req, res, false));
    this.#server.on('checkContinue', (req, res) => void this.#serve(req, res, true));
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
    const closed = closeWithin(this.#server, graceMs, () => this.#server.closeAllConnections());
    this.#server.closeIdleConnections();
    await closed;
  }

  async #serve(req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): Promise<void> {
    // A connection that breaks shows as a body that does not end; nothing else is to be done.
    req.on('error', () => undefined);
    res.on('error', () => undefined);
    const signal = OTLP_PATHS.get(pathOf(req.url ?? ''));
    const { stats } = this.#options;
    if (signal === undefined) {
      stats.unroutedRequests++;
      this.#reply(
        req,
        res,
        plainAnswer(404, 'OTLP is served at /v1/traces, /v1/metrics, /v1/logs'),
      );
      return;
    }
    if (isPreflight(req, this.#cors)) {
      res.writeHead(204, preflightHeaders(req, this.#cors)).end();
      return;
    }
    if (req.method !== 'POST') {
      stats.unroutedRequests++;
      this.#reply(req, res, plainAnswer(405, 'only POST is supported', { Allow: 'POST' }));
      return;
    }
    const lease = stats.budget.lease();
    try {
      const answer = await this.#receive(req, res, signal, lease, expectsContinue);
      if (answer !== undefined) this.#reply(req, res, answer);
    } finally {
      lease.release();
    }
  }

  /** undefined: the sender is gone. */
  async #receive(
    req: IncomingMessage,
    res: ServerResponse,
    signal: Signal,
    lease: ByteLease,
    expectsContinue: boolean,
  ): Promise<Answer | undefined> {
    const { stats, ingest } = this.#options;
    const encoding = encodingOf(req.headers['content-type']);
    if (encoding === undefined) {
      stats.refuse(signal, 'http', 'unsupported');
      return plainAnswer(
        415,
        'unsupported media type, supported: application/json, application/x-protobuf',
      );
    }
    const compression = compressionOf(req.headers['content-encoding']);
    if (compression === undefined) {
      stats.refuse(signal, 'http', 'unsupported');
      return statusAnswer(
        415,
        encoding,
        3,
        'unsupported content encoding, supported: gzip, deflate, zstd',
      );
    }
    if (this.#draining) {
      stats.refuse(signal, 'http', 'unavailable');
      return outcomeAnswer(signal, encoding, {
        status: 'unavailable',
        message: 'the collector is stopping',
        retryAfterS: 1,
      });
    }
    const fail = (failure: BodyFailure): Answer | undefined => {
      stats.refuse(signal, 'http', failure.kind);
      return failureAnswer(encoding, failure);
    };

    const declared = declaredBytes(req);
    if (declared !== undefined && declared > this.#limits.maxBytes) {
      return fail({ kind: 'too_large', limitBytes: this.#limits.maxBytes });
    }
    const arrivedMs = monotonicMs();
    const refused = await this.#options.door?.enter(
      lease,
      declared ?? 0,
      HTTP_PATIENCE_MS,
      (left) => res.once('close', left),
    );
    if (refused !== null && refused !== undefined) {
      if (res.destroyed) return fail({ kind: 'aborted' });
      stats.refuse(signal, 'http', refused.status);
      return outcomeAnswer(signal, encoding, refused);
    }
    if (!lease.growTo(declared ?? 0)) return fail({ kind: 'over_budget' });
    if (expectsContinue) res.writeContinue();
    const read = await readBody(req, declared, lease, this.#limits);
    if (!read.ok) return fail(read.error);
    let body = read.value;
    if (compression !== 'identity') {
      const inflated = await decompress(compression, body, lease, this.#limits.maxBytes);
      if (!inflated.ok) return fail(inflated.error);
      body = inflated.value;
    }
    const bodyBytes = body.byteLength;
    const outcome = await ingest.submit(signal, encoding, body, arrivedMs + HTTP_PATIENCE_MS);
    stats.settle(signal, 'http', bodyBytes, outcome);
    const answer = outcomeAnswer(signal, encoding, outcome);
    // Who is refused has enough to send as it is.
    const pulls = outcome.status === 'stored' ? this.#pullsFor(req) : [];
    if (pulls.length === 0) return answer;
    return { ...answer, headers: { ...answer.headers, [PULL_HEADER]: [...pulls] } };
  }

  #pullsFor({ headers }: IncomingMessage): readonly string[] {
    const ring = headers[RING_HEADER];
    return this.#options.pulls?.valuesFor(Array.isArray(ring) ? ring[0] : ring) ?? [];
  }

  /**
   * Writes the whole answer at once. Where the request is still coming, the connection stays open
   * for a while and the rest is read and thrown away: closing at once would reset it, and the
   * sender would lose the answer.
   */
  #reply(req: IncomingMessage, res: ServerResponse, answer: Answer): void {
    if (res.destroyed || res.headersSent) return;
    const unread = !req.complete;
    res.writeHead(answer.status, {
      ...answer.headers,
      ...corsHeaders(req, this.#cors),
      'Content-Length': answer.body.byteLength,
      ...(unread || this.#draining ? { Connection: 'close' } : {}),
    });
    if (!unread) {
      res.end(answer.body);
      return;
    }
    res.write(answer.body);
    const done = (): void => {
      clearTimeout(timer);
      res.end();
    };
    const timer = setTimeout(() => {
      res.end();
      req.destroy();
    }, this.#lingerMs);
    req.once('end', done).once('close', done);
    req.resume();
  }
}

/** undefined: chunked, so the length shows at its end. */
function declaredBytes(req: IncomingMessage): number | undefined {
  if (req.headers['transfer-encoding'] !== undefined) return undefined;
  return Number(req.headers['content-length'] ?? 0);
}
