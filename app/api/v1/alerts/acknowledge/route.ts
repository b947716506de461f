/** `POST /api/v1/alerts/acknowledge`: who looks after an alert. */
import { forwardChange } from '#app/_server/forward-change.ts';
import { jsonBody, queryParameters, requireSameOrigin } from '#app/_server/request-parameters.ts';
import { answering } from '#app/_server/respond.ts';
import { acknowledgeRequestSchema } from '#lib/api/alerts.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function POST(request: Request): Promise<Response> {
  return answering(async () => {
    requireSameOrigin(request);
    queryParameters(request, []);
    const body = await jsonBody(request, acknowledgeRequestSchema);
    return forwardChange('POST', '/api/alerts/acknowledge', body);
  });
}
