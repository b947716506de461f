/**
 * The admin port: metrics, health, status, the live stream, and the calls that change what people
 * wrote. Nothing here touches the telemetry store.
 */
import type { AddressInfo } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import type { Readiness } from '#lib/api/condition.ts';
import { problem } from '#lib/api/problem.ts';
import type { Address } from '#lib/config/quantities.ts';
import { type AlertDesk, addAlertRoutes } from './alert-routes.ts';
import { type AnnotationWriter, addAnnotationRoutes } from './annotation-routes.ts';
import { addImportRoutes, type Imports } from './import-routes.ts';
import { addIncidentRoutes, type Incidents } from './incident-routes.ts';
import { type LiveClients, parseLastEventId } from './live-clients.ts';
import type { Metrics } from './metrics.ts';
import { sendProblem, sendStarting } from './problem-reply.ts';

/** What there is to serve once the store is open. */
export interface AdminParts {
  readonly metrics: Metrics;
  readonly clients: LiveClients;
  readonly state: AnnotationWriter;
  readonly imports: Imports;
  readonly incidents: Incidents;
  readonly alerts: AlertDesk;
}

/** What `/readyz` and `/healthz` tell beside their reasons. */
export type ReadinessFacts = {
  readonly [K in Exclude<keyof Readiness, 'status' | 'reasons'>]: Readonly<Readiness[K]>;
};

export interface AdminOptions {
  readonly address: Address;
  /** null while the collector starts: only health and status are answered. */
  readonly parts: () => AdminParts | null;
  /** Bearer token of runtime.json. */
  readonly adminToken: string;
  readonly nowUnixMs: () => number;
  /** Why OTLP is not accepted now; empty when it is. */
  readonly notReady: () => readonly string[];
  readonly readiness: () => ReadinessFacts;
  /** Why only a restart helps; empty while it does not. */
  readonly notAlive: () => readonly string[];
  /** Body of /api/status. */
  readonly status: () => unknown;
  /** An error of ours while answering. */
  readonly onError: (error: unknown) => void;
}

export interface AdminServer {
  readonly host: string;
  readonly port: number;
  /** Ends live streams, then closes. */
  close(): Promise<void>;
}

/** Rejects where the address cannot be listened on. */
export async function startAdmin(options: AdminOptions): Promise<AdminServer> {
  const server = fastify({
    forceCloseConnections: true,
    bodyLimit: 64 * 1024,
    // An import may take its time; a sender that falls silent is cut off (spool.ts).
    requestTimeout: 6 * 3_600_000,
    routerOptions: { maxParamLength: 512 },
  });
  addHealthRoutes(server, options);
  addLiveRoute(server, options);
  addAnnotationRoutes(server, { ...options, state: () => options.parts()?.state ?? null });
  addAlertRoutes(server, { ...options, alerts: () => options.parts()?.alerts ?? null });
  addImportRoutes(server, { ...options, imports: () => options.parts()?.imports ?? null });
  addIncidentRoutes(server, { ...options, incidents: () => options.parts()?.incidents ?? null });
  server.get('/metrics', async (_request, reply) => {
    const metrics = options.parts()?.metrics;
    if (metrics === undefined) return sendStarting(reply);
    return reply.header('Content-Type', metrics.contentType).send(await metrics.render());
  });
  server.get('/api/status', async (_request, reply) =>
    reply
      .header('Content-Type', 'application/json')
      .header('Cache-Control', 'no-store')
      .send(jsonWithBigints(options.status())),
  );
  server.setNotFoundHandler((request, reply) =>
    sendProblem(reply, problem('not-found', `There is no ${request.method} ${request.url} here.`)),
  );
  server.setErrorHandler((error, _request, reply) => {
    const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
    if (status >= 400 && status < 500) {
      const detail = 'The request cannot be read: is its body JSON of at most 64 KiB?';
      return sendProblem(reply, { ...problem('bad-parameter', detail), status });
    }
    options.onError(error);
    return sendProblem(reply, problem('internal', 'See the log of the collector.'));
  });
  await server.listen({ host: options.address.host, port: options.address.port });
  const { port } = server.server.address() as AddressInfo;
  return {
    host: options.address.host,
    port,
    close: async () => {
      options.parts()?.clients.close();
      await server.close();
    },
  };
}

function addHealthRoutes(server: FastifyInstance, options: AdminOptions): void {
  const routes = [
    ['/readyz', 'ready', () => [...options.notAlive(), ...options.notReady()]],
    ['/healthz', 'healthy', () => [...options.notAlive(), ...options.notReady()]],
    // Alive although not ready: a full disk is not cured by a restart.
    ['/livez', 'alive', options.notAlive],
  ] as const;
  for (const [path, word, reasonsNow] of routes) {
    server.get(path, async (_request, reply) => {
      const reasons = reasonsNow();
      return reply
        .code(reasons.length === 0 ? 200 : 503)
        .header('Cache-Control', 'no-store')
        .send({
          status: reasons.length === 0 ? word : `not ${word}`,
          reasons,
          ...(path === '/livez' ? {} : options.readiness()),
        });
    });
  }
}

function addLiveRoute(server: FastifyInstance, options: AdminOptions): void {
  server.get<{ Querystring: { deployment?: string; lastEventId?: string } }>(
    '/live',
    (request, reply) => {
      const { deployment, lastEventId } = request.query;
      if (typeof deployment !== 'string' || deployment === '') {
        return sendProblem(reply, problem('bad-parameter', 'Say which deployment.', 'deployment'));
      }
      const clients = options.parts()?.clients;
      if (clients === undefined) return sendStarting(reply);
      if (clients.isFull) {
        return sendProblem(
          reply.header('Retry-After', '5'),
          problem('busy', 'Too many live streams are open; close some pages.'),
        );
      }
      const header = request.headers['last-event-id'];
      const resumeFrom = parseLastEventId(typeof header === 'string' ? header : lastEventId);
      reply.hijack();
      clients.serve(reply.raw, deployment, resumeFrom);
      return reply;
    },
  );
}

/** Integers beyond 2^53 go out as strings of digits. */
function jsonWithBigints(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'bigint' ? String(inner) : inner,
  );
}
