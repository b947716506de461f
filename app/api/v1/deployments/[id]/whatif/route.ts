/** `GET /api/v1/deployments/{id}/whatif?from&to&set=…&set=…` */
import { type DeploymentContext, deploymentId } from '#app/_server/deployment-route.ts';
import { queryParameters, repeatedParameter } from '#app/_server/request-parameters.ts';
import { answering, jsonAnswer } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function GET(request: Request, context: DeploymentContext): Promise<Response> {
  return answering(async () => {
    const { from, to } = queryParameters(request, ['from', 'to'], ['set']);
    const set = repeatedParameter(request, 'set');
    const question = { deployment: await deploymentId(request, context), from, to, set };
    const { pool } = services();
    return jsonAnswer(await pool.ask('whatif', question, Date.now(), request.signal));
  });
}
