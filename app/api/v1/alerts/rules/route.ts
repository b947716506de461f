/** `GET | PUT | DELETE /api/v1/alerts/rules`: one rule is stored or deleted at a time. */
import { askCollector } from '#app/_server/collector-first.ts';
import { forwardChange } from '#app/_server/forward-change.ts';
import {
  jsonBody,
  queryParameters,
  requiredParameter,
  requireSameOrigin,
} from '#app/_server/request-parameters.ts';
import { answering, jsonAnswer } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';
import { alertRuleSchema, rulesAnswerSchema } from '#lib/api/alert-rules.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function GET(request: Request): Promise<Response> {
  return answering(async () => {
    queryParameters(request, []);
    const live = await askCollector('/api/alerts/rules', rulesAnswerSchema, request.signal);
    if (live !== null) return jsonAnswer(live);
    const { pool, alertRules } = services();
    return jsonAnswer(await pool.ask('alertRules', alertRules, Date.now(), request.signal));
  });
}

export function PUT(request: Request): Promise<Response> {
  return answering(async () => {
    requireSameOrigin(request);
    const { basedOn } = queryParameters(request, ['basedOn']);
    const rule = await jsonBody(request, alertRuleSchema);
    const version = basedOn === undefined ? '' : `?basedOn=${encodeURIComponent(basedOn)}`;
    return forwardChange('PUT', `/api/alerts/rules${version}`, rule);
  });
}

export function DELETE(request: Request): Promise<Response> {
  return answering(async () => {
    requireSameOrigin(request);
    const name = requiredParameter(queryParameters(request, ['name']).name, 'name');
    return forwardChange('DELETE', `/api/alerts/rules?name=${encodeURIComponent(name)}`);
  });
}
