/** `GET /api/v1/alerts/rules/export?source&name`: rules as a file that `alerts.rules` takes. */
import { queryParameters, RequestError } from '#app/_server/request-parameters.ts';
import { answering } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function GET(request: Request): Promise<Response> {
  return answering(async () => {
    const { source, name } = queryParameters(request, ['source', 'name']);
    if (source !== undefined && source !== 'all' && source !== 'page') {
      throw new RequestError('bad-parameter', 'source: write all or page.', 'source');
    }
    const { pool, alertRules } = services();
    const question = { ...alertRules, pageOnly: source === 'page', name: name ?? null };
    const yaml = await pool.ask('rulesYaml', question, Date.now(), request.signal);
    return new Response(yaml, {
      headers: {
        'content-type': 'application/yaml; charset=utf-8',
        'content-disposition': 'attachment; filename="afdscope-rules.yaml"',
        'cache-control': 'no-store',
      },
    });
  });
}
