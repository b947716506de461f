/** What a report says of its workers by name. */
import type { ReportJson } from '#lib/api/report-schema.ts';

/** '' where the report does not know the worker. */
export function roleOf({ workers }: Pick<ReportJson, 'workers'>, id: string): string {
  return workers.find((worker) => worker.id === id)?.role ?? '';
}
