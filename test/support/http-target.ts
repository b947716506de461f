/** A receiver on loopback that does what a test says, and keeps what it was sent. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface ReceivedPost {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/**
 * `hang`: takes the request and never answers; `close`: takes it and breaks off; `half`: breaks off in
 * the middle of its answer; a number: that status, with `retryAfterSeconds` where it is given.
 */
export type Behaviour = 'hang' | 'close' | 'half' | number;

export class HttpTarget {
  /** Requests that were read whole, whatever was answered. */
  readonly posts: ReceivedPost[] = [];
  /** Those that were answered with success. */
  readonly accepted: ReceivedPost[] = [];
  /** One for each request; when it is empty, `normal`. */
  script: Behaviour[] = [];
  normal: Behaviour = 200;
  retryAfterSeconds: number | null = null;
  answer = '';
  /** Repeats what it was sent in its answer, as careless servers do. */
  echoes = false;
  #server: Server | null = null;
  #port = 0;

  /** Listens on a free port, the second time on the same one. */
  async start(): Promise<this> {
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('error', () => undefined);
      request.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8');
        const body: unknown = text === '' ? null : JSON.parse(text);
        const post = { path: request.url ?? '', headers: request.headers, body };
        this.posts.push(post);
        const behaviour = this.script.shift() ?? this.normal;
        if (behaviour === 'hang') return;
        if (behaviour === 'close') {
          request.socket.destroy();
          return;
        }
        if (behaviour === 'half') {
          response.writeHead(200, { 'content-length': '100' });
          response.write('half of it', () => request.socket.destroy());
          return;
        }
        if (behaviour < 300) this.accepted.push(post);
        if (this.retryAfterSeconds !== null) {
          response.setHeader('retry-after', String(this.retryAfterSeconds));
        }
        response.writeHead(behaviour);
        const echo = `${request.url} ${request.headers.authorization} ${text}`;
        response.end(this.echoes ? echo : this.answer);
      });
    });
    const listening = Promise.withResolvers<void>();
    server.once('error', listening.reject);
    server.listen(this.#port, '127.0.0.1', listening.resolve);
    await listening.promise;
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    return this;
  }

  get isRunning(): boolean {
    return this.#server !== null;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Nobody listens any more; open connections are broken off. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }
}

/** Started, and stopped after the test. */
export async function httpTarget(changes: Partial<Pick<HttpTarget, 'normal' | 'script'>> = {}) {
  const target = await Object.assign(new HttpTarget(), changes).start();
  onTestFinished(() => target.stop());
  return target;
}
