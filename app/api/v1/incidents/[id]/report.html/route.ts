/** `GET /api/v1/incidents/{id}/report.html?zone&url`: the post-mortem report of an incident. */
import { type IncidentContext, incidentId } from '#app/_server/incident-id.ts';
import { ownUrl, reportAnswer } from '#app/_server/report-answer.ts';
import { queryParameters } from '#app/_server/request-parameters.ts';
import { answering } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function GET(request: Request, context: IncidentContext): Promise<Response> {
  return answering(async () => {
    const { zone, url } = queryParameters(request, ['zone', 'url']);
    const { pool, collector, setup } = services();
    const { state, conditions } = await collector.health();
    const question = {
      incidentId: await incidentId(context),
      ...{ zone, url: url ?? ownUrl(request), setup },
      conditions: state === 'down' ? null : (conditions ?? []),
    };
    return reportAnswer(await pool.ask('incidentReport', question, Date.now(), request.signal));
  });
}
