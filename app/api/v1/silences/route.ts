/** `GET | POST | DELETE /api/v1/silences`: read here, changed by the collector. */
import { forwardChange } from '#app/_server/forward-change.ts';
import {
  jsonBody,
  queryParameters,
  requiredParameter,
  requireSameOrigin,
} from '#app/_server/request-parameters.ts';
import { answering, jsonAnswer } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';
import { silenceRequestSchema } from '#lib/api/alerts.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function GET(request: Request): Promise<Response> {
  return answering(async () => {
    queryParameters(request, []);
    return jsonAnswer(await services().pool.ask('silences', {}, Date.now(), request.signal));
  });
}

export function POST(request: Request): Promise<Response> {
  return answering(async () => {
    requireSameOrigin(request);
    queryParameters(request, []);
    return forwardChange('POST', '/api/silences', await jsonBody(request, silenceRequestSchema));
  });
}

export function DELETE(request: Request): Promise<Response> {
  return answering(async () => {
    requireSameOrigin(request);
    const id = requiredParameter(queryParameters(request, ['id']).id, 'id');
    return forwardChange('DELETE', `/api/silences?id=${encodeURIComponent(id)}`);
  });
}
