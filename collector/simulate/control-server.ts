/**
 * Reads and switches what goes wrong, on 127.0.0.1 only:
 *
 *     GET /faults    the faults now          PUT /faults    replaces them all; {} is healthy
 *     GET /status    step, hung, spans
 *
 * Errors are RFC 9457 problem details that name the field.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { SimulatedCluster } from './cluster.ts';
import { parseFaultRequest } from './fault-request.ts';

const MAX_BODY_BYTES = 64 * 1024;

export interface ControlServer {
  readonly url: string;
  close(): Promise<void>;
}

/** @throws Error of node:net where the port is taken. */
export async function startControlServer(
  cluster: SimulatedCluster,
  port: number,
): Promise<ControlServer> {
  const server = createServer((request, response) => {
    answer(cluster, request, response).catch(() => {
      if (response.headersSent) response.destroy();
      else sendProblem(response, 500, 'Internal error', 'the request could not be answered');
    });
  });
  server.requestTimeout = 10_000;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${portOf(server)}`, close: () => close(server) };
}

async function answer(
  cluster: SimulatedCluster,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '/').split('?')[0];
  if (path === '/status' && request.method === 'GET') {
    sendJson(response, 200, cluster.status);
  } else if (path === '/faults' && request.method === 'GET') {
    sendJson(response, 200, cluster.request);
  } else if (path === '/faults' && request.method === 'PUT') {
    await putFaults(cluster, request, response);
  } else if (path === '/status' || path === '/faults') {
    response.setHeader('Allow', path === '/faults' ? 'GET, PUT' : 'GET');
    sendProblem(response, 405, 'Method not allowed', `${request.method} does not work on ${path}`);
  } else {
    sendProblem(response, 404, 'Not found', 'there are /faults (GET, PUT) and /status (GET)');
  }
}

async function putFaults(
  cluster: SimulatedCluster,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // A page in a browser cannot send this type to another origin unasked.
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    const detail = 'send the faults with the header content-type: application/json';
    sendProblem(response, 415, 'Unsupported media type', detail);
    return;
  }
  const body = await readBody(request);
  if (body === null) {
    response.setHeader('Connection', 'close');
    sendProblem(response, 413, 'Too large', `the body is over ${MAX_BODY_BYTES} bytes`);
    return;
  }
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    sendProblem(response, 400, 'Not JSON', 'the body must be a JSON object; {} switches all off');
    return;
  }
  const parsed = parseFaultRequest(value, cluster.spec);
  if (!parsed.ok) {
    const detail = parsed.error.map(({ field, message }) => `${field}: ${message}`).join('; ');
    sendProblem(response, 422, 'Not a fault', detail, parsed.error);
    return;
  }
  cluster.apply(parsed.value);
  sendJson(response, 200, cluster.request);
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > MAX_BODY_BYTES) return null;
    chunks.push(buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

function sendProblem(
  response: ServerResponse,
  status: number,
  title: string,
  detail: string,
  errors?: readonly object[],
): void {
  response.writeHead(status, { 'Content-Type': 'application/problem+json' });
  const body = { type: 'about:blank', title, status, detail, ...(errors ? { errors } : {}) };
  response.end(`${JSON.stringify(body)}\n`);
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
