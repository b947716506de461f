/** Who may change something: whoever has the admin token of runtime.json. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { problem } from '#lib/api/problem.ts';
import { sendProblem } from './problem-reply.ts';

/** A hook that refuses requests without the token. */
export function authorizing(token: string) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (holdsToken(request.headers.authorization, token)) return;
    const detail = 'Changes need "Authorization: Bearer TOKEN" with adminToken of runtime.json.';
    const refusal = { ...problem('forbidden', detail), status: 401, title: 'Not authorized' };
    await sendProblem(reply.header('WWW-Authenticate', 'Bearer'), refusal);
  };
}

/** Compares hashes, so that the time taken tells nothing about the token. */
function holdsToken(header: string | undefined, token: string): boolean {
  const given = /^Bearer (\S+)$/i.exec(header ?? '')?.[1] ?? '';
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(token));
}
