/** `GET /api/v1/deployments` */
import { queryParameters } from '#app/_server/request-parameters.ts';
import { answering, jsonAnswer } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function GET(request: Request): Promise<Response> {
  return answering(async () => {
    queryParameters(request, []);
    return jsonAnswer(await services().pool.ask('deployments', {}, Date.now(), request.signal));
  });
}
