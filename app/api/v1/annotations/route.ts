/** `GET | POST | DELETE /api/v1/annotations`: read here, changed by the collector. */
import { forwardChange } from '#app/_server/forward-change.ts';
import {
  jsonBody,
  queryParameters,
  requiredParameter,
  requireSameOrigin,
} from '#app/_server/request-parameters.ts';
import { answering, jsonAnswer } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';
import { annotationRequestSchema } from '#lib/api/annotations.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function GET(request: Request): Promise<Response> {
  return answering(async () => {
    const given = queryParameters(request, ['deployment', 'from', 'to']);
    const question = { ...given, deployment: requiredParameter(given.deployment, 'deployment') };
    return jsonAnswer(
      await services().pool.ask('annotations', question, Date.now(), request.signal),
    );
  });
}

export function POST(request: Request): Promise<Response> {
  return answering(async () => {
    requireSameOrigin(request);
    const annotation = await jsonBody(request, annotationRequestSchema);
    return forwardChange('POST', '/api/annotations', annotation);
  });
}

export function DELETE(request: Request): Promise<Response> {
  return answering(async () => {
    requireSameOrigin(request);
    const id = requiredParameter(queryParameters(request, ['id']).id, 'id');
    return forwardChange('DELETE', `/api/annotations?id=${encodeURIComponent(id)}`);
  });
}
