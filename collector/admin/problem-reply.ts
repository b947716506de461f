/** Errors of the admin port in the same form as those of the HTTP API. */
import type { FastifyReply } from 'fastify';
import { PROBLEM_CONTENT_TYPE, type Problem, problem } from '#lib/api/problem.ts';

export function sendProblem(reply: FastifyReply, document: Problem): FastifyReply {
  return reply
    .code(document.status)
    .header('Content-Type', PROBLEM_CONTENT_TYPE)
    .send(JSON.stringify(document));
}

/** The store is being opened or migrated. */
export function sendStarting(reply: FastifyReply): FastifyReply {
  return sendProblem(
    reply.header('Retry-After', '1'),
    problem('busy', 'The collector is starting; /readyz says when it is done.'),
  );
}
