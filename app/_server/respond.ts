/** Answers of the API: JSON that nobody caches, JSON with a tag, and problem documents (RFC 9457). */
import { COLUMN_FRAME_CONTENT_TYPE } from '#lib/api/column-frame.ts';
import { PROBLEM_CONTENT_TYPE, type Problem, problem } from '#lib/api/problem.ts';
import { QueryFailedError } from '#lib/query/query-pool.ts';
import type { FrameBytes, JsonText } from '#lib/query/questions.ts';
import { CollectorUnreachableError } from './collector-link.ts';
import { RequestError } from './request-parameters.ts';

export function jsonAnswer(value: unknown, status = 200): Response {
  return Response.json(value, { status, headers: { 'cache-control': 'no-store' } });
}

/**
 * An answer that may be kept, and is asked about each time: who has it already gets 304 and no body.
 */
export function taggedAnswer(request: Request, { json, etag }: JsonText): Response {
  return tagged(request, etag, json, 'application/json');
}

/** The same of a frame of columns. */
export function frameAnswer(request: Request, { bytes, etag }: FrameBytes): Response {
  return tagged(request, etag, bytes, COLUMN_FRAME_CONTENT_TYPE);
}

function tagged(
  request: Request,
  etag: string,
  body: string | Uint8Array<ArrayBuffer>,
  contentType: string,
): Response {
  const headers = { etag, 'cache-control': 'private, no-cache' };
  const known = request.headers.get('if-none-match')?.split(',') ?? [];
  // A proxy that compresses makes the tag a weak one.
  const isKnown = known.some((tag) => tag.trim().replace(/^W\//, '') === etag);
  if (isKnown) return new Response(null, { status: 304, headers });
  return new Response(body, { headers: { ...headers, 'content-type': contentType } });
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
