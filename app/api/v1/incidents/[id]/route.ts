/** `GET | POST | DELETE /api/v1/incidents/{id}`: what was frozen; its status and notes; giving it up. */
import { forwardChange } from '#app/_server/forward-change.ts';
import { type IncidentContext, incidentId } from '#app/_server/incident-id.ts';
import { jsonBody, queryParameters, requireSameOrigin } from '#app/_server/request-parameters.ts';
import { answering, jsonAnswer } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';
import { incidentChangeSchema } from '#lib/api/incidents.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function GET(request: Request, context: IncidentContext): Promise<Response> {
  return answering(async () => {
    queryParameters(request, []);
    const question = { incidentId: await incidentId(context) };
    return jsonAnswer(await services().pool.ask('incident', question, Date.now(), request.signal));
  });
}

export function POST(request: Request, context: IncidentContext): Promise<Response> {
  return answering(async () => {
    requireSameOrigin(request);
    const change = await jsonBody(request, incidentChangeSchema);
    return forwardChange('POST', await adminPath(context), change);
  });
}

export function DELETE(request: Request, context: IncidentContext): Promise<Response> {
  return answering(async () => {
    requireSameOrigin(request);
    return forwardChange('DELETE', await adminPath(context));
  });
}

async function adminPath(context: IncidentContext): Promise<string> {
  return `/api/incidents/${encodeURIComponent(await incidentId(context))}`;
}
