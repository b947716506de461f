/** `GET /api/v1/openapi.json`: this API, made from the same schemas that check its answers. */
import { jsonAnswer } from '#app/_server/respond.ts';
import { openApiDocument } from '#lib/api/openapi.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function GET(): Response {
  return jsonAnswer(openApiDocument());
}
