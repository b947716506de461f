/** `GET | DELETE /api/v1/imports`: what was imported, and giving it back to retention. */
import { forwardChange } from '#app/_server/forward-change.ts';
import {
  queryParameters,
  requiredParameter,
  requireSameOrigin,
} from '#app/_server/request-parameters.ts';
import { answering, jsonAnswer } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

const TIMEOUT_MS = 10_000;

export function GET(request: Request): Promise<Response> {
  return answering(async () => {
    queryParameters(request, []);
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const answer = await services().collector.fetch('/api/imports', { signal });
    return jsonAnswer(await answer.json(), answer.status);
  });
}

export function DELETE(request: Request): Promise<Response> {
  return answering(async () => {
    requireSameOrigin(request);
    const id = requiredParameter(queryParameters(request, ['id']).id, 'id');
    return forwardChange('DELETE', `/api/imports?id=${encodeURIComponent(id)}`);
  });
}
