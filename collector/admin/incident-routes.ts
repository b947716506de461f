/** `POST /api/incidents`, `POST` and `DELETE /api/incidents/{id}`: freezing windows, and what becomes of them. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { FlightRecorder } from '#collector/incident/flight-recorder.ts';
import { FreezeRefusedError } from '#collector/incident/freeze-window.ts';
import { freezeRequestSchema, incidentChangeSchema } from '#lib/api/incidents.ts';
import { problem } from '#lib/api/problem.ts';
import { UnknownIncidentError } from '#lib/query/errors.ts';
import { QueryFailedError } from '#lib/query/query-pool.ts';
import { authorizing } from './authorize.ts';
import { sendProblem, sendStarting } from './problem-reply.ts';

export type Incidents = Pick<FlightRecorder, 'freeze' | 'change' | 'remove'>;

export interface IncidentRouteOptions {
  /** null while the collector starts. */
  readonly incidents: () => Incidents | null;
  /** Bearer token of runtime.json. */
  readonly adminToken: string;
  readonly nowUnixMs: () => number;
}

interface ById {
  Params: { id: string };
}

export function addIncidentRoutes(server: FastifyInstance, options: IncidentRouteOptions): void {
  const preHandler = authorizing(options.adminToken);

  server.post('/api/incidents', { preHandler }, async (request, reply) => {
    const incidents = options.incidents();
    if (incidents === null) return sendStarting(reply);
    const parsed = freezeRequestSchema.safeParse(request.body);
    if (!parsed.success) return sendFault(reply, parsed.error);
    return answering(reply, async () =>
      reply.code(201).send(await incidents.freeze(parsed.data, options.nowUnixMs())),
    );
  });

  server.post<ById>('/api/incidents/:id', { preHandler }, async (request, reply) => {
    const incidents = options.incidents();
    if (incidents === null) return sendStarting(reply);
    const parsed = incidentChangeSchema.safeParse(request.body);
    if (!parsed.success) return sendFault(reply, parsed.error);
    return answering(reply, async () =>
      reply.send(await incidents.change(request.params.id, parsed.data, options.nowUnixMs())),
    );
  });

  server.delete<ById>('/api/incidents/:id', { preHandler }, async (request, reply) => {
    const incidents = options.incidents();
    if (incidents === null) return sendStarting(reply);
    const { id } = request.params;
    return answering(reply, async () => {
      if (await incidents.remove(id)) return reply.code(204).send();
      throw new UnknownIncidentError(id);
    });
  });
}

function sendFault(reply: FastifyReply, { issues: [issue] }: z.ZodError): FastifyReply {
  const parameter = issue?.path.join('.') ?? '';
  const detail = `${parameter === '' ? 'The body' : parameter}: ${issue?.message ?? 'wrong'}`;
  return sendProblem(reply, problem('bad-parameter', detail, parameter));
}

async function answering(
  reply: FastifyReply,
  work: () => Promise<FastifyReply>,
): Promise<FastifyReply> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UnknownIncidentError) {
      return sendProblem(reply, problem('not-found', error.message, 'id'));
    }
    if (error instanceof FreezeRefusedError) {
      return sendProblem(reply, problem('bad-parameter', error.message, error.parameter));
    }
    if (error instanceof QueryFailedError) {
      const { kind, message } = error.failure;
      // The deployment is named in the body, not in the path.
      if (kind === 'not-found') {
        return sendProblem(reply, problem('bad-parameter', message, 'deployment'));
      }
      if (kind !== 'internal') return sendProblem(reply, problem(kind, message));
    }
    throw error;
  }
}
