/** `GET /api/v1/health`: works without a collector and without a database, and says so. */
import { queryParameters } from '#app/_server/request-parameters.ts';
import { answering, jsonAnswer } from '#app/_server/respond.ts';
import { services } from '#app/_server/services.ts';
import type { Health } from '#lib/api/health.ts';
import { QueryFailedError } from '#lib/query/query-pool.ts';
import type { StoreTotals } from '#lib/query/questions.ts';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export function GET(request: Request): Promise<Response> {
  return answering(async () => {
    queryParameters(request, []);
    const { pool, collector } = services();
    const [collectorHealth, stored] = await Promise.all([
      collector.health(),
      pool.ask('totals', {}, Date.now(), request.signal).catch(nothingWithoutDatabase),
    ]);
    const health: Health = {
      atUnixMs: Date.now(),
      collector: collectorHealth,
      store: stored?.store ?? null,
      totals: [...(stored?.totals ?? [])],
    };
    return jsonAnswer(health);
  });
}

function nothingWithoutDatabase(error: unknown): StoreTotals | null {
  if (error instanceof QueryFailedError && error.failure.kind === 'no-database') return null;
  throw error;
}
