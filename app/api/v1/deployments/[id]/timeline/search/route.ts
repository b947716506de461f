/** `GET /api/v1/deployments/{id}/timeline/search?q&from&to&limit&near` */
import { type DeploymentContext, deploymentId } from '#app/_server/deployment-route.ts';
import { queryParameters } from '#app/_server/request-parameters.ts';
import { answering, jsonAnswer } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function GET(request: Request, context: DeploymentContext): Promise<Response> {
  return answering(async () => {
    const parameters = queryParameters(request, ['q', 'from', 'to', 'limit', 'near']);
    const question = { deployment: await deploymentId(request, context), ...parameters };
    const { pool } = services();
    return jsonAnswer(await pool.ask('timelineSearch', question, Date.now(), request.signal));
  });
}
