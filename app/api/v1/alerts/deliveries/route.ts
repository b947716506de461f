/** `GET /api/v1/alerts/deliveries?limit`: messages to receivers, the newest first. */
import { queryParameters } from '#app/_server/request-parameters.ts';
import { answering, jsonAnswer } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function GET(request: Request): Promise<Response> {
  return answering(async () => {
    const question = queryParameters(request, ['limit']);
    return jsonAnswer(
      await services().pool.ask('deliveries', question, Date.now(), request.signal),
    );
  });
}
