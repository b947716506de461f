/** `GET /api/v1/deployments/{id}/stragglers?from&to` */
import { deploymentRoute } from '#app/_server/deployment-route.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export const GET = deploymentRoute('stragglers');
