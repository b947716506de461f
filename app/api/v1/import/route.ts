/** `POST /api/v1/import?name&deployment&importId&files`: one file, streamed on to the collector. */
import { Readable } from 'node:stream';
import type { ReadableStream as NodeStream } from 'node:stream/web';
import {
  queryParameters,
  RequestError,
  requiredParameter,
  requireSameOrigin,
} from '#app/_server/request-parameters.ts';
import { answering } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';
import { IMPORT_PARAMETERS } from '#lib/api/imports.ts';
import { PROBLEM_CONTENT_TYPE } from '#lib/api/problem.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function POST(request: Request): Promise<Response> {
  return answering(async () => {
    requireSameOrigin(request);
    const parameters = queryParameters(request, IMPORT_PARAMETERS);
    requiredParameter(parameters.name, 'name');
    if (request.body === null) {
      throw new RequestError('bad-parameter', 'Send the file as the body of the request.', 'body');
    }
    const body = Readable.fromWeb(request.body as NodeStream);
    const { status, body: answer } = await services().collector.sendImport(
      parameters,
      body,
      request.signal,
    );
    return Response.json(answer, {
      status,
      headers: {
        'cache-control': 'no-store',
        ...(status >= 400 ? { 'content-type': PROBLEM_CONTENT_TYPE } : {}),
      },
    });
  });
}
