/** `POST /api/v1/alerts/receivers/test`: a message that says that it is a test. */
import { forwardChange } from '#app/_server/forward-change.ts';
import { jsonBody, queryParameters, requireSameOrigin } from '#app/_server/request-parameters.ts';
import { answering } from '#app/_server/respond.ts';
import { receiverTestRequestSchema } from '#lib/api/alerts.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

/** A target that hangs is given up before. */
const TIMEOUT_MS = 60_000;

export function POST(request: Request): Promise<Response> {
  return answering(async () => {
    requireSameOrigin(request);
    queryParameters(request, []);
    const body = await jsonBody(request, receiverTestRequestSchema);
    return forwardChange('POST', '/api/alerts/receivers/test', body, TIMEOUT_MS);
  });
}
