/** `GET /api/v1/compare?a&a.from&a.to&b&b.from&b.to` */
import { queryParameters, requiredParameter } from '#app/_server/request-parameters.ts';
import { answering, jsonAnswer } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

const NAMES = ['a', 'a.from', 'a.to', 'b', 'b.from', 'b.to'] as const;

export function GET(request: Request): Promise<Response> {
  return answering(async () => {
    const given = queryParameters(request, NAMES);
    const a = requiredParameter(given.a, 'a');
    const question = {
      deployment: a,
      from: given['a.from'],
      to: given['a.to'],
      b: { deployment: given.b ?? a, from: given['b.from'], to: given['b.to'] },
    };
    const { pool } = services();
    return jsonAnswer(await pool.ask('compare', question, Date.now(), request.signal));
  });
}
