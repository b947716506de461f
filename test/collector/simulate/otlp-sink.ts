/** A receiver that keeps what it was sent, decoded by the product's own decoder. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Decoded, Signal } from '#lib/ingest/decoded.ts';
import { DEFAULT_DECODE_LIMITS, Decoder } from '#lib/ingest/decoder.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import { eventsOf, type PlainEvent } from '#test/lib/pipeline/events-of.ts';

export interface ReceivedEvent extends PlainEvent {
  readonly table: EventTable;
  readonly incarnation: string;
  readonly startUnixNs: bigint;
}

export class OtlpSink {
  readonly #server: Server;
  readonly #decoder = new Decoder(DEFAULT_DECODE_LIMITS);
  readonly #decoded: Decoded[] = [];
  readonly #problems: string[] = [];
  /** What to answer. */
  status = 200;

  constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      try {
        for await (const chunk of request) chunks.push(Buffer.from(chunk));
      } catch {
        // A test ends its sender in the middle of a request.
        return;
      }
      const signal = /^\/v1\/(traces|metrics)$/.exec(request.url ?? '')?.[1] as Signal | undefined;
      if (signal === undefined || request.headers['content-type'] !== 'application/x-protobuf') {
        this.#problems.push(`${request.method} ${request.url} ${request.headers['content-type']}`);
      } else if (this.status === 200) {
        const result = this.#decoder.decode(signal, 'protobuf', Buffer.concat(chunks));
        if (result.ok) this.#decoded.push(result.value);
        else this.#problems.push(result.error.message);
      }
      response.writeHead(this.status, { 'content-type': 'application/x-protobuf' }).end();
    });
  }

  /** Resolves to the base URL. */
  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Bodies and calls that no OTLP exporter may send, and events that were refused. */
  get problems(): string[] {
    const refused = this.#decoded.map((decoded) => decoded.rejectedMessage);
    return [...this.#problems, ...refused.filter((message) => message !== '')];
  }

  get events(): ReceivedEvent[] {
    return this.#decoded
      .flatMap((decoded) => decoded.events)
      .flatMap((table) =>
        eventsOf(table).map((event, i) => ({
          ...event,
          table,
          incarnation: table.workers[table.worker[i]!]!.incarnation,
          startUnixNs: table.baseUnixNs + BigInt(event.startNs),
        })),
      );
  }

  get metrics(): MetricTable[] {
    return this.#decoded.flatMap((decoded) => decoded.metrics);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
