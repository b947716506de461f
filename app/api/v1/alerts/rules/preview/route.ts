/** `POST /api/v1/alerts/rules/preview`: when would a rule have fired? Nothing is stored. */
import { jsonBody, queryParameters } from '#app/_server/request-parameters.ts';
import { answering, jsonAnswer } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';
import { previewRequestSchema } from '#lib/api/alert-rules.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function POST(request: Request): Promise<Response> {
  return answering(async () => {
    queryParameters(request, []);
    const question = await jsonBody(request, previewRequestSchema);
    return jsonAnswer(
      await services().pool.ask('rulePreview', question, Date.now(), request.signal),
    );
  });
}
