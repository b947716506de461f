/** `GET /api/v1/alerts/receivers`: who is told; only the collector reads their file. */
import { queryParameters } from '#app/_server/request-parameters.ts';
import { answering, jsonAnswer } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

const TIMEOUT_MS = 5000;

export function GET(request: Request): Promise<Response> {
  return answering(async () => {
    queryParameters(request, []);
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const answer = await services().collector.fetch('/api/alerts/receivers', { signal });
    return jsonAnswer(await answer.json(), answer.status);
  });
}
