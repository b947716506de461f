/** `GET /api/v1/alerts/history?deployment&from&to&rule&alertId&limit` */
import { queryParameters } from '#app/_server/request-parameters.ts';
import { answering, jsonAnswer } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

const PARAMETERS = ['deployment', 'from', 'to', 'rule', 'alertId', 'limit'] as const;

export function GET(request: Request): Promise<Response> {
  return answering(async () => {
    const question = queryParameters(request, PARAMETERS);
    return jsonAnswer(
      await services().pool.ask('alertHistory', question, Date.now(), request.signal),
    );
  });
}
