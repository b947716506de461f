/** `GET | POST /api/v1/incidents`: what was frozen, and freezing a window. */
import { forwardChange } from '#app/_server/forward-change.ts';
import { jsonBody, queryParameters, requireSameOrigin } from '#app/_server/request-parameters.ts';
import { answering, jsonAnswer } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';
import { freezeRequestSchema } from '#lib/api/incidents.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function GET(request: Request): Promise<Response> {
  return answering(async () => {
    const question = queryParameters(request, ['deployment', 'status', 'limit']);
    return jsonAnswer(await services().pool.ask('incidents', question, Date.now(), request.signal));
  });
}

export function POST(request: Request): Promise<Response> {
  return answering(async () => {
    requireSameOrigin(request);
    return forwardChange('POST', '/api/incidents', await jsonBody(request, freezeRequestSchema));
  });
}
