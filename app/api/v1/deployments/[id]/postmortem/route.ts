/** `GET /api/v1/deployments/{id}/postmortem?from&to&format&zone&url`: a report as one file. */
import { type DeploymentContext, deploymentId } from '#app/_server/deployment-route.ts';
import { ownUrl, reportAnswer } from '#app/_server/report-answer.ts';
import { queryParameters } from '#app/_server/request-parameters.ts';
import { answering } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function GET(request: Request, context: DeploymentContext): Promise<Response> {
  return answering(async () => {
    const given = queryParameters(request, ['from', 'to', 'format', 'zone', 'url']);
    const deployment = await deploymentId(request, context);
    const { pool, collector, setup } = services();
    const { state, conditions } = await collector.health();
    const question = {
      deployment,
      ...given,
      url: given.url ?? ownUrl(request),
      setup,
      conditions: state === 'down' ? null : (conditions ?? []),
    };
    const file = await pool.ask('postmortem', question, Date.now(), request.signal);
    return reportAnswer(file);
  });
}
