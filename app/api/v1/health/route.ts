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
      pool.ask('totals', {}, Date.now(), request.signal).catch(whyNot),
    ]);
    const health: Health = {
      atUnixMs: Date.now(),
      collector: collectorHealth,
      ...(typeof stored === 'string'
        ? { store: null, storeProblem: stored, totals: [] }
        : { store: stored?.store ?? null, totals: [...(stored?.totals ?? [])] }),
    };
    return jsonAnswer(health);
  });
}

/** A database that cannot be read is what this page must be able to say. */
function whyNot(error: unknown): StoreTotals | string | null {
  if (!(error instanceof QueryFailedError)) throw error;
  return error.failure.kind === 'no-database' ? null : error.failure.message;
}
