/** `GET /api/v1/deployments/{id}/live`: the collector's live events (SSE), relayed. */
import { type DeploymentContext, deploymentId } from '#app/_server/deployment-route.ts';
import { liveRelay } from '#app/_server/live-relay.ts';
import { answering } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function GET(request: Request, context: DeploymentContext): Promise<Response> {
  return answering(async () =>
    liveRelay(request, await deploymentId(request, context), services().collector),
  );
}
