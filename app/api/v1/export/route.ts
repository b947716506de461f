/** `GET /api/v1/export?format&deployment&from&to&workers`, or `&incident`: a window as a file, streamed. */
import { RequestError, requiredParameter } from '#app/_server/request-parameters.ts';
import { answering } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function GET(request: Request): Promise<Response> {
  return answering(async () => {
    const given = onceEach(request);
    const { format, deployment, incident, from, to, workers, ...options } = given;
    const question = {
      format: requiredParameter(format, 'format'),
      deployment: incident === undefined ? requiredParameter(deployment, 'deployment') : deployment,
      incident,
      from,
      to,
      workers,
      options: options as Record<string, string>,
    };
    const stream = await services().exports.start(question, unixNanosFromMs(Date.now()));
    return new Response(stream.body, {
      headers: {
        'content-type': stream.contentType,
        'content-disposition': `attachment; filename="${stream.fileName}"`,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      },
    });
  });
}

/** Which other parameters a format takes, the format says (lib/query/export.ts). */
function onceEach(request: Request): Partial<Record<string, string>> {
  const found: Partial<Record<string, string>> = {};
  for (const [name, value] of new URL(request.url).searchParams) {
    if (found[name] !== undefined) {
      throw new RequestError('bad-parameter', `"${name}" is there twice; give it once.`, name);
    }
    found[name] = value;
  }
  return found;
}
