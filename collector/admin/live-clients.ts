/**
 * The live stream as server-sent events. A client that reads too slowly is disconnected: it comes
 * back with its Last-Event-ID and gets what it missed, or a reset. So memory stays bounded.
 */
import type { ServerResponse } from 'node:http';
import type { LiveEvent } from '#lib/api/live-event.ts';
import type { LiveSource } from './live-source.ts';

export interface LiveClientLimits {
  readonly maxClients: number;
  /** Bytes that may wait in one client's socket. */
  readonly maxBufferedBytes: number;
  readonly heartbeatMs: number;
}

export const LIVE_CLIENT_LIMITS: LiveClientLimits = {
  maxClients: 256,
  maxBufferedBytes: 8 * 1024 * 1024,
  heartbeatMs: 15_000,
};

/** How long a browser waits before it connects again. */
const RETRY_MS = 2000;

export class LiveClients {
  readonly #source: LiveSource;
  readonly #limits: LiveClientLimits;
  readonly #closers = new Set<() => void>();
  /** Several clients of one deployment get the same event: it is written as JSON once. */
  readonly #jsonByEvent = new WeakMap<LiveEvent, string>();
  #slowDisconnects = 0;

  constructor(source: LiveSource, limits: LiveClientLimits = LIVE_CLIENT_LIMITS) {
    this.#source = source;
    this.#limits = limits;
  }

  get count(): number {
    return this.#closers.size;
  }

  /** Clients that were disconnected for reading too slowly. */
  get slowDisconnects(): number {
    return this.#slowDisconnects;
  }

  get isFull(): boolean {
    return this.#closers.size >= this.#limits.maxClients;
  }

  /** Serves the stream until the client leaves or `close`. */
  serve(response: ServerResponse, deployment: string, lastEventId: number | null): void {
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    });
    let unsubscribe: (() => void) | undefined;
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      clearInterval(heartbeat);
      unsubscribe?.();
      this.#closers.delete(close);
    };
    const close = () => {
      end();
      response.end();
    };
    const write = (text: string) => {
      if (ended) return;
      response.write(text);
      if (response.writableLength > this.#limits.maxBufferedBytes) {
        this.#slowDisconnects++;
        end();
        response.destroy();
      }
    };
    const heartbeat = setInterval(() => write(': heartbeat\n\n'), this.#limits.heartbeatMs);
    this.#closers.add(close);
    response.once('close', end);
    response.on('error', end);
    write(`retry: ${RETRY_MS}\n\n`);
    unsubscribe = this.#source.subscribe(deployment, lastEventId, (epoch, event) =>
      write(`id: ${epoch}\nevent: ${event.kind}\ndata: ${this.#json(event)}\n\n`),
    );
    if (ended) unsubscribe(); // the first answer alone was more than the client may hold
  }

  /** Ends all streams. */
  close(): void {
    for (const close of [...this.#closers]) close();
  }

  #json(event: LiveEvent): string {
    let json = this.#jsonByEvent.get(event);
    if (json === undefined) {
      json = JSON.stringify(event);
      this.#jsonByEvent.set(event, json);
    }
    return json;
  }
}

/** An epoch as a client sends it back; null where there is none that was ever ours. */
export function parseLastEventId(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,16}$/.test(text)) return null;
  const epoch = Number(text);
  return Number.isSafeInteger(epoch) ? epoch : null;
}
