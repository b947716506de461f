/** `GET /api/v1/deployments/{id}/experts?from&to` */
import { deploymentRoute } from '#app/_server/deployment-route.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export const GET = deploymentRoute('experts');
