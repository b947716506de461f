/** Changes go to the collector, the only writer of the database. */
import { problem, problemSchema } from '#lib/api/problem.ts';
import { jsonAnswer, problemAnswer } from './respond.ts';
import { services } from './services.ts';

const TIMEOUT_MS = 10_000;

/** Sends a change with the admin token; the collector's answer, or its refusal as a problem. */
export async function forwardChange(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
  timeoutMs = TIMEOUT_MS,
): Promise<Response> {
  const answer = await services().collector.fetch(path, {
    method,
    signal: AbortSignal.timeout(timeoutMs),
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  if (answer.status === 204) return new Response(null, { status: 204 });
  const value: unknown = await answer.json().catch(() => null);
  if (answer.ok) return jsonAnswer(value, answer.status);
  const refused = problemSchema.safeParse(value);
  if (refused.success) return problemAnswer(refused.data);
  if (answer.status === 404) return problemAnswer(problem('not-found', 'There is no such entry.'));
  return problemAnswer(
    answer.status === 400
      ? problem('bad-parameter', 'The collector refused the request.')
      : problem('collector-unreachable', `The collector answered ${answer.status}.`),
  );
}
