/** `GET /api/v1/deployments/{id}/timeline?from&to&bins&workers` */
import { type DeploymentContext, deploymentId } from '#app/_server/deployment-route.ts';
import { queryParameters } from '#app/_server/request-parameters.ts';
import { answering, taggedAnswer } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function GET(request: Request, context: DeploymentContext): Promise<Response> {
  return answering(async () => {
    const parameters = queryParameters(request, ['from', 'to', 'bins', 'workers']);
    const deployment = await deploymentId(request, context);
    const question = { deployment, ...parameters };
    const { pool } = services();
    return taggedAnswer(request, await pool.ask('timeline', question, Date.now(), request.signal));
  });
}
