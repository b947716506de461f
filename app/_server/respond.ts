/** Answers of the API: JSON that nobody caches, and problem documents (RFC 9457). */
import { PROBLEM_CONTENT_TYPE, type Problem, problem } from '#lib/api/problem.ts';
import { QueryFailedError } from '#lib/query/query-pool.ts';
import { CollectorUnreachableError } from './collector-link.ts';
import { RequestError } from './request-parameters.ts';

export function jsonAnswer(value: unknown, status = 200): Response {
  return Response.json(value, { status, headers: { 'cache-control': 'no-store' } });
}

export function problemAnswer(document: Problem): Response {
  return new Response(JSON.stringify(document), {
    status: document.status,
    headers: {
      'content-type': PROBLEM_CONTENT_TYPE,
      'cache-control': 'no-store',
      ...(document.status === 503 ? { 'retry-after': '2' } : {}),
    },
  });
}

/** Runs a route's body; what it throws becomes a problem document. */
export async function answering(body: () => Promise<Response>): Promise<Response> {
  try {
    return await body();
  } catch (error) {
    return problemAnswer(problemOf(error));
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof RequestError) return problem(error.kind, error.message, error.parameter);
  if (error instanceof CollectorUnreachableError) {
    return problem('collector-unreachable', error.message);
  }
  if (error instanceof QueryFailedError) {
    const { kind, message, parameter } = error.failure;
    // What went wrong inside is for the log: it may name paths.
    if (kind === 'internal') console.error(`query failed: ${message}`);
    else return problem(kind, message, parameter);
  } else {
    console.error('request failed:', error);
  }
  return problem('internal', 'The server failed at this. Its log has the reason.');
}
