/** `GET /api/v1/alerts?deployment&state`: as the collector knows them, else as they were last stored. */
import { askCollector } from '#app/_server/collector-first.ts';
import { queryParameters, RequestError } from '#app/_server/request-parameters.ts';
import { answering, jsonAnswer } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';
import { ALERT_STATES, alertsSchema } from '#lib/api/alerts.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function GET(request: Request): Promise<Response> {
  return answering(async () => {
    const { deployment, state } = queryParameters(request, ['deployment', 'state']);
    if (state !== undefined && !ALERT_STATES.some((name) => name === state)) {
      const detail = `state: write one of ${ALERT_STATES.join(', ')}.`;
      throw new RequestError('bad-parameter', detail, 'state');
    }
    const live = await askCollector('/api/alerts', alertsSchema, request.signal);
    if (live === null) {
      const question = { deployment, state };
      return jsonAnswer(await services().pool.ask('alerts', question, Date.now(), request.signal));
    }
    const alerts = live.alerts.filter(
      (alert) =>
        (deployment ?? alert.deployment) === alert.deployment &&
        (state ?? alert.state) === alert.state,
    );
    return jsonAnswer({ ...live, alerts });
  });
}
