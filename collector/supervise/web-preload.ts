/**
 * Loaded before `next start` (node --import): reports the address on stdout once it listens, as
 * every child of the supervisor does, and ends the process when the supervisor is gone. Paths of the API
 * that are badly encoded are refused here: Next fails on them before any route is asked.
 */
import { subscribe } from 'node:diagnostics_channel';
import { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import { Server } from 'node:net';
import { PROBLEM_CONTENT_TYPE, problem } from '#lib/api/problem.ts';

let reported = false;

subscribe('tracing:net.server.listen:asyncEnd', (message) => {
  const server: unknown =
    typeof message === 'object' && message !== null && 'server' in message ? message.server : null;
  const address = server instanceof Server ? server.address() : null;
  if (reported || address === null || typeof address === 'string') return;
  reported = true;
  process.stdout.write(
    `${JSON.stringify({ ready: true, host: address.address, port: address.port })}\n`,
  );
});

const { emit } = HttpServer.prototype;
HttpServer.prototype.emit = function (event: string | symbol, ...given: unknown[]): boolean {
  const [request, response] = given;
  const isRequest = request instanceof IncomingMessage && response instanceof ServerResponse;
  if (event === 'request' && isRequest && isBadlyEncoded(request.url ?? '')) {
    const detail =
      'The path is badly encoded: "%" is followed by two hexadecimal digits, and they give UTF-8.';
    response.writeHead(400, { 'content-type': PROBLEM_CONTENT_TYPE });
    response.end(JSON.stringify(problem('bad-parameter', detail, 'path')));
    request.resume();
    return true;
  }
  return Reflect.apply(emit, this, [event, ...given]) === true;
};

function isBadlyEncoded(url: string): boolean {
  const [path = ''] = url.split('?', 1);
  if (!path.startsWith('/api/')) return false;
  try {
    decodeURIComponent(path);
    return false;
  } catch {
    return true;
  }
}

process.on('disconnect', () => process.exit(0));
process.channel?.unref();
